/** In charge of finding messages in the queue for people: by state and by a piece of an address, in several orders. */

import { isId } from "../base/ids.ts";
import type { QueueRecord } from "../queue/record.ts";
import { messageState, WAITING, type Waiting } from "./queue_watch.ts";

/** The orders of a list. */
export const ORDERS = ["oldest", "newest", "next", "attempts", "largest"] as const;

/** One of them. */
export type Order = typeof ORDERS[number];

/** A message in a list. */
export interface QueueRow {
  readonly id: string;
  readonly sender: string;
  readonly recipients: readonly string[];
  readonly state: Waiting;
  readonly attempts: number;
  /** Milliseconds since 1970. */
  readonly receivedAt: number;
  /** When it is tried next; undefined when it is held. */
  readonly nextAt: number | undefined;
  readonly size: number;
  /** Why it waits; undefined when it was not tried yet. */
  readonly why: string | undefined;
}

/** What is looked for. */
export interface QueueQuery {
  readonly state?: Waiting | undefined;
  /** A piece of the sender's or a recipient's address, or an id. */
  readonly text: string;
  readonly order: Order;
  /** For the order `oldest`: the id behind which the page begins. */
  readonly after?: string | undefined;
}

/** What was found. */
export interface QueueFound {
  readonly rows: QueueRow[];
  /** For the next page, in the order `oldest`. */
  readonly next: string | undefined;
  /** True: the queue is longer than what was looked at. */
  readonly partial: boolean;
}

/** A page of the list. */
export const PAGE = 100;
/** One look goes through so many messages at most. */
const MAX_LOOKED_AT = 20_000;

/** A message's records as one row. */
export function queueRow(records: readonly QueueRecord[], now: number): QueueRow {
  const first = records[0]!;
  const recipients = records.flatMap((r) => r.recipients);
  const free = records.filter((r) => !r.held).map((r) => r.dueAt);
  const tried = recipients.reduce((most, r) => r.attempts >= most.attempts ? r : most, recipients[0]!);
  return {
    id: first.id,
    sender: first.sender,
    recipients: recipients.map((r) => r.address),
    state: messageState(records, now),
    attempts: tried.attempts,
    receivedAt: first.receivedAt,
    nextAt: free.length === 0 ? undefined : Math.min(...free),
    size: first.body.size,
    why: tried.lastReply ?? tried.lastError,
  };
}

/** Reads what is looked for from a query; what makes no sense is left out. */
export function queueQuery(of: (name: string) => string | undefined): QueueQuery {
  const after = of("after");
  return {
    state: WAITING.find((state) => state === of("state")),
    text: (of("q") ?? "").trim().slice(0, 320),
    order: ORDERS.find((order) => order === of("sort")) ?? "oldest",
    ...(after !== undefined && isId(after) ? { after } : {}),
  };
}

/** Looks through the queue. */
export async function searchQueue(
  messages: (after?: string) => AsyncIterable<QueueRecord[]>,
  query: QueueQuery,
  now: number,
): Promise<QueueFound> {
  const wanted = query.text.toLowerCase();
  const inOrder = query.order === "oldest";
  const rows: QueueRow[] = [];
  let looked = 0;
  let last: string | undefined;
  for await (const records of messages(inOrder ? query.after : undefined)) {
    if (inOrder && rows.length === PAGE) return { rows, next: last, partial: false };
    if (looked === MAX_LOOKED_AT) {
      return { rows: arranged(rows, query.order), next: inOrder ? last : undefined, partial: true };
    }
    looked++;
    last = records[0]!.id;
    if (query.state !== undefined && messageState(records, now) !== query.state) continue;
    if (wanted === "" || names(records, wanted)) rows.push(queueRow(records, now));
  }
  return { rows: arranged(rows, query.order), next: undefined, partial: false };
}

function names(records: readonly QueueRecord[], wanted: string): boolean {
  const { id, sender } = records[0]!;
  return sender.toLowerCase().includes(wanted) || id.toLowerCase() === wanted ||
    records.some((r) => r.recipients.some((x) => x.address.toLowerCase().includes(wanted)));
}

function arranged(rows: QueueRow[], order: Order): QueueRow[] {
  const by: Record<Order, (a: QueueRow, b: QueueRow) => number> = {
    oldest: () => 0,
    newest: (a, b) => b.receivedAt - a.receivedAt || (a.id < b.id ? 1 : -1),
    next: (a, b) => (a.nextAt ?? Infinity) - (b.nextAt ?? Infinity) || 0,
    attempts: (a, b) => b.attempts - a.attempts,
    largest: (a, b) => b.size - a.size,
  };
  return rows.sort(by[order]).slice(0, PAGE);
}
