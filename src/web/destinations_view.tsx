/** @jsxImportSource hono/jsx */
/** The view of all destinations: what waits for each, how many attempts fail there, and pauses. */

import { Hono } from "hono";
import type { DestinationStats } from "../queue/stats.ts";
import { describeSuspension, type Suspension } from "../queue/suspensions.ts";
import type { PageContext, PageEnv, View } from "./context.ts";
import type { Tried } from "./destination_tally.ts";
import { count, number } from "./format.ts";
import { pathTo } from "./forms.ts";
import { Head } from "./layout.tsx";
import { ActionForm, Empty, Time } from "./parts.tsx";
import { queueUrl } from "./queue_rows.ts";
import { show } from "./render.tsx";

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
  const { options: { suspensions, suppressions, domains }, destinations, queueStats } = page;
  return new Hono<PageEnv>().get("/domains", async (c) => {
    const [stats, suspended] = await Promise.all([queueStats.statsAtHand(), suspensions?.list() ?? []]);
    const byDomain = new Map(stats?.destinations.map((of) => [of.domain, of]));
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
      waiting: { size: stats?.total ?? 0, whole: stats !== undefined },
      body: (view) => (
        <Destinations
          view={view}
          rows={rows}
          counted={stats !== undefined}
          canPause={!!suspensions}
          suppresses={!!suppressions}
        />
      ),
    });
  });
}

function Destinations(
  p: { view: View; rows: readonly Row[]; counted: boolean; canPause: boolean; suppresses: boolean },
) {
  const { view, rows, counted, canPause, suppresses } = p;
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
        {!counted || rows.length === 0 ? <Nothing counted={counted} /> : (
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

function Nothing({ counted }: { counted: boolean }) {
  if (!counted) return <Empty title="What waits is being counted">Look again in a moment.</Empty>;
  return (
    <Empty title="Nothing waits for anybody">
      Mail that can't be delivered at once shows up here.
    </Empty>
  );
}

function DestinationRow(p: { view: View; row: Row; canPause: boolean }) {
  const { view, row: { domain, waiting, tried, suspension }, canPause } = p;
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
          : <a href={queueUrl({ text: "", order: "oldest", domain })}>{number(waiting.messages)}</a>}
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
