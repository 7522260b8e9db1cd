/**
 * The tally of the queue in an embedded store: what its numbers are made of, in memory, kept true by every write. It is
 * read at the start, from what the run before has kept where that is still true.
 */

import * as keys from "../storage/keys.ts";
import type { Store } from "../storage/store.ts";
import type { Write } from "../storage/write.ts";
import { CountedMessages } from "./counted_messages.ts";
import { headWrite, keepRows, type KeptTally, packed } from "./kept_tally.ts";
import { nameOf } from "./queue_store.ts";
import type { QueueRecord } from "./record.ts";
import { type Counted, countedOf, type QueueStats } from "./stats.ts";

const AT_A_TIME = 128;
/** A shorter queue is read as quickly as what would be kept of it. */
const FEWEST_KEPT = 1000;
/** A longer one would hold up the end of the server. */
const MOST_KEPT = 500_000;

/** So often the queue is read for who waits, while writes that fail have each reading given up. */
const MOST_TRIES = 5;

/** Where a {@linkcode Tally} begins, and when it is kept. */
export interface TallyOptions {
  /** What the run before has kept. */
  readonly kept?: KeptTally | undefined;
  /** It is kept for the next run from so many messages on. */
  readonly fewestKept?: number | undefined;
}

/** One reading, and what has changed since. */
class Reading {
  readonly messages = new CountedMessages();
  /** What was written while it was read: newer than what is read. */
  #seen: Set<string> | undefined = new Set();
  readonly done: Promise<void>;
  isGivenUp = false;

  constructor(source: AsyncIterable<readonly Counted[]>) {
    this.done = this.#read(source);
    this.done.catch(() => {}); // who asks hears of that
  }

  get isWhole(): boolean {
    return this.#seen === undefined;
  }

  async #read(source: AsyncIterable<readonly Counted[]>): Promise<void> {
    const seen = this.#seen!;
    for await (const some of source) {
      if (this.isGivenUp) return;
      for (const counted of some) {
        if (seen.size === 0 || !seen.has(nameOf(counted))) this.messages.put(counted);
      }
    }
    this.#seen = undefined;
  }

  see(place: { readonly id: string; readonly part: number }, record: QueueRecord | undefined): void {
    this.#seen?.add(nameOf(place));
    if (record) this.messages.put(countedOf(record));
    else this.messages.remove(place);
  }
}

/** Counts the queue without a look into the store, once that was read. */
export class Tally {
  readonly #store: Store;
  readonly #fewestKept: number;
  #kept: KeptTally | undefined;
  #reading: Reading | undefined;
  /** Writes that have begun, and how many of them are under way. */
  #begun = 0;
  #underWay = 0;

  constructor(store: Store, { kept, fewestKept = FEWEST_KEPT }: TallyOptions = {}) {
    this.#store = store;
    this.#kept = kept;
    this.#fewestKept = fewestKept;
  }

  /** Begins to read the store, while it goes on. */
  start(): void {
    if (this.#reading) return;
    // what was written before would be missing
    const kept = this.#begun === 0 ? this.#kept : undefined;
    this.#kept = undefined;
    this.#reading = new Reading(kept ? this.#readKept(kept) : this.#readQueue());
  }

  /** The queue in numbers. Rejects when the store fails. */
  async stats(now: () => number): Promise<QueueStats> {
    const messages = await this.#whole();
    return messages.count(now());
  }

  /** How many messages are in the queue. Rejects when the store fails. */
  async size(): Promise<number> {
    return (await this.#whole()).size;
  }

  async #whole(): Promise<CountedMessages> {
    for (let tries = 0; tries < MOST_TRIES; tries++) {
      this.start();
      const reading = this.#reading!;
      try {
        await reading.done;
      } catch (error) {
        if (this.#reading === reading) this.#reading = undefined;
        throw error;
      }
      // one that was given up knows a part of it
      if (reading.isWhole) return reading.messages;
    }
    throw new Error("The queue can't be counted now: the store fails");
  }

  /** A write begins that may change records: until its {@linkcode ended} nobody knows what is in the store. */
  begin(): void {
    this.#begun++;
    this.#underWay++;
  }

  /** A write has ended, and what it changed was told by {@linkcode see}. */
  ended(): void {
    this.#underWay--;
  }

  /** A record was written, or (undefined) deleted. */
  see(place: { readonly id: string; readonly part: number }, record: QueueRecord | undefined): void {
    this.#reading?.see(place, record);
  }

  /** Nobody knows what is in the store: it is read again. */
  forget(): void {
    if (this.#reading) this.#reading.isGivenUp = true;
    this.#reading = undefined;
  }

  /** Reads no more. */
  async close(): Promise<void> {
    const reading = this.#reading;
    if (reading?.isWhole) return;
    this.forget();
    await reading?.done.catch(() => {});
  }

  /**
   * Keeps a long queue's tally for the next run. Answers what makes the last write of the store, behind which there is
   * none: undefined where nothing can be kept, or something was written meanwhile. Rejects when the store fails.
   */
  async keep(): Promise<() => Write | undefined> {
    const reading = this.#reading;
    if (!reading?.isWhole || this.#underWay > 0) return () => undefined;
    const { messages } = reading;
    const isWorthIt = messages.size >= this.#fewestKept && messages.size <= MOST_KEPT;
    const rows = isWorthIt ? packed(messages.records()) : [];
    const begun = this.#begun;
    await keepRows(this.#store, rows);
    return () => rows.length > 0 && this.#begun === begun ? headWrite(rows.length) : undefined;
  }

  /** Some at a time, as they are read: to hand over each by itself takes as long as to read it. */
  async *#readQueue(): AsyncGenerator<readonly Counted[]> {
    const all = this.#store.kv.list<QueueRecord>(keys.queueItemsAll, { batchSize: AT_A_TIME });
    let some: Counted[] = [];
    for await (const { value } of all) {
      if (some.push(countedOf(value)) < AT_A_TIME) continue;
      yield some;
      some = [];
    }
    yield some;
  }

  /** What was kept, and where that can't be read the queue from its beginning: what came twice is counted once. */
  async *#readKept(kept: KeptTally): AsyncGenerator<readonly Counted[]> {
    try {
      yield* kept();
    } catch {
      yield* this.#readQueue();
    }
  }
}
