/** Rows that last until a time or until somebody takes them away, and that each delivery asks for. */

import type { Awaitable } from "../base/awaitable.ts";
import type { Clock } from "../base/clock.ts";
import { expiring, removing } from "./expiry.ts";
import type { Store } from "./store.ts";

/** What may end by itself. */
export interface Lasting {
  /** When: milliseconds since 1970; absent: when somebody ends it. */
  readonly until?: number;
}

/** Where such rows stand. */
export interface LastingForm<T extends Lasting> {
  /** The key of a name's row. */
  key(name: string): Deno.KvKey;
  /** All of them. */
  readonly all: Deno.KvListSelector;
  /** The name that a row stands under. */
  name(row: T): string;
  /** How large a row is at most, octets. */
  size(row: T): number;
}

/** Reads and writes them. Those that are over are as if they weren't there. */
export class LastingRows<T extends Lasting> {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #form: LastingForm<T>;
  /** All of them by name, on a store that nobody else writes to. */
  #known: Promise<Map<string, T>> | undefined;
  /** The same when they are read. */
  #read: Map<string, T> | undefined;

  constructor(store: Store, clock: Clock, form: LastingForm<T>) {
    this.#store = store;
    this.#clock = clock;
    this.#form = form;
  }

  /** Is it not over yet? */
  lasts({ until }: Lasting): boolean {
    return until === undefined || until > this.#clock.now();
  }

  /** All of them, in the order of their keys. Rejects when the store fails, as all calls do. */
  async list(): Promise<T[]> {
    return (await this.#readAll()).filter((row) => this.lasts(row));
  }

  /** The one of a name, at once where all are known; undefined when there is none. */
  get(name: string): Awaitable<T | undefined> {
    return this.#read ? this.#lasting(this.#read.get(name)) : this.#find(name);
  }

  async #find(name: string): Promise<T | undefined> {
    const row = this.#store.embedded
      ? (await this.#all()).get(name)
      : (await this.#store.kv.get<T>(this.#form.key(name))).value;
    return this.#lasting(row);
  }

  #lasting(row: T | null | undefined): T | undefined {
    return row && this.lasts(row) ? row : undefined;
  }

  /** Puts what `next` answers in the place of a name's row (undefined: none); `old`: the one that lasted until now. */
  async replace<U extends T | undefined>(
    name: string,
    next: (old: T | undefined) => U,
  ): Promise<{ old: T | undefined; made: U }> {
    const key = this.#form.key(name);
    for (;;) {
      const { value, versionstamp } = await this.#store.kv.get<T>(key);
      const old = value && this.lasts(value) ? value : undefined;
      const made = next(old);
      const mutations: Deno.KvMutation[] = value?.until === undefined
        ? [{ type: "delete", key }]
        : removing(key, value.until);
      if (made?.until !== undefined) mutations.push(...expiring(key, made, made.until));
      else if (made) mutations.push({ type: "set", key, value: made });
      const size = made ? this.#form.size(made) : 500;
      if (!(await this.#store.write({ checks: [{ key, versionstamp }], mutations, size })).ok) continue;
      const known = await this.#known;
      if (made) known?.set(name, made);
      else known?.delete(name);
      return { old, made };
    }
  }

  #all(): Promise<Map<string, T>> {
    return this.#known ??= this.#readAll().then(
      (rows) => this.#read = new Map(rows.map((row) => [this.#form.name(row), row])),
      (error) => {
        this.#known = undefined;
        throw error;
      },
    );
  }

  async #readAll(): Promise<T[]> {
    const rows: T[] = [];
    for await (const { value } of this.#store.kv.list<T>(this.#form.all, { batchSize: 500 })) {
      rows.push(value);
    }
    return rows;
  }
}
