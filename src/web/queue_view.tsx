/** @jsxImportSource hono/jsx */
/** The queue's view: what waits, found and sorted, and the forms that act on it. */

import { Hono } from "hono";
import { findWaiting, type FoundPage, QUEUE_ORDERS, type QueueOrder } from "../queue/search.ts";
import { QUEUE_STATES, type QueueState, type QueueStats } from "../queue/stats.ts";
import type { PageContext, PageEnv, View } from "./context.ts";
import { count, number, size } from "./format.ts";
import { pathTo } from "./forms.ts";
import { Head } from "./layout.tsx";
import { ActionForm, Address, Addresses, Badge, Empty, STATE_WORDS, Time } from "./parts.tsx";
import { type QueueQuery, queueQuery, type QueueRow, queueRow } from "./queue_rows.ts";
import { show } from "./render.tsx";

const ORDER_WORDS: Record<QueueOrder, string> = {
  oldest: "Oldest first",
  newest: "Newest first",
  next: "Next attempt",
  attempts: "Most attempts",
  largest: "Largest first",
};

/** A page of the list. */
const PAGE = 100;

/** The page. */
export function queuePages(page: PageContext): Hono<PageEnv> {
  return new Hono<PageEnv>().get("/queue", async (c) => {
    const query = queueQuery((name) => c.req.query(name));
    const { queue, clock } = page.options;
    const [waiting, stats] = await Promise.all([queue.waiting(), page.queueStats.statsAtHand()]);
    const found = findWaiting(waiting, { filter: query, limit: PAGE, now: clock.now(), ...query });
    return await show(c, page, {
      title: "Queue",
      at: "queue",
      body: (view) => <QueueView view={view} query={query} found={found} stats={stats} page={page} />,
    });
  });
}

interface QueueProps {
  readonly view: View;
  readonly query: QueueQuery;
  readonly found: FoundPage;
  readonly stats: QueueStats | undefined;
  readonly page: PageContext;
}

function QueueView(props: QueueProps) {
  const { view, query, stats } = props;
  return (
    <>
      <Head title="Queue" lead="Mail that is not yet where it belongs.">
        <ActionForm view={view} action="/queue/flush">
          <input type="hidden" name="back" value={view.here} />
          <button type="submit">Try all now</button>
        </ActionForm>
      </Head>
      <nav class="tabs" aria-label="States" id="queue-tabs" data-live="1">
        <StateTab query={query} label="All" messages={stats?.total} />
        {QUEUE_STATES.map((state) => (
          <StateTab
            key={state}
            query={query}
            state={state}
            label={STATE_WORDS[state]}
            messages={stats?.byState[state]}
          />
        ))}
      </nav>
      <Search query={query} />
      <ActionForm view={view} action="/queue/act" class="card" select>
        <input type="hidden" name="back" value={view.here} />
        <Found {...props} />
      </ActionForm>
    </>
  );
}

function StateTab(p: { query: QueueQuery; state?: QueueState; label: string; messages: number | undefined }) {
  return (
    <a
      href={queueUrl({ ...p.query, state: p.state, after: undefined })}
      aria-current={p.query.state === p.state ? "page" : undefined}
    >
      {p.label}
      <span class="count">{p.messages === undefined ? "" : number(p.messages)}</span>
    </a>
  );
}

function Search({ query }: { query: QueueQuery }) {
  return (
    <form method="get" action="/queue" class="search" role="search">
      {query.state === undefined ? null : <input type="hidden" name="state" value={query.state} />}
      <input
        type="search"
        name="q"
        value={query.text}
        placeholder="Address, @domain or id"
        aria-label="Address, domain or id"
        maxlength={320}
      />
      <select name="sort" aria-label="Order" data-submit="1">
        {QUEUE_ORDERS.map((order) => (
          <option key={order} value={order} selected={order === query.order}>{ORDER_WORDS[order]}</option>
        ))}
      </select>
      <button type="submit">Find</button>
    </form>
  );
}

/** The path of the queue's view with that search. */
export function queueUrl({ state, text, order, after }: QueueQuery): string {
  const query = new URLSearchParams();
  if (state !== undefined) query.set("state", state);
  if (text !== "") query.set("q", text);
  if (order !== "oldest") query.set("sort", order);
  if (after !== undefined) query.set("after", after);
  return query.size === 0 ? "/queue" : `/queue?${query}`;
}

function Found({ view, query, found, page }: QueueProps) {
  const { messages, total, before } = found;
  const partial = !found.whole;
  const next = query.order === "oldest" && before + messages.length < total
    ? messages.at(-1)?.[0]?.id
    : undefined;
  const rows = messages.map((records) => queueRow(records, view.now));
  return (
    <div id="queue-found" data-live="1">
      {rows.length === 0 ? <NothingFound query={query} partial={partial} page={page} /> : (
        <>
          <Toolbar />
          <QueueTable view={view} rows={rows} />
        </>
      )}
      {next === undefined && !partial && query.after === undefined ? null : (
        <div class="pager">
          <span>
            {partial ? "The queue is longer than what was looked through." : count(rows.length, "message")}
          </span>
          <span>
            {query.after === undefined
              ? null
              : <a href={queueUrl({ ...query, after: undefined })}>First page</a>}{" "}
            {next === undefined ? null : <a href={queueUrl({ ...query, after: next })}>Next page</a>}
          </span>
        </div>
      )}
    </div>
  );
}

function Toolbar() {
  return (
    <div class="toolbar" role="group" aria-label="What to do with the selected messages">
      <span class="chosen" data-chosen="1">Select messages, then:</span>
      <QueueButtons />
    </div>
  );
}

/** What can be done with messages; `single`: with the one that is shown. */
export function QueueButtons({ single, held, free }: { single?: boolean; held?: boolean; free?: boolean }) {
  const needs = single ? undefined : "1";
  const what = single ? "this message" : "{n}";
  return (
    <>
      {single && !free
        ? null
        : <button type="submit" name="do" value="retry" data-needs={needs} data-key="r">Try now</button>}
      {single && !free
        ? null
        : <button type="submit" name="do" value="hold" data-needs={needs} data-key="h">Hold</button>}
      {single && !held
        ? null
        : <button type="submit" name="do" value="release" data-needs={needs} data-key="u">Release</button>}
      <button
        type="submit"
        name="do"
        value="bounce"
        class="danger"
        data-needs={needs}
        data-confirm={`Return ${what} to the sender as undeliverable?`}
        data-yes="Return"
      >
        Bounce
      </button>
      <button
        type="submit"
        name="do"
        value="delete"
        class="danger"
        data-needs={needs}
        data-confirm={`Delete ${what} for good? Nobody will be notified.`}
        data-yes="Delete"
      >
        Delete
      </button>
    </>
  );
}

function QueueTable({ view, rows }: { view: View; rows: readonly QueueRow[] }) {
  return (
    <table class="stack">
      <thead>
        <tr>
          <th class="tick">
            <input type="checkbox" class="js-only" data-all="1" aria-label="Select all" />
          </th>
          <th>Message</th>
          <th>State</th>
          <th class="number">Attempts</th>
          <th>Next attempt</th>
          <th>Received</th>
          <th class="number">Size</th>
        </tr>
      </thead>
      <tbody>{rows.map((row) => <Row key={row.id} view={view} row={row} />)}</tbody>
    </table>
  );
}

function Row({ view, row }: { view: View; row: QueueRow }) {
  return (
    <tr data-row={row.id}>
      <td class="tick">
        <input type="checkbox" name="id" value={row.id} aria-label={`Select the message ${row.id}`} />
      </td>
      <td>
        <a class="row-link" href={pathTo("messages", row.id)}>
          <Addresses of={row.recipients} />
        </a>
        <p class="small-print">
          from <Address of={row.sender} />
        </p>
        {row.why === undefined ? null : <p class="why" title={row.why}>{row.why}</p>}
      </td>
      <td>
        <Badge state={row.state} />
      </td>
      <td class="number" data-label="Attempts">{number(row.attempts)}</td>
      <td data-label="Next attempt">
        {row.nextAt === undefined
          ? <span class="quiet">none</span>
          : row.nextAt <= view.now
          ? "now"
          : <Time at={row.nextAt} now={view.now} />}
      </td>
      <td data-label="Received">
        <Time at={row.receivedAt} now={view.now} />
      </td>
      <td class="number" data-label="Size">{size(row.size)}</td>
    </tr>
  );
}

function NothingFound({ query, partial, page }: { query: QueueQuery; partial: boolean; page: PageContext }) {
  if (query.text !== "" || query.state !== undefined || query.after !== undefined) {
    return (
      <Empty title={partial ? "Nothing found in the first part of the queue" : "Nothing found"}>
        No waiting message fits. <a href="/queue">Show all that wait</a>, or look for it in{" "}
        <a href="/events">the events</a>: it may have been delivered.
      </Empty>
    );
  }
  const submission = page.server.addresses()["submission"]?.[0] ?? page.server.addresses()["smtp"]?.[0];
  return (
    <Empty title="The queue is empty">
      Everything is where it belongs. Mail for other servers waits here when they can't take it at once
      {submission === undefined ? "." : `; it comes in at ${submission}.`}
    </Empty>
  );
}
