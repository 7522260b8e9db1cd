/** @jsxImportSource hono/jsx */
/** The events' view: the last ones, and the stream of those that come. */

import { Hono } from "hono";
import type { Child } from "hono/jsx";
import { type Happening, type Kind, KINDS, type RememberedEvent } from "./activity.ts";
import type { PageContext, PageEnv, View } from "./context.ts";
import { number, size, took } from "./format.ts";
import { pathTo } from "./forms.ts";
import { Head } from "./layout.tsx";
import { Address, Addresses, Badge, Card, Empty, Time } from "./parts.tsx";
import { show } from "./render.tsx";

const MAX_SHOWN = 200;
const KIND_WORDS: Record<Kind, string> = {
  mail: "Mail",
  doors: "Connections and logins",
  notes: "The server's notes",
};

/** The pages. */
export function eventPages(page: PageContext): Hono<PageEnv> {
  return new Hono<PageEnv>().get("/events", (c) => {
    const asked = KINDS.filter((kind) => c.req.queries("kind")?.includes(kind));
    const kinds = asked.length === 0 ? KINDS : asked;
    const events = page.activity.recent(kinds, MAX_SHOWN);
    return show(c, page, {
      title: "Events",
      at: "events",
      body: (view) => <EventsView view={view} kinds={kinds} events={events} />,
    });
  });
}

function EventsView(
  { view, kinds, events }: { view: View; kinds: readonly Kind[]; events: readonly Happening[] },
) {
  return (
    <>
      <Head title="Events" lead="What happens, as it happens; the last 200 of each kind are kept.">
        <a class="button" href="/audit">Audit log</a>
        <button type="button" class="js-only" id="pause">Pause</button>
      </Head>
      <form method="get" action="/events" class="search pad">
        {KINDS.map((kind) => (
          <label key={kind} class="check">
            <input type="checkbox" name="kind" value={kind} checked={kinds.includes(kind)} />{" "}
            {KIND_WORDS[kind]}
          </label>
        ))}
        <button type="submit" class="small">Show</button>
      </form>
      <Card title="Newest first" id="events" live>
        {events.length === 0
          ? (
            <Empty title="Nothing has happened yet">
              Leave this page open: messages, sessions and logins appear by themselves.
            </Empty>
          )
          : <EventTable events={events} now={view.now} />}
      </Card>
    </>
  );
}

/** Events as a table. */
export function EventTable({ events, now }: { events: readonly Happening[]; now: number }) {
  return (
    <table class="stack">
      <thead class="unseen">
        <tr>
          <th>When</th>
          <th>What</th>
          <th>About</th>
        </tr>
      </thead>
      <tbody>
        {events.map((one) => (
          <tr key={one.number} data-row={String(one.number)}>
            <td class="quiet">
              <Time at={one.at} now={now} />
            </td>
            <td>
              {one.event.type === "note"
                ? <LevelBadge level={one.event.level} />
                : <Badge state={one.event.type} />}
            </td>
            <td class="event-what">
              <Words event={one.event} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function LevelBadge({ level }: { level: string }) {
  const loud = level === "ERROR" ? "badge s-bad" : level === "WARN" ? "badge s-deferred" : "badge";
  return <span class={loud}>{level === "ERROR" ? "Error" : level === "WARN" ? "Warning" : "Note"}</span>;
}

function MessageLink({ id, children }: { id: string; children: Child }) {
  return <a class="row-link" href={pathTo("messages", id)}>{children}</a>;
}

function Words({ event }: { event: RememberedEvent }) {
  switch (event.type) {
    case "accepted":
      return (
        <>
          <MessageLink id={event.id}>
            <Address of={event.sender} /> to <Addresses of={event.recipients} />
          </MessageLink>
          <p class="why">
            {[
              `${size(event.size)} by ${event.source}`,
              ...(event.account ? [event.account] : []),
              ...Object.entries(event.checks ?? {}).map(([check, result]) => `${check} ${result}`),
            ].join(", ")}
          </p>
        </>
      );
    case "delivered":
    case "deferred":
    case "bounced":
      return (
        <>
          <MessageLink id={event.id}>
            <Address of={event.recipient} />
          </MessageLink>
          <p class="why">
            {[
              event.host,
              event.code === undefined ? event.text : `${event.code} ${event.text}`,
              took(event.durationMs),
            ]
              .filter((part) => part !== undefined && part !== "").join(" · ")}
          </p>
        </>
      );
    case "mailbox":
      return (
        <>
          <a class="row-link" href={pathTo("mailboxes", event.mailbox, event.id)}>
            <Address of={event.mailbox} />
          </a>
          <p class="why">
            from <Address of={event.sender} />, {size(event.size)}
          </p>
        </>
      );
    default:
      return <OtherWords event={event} />;
  }
}

function OtherWords({ event }: { event: RememberedEvent }) {
  switch (event.type) {
    case "report":
      return (
        <>
          <MessageLink id={event.report}>
            Report of “{event.action}” to <Address of={event.to} />
          </MessageLink>
          <p class="why">
            about <a href={pathTo("messages", event.id)}>{event.id}</a>
          </p>
        </>
      );
    case "session":
      return (
        <>
          {event.service} from {event.remote} {event.helo === undefined ? null : <bdi>({event.helo})</bdi>}
          <p class="why">
            {`${number(event.messages)} messages, ${number(event.errors)} errors · ${event.why}`}
          </p>
        </>
      );
    case "login":
      return (
        <>
          <bdi>{event.account}</bdi> {event.ok ? "logged in" : "was refused"}
          <p class="why">{`${event.service} from ${event.remote}`}</p>
        </>
      );
    case "note":
      return (
        <>
          {event.what}
          {event.fields === undefined ? null : (
            <p class="why">
              {Object.entries(event.fields).map(([name, value]) => `${name}: ${value}`).join(" · ")}
            </p>
          )}
        </>
      );
    default:
      return null;
  }
}
