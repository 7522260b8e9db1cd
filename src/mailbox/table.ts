/** In charge of small tables that are read often and written seldom: kept in memory, written through to the store. */

import type { Clock } from "../base/clock.ts";
import type { Store } from "../storage/store.ts";

/** Where a table's records are. */
export interface TableKeys {
  /** The key of one record. */
  key(name: string): Deno.KvKey;
  /** All records, by name. */
  readonly all: Deno.KvListSelector;
}

/** On a shared store, how long a record is believed before it is read again, in milliseconds. */
const TRUSTED_MS = 5_000;
/** On a shared store, for how many unknown names it is remembered that there is nothing. */
const MAX_ABSENT = 10_000;

interface Known<T> {
  readonly value: T | undefined;
  readonly at: number;
}

/**
 * A table of records by name (the name is the last part of the key). On the embedded store, which has one owner, all
 * is in memory after {@linkcode load}, and reads answer at once; on a shared store a record is read again after five
 * seconds.
 */
export class Table<T extends object> {
  readonly #store: Store;
  readonly #keys: TableKeys;
  readonly #clock: Clock;
  #known = new Map<string, Known<T>>();
  #absent = 0;
  #loaded = false;

  constructor(store: Store, options: { keys: TableKeys; clock: Clock }) {
    this.#store = store;
    this.#keys = options.keys;
    this.#clock = options.clock;
  }

  /** Reads all records. */
  async load(): Promise<void> {
    const known = new Map<string, Known<T>>();
    const at = this.#clock.monotonic();
    for await (const entry of this.#store.kv.list<T>(this.#keys.all, { batchSize: 500 })) {
      known.set(entry.key.at(-1) as string, { value: entry.value, at });
    }
    this.#known = known;
    this.#absent = 0;
    this.#loaded = true;
  }

  /** The record of that name, at once when memory is to be believed. */
  get(name: string): T | undefined | Promise<T | undefined> {
    const known = this.#known.get(name);
    if (this.#store.embedded && this.#loaded) return known?.value;
    if (known && this.#clock.monotonic() - known.at < TRUSTED_MS) return known.value;
    return this.#read(name);
  }

  /** All records that memory knows of, in no particular order. */
  *values(): Generator<T> {
    for (const { value } of this.#known.values()) if (value !== undefined) yield value;
  }

  /** All records, by name; on a shared store read again. */
  async list(): Promise<T[]> {
    if (!this.#store.embedded || !this.#loaded) await this.load();
    const names = [...this.#known.keys()].sort();
    return names.map((name) => this.#known.get(name)!.value).filter((value) => value !== undefined);
  }

  /**
   * Changes one record: `change` gets what is there and answers what shall be there (undefined: nothing), or the
   * very same object when all stays as it is. It may be called again when somebody else was quicker. Answers what
   * is there afterwards. Rejects when the store fails.
   */
  async change(name: string, change: (old: T | undefined) => T | undefined): Promise<T | undefined> {
    const key = this.#keys.key(name);
    for (;;) {
      const old = await this.#store.kv.get<T>(key);
      const before = old.value ?? undefined;
      const after = change(before);
      if (after === before) return this.#remember(name, before);
      const result = await this.#store.write({
        checks: [{ key, versionstamp: old.versionstamp }],
        mutations: [after === undefined ? { type: "delete", key } : { type: "set", key, value: after }],
        size: after === undefined ? 100 : 200 + JSON.stringify(after).length,
      });
      if (result.ok) return this.#remember(name, after);
    }
  }

  async #read(name: string): Promise<T | undefined> {
    const { value } = await this.#store.kv.get<T>(this.#keys.key(name));
    return this.#remember(name, value ?? undefined);
  }

  #remember(name: string, value: T | undefined): T | undefined {
    if (value === undefined && this.#store.embedded) {
      this.#known.delete(name);
      return undefined;
    }
    if (value === undefined && ++this.#absent > MAX_ABSENT) this.#forgetAbsent();
    this.#known.set(name, { value, at: this.#clock.monotonic() });
    return value;
  }

  #forgetAbsent(): void {
    for (const [name, known] of this.#known) if (known.value === undefined) this.#known.delete(name);
    this.#absent = 0;
  }
}
