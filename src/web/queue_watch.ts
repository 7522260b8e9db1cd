/** In charge of the queue in numbers for people: counted when somebody looks, never more often than it is worth. */

import { type Clock, sleep } from "../base/clock.ts";
import type { QueueRecord } from "../queue/record.ts";
import { stateOf } from "../api/queue_view.ts";

/** The states of what waits. */
export const WAITING = ["queued", "deferred", "held"] as const;

/** One of them. */
export type Waiting = typeof WAITING[number];

/** Messages by state. */
export type ByState = Record<Waiting, number>;

/** What waits for one destination. */
export interface DestinationStats {
  readonly domain: string;
  readonly messages: number;
  /** When the oldest of them came: milliseconds since 1970. */
  readonly oldest: number;
  /** When the next attempt is due; undefined when all are held. */
  readonly nextAt: number | undefined;
  /** Why the message that was tried last waits; undefined when none was tried. */
  readonly lastError: string | undefined;
}

/** The queue in numbers. */
export interface QueueStats {
  readonly total: number;
  readonly byState: ByState;
  /** By age, each bucket up to that many milliseconds; the last one has no end. */
  readonly ages: readonly { readonly upTo: number; readonly byState: ByState }[];
  /** Those with the most messages first. */
  readonly destinations: readonly DestinationStats[];
  /** When the oldest message came. */
  readonly oldest: number | undefined;
}

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const AGES = [5 * MINUTE, 15 * MINUTE, HOUR, 4 * HOUR, 24 * HOUR, 72 * HOUR, Infinity];
/** Pages wait for a count until it has gone on so long, then they show the one before. */
const PATIENCE_MS = 60;
/** Counting takes at most a part of this of the time. */
const SHARE = 20;

interface Destination {
  messages: number;
  oldest: number;
  nextAt: number | undefined;
  lastError: string | undefined;
  attempts: number;
}

/** State of a message: of its records that which asks for attention first. */
export function messageState(records: readonly QueueRecord[], now: number): Waiting {
  const states = new Set(records.map((r) => stateOf(r, now)));
  return WAITING.find((state) => states.has(state)) ?? "held";
}

/** Counts everything that waits. */
export async function countQueue(messages: AsyncIterable<QueueRecord[]>, now: number): Promise<QueueStats> {
  const byState = none();
  const ages = AGES.map((upTo) => ({ upTo, byState: none() }));
  const destinations = new Map<string, Destination>();
  let total = 0;
  let oldest: number | undefined;
  for await (const records of messages) {
    const { receivedAt } = records[0]!;
    const state = messageState(records, now);
    total++;
    oldest ??= receivedAt;
    byState[state]++;
    ages.find(({ upTo }) => now - receivedAt <= upTo)!.byState[state]++;
    for (const record of records) addTo(destinations, record);
  }
  const sorted = [...destinations].map(([domain, { attempts: _, ...of }]) => ({ domain, ...of }))
    .sort((a, b) => b.messages - a.messages || a.oldest - b.oldest);
  return { total, byState, ages, destinations: sorted, oldest };
}

function none(): ByState {
  return { queued: 0, deferred: 0, held: 0 };
}

function addTo(destinations: Map<string, Destination>, record: QueueRecord): void {
  const { domain, receivedAt, dueAt, held } = record;
  let known = destinations.get(domain);
  if (!known) {
    known = { messages: 0, oldest: receivedAt, nextAt: undefined, lastError: undefined, attempts: 0 };
    destinations.set(domain, known);
  }
  known.messages++;
  known.oldest = Math.min(known.oldest, receivedAt);
  if (!held) known.nextAt = Math.min(known.nextAt ?? Infinity, dueAt);
  for (const { attempts, lastError, lastReply } of record.recipients) {
    const why = lastReply ?? lastError;
    if (why === undefined || attempts < known.attempts) continue;
    known.attempts = attempts;
    known.lastError = why;
  }
}

/** Keeps the last count, and counts again when that is cheap or due. */
export class QueueWatch {
  readonly #clock: Clock;
  readonly #messages: () => AsyncIterable<QueueRecord[]>;
  #stats: QueueStats | undefined;
  #running: Promise<void> | undefined;
  #began = -Infinity;
  #goodUntil = -Infinity;

  constructor(options: { clock: Clock; messages: () => AsyncIterable<QueueRecord[]> }) {
    this.#clock = options.clock;
    this.#messages = options.messages;
  }

  /** The queue in numbers, as fresh as can be had at once; undefined while a long first count goes on. */
  async stats(): Promise<QueueStats | undefined> {
    if (this.#clock.monotonic() < this.#goodUntil) return this.#stats;
    this.#running ??= this.#count();
    const left = this.#began + PATIENCE_MS - this.#clock.monotonic();
    if (left <= 0) return this.#stats;
    const stop = new AbortController();
    await Promise.race([this.#running, sleep(this.#clock, left, stop.signal)]);
    stop.abort();
    return this.#stats;
  }

  /** Something was done to the queue that the next page has to show. */
  stale(): void {
    this.#goodUntil = -Infinity;
  }

  async #count(): Promise<void> {
    const began = this.#began = this.#clock.monotonic();
    try {
      this.#stats = await countQueue(this.#messages(), this.#clock.now());
    } catch {
      // the store is closing, or in trouble that it tells of itself; the last count stays
    } finally {
      const ended = this.#clock.monotonic();
      this.#goodUntil = ended + (ended - began) * SHARE;
      this.#running = undefined;
    }
  }
}
