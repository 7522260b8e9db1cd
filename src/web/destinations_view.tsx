/** @jsxImportSource hono/jsx */
/** The view of all destinations: what waits for each, how many attempts fail there, and pauses. */

import { Hono } from "hono";
import { countWaiting, type DestinationStats } from "../queue/stats.ts";
import { describeSuspension, type Suspension } from "../queue/suspensions.ts";
import type { PageContext, PageEnv, View } from "./context.ts";
import type { Tried } from "./destination_tally.ts";
import { atLeast, count, number } from "./format.ts";
import { pathTo } from "./forms.ts";
import { Head } from "./layout.tsx";
import { ActionForm, Empty, Time } from "./parts.tsx";
import { queueUrl } from "./queue_rows.ts";
import { show } from "./render.tsx";
import { waitingAtHand } from "./waiting.ts";

interface Row {
  readonly domain: string;
  readonly waiting: DestinationStats | undefined;
  readonly tried: Tried | undefined;
  readonly suspension: Suspension | undefined;
}

/** So many are shown. */
const MOST = 500;

/** The page. */
export function destinationPages(page: PageContext): Hono<PageEnv> {
  const { options: { queue, clock, suspensions, suppressions, domains }, destinations } = page;
  return new Hono<PageEnv>().get("/domains", async (c) => {
    const [waiting, suspended] = await Promise.all([waitingAtHand(queue, clock), suspensions?.list() ?? []]);
    const stats = countWaiting(waiting.messages(), clock.now()).destinations;
    const byDomain = new Map(stats.map((of) => [of.domain, of]));
    const pauses = new Map(suspended.map((of) => [of.domain, of]));
    const names = new Set([...byDomain.keys(), ...pauses.keys(), ...destinations.domains()]);
    const rows = [...names].filter((domain) => !domains.includes(domain)).map((domain): Row => ({
      domain,
      waiting: byDomain.get(domain),
      tried: destinations.get(domain),
      suspension: pauses.get(domain),
    }));
    return await show(c, page, {
      title: "Destinations",
      at: "queue",
      waiting,
      body: (view) => (
        <Destinations
          view={view}
          rows={rows}
          whole={waiting.whole}
          canPause={!!suspensions}
          suppresses={!!suppressions}
        />
      ),
    });
  });
}

function Destinations(
  p: { view: View; rows: readonly Row[]; whole: boolean; canPause: boolean; suppresses: boolean },
) {
  const { view, rows, whole, canPause, suppresses } = p;
  return (
    <>
      <p class="crumbs">
        <a href="/queue">Queue</a> / destinations
      </p>
      <Head
        title="Destinations"
        lead="Where mail waits to go, where it went in the last hour, and what is paused."
      >
        {suppresses ? <a class="button" href="/suppressions">Suppressed addresses</a> : null}
      </Head>
      <div class="card" id="destinations" data-live="1">
        {rows.length === 0
          ? (
            <Empty title="Nothing waits for anybody">
              Mail that can't be delivered at once shows up here.
            </Empty>
          )
          : (
            <>
              <table class="stack">
                <thead>
                  <tr>
                    <th>Destination</th>
                    <th class="number">Waiting</th>
                    <th>Oldest</th>
                    <th>Next attempt</th>
                    <th class="number">Failures</th>
                    {canPause ? <th>Delivery</th> : null}
                  </tr>
                </thead>
                <tbody>
                  {rows.slice(0, MOST).map((row) => (
                    <DestinationRow
                      key={row.domain}
                      view={view}
                      row={row}
                      whole={whole}
                      canPause={canPause}
                    />
                  ))}
                </tbody>
              </table>
              <div class="pager">
                <span>
                  {rows.length > MOST
                    ? `1–${MOST} of ${number(rows.length)}`
                    : count(rows.length, "destination")}
                </span>
              </div>
            </>
          )}
      </div>
    </>
  );
}

function DestinationRow(p: { view: View; row: Row; whole: boolean; canPause: boolean }) {
  const { view, row: { domain, waiting, tried, suspension }, whole, canPause } = p;
  const why = suspension ? describeSuspension(suspension) : waiting?.lastError;
  return (
    <tr data-row={domain}>
      <td>
        <a class="row-link" href={pathTo("domains", domain)}>
          <bdi>{domain}</bdi>
        </a>
        {why === undefined ? null : <p class="why" title={why}>{why}</p>}
      </td>
      <td class="number" data-label="Waiting">
        {waiting === undefined
          ? "0"
          : <a href={queueUrl({ text: "", order: "oldest", domain })}>{atLeast(waiting.messages, whole)}</a>}
      </td>
      <td data-label="Oldest">
        {waiting === undefined
          ? <span class="quiet">none</span>
          : <Time at={waiting.oldest} now={view.now} />}
      </td>
      <td data-label="Next attempt">
        {waiting?.nextAt === undefined
          ? <span class="quiet">{waiting ? "held" : "none"}</span>
          : waiting.nextAt <= view.now
          ? "now"
          : <Time at={waiting.nextAt} now={view.now} />}
      </td>
      <td class="number" data-label="Failures">
        {tried === undefined
          ? <span class="quiet">not tried</span>
          : (
            <span title={`${number(tried.failures)} of ${count(tried.attempts, "attempt")} in the last hour`}>
              {`${Math.round(100 * tried.failures / tried.attempts)} %`}
            </span>
          )}
      </td>
      {canPause
        ? (
          <td data-label="Delivery">
            <ActionForm view={view} action={pathTo("domains", domain)}>
              <input type="hidden" name="back" value={view.here} />
              <button
                type="submit"
                name="do"
                value={suspension ? "resume" : "pause"}
                aria-label={`${suspension ? "Resume" : "Pause"} delivery to ${domain}`}
              >
                {suspension ? "Resume" : "Pause"}
              </button>
            </ActionForm>
          </td>
        )
        : null}
    </tr>
  );
}
