/** @jsxImportSource hono/jsx */
/** The queue's view: what waits, found and sorted, and the forms that act on it. */

import { Hono } from "hono";
import {
  findWaiting,
  type FoundPage,
  groupWaiting,
  QUEUE_GROUPS,
  QUEUE_ORDERS,
  type QueueGroup,
  type QueueGrouping,
  type QueueOrder,
} from "../queue/search.ts";
import { QUEUE_STATES, type QueueState } from "../queue/stats.ts";
import type { PageContext, PageEnv, View } from "./context.ts";
import { atLeast, number } from "./format.ts";
import { JobList } from "./job_parts.tsx";
import { Head } from "./layout.tsx";
import { ActionForm, Empty, STATE_WORDS } from "./parts.tsx";
import { GROUPS, Groups, groupText } from "./queue_groups.tsx";
import {
  filterOf,
  NARROWED,
  queryFields,
  type QueueQuery,
  queueQuery,
  queueRow,
  queueUrl,
} from "./queue_rows.ts";
import { QueueTable, Toolbar } from "./queue_table.tsx";
import { show } from "./render.tsx";
import { waitingAtHand } from "./waiting.ts";

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
    const group = QUEUE_GROUPS.find((by) => by === c.req.query("group"));
    const { queue, clock } = page.options;
    const waiting = await waitingAtHand(queue, clock);
    const { order, after, skip = 0 } = query;
    const [filter, now] = [filterOf(query), clock.now()];
    const limit = group ? 0 : PAGE;
    const found = findWaiting(waiting, { filter, limit, now, order, after, skip });
    const groups = group && groupWaiting(waiting, { filter, by: group, now });
    return await show(c, page, {
      title: "Queue",
      at: "queue",
      waiting,
      body: (view) => (
        <QueueView view={view} query={query} found={found} page={page} group={group} groups={groups} />
      ),
    });
  });
}

interface QueueProps {
  readonly view: View;
  readonly query: QueueQuery;
  readonly found: FoundPage;
  readonly page: PageContext;
  readonly group: QueueGrouping | undefined;
  readonly groups: readonly QueueGroup[] | undefined;
}

function QueueView(props: QueueProps) {
  const { view, query, found: { byState, whole }, page, group } = props;
  const total = QUEUE_STATES.reduce((sum, state) => sum + byState[state], 0);
  const tab = (state: QueueState | undefined, label: string, messages: number) => (
    <StateTab
      key={label}
      query={query}
      group={group}
      state={state}
      label={label}
      messages={atLeast(messages, whole)}
    />
  );
  return (
    <>
      <Head title="Queue" lead="Mail that is not yet where it belongs.">
        <div class="buttons">
          <a class="button" href="/domains">Destinations</a>
          <ActionForm view={view} action="/queue/flush">
            <input type="hidden" name="back" value={view.here} />
            <button type="submit">Try all now</button>
          </ActionForm>
        </div>
      </Head>
      <JobList view={view} jobs={page.options.queue.jobs.list()} />
      <nav class="tabs" aria-label="States" id="queue-tabs" data-live="1">
        {tab(undefined, "All", total)}
        {QUEUE_STATES.map((state) => tab(state, STATE_WORDS[state], byState[state]))}
      </nav>
      <Search query={query} group={group} />
      <Narrowed query={query} group={group} />
      {props.groups
        ? <Groups query={query} whole={whole} groups={props.groups} group={group!} />
        : (
          <ActionForm view={view} action="/queue/act" class="card" select>
            <input type="hidden" name="back" value={view.here} />
            {queryFields(query).map(([name, value]) => (
              <input key={name} type="hidden" name={name} value={value} />
            ))}
            <Found {...props} />
          </ActionForm>
        )}
    </>
  );
}

function StateTab(
  p: {
    query: QueueQuery;
    group: QueueGrouping | undefined;
    state: QueueState | undefined;
    label: string;
    messages: string;
  },
) {
  const more = p.group ? { group: p.group } : undefined;
  return (
    <a
      href={queueUrl({ ...p.query, state: p.state, after: undefined, skip: undefined }, more)}
      aria-current={p.query.state === p.state ? "page" : undefined}
    >
      {p.label}
      <span class="count">{p.messages}</span>
    </a>
  );
}

function Search({ query, group }: { query: QueueQuery; group: QueueGrouping | undefined }) {
  const others = queryFields({ ...query, text: "", order: "oldest" });
  return (
    <form method="get" action="/queue" class="search" role="search">
      {others.map(([name, value]) => <input key={name} type="hidden" name={name} value={value} />)}
      <input
        type="search"
        name="q"
        value={query.text}
        placeholder="Address, @domain, subject, answer or id"
        aria-label="Address, domain, subject, answer or id"
        maxlength={320}
      />
      <select name="sort" aria-label="Order" data-submit="1">
        {QUEUE_ORDERS.map((order) => (
          <option key={order} value={order} selected={order === query.order}>{ORDER_WORDS[order]}</option>
        ))}
      </select>
      <select name="group" aria-label="Group by" data-submit="1">
        <option value="">Each message</option>
        {QUEUE_GROUPS.map((by) => (
          <option key={by} value={by} selected={by === group}>{`By ${GROUPS[by].word.toLowerCase()}`}</option>
        ))}
      </select>
      <button type="submit">Find</button>
    </form>
  );
}

/** What the list is narrowed by, each with a way out. */
function Narrowed({ query, group }: { query: QueueQuery; group: QueueGrouping | undefined }) {
  const by = NARROWED.filter((name) => query[name] !== undefined);
  if (by.length === 0) return null;
  const word = (name: string) => Object.values(GROUPS).find(({ narrowed }) => narrowed === name)!.word;
  return (
    <ul class="narrowed">
      {by.map((name) => (
        <li key={name}>
          {`${word(name)}: `}
          <bdi>{groupText(query[name]!, name)}</bdi>{" "}
          <a
            href={queueUrl({ ...query, [name]: undefined, after: undefined }, group ? { group } : {})}
            aria-label={`Any ${word(name).toLowerCase()}`}
          >
            all
          </a>
        </li>
      ))}
    </ul>
  );
}

function Found({ view, query, found, page }: QueueProps) {
  const { messages, total, before, whole } = found;
  const rows = messages.map((records) => queueRow(records, view.now));
  const end = before + rows.length;
  const next = end >= total
    ? undefined
    : query.order === "oldest"
    ? { after: rows.at(-1)?.id, skip: undefined }
    : { after: undefined, skip: end };
  return (
    <div id="queue-found" data-live="1">
      {rows.length === 0 ? <NothingFound query={query} partial={!whole} page={page} /> : (
        <>
          <Toolbar total={total > rows.length ? atLeast(total, whole) : undefined} />
          <QueueTable view={view} rows={rows} />
        </>
      )}
      {rows.length === 0 && before === 0 ? null : (
        <div class="pager">
          <span>
            {rows.length === 0
              ? `None of ${atLeast(total, whole)}`
              : `${number(before + 1)}–${number(end)} of ${atLeast(total, whole)}`}
          </span>
          <span>
            {before === 0
              ? null
              : <a href={queueUrl({ ...query, after: undefined, skip: undefined })}>First page</a>}{" "}
            {next === undefined ? null : <a href={queueUrl({ ...query, ...next })}>Next page</a>}
          </span>
        </div>
      )}
    </div>
  );
}

function NothingFound({ query, partial, page }: { query: QueueQuery; partial: boolean; page: PageContext }) {
  if (queryFields({ ...query, order: "oldest" }).length > 0 || query.after !== undefined) {
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
