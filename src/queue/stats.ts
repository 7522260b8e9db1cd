/** The queue in numbers: the state of a message, and counts by state, age and destination for API, page and metrics. */

import { type Clock, sleep } from "../base/clock.ts";
import { splitMailbox } from "../mail/address.ts";
import { type QueueRecord, UNSPLIT } from "./record.ts";

/** The states of a queued message, the one that asks for attention first before the others. */
export const QUEUE_STATES = ["queued", "deferred", "held"] as const;

/** One of them. */
export type QueueState = typeof QUEUE_STATES[number];

/** Messages by state. */
export type ByState = Record<QueueState, number>;

/** The messages for one domain. */
export interface DestinationStats {
  readonly domain: string;
  readonly messages: number;
  /** When the oldest of them came: milliseconds since 1970. */
  readonly oldest: number;
  /** When the next attempt is due; undefined when all are held. */
  readonly nextAt: number | undefined;
  /** The error of the message that was tried most often; undefined when none was tried. */
  readonly lastError: string | undefined;
}

/** The queue in numbers. */
export interface QueueStats {
  readonly total: number;
  readonly byState: ByState;
  /** By age, each bucket up to that many milliseconds; the last one has no end. */
  readonly ages: readonly { readonly upTo: number; readonly byState: ByState }[];
  /** Those with the most messages first. A message for several domains counts once for each. */
  readonly destinations: readonly DestinationStats[];
  /** When the oldest message came. */
  readonly oldest: number | undefined;
}

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const AGES = [5 * MINUTE, 15 * MINUTE, HOUR, 4 * HOUR, 24 * HOUR, 72 * HOUR, Infinity];

/** What is counted of a record. */
export interface Counted {
  readonly id: string;
  readonly part: number;
  readonly receivedAt: number;
  readonly dueAt: number;
  readonly held: boolean;
  readonly domains: readonly string[];
  /** How often the recipient was tried whose error is known, of several the one that was tried most often. */
  readonly attempts: number;
  readonly lastError: string | undefined;
}

/** What is counted of a record. */
export function countedOf(record: QueueRecord, domains: readonly string[] = domainsOf(record)): Counted {
  const { id, part, receivedAt, dueAt, held = false } = record;
  let [most, why]: [number, string | undefined] = [0, undefined];
  for (const { attempts, lastError, lastReply } of record.recipients) {
    const said = lastReply ?? lastError;
    if (said !== undefined && attempts >= most) [most, why] = [attempts, said];
  }
  return { id, part, receivedAt, dueAt, held, domains, attempts: most, lastError: why };
}

/** The state of a record. */
export function recordState(
  { held, dueAt }: Pick<Counted, "dueAt"> & { readonly held?: boolean },
  now: number,
): QueueState {
  return held ? "held" : dueAt <= now ? "queued" : "deferred";
}

/** The state of a message: of its records' states the first of {@linkcode QUEUE_STATES}. */
export function messageState(
  records: readonly (Pick<Counted, "dueAt"> & { readonly held?: boolean })[],
  now: number,
): QueueState {
  if (records.length === 1) return recordState(records[0]!, now);
  return QUEUE_STATES.find((state) => records.some((record) => recordState(record, now) === state)) ?? "held";
}

/** When the next attempt is due: milliseconds since 1970; undefined when all records are held. */
export function nextAttempt(records: readonly QueueRecord[]): number | undefined {
  const due = records.filter((record) => !record.held).map((record) => record.dueAt);
  return due.length === 0 ? undefined : Math.min(...due);
}

/** The domains of a record's recipients: its own, but those of each recipient while it is not split. */
export function domainsOf({ domain, recipients }: QueueRecord): readonly string[] {
  if (domain !== UNSPLIT) return [domain];
  return [...new Set(recipients.map(({ address }) => splitMailbox(address).domain))];
}

/** Counts all messages, each given as its records. */
export async function countQueue(
  messages: AsyncIterable<readonly QueueRecord[]>,
  now: number,
): Promise<QueueStats> {
  const count = new QueueCount(now);
  for await (const records of messages) count.add(records.map((record) => countedOf(record)));
  return count.stats();
}

/** The same for what is counted of each record. */
export function countRecords(messages: Iterable<readonly Counted[]>, now: number): QueueStats {
  const count = new QueueCount(now);
  for (const records of messages) count.add(records);
  return count.stats();
}

class QueueCount {
  readonly #now: number;
  readonly #byState = noneByState();
  readonly #ages = AGES.map((upTo) => ({ upTo, byState: noneByState() }));
  readonly #destinations = new Map<string, Destination>();
  #total = 0;
  #oldest: number | undefined;

  constructor(now: number) {
    this.#now = now;
  }

  add(records: readonly Counted[]): void {
    const receivedAt = receivedAtOf(records);
    const state = messageState(records, this.#now);
    this.#total++;
    this.#oldest = Math.min(this.#oldest ?? Infinity, receivedAt);
    this.#byState[state]++;
    this.#ages.find(({ upTo }) => this.#now - receivedAt <= upTo)!.byState[state]++;
    for (const record of records) addTo(this.#destinations, record);
  }

  stats(): QueueStats {
    const sorted = [...this.#destinations]
      .map(([domain, { messages, oldest, nextAt, lastError }]) => ({
        domain,
        messages,
        oldest,
        nextAt,
        lastError,
      }))
      .sort((a, b) => b.messages - a.messages || a.oldest - b.oldest);
    return {
      total: this.#total,
      byState: this.#byState,
      ages: this.#ages,
      destinations: sorted,
      oldest: this.#oldest,
    };
  }
}

/** When a message came: its records differ in that when the clock was set back while one of them was delivered. */
function receivedAtOf(records: readonly Counted[]): number {
  let oldest = records[0]!.receivedAt;
  for (const { receivedAt } of records) oldest = Math.min(oldest, receivedAt);
  return oldest;
}

/** A {@linkcode DestinationStats} that is being counted. */
interface Destination {
  messages: number;
  oldest: number;
  nextAt: number | undefined;
  lastError: string | undefined;
  /** Of the recipient whose error it is. */
  attempts: number;
  /** The message that was counted last: its other records count no more. */
  lastId: string;
}

function addTo(destinations: Map<string, Destination>, record: Counted): void {
  const { id, receivedAt, dueAt, held, attempts, lastError } = record;
  for (const domain of record.domains) {
    let of = destinations.get(domain);
    if (!of) {
      of = {
        messages: 0,
        oldest: receivedAt,
        nextAt: undefined,
        lastError: undefined,
        attempts: 0,
        lastId: "",
      };
      destinations.set(domain, of);
    }
    if (of.lastId !== id) of.messages++;
    of.lastId = id;
    of.oldest = Math.min(of.oldest, receivedAt);
    if (!held) of.nextAt = Math.min(of.nextAt ?? Infinity, dueAt);
    if (lastError === undefined || attempts < of.attempts) continue;
    of.attempts = attempts;
    of.lastError = lastError;
  }
}

/** No messages. */
export function noneByState(): ByState {
  return { queued: 0, deferred: 0, held: 0 };
}

/** Pages wait for a count until it has gone on so long, then they show the one before. */
const PATIENCE_MS = 60;

/** The last count of the queue, for who asks often: counting takes one part in `share` of the time at most. */
export class QueueStatsCache {
  readonly #clock: Clock;
  readonly #count: () => Promise<QueueStats>;
  readonly #share: number;
  #stats: QueueStats | undefined;
  #running: Promise<QueueStats> | undefined;
  #began = -Infinity;
  #goodUntil = -Infinity;

  /** `count` counts the whole queue. */
  constructor(options: { clock: Clock; count: () => Promise<QueueStats>; share: number }) {
    this.#clock = options.clock;
    this.#count = options.count;
    this.#share = options.share;
  }

  /** The last count while it is good, else the next one. Rejects when the store fails. */
  async stats(): Promise<QueueStats> {
    if (this.#stats && this.#clock.monotonic() < this.#goodUntil) return this.#stats;
    return await (this.#running ??= this.#begin());
  }

  /** As fresh as can be had at once; undefined while a long first count goes on, and when the first one failed. */
  async statsAtHand(): Promise<QueueStats | undefined> {
    if (this.#clock.monotonic() < this.#goodUntil) return this.#stats;
    // the error is the store's, which reports it by itself; the last count stays
    const count = this.stats().then(() => {}, () => {});
    const left = this.#began + PATIENCE_MS - this.#clock.monotonic();
    if (left <= 0) return this.#stats;
    const stop = new AbortController();
    await Promise.race([count, sleep(this.#clock, left, stop.signal)]);
    stop.abort();
    return this.#stats;
  }

  /** Says that the queue was changed in a way that the next page has to show. */
  expire(): void {
    this.#goodUntil = -Infinity;
  }

  async #begin(): Promise<QueueStats> {
    const began = this.#began = this.#clock.monotonic();
    try {
      const stats = await this.#count();
      const ended = this.#clock.monotonic();
      this.#goodUntil = ended + (ended - began) * this.#share;
      return this.#stats = stats;
    } finally {
      this.#running = undefined;
    }
  }
}
