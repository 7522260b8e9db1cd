/** @jsxImportSource hono/jsx */
/** The overview: is all well, what comes and goes, what waits and for whom. */

import type { DestinationStats, QueueStats } from "../queue/stats.ts";
import type { Suspension } from "../queue/suspensions.ts";
import { COUNTED, type Counted, type Happening } from "./activity.ts";
import { AgeChart, Sparkline, StateLegend } from "./charts.tsx";
import type { PageContext, View } from "./context.ts";
import { EventTable } from "./events_view.tsx";
import { count, number, span } from "./format.ts";
import { pathTo } from "./forms.ts";
import { type Finding, findings } from "./health.ts";
import { Head } from "./layout.tsx";
import { ActionForm, Card, Empty, Time } from "./parts.tsx";

const TITLES: Record<Counted, string> = {
  accepted: "Accepted",
  delivered: "Delivered",
  deferred: "Deferred",
  bounced: "Bounced",
};

/** Destinations that are listed; the rest is in the queue's view. */
const MAX_DESTINATIONS = 10;
const MAX_EVENTS = 8;

/** What the overview shows. */
export interface OverviewFacts {
  readonly stats: QueueStats | undefined;
  readonly suspensions: readonly Suspension[];
  readonly accounts: number;
  readonly events: readonly Happening[];
}

/** Gathers it. */
export async function overviewFacts({ options, queueStats, activity }: PageContext): Promise<OverviewFacts> {
  const [stats, suspensions, accounts] = await Promise.all([
    queueStats.statsAtHand(),
    options.suspensions?.list() ?? [],
    options.accounts.list(),
  ]);
  return {
    stats,
    suspensions,
    accounts: accounts.length,
    events: activity.recent(["mail", "notes"], MAX_EVENTS),
  };
}

/** The view. */
export function Overview({ view, page, facts }: { view: View; page: PageContext; facts: OverviewFacts }) {
  const { server, activity } = page;
  const { stats, suspensions } = facts;
  return (
    <>
      <Head
        title={view.hostname}
        lead={`dinopost ${view.version}, up for ${span(view.now - server.startedAt)}`}
      >
        <a class="button" href="/queue">Open the queue</a>
      </Head>
      <Health
        found={findings({
          problems: page.options.health?.problems ?? [],
          stats,
          suspensions,
          now: view.now,
        })}
        deferred={stats?.byState.deferred ?? 0}
      />
      <div class="tiles" id="tiles" data-live="1">
        {COUNTED.map((what) => (
          <Tile
            key={what}
            what={what}
            counts={activity.perMinute(what)}
            since={activity.since}
            now={view.now}
          />
        ))}
      </div>
      <div class="grid">
        <QueueCard view={view} stats={stats} />
        <ServerCard view={view} page={page} accounts={facts.accounts} />
        <Card
          title="Destinations"
          id="destinations"
          live
          class="w12"
          aside={<DestinationsAside stats={stats} />}
        >
          <Destinations view={view} stats={stats} suspensions={suspensions} />
        </Card>
        <Card title="Lately" id="lately" live class="w12" aside={<a href="/events">All events</a>}>
          {facts.events.length === 0
            ? <NothingYet page={page} />
            : <EventTable events={facts.events} now={view.now} />}
        </Card>
      </div>
    </>
  );
}

function Health({ found, deferred }: { found: readonly Finding[]; deferred: number }) {
  const calm = deferred === 0
    ? "All is well: no destination fails, and nothing waits for you."
    : `Nothing needs your attention; ${count(deferred, "message")} ${
      deferred === 1 ? "waits" : "wait"
    } for another attempt.`;
  return (
    <div class={found.length === 0 ? "health" : "health bad"} id="health" data-live="1">
      {found.length === 0 ? <p>{calm}</p> : (
        <ul>
          {found.map(({ text, path }) => (
            <li key={text}>{path === undefined ? text : <a href={path}>{text}</a>}</li>
          ))}
        </ul>
      )}
    </div>
  );
}

function Tile(p: { what: Counted; counts: readonly number[]; since: number; now: number }) {
  const { what, counts } = p;
  const sum = counts.reduce((a, b) => a + b, 0);
  const hour = p.now - p.since >= 3600_000;
  return (
    <section class="tile">
      <h2>{TITLES[what]}</h2>
      <p class="figure">
        {number(sum)} <small>{hour ? "in an hour" : "since the start"}</small>
      </p>
      <Sparkline what={what} counts={counts} />
      <p class="unseen">{`${number(counts.at(-1)!)} in this minute`}</p>
    </section>
  );
}

function QueueAside({ stats, view }: { stats: QueueStats | undefined; view: View }) {
  if (stats?.oldest === undefined) return <span>by age</span>;
  return (
    <span>
      {count(stats.total, "message")}, the oldest came <Time at={stats.oldest} now={view.now} />
    </span>
  );
}

function DestinationsAside({ stats }: { stats: QueueStats | undefined }) {
  const more = (stats?.destinations.length ?? 0) - MAX_DESTINATIONS;
  if (more <= 0) return <span>that have mail waiting</span>;
  return <a href="/domains">{`and ${number(more)} more`}</a>;
}

function Destinations(
  p: { view: View; stats: QueueStats | undefined; suspensions: readonly Suspension[] },
) {
  const { view, suspensions } = p;
  const waiting = p.stats?.destinations.slice(0, MAX_DESTINATIONS) ?? [];
  const others = suspensions.filter((s) => !waiting.some((d) => d.domain === s.domain));
  if (waiting.length + others.length === 0) {
    return (
      <Empty title="Nothing waits for another server">
        Mail that can't be delivered at once shows up here with the last answer of its destination.
      </Empty>
    );
  }
  return (
    <table class="stack">
      <thead>
        <tr>
          <th>Destination</th>
          <th class="number">Messages</th>
          <th>Oldest</th>
          <th>Next attempt</th>
          <th>
            <span class="unseen">Actions</span>
          </th>
        </tr>
      </thead>
      <tbody>
        {waiting.map((of) => (
          <DestinationRow
            key={of.domain}
            view={view}
            of={of}
            suspension={suspensions.find((s) => s.domain === of.domain)}
          />
        ))}
        {others.map((s) => (
          <tr key={s.domain} data-row={s.domain}>
            <td>
              <a class="row-link" href={pathTo("domains", s.domain)}>{s.domain}</a>
              <p class="why">{pauseText(s)}</p>
            </td>
            <td class="number" data-label="Messages">0</td>
            <td></td>
            <td>
              <span class="badge s-held">Paused</span>
            </td>
            <td class="number">
              <DomainAction view={view} domain={s.domain} action="resume" label="Resume" />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function DestinationRow(
  { view, of, suspension }: { view: View; of: DestinationStats; suspension: Suspension | undefined },
) {
  return (
    <tr data-row={of.domain}>
      <td>
        <a class="row-link" href={pathTo("domains", of.domain)}>{of.domain}</a>
        {suspension !== undefined
          ? <p class="why">{pauseText(suspension)}</p>
          : of.lastError === undefined
          ? null
          : <p class="why" title={of.lastError}>{of.lastError}</p>}
      </td>
      <td class="number" data-label="Messages">
        <a href={`/queue?q=${encodeURIComponent(`@${of.domain}`)}`}>{number(of.messages)}</a>
      </td>
      <td data-label="Oldest">
        <Time at={of.oldest} now={view.now} />
      </td>
      <td data-label="Next attempt">
        {suspension !== undefined
          ? <span class="badge s-held">Paused</span>
          : of.nextAt === undefined
          ? <span class="badge s-held">Held</span>
          : of.nextAt <= view.now
          ? "now"
          : <Time at={of.nextAt} now={view.now} />}
      </td>
      <td class="number">
        {suspension === undefined
          ? <DomainAction view={view} domain={of.domain} action="try" label="Try now" />
          : <DomainAction view={view} domain={of.domain} action="resume" label="Resume" />}
      </td>
    </tr>
  );
}

function pauseText({ reason }: Suspension): string {
  return reason === undefined ? "Paused by the operator" : `Paused: ${reason}`;
}

function DomainAction(p: { view: View; domain: string; action: "try" | "resume"; label: string }) {
  return (
    <ActionForm view={p.view} action={pathTo("domains", p.domain)}>
      <input type="hidden" name="back" value="/" />
      <button type="submit" class="small" name="do" value={p.action}>{p.label}</button>
    </ActionForm>
  );
}

const LISTENER_WORDS: Record<string, string> = {
  smtp: "SMTP",
  submission: "Submission",
  submissions: "Submission, TLS",
  lmtp: "LMTP",
  pop3: "POP3",
  pop3s: "POP3, TLS",
  admin: "HTTP",
};

function ServerCard({ view, page, accounts }: { view: View; page: PageContext; accounts: number }) {
  const { server, options } = page;
  const days = server.certificateDaysLeft();
  return (
    <Card title="Server" id="server" live class="w5" aside={<a href="/docs">API</a>}>
      <dl class="facts pad">
        {Object.entries(server.addresses()).map(([kind, addresses]) => (
          <div key={kind}>
            <dt>{LISTENER_WORDS[kind] ?? kind}</dt>
            <dd class="mono">{addresses.join(", ")}</dd>
          </div>
        ))}
        <div>
          <dt>Certificate</dt>
          <dd>{days === undefined ? "none: TLS is not offered" : certificateText(days)}</dd>
        </div>
        <div>
          <dt>Mail for</dt>
          <dd>{options.domains.join(", ")}</dd>
        </div>
        <div>
          <dt>Accounts</dt>
          <dd>
            <a href="/accounts">{count(accounts, "account")}</a>
          </dd>
        </div>
        <div>
          <dt>Started</dt>
          <dd>
            <Time at={server.startedAt} now={view.now} />
          </dd>
        </div>
      </dl>
    </Card>
  );
}

function certificateText(days: number): string {
  if (days < 0) return `ended ${count(-Math.floor(days), "day")} ago`;
  return `${count(Math.floor(days), "day")} left`;
}

function NothingYet({ page }: { page: PageContext }) {
  const smtp = page.server.addresses()["smtp"]?.[0];
  const to = `postmaster@${page.options.domains[0] ?? "localhost"}`;
  return (
    <Empty title="Nothing has happened yet">
      {smtp === undefined ? "Send a message, and it shows up here." : (
        <>
          Send a message, and it shows up here at once:
          <pre>{`printf 'Subject: Hello\\r\\n\\r\\nHow are you?\\r\\n' |\n  curl --url smtp://${smtp} --mail-rcpt ${to} --upload-file -`}</pre>
        </>
      )}
    </Empty>
  );
}

function QueueCard({ view, stats }: { view: View; stats: OverviewFacts["stats"] }) {
  return (
    <Card title="Queue" id="queue-card" live class="w7" aside={<QueueAside stats={stats} view={view} />}>
      <div class="pad">
        {stats === undefined ? <p class="quiet">The queue is long; it is being counted.</p> : (
          <>
            <StateLegend byState={stats.byState} />
            <AgeChart stats={stats} />
          </>
        )}
      </div>
    </Card>
  );
}
