/** What is counted by day for a report: a minute in memory, then in the store until the day is over and somebody reports it. */

import type { Clock, Timer } from "../base/clock.ts";
import { Tasks } from "../base/tasks.ts";
import { expiring, removing } from "../storage/expiry.ts";
import type { Store } from "../storage/store.ts";
import type { Journal } from "./journal.ts";

/** What is counted together, of one day. */
export interface DayCount {
  /** `2026-01-05`, of UTC. */
  readonly day: string;
}

/** How counts are kept. */
export interface DayCountForm<T extends DayCount> {
  /** The row of a count; `name` is what it was counted by. */
  key(name: string, count: T): Deno.KvKey;
  /** The rows of days before this one. */
  before(day: string): Deno.KvListSelector;
  /** A count and what is in the store of it. */
  sum(count: T, kept: T): T;
  /** How large a row is at most, octets. */
  size(count: T): number;
  /** The log's words when counts can't be written. */
  readonly failure: string;
}

const DAY_MS = 24 * 60 * 60_000;
/** So long counts wait in memory: what a crash costs. */
const WRITE_MS = 60_000;
/** A report that could not be made for so long is none. */
const KEPT_MS = 4 * DAY_MS;
/** So many rows are taken away at once. */
const MAX_AT_ONCE = 50;

/** Keeps counts. */
export class DayCounts<T extends DayCount> {
  readonly #store: Store;
  readonly #form: DayCountForm<T>;
  readonly #clock: Clock;
  readonly #tasks: Tasks;
  #pending = new Map<string, T>();
  #timer: Timer | undefined;

  constructor(store: Store, form: DayCountForm<T>, { clock, journal }: { clock: Clock; journal: Journal }) {
    this.#store = store;
    this.#form = form;
    this.#clock = clock;
    this.#tasks = new Tasks((_, error) => journal.note("WARN", form.failure, { error: String(error) }));
  }

  /** The day it is. */
  get today(): string {
    return new Date(this.#clock.now()).toISOString().slice(0, 10);
  }

  /** How many wait in memory. */
  get waiting(): number {
    return this.#pending.size;
  }

  /** What waits in memory under a name. */
  get(name: string): T | undefined {
    return this.#pending.get(name);
  }

  /** Puts into memory what is counted under a name; it is written within a minute. */
  set(name: string, count: T): void {
    this.#pending.set(name, count);
    this.#timer ??= this.#clock.schedule(WRITE_MS, () => this.#tasks.run("write", () => this.write()));
  }

  /** Writes what waits. Rejects when the store fails; what it did not take waits on. */
  async write(): Promise<void> {
    this.#timer?.cancel();
    this.#timer = undefined;
    const pending = this.#pending;
    this.#pending = new Map();
    try {
      for (const [name, count] of pending) {
        await this.#add(this.#form.key(name, count), count);
        pending.delete(name);
      }
    } catch (error) {
      const [failed, ...others] = pending;
      // last: it may be the only one that the store never takes
      for (const [name, count] of [...others, failed!]) {
        const newer = this.#pending.get(name);
        this.set(name, newer ? this.#form.sum(newer, count) : count);
      }
      throw error;
    }
  }

  /** The rows of the days that are over. */
  past(): AsyncIterable<Deno.KvEntry<T>> {
    return this.#store.kv.list<T>(this.#form.before(this.today));
  }

  /** Takes rows away; false when somebody else was quicker. */
  async take(rows: readonly Deno.KvEntry<T>[]): Promise<boolean> {
    for (let at = 0; at < rows.length; at += MAX_AT_ONCE) {
      const some = rows.slice(at, at + MAX_AT_ONCE);
      const checks = some.map(({ key, versionstamp }) => ({ key, versionstamp }));
      const mutations = some.flatMap(({ key, value }) => removing(key, endOf(value)));
      if (!(await this.#store.write({ checks, mutations, size: 400 * some.length })).ok) return false;
    }
    return true;
  }

  async #add(key: Deno.KvKey, count: T): Promise<void> {
    for (;;) {
      const { value, versionstamp } = await this.#store.kv.get<T>(key);
      const whole = value === null ? count : this.#form.sum(count, value);
      const mutations = expiring(key, whole, endOf(count));
      const write = { checks: [{ key, versionstamp }], mutations, size: this.#form.size(whole) };
      if ((await this.#store.write(write)).ok) return;
    }
  }
}

function endOf({ day }: DayCount): number {
  return Date.parse(day) + KEPT_MS;
}
