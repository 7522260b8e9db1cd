/** The rows of the queue's list, and the query that asks for them. */

import { isId } from "../base/ids.ts";
import type { QueueRecord } from "../queue/record.ts";
import { QUEUE_ORDERS, type QueueOrder } from "../queue/search.ts";
import { messageState, nextAttempt, QUEUE_STATES, type QueueState } from "../queue/stats.ts";

/** A message in a list. */
export interface QueueRow {
  readonly id: string;
  readonly sender: string;
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
  /** A piece of the sender's or a recipient's address, or an id. */
  readonly text: string;
  readonly order: QueueOrder;
  /** For the order `oldest`: the id behind which the page begins. */
  readonly after?: string | undefined;
}

/** A message's records as one row. */
export function queueRow(records: readonly QueueRecord[], now: number): QueueRow {
  const first = records[0]!;
  const recipients = records.flatMap((r) => r.recipients);
  const tried = recipients.reduce((most, r) => r.attempts >= most.attempts ? r : most, recipients[0]!);
  return {
    id: first.id,
    sender: first.sender,
    recipients: recipients.map((r) => r.address),
    state: messageState(records, now),
    attempts: tried.attempts,
    receivedAt: first.receivedAt,
    nextAt: nextAttempt(records),
    size: first.body.size,
    why: tried.lastReply ?? tried.lastError,
  };
}

/** Reads what is asked for from a URL's query; what makes no sense is left out. */
export function queueQuery(of: (name: string) => string | undefined): QueueQuery {
  const after = of("after");
  return {
    state: QUEUE_STATES.find((state) => state === of("state")),
    text: (of("q") ?? "").trim().slice(0, 320),
    order: QUEUE_ORDERS.find((order) => order === of("sort")) ?? "oldest",
    ...(after !== undefined && isId(after) ? { after } : {}),
  };
}
