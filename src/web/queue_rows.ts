/** The rows of the queue's list, and the query that asks for them. */

import { isId } from "../base/ids.ts";
import type { QueueRecord } from "../queue/record.ts";
import { QUEUE_ORDERS, type QueueFilter, type QueueOrder } from "../queue/search.ts";
import { messageState, nextAttempt, QUEUE_STATES, type QueueState } from "../queue/stats.ts";

/** A message in a list. */
export interface QueueRow {
  readonly id: string;
  readonly sender: string;
  readonly subject: string | undefined;
  readonly recipients: readonly string[];
  readonly state: QueueState;
  readonly attempts: number;
  /** Milliseconds since 1970. */
  readonly receivedAt: number;
  /** When it is tried next; undefined when it is held. */
  readonly nextAt: number | undefined;
  readonly size: number;
  /** Why it waits; undefined when it was not tried yet. */
  readonly why: string | undefined;
}

/** What the list is asked for. */
export interface QueueQuery {
  readonly state?: QueueState | undefined;
  /** A piece of an address, of the subject or the last answer, `@domain`, or an id. */
  readonly text: string;
  /** The kind of the last answer, of the subject: see `kindOfText`. */
  readonly answer?: string | undefined;
  readonly about?: string | undefined;
  readonly sender?: string | undefined;
  readonly domain?: string | undefined;
  readonly order: QueueOrder;
  /** For the order `oldest`: the id behind which the page begins. */
  readonly after?: string | undefined;
  /** For the other orders: so many messages are before the page. */
  readonly skip?: number | undefined;
}

/** A message's records as one row. */
export function queueRow(records: readonly QueueRecord[], now: number): QueueRow {
  const first = records[0]!;
  const recipients = records.flatMap((r) => r.recipients);
  const tried = recipients.reduce((most, r) => r.attempts >= most.attempts ? r : most, recipients[0]!);
  return {
    id: first.id,
    sender: first.sender,
    subject: first.subject,
    recipients: recipients.map((r) => r.address),
    state: messageState(records, now),
    attempts: tried.attempts,
    receivedAt: first.receivedAt,
    nextAt: nextAttempt(records),
    size: first.body.size,
    why: tried.lastReply ?? tried.lastError,
  };
}

/** The names of what a list can be narrowed by, beside its state and the search. */
export const NARROWED = ["answer", "about", "sender", "domain"] as const;

const MAX_TEXT = 1000;

/** Reads what is asked for from a URL's query or a form; what makes no sense is left out. */
export function queueQuery(of: (name: string) => string | undefined): QueueQuery {
  const after = of("after");
  const skip = of("skip");
  const narrowed = NARROWED.flatMap((name) => {
    const text = of(name);
    return text === undefined ? [] : [[name, text.slice(0, MAX_TEXT)]];
  });
  return {
    state: QUEUE_STATES.find((state) => state === of("state")),
    text: (of("q") ?? "").trim().slice(0, 320),
    order: QUEUE_ORDERS.find((order) => order === of("sort")) ?? "oldest",
    ...Object.fromEntries(narrowed),
    ...(after !== undefined && isId(after) ? { after } : {}),
    ...(skip !== undefined && /^\d{1,7}$/.test(skip) ? { skip: Number(skip) } : {}),
  };
}

/** What the queue is searched for. */
export function filterOf({ state, text, answer, about, sender, domain }: QueueQuery): QueueFilter {
  return { state, text, errorKind: answer, subjectKind: about, sender, domain };
}

/** What of a query makes a difference, by the names that it has in a URL; without the place. */
export function queryFields(query: QueueQuery): [name: string, value: string][] {
  const { state, text, order } = query;
  const fields: [string, string][] = [];
  if (state !== undefined) fields.push(["state", state]);
  if (text !== "") fields.push(["q", text]);
  if (order !== "oldest") fields.push(["sort", order]);
  for (const name of NARROWED) {
    const value = query[name];
    if (value !== undefined) fields.push([name, value]);
  }
  return fields;
}

/** The path of the queue's view with that search. */
export function queueUrl(query: QueueQuery, more: Record<string, string> = {}): string {
  const fields = new URLSearchParams([...queryFields(query), ...Object.entries(more)]);
  if (query.after !== undefined) fields.set("after", query.after);
  if (query.skip !== undefined) fields.set("skip", String(query.skip));
  return fields.size === 0 ? "/queue" : `/queue?${fields}`;
}
