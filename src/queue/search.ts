/** The search in the queue: which messages fit a filter, page by page, in an order, or all of them. */

import type { QueueRecord } from "./record.ts";
import {
  type ByState,
  domainsOf,
  messageState,
  nextAttempt,
  noneByState,
  type QueueState,
  recordState,
} from "./stats.ts";
import { kindOfText } from "./text_kind.ts";
import type { Waiting } from "./waiting_index.ts";

/** What is looked for; all that is given must fit. */
export interface QueueFilter {
  /** The state of the message. */
  readonly state?: QueueState | undefined;
  /** The state of one of its recipients. */
  readonly recipientState?: string | undefined;
  /** Canonical. */
  readonly domain?: string | undefined;
  /** The whole address, capitals don't matter; empty or `<>`: reports. */
  readonly sender?: string | undefined;
  /** The whole address, capitals don't matter. */
  readonly recipient?: string | undefined;
  /** A piece of the last answer, or of why it waits; capitals don't matter. */
  readonly error?: string | undefined;
  /** A piece of the subject; capitals don't matter. */
  readonly subject?: string | undefined;
  /** The last answer, or why it waits, is of that kind ({@linkcode kindOfText}). */
  readonly errorKind?: string | undefined;
  /** The subject is of that kind. */
  readonly subjectKind?: string | undefined;
  /** How its id begins or ends. */
  readonly idPart?: string | undefined;
  /** It came at that time or before: milliseconds since 1970. */
  readonly receivedUntil?: number | undefined;
  /** A piece of the sender's or a recipient's address, of the subject or the last answer, or an id. */
  readonly text?: string | undefined;
}

/** The orders of a list. */
export const QUEUE_ORDERS = ["oldest", "newest", "next", "attempts", "largest"] as const;

/** One of them. */
export type QueueOrder = typeof QUEUE_ORDERS[number];

/** What was found in a queue that is read from the store. */
export interface QueuePage {
  /** Messages, each as its records. */
  readonly messages: readonly (readonly QueueRecord[])[];
  /** The id behind which the next page begins; undefined at the end. */
  readonly next: string | undefined;
}

/** One page looks at most at so many messages; when hardly any fit, it comes back with what it has and a cursor. */
const MAX_LOOKED_AT = 20_000;

/** Looks through messages that come oldest first, as the queue gives them. */
export async function searchQueue(
  messages: AsyncIterable<readonly QueueRecord[]>,
  options: { filter: QueueFilter; limit: number; now: number },
): Promise<QueuePage> {
  const { filter, limit, now } = options;
  const fits = matcher(filter, now);
  const found: (readonly QueueRecord[])[] = [];
  let looked = 0;
  let last: string | undefined;
  for await (const records of messages) {
    if (found.length === limit || looked === MAX_LOOKED_AT) return { messages: found, next: last };
    looked++;
    last = records[0]!.id;
    if (fits(records)) found.push(records);
  }
  return { messages: found, next: undefined };
}

/** What was found in the index of the queue. */
export interface FoundPage {
  /** Messages, each as its records. */
  readonly messages: readonly (readonly QueueRecord[])[];
  /** How many fit. */
  readonly total: number;
  /** How many of them are before this page. */
  readonly before: number;
  /** How many fit but for the state that is asked for, by their state. */
  readonly byState: ByState;
  /** False: there are more than those that were looked at. */
  readonly whole: boolean;
}

/** Looks through all that waits; `after` is for the order `oldest`, `skip` (messages) for the others. */
export function findWaiting(
  waiting: Waiting,
  options: {
    filter: QueueFilter;
    limit: number;
    now: number;
    order?: QueueOrder;
    after?: string | undefined;
    skip?: number;
  },
): FoundPage {
  const { filter: { state: wanted, ...others }, limit, now, order = "oldest", after, skip = 0 } = options;
  const fits = matcher(others, now);
  const inOrder = order === "oldest";
  const enough = inOrder ? limit : skip + limit;
  const byState = noneByState();
  let found: (readonly QueueRecord[])[] = [];
  let total = 0;
  let before = inOrder ? 0 : skip;
  for (const records of waiting.messages()) {
    if (!fits(records)) continue;
    const state = messageState(records, now);
    byState[state]++;
    if (wanted !== undefined && state !== wanted) continue;
    total++;
    if (inOrder && after !== undefined && records[0]!.id <= after) before++;
    else if (!inOrder || found.length < limit) found.push(records);
    // so that a long queue is not sorted as a whole
    if (!inOrder && found.length >= 4 * enough) found = first(enough, found, order);
  }
  const messages = inOrder ? found : first(enough, found, order).slice(skip);
  return { messages, total, before, byState, whole: waiting.whole };
}

/** Tells which messages fit a filter. */
export function matcher(filter: QueueFilter, now: number): (records: readonly QueueRecord[]) => boolean {
  const { state, recipientState, domain, receivedUntil = Infinity, errorKind, subjectKind, idPart } = filter;
  const [sender, recipient, text = ""] = [filter.sender, filter.recipient, filter.text]
    .map((words) => words?.trim().toLowerCase());
  const from = sender === "<>" ? "" : sender;
  const [hasError, hasSubject, hasText] = [filter.error, filter.subject, text].map(pieceOf);
  return (records) =>
    records[0]!.receivedAt <= receivedUntil &&
    (idPart === undefined || records[0]!.id.startsWith(idPart) || records[0]!.id.endsWith(idPart)) &&
    (state === undefined || messageState(records, now) === state) &&
    (recipientState === undefined || records.some((r) => recordState(r, now) === recipientState)) &&
    (domain === undefined || records.some((r) => domainsOf(r).includes(domain))) &&
    (from === undefined || sameText(records[0]!.sender, from)) &&
    (recipient === undefined ||
      records.some((r) => r.recipients.some((x) => sameText(x.address, recipient)))) &&
    (!hasError || records.some((r) => says(r, hasError))) &&
    (errorKind === undefined || answersOf(records).some((answer) => kindOfText(answer) === errorKind)) &&
    (subjectKind === undefined || kindOfText(records[0]!.subject ?? "") === subjectKind) &&
    (!hasSubject || hasSubject(records[0]!.subject ?? "")) &&
    (!hasText || names(records, text, hasText));
}

type Piece = (text: string) => boolean;

/** Tells which texts have a piece; undefined: all have it. */
function pieceOf(piece: string | undefined): Piece | undefined {
  const wanted = piece?.trim();
  if (!wanted) return undefined;
  const pattern = new RegExp(wanted.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&"), "i");
  return (text) => pattern.test(text);
}

function sameText(text: string, lower: string): boolean {
  return text.length === lower.length && text.toLowerCase() === lower;
}

function says({ recipients }: QueueRecord, has: Piece): boolean {
  return recipients.some(({ lastReply, lastError }) =>
    (lastReply !== undefined && has(lastReply)) || (lastError !== undefined && has(lastError))
  );
}

function names(records: readonly QueueRecord[], text: string, has: Piece): boolean {
  const { id, sender, subject } = records[0]!;
  return has(sender) || (subject !== undefined && has(subject)) || sameText(id, text) ||
    records.some((r) => r.recipients.some((x) => has(x.address)) || says(r, has));
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

function first(
  limit: number,
  messages: (readonly QueueRecord[])[],
  order: Exclude<QueueOrder, "oldest">,
): (readonly QueueRecord[])[] {
  return messages.sort(COMPARE[order]).slice(0, limit);
}

/** How often the recipient was tried that was tried most often. */
function mostAttempts(records: readonly QueueRecord[]): number {
  return Math.max(...records.flatMap((record) => record.recipients.map(({ attempts }) => attempts)));
}

/** What messages can be put together by. */
export const QUEUE_GROUPS = ["error", "subject", "sender", "domain"] as const;

/** One of them. */
export type QueueGrouping = typeof QUEUE_GROUPS[number];

/** Messages that have something in common. */
export interface QueueGroup {
  /** What: an answer's or a subject's kind, a sender, a domain. */
  readonly text: string;
  readonly messages: number;
  /** When the oldest of them came: milliseconds since 1970. */
  readonly oldest: number;
}

/** The messages that fit, put together; those with the most messages first. One for several domains counts for each. */
export function groupWaiting(
  waiting: Waiting,
  { filter, by, now }: { filter: QueueFilter; by: QueueGrouping; now: number },
): QueueGroup[] {
  const fits = matcher(filter, now);
  const groups = new Map<string, { text: string; messages: number; oldest: number }>();
  for (const records of waiting.messages()) {
    if (!fits(records)) continue;
    const { receivedAt } = records[0]!;
    for (const text of inCommon(records, by)) {
      const group = groups.get(text);
      if (group) group.messages++;
      else groups.set(text, { text, messages: 1, oldest: receivedAt });
    }
  }
  return [...groups.values()].sort((a, b) => b.messages - a.messages || a.oldest - b.oldest);
}

function inCommon(records: readonly QueueRecord[], by: QueueGrouping): Iterable<string> {
  if (by === "sender") return [records[0]!.sender];
  if (by === "subject") return [kindOfText(records[0]!.subject ?? "")];
  if (by === "domain") return new Set(records.flatMap(domainsOf));
  return new Set(answersOf(records).map(kindOfText));
}

/** What the recipients were answered last, or why they wait; empty where nothing was tried. */
function answersOf(records: readonly QueueRecord[]): string[] {
  return records.flatMap((r) => r.recipients.map((x) => x.lastReply ?? x.lastError ?? ""));
}
