/** The search in the queue: messages that fit a filter, page by page or in another order, within limits. */

import type { QueueRecord } from "./record.ts";
import { domainsOf, messageState, nextAttempt, type QueueState, recordState } from "./stats.ts";

/** What is looked for; all that is given must fit. */
export interface QueueFilter {
  /** The state of the message. */
  readonly state?: QueueState | undefined;
  /** The state of one of its recipients. */
  readonly recipientState?: string | undefined;
  /** Canonical. */
  readonly domain?: string | undefined;
  /** The whole address, capitals don't matter; the same for `recipient`. */
  readonly sender?: string | undefined;
  readonly recipient?: string | undefined;
  /** A piece of the sender's or a recipient's address, or an id. */
  readonly text?: string | undefined;
}

/** The orders of a list. */
export const QUEUE_ORDERS = ["oldest", "newest", "next", "attempts", "largest"] as const;

/** One of them. */
export type QueueOrder = typeof QUEUE_ORDERS[number];

/** What was found. */
export interface QueuePage {
  /** Messages, each as its records. */
  readonly messages: readonly (readonly QueueRecord[])[];
  /** The id behind which the next page begins; undefined at the end, and in other orders than `oldest`. */
  readonly next: string | undefined;
  /** True: there is more than was looked at. */
  readonly partial: boolean;
}

/** One page looks at most at so many messages; when hardly any fit, it comes back with what it has and a cursor. */
const MAX_LOOKED_AT = 20_000;

/** Looks through messages that come oldest first, as the queue gives them. */
export async function searchQueue(
  messages: AsyncIterable<QueueRecord[]>,
  options: { filter: QueueFilter; limit: number; now: number; order?: QueueOrder },
): Promise<QueuePage> {
  const { filter, limit, now, order = "oldest" } = options;
  const inOrder = order === "oldest";
  const fits = matcher(filter, now);
  let found: QueueRecord[][] = [];
  let looked = 0;
  let last: string | undefined;
  let partial = false;
  for await (const records of messages) {
    if (inOrder && found.length === limit) return { messages: found, next: last, partial };
    if (looked === MAX_LOOKED_AT) {
      partial = true;
      break;
    }
    looked++;
    last = records[0]!.id;
    if (!fits(records)) continue;
    found.push(records);
    // so that a long queue is not in memory as a whole
    if (!inOrder && found.length === 4 * limit) found = first(limit, found, order);
  }
  return { messages: first(limit, found, order), next: inOrder && partial ? last : undefined, partial };
}

function matcher(filter: QueueFilter, now: number): (records: readonly QueueRecord[]) => boolean {
  const { state, recipientState, domain } = filter;
  const [sender, recipient, text = ""] = [filter.sender, filter.recipient, filter.text]
    .map((words) => words?.trim().toLowerCase());
  return (records) =>
    (state === undefined || messageState(records, now) === state) &&
    (recipientState === undefined || records.some((r) => recordState(r, now) === recipientState)) &&
    (domain === undefined || records.some((r) => domainsOf(r).includes(domain))) &&
    (sender === undefined || records[0]!.sender.toLowerCase() === sender) &&
    (recipient === undefined ||
      records.some((r) => r.recipients.some((x) => x.address.toLowerCase() === recipient))) &&
    (text === "" || names(records, text));
}

function names(records: readonly QueueRecord[], text: string): boolean {
  const { id, sender } = records[0]!;
  return sender.toLowerCase().includes(text) || id.toLowerCase() === text ||
    records.some((r) => r.recipients.some((x) => x.address.toLowerCase().includes(text)));
}

type Order = (a: readonly QueueRecord[], b: readonly QueueRecord[]) => number;

/** How messages that come oldest first are brought into another order; equal ones stay as they are. */
const COMPARE: Record<Exclude<QueueOrder, "oldest">, Order> = {
  newest: ([a], [b]) => b!.receivedAt - a!.receivedAt || (a!.id < b!.id ? 1 : -1),
  // held messages have no next attempt: Infinity less Infinity is no number
  next: (a, b) => (nextAttempt(a) ?? Infinity) - (nextAttempt(b) ?? Infinity) || 0,
  attempts: (a, b) => mostAttempts(b) - mostAttempts(a),
  largest: ([a], [b]) => b!.body.size - a!.body.size,
};

function first(limit: number, messages: QueueRecord[][], order: QueueOrder): QueueRecord[][] {
  return (order === "oldest" ? messages : messages.sort(COMPARE[order])).slice(0, limit);
}

/** How often the recipient was tried that was tried most often. */
function mostAttempts(records: readonly QueueRecord[]): number {
  return Math.max(...records.flatMap((record) => record.recipients.map(({ attempts }) => attempts)));
}
