/** The tally of the queue in an embedded store: what its numbers are made of, in memory, kept true by every write. */

import * as keys from "../storage/keys.ts";
import type { Store } from "../storage/store.ts";
import { nameOf } from "./queue_store.ts";
import type { QueueRecord } from "./record.ts";
import { type Counted, countedOf, countRecords, domainsOf, type QueueStats } from "./stats.ts";

const AT_A_TIME = 200;

/** One reading of the store, and what has changed since: about 150 bytes a record. */
class Reading {
  readonly #messages = new Map<string, Counted[]>();
  /** The domains of records, once each. */
  readonly #domains = new Map<string, readonly string[]>();
  /** What was written while it was read: newer than what is read. */
  #seen: Set<string> | undefined = new Set();
  readonly done: Promise<void>;
  isGivenUp = false;

  constructor(store: Store) {
    this.done = this.#read(store);
    this.done.catch(() => {}); // who asks hears of that
  }

  async #read({ kv }: Store): Promise<void> {
    for await (const { value } of kv.list<QueueRecord>(keys.queueItemsAll, { batchSize: AT_A_TIME })) {
      if (this.isGivenUp) return;
      if (!this.#seen!.has(nameOf(value))) this.#put(value);
    }
    this.#seen = undefined;
  }

  see(place: { readonly id: string; readonly part: number }, record: QueueRecord | undefined): void {
    this.#seen?.add(nameOf(place));
    if (record) this.#put(record);
    else this.#remove(place);
  }

  count(now: number): QueueStats {
    return countRecords(this.#messages.values(), now);
  }

  #put(record: QueueRecord): void {
    const all = domainsOf(record);
    const counted = countedOf(record, record.recipients.length === 1 ? this.#shared(all) : all);
    const before = this.#messages.get(record.id);
    const others = before?.filter(({ part }) => part !== record.part);
    this.#messages.set(record.id, others ? [...others, counted] : [counted]);
  }

  #remove({ id, part }: { readonly id: string; readonly part: number }): void {
    const left = this.#messages.get(id)?.filter((one) => one.part !== part) ?? [];
    if (left.length > 0) this.#messages.set(id, left);
    else this.#messages.delete(id);
    if (this.#messages.size === 0) this.#domains.clear();
  }

  #shared(domains: readonly string[]): readonly string[] {
    const known = this.#domains.get(domains[0]!);
    if (known) return known;
    this.#domains.set(domains[0]!, domains);
    return domains;
  }
}

/** Counts the queue without a look into the store, once that was read. */
export class Tally {
  #reading: Reading | undefined;

  constructor(private readonly store: Store) {}

  /** Begins to read the store, while it goes on. */
  start(): void {
    this.#reading ??= new Reading(this.store);
  }

  /** The queue in numbers. Rejects when the store fails. */
  async stats(now: () => number): Promise<QueueStats> {
    this.start();
    const reading = this.#reading!;
    try {
      await reading.done;
    } catch (error) {
      if (this.#reading === reading) this.#reading = undefined;
      throw error;
    }
    return reading.count(now());
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
    this.forget();
    await reading?.done.catch(() => {});
  }
}
