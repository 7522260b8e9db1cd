/** The small tables that are read often and written seldom: kept in memory, written through to the store. */

import type { Clock } from "../base/clock.ts";
import { KeyWatcher } from "./key_watcher.ts";
import { u64 } from "./port.ts";
import type { Store } from "./store.ts";
import { together, type Write } from "./write.ts";

/** Where a table's records are. */
export interface TableKeys {
  /** The key of one record. */
  key(name: string): Deno.KvKey;
  /** All records, by name. */
  readonly all: Deno.KvListSelector;
  /** A `Deno.KvU64` by which the servers of a shared store see that something changed. */
  readonly version: Deno.KvKey;
}

/** On a shared store, how often the version is read beside being watched, in milliseconds. */
const LOOK_EVERY_MS = 2_000;
const NOTHING: Write = { mutations: [], size: 0 };

/**
 * A table of records by name (the name is the last part of the key). All of it is in memory after {@linkcode load}, so
 * that reads answer at once. On a shared store every change adds to the table's version; who follows the table watches
 * that and reads the table again. So another server's change is known here some milliseconds later, or two seconds
 * when the watch is broken; until then this server answers as before. A change never rests on memory: it is made to
 * what the store holds, under a check.
 */
export class Table<T extends object> {
  readonly #store: Store;
  readonly #keys: TableKeys;
  readonly #clock: Clock;
  #records = new Map<string, T>();
  #watcher: KeyWatcher | undefined;
  #loading: Promise<void> | undefined;
  #again: Promise<void> | undefined;
  /** How often the table was read. */
  #loads = 0;
  /** How often a record was put. */
  #puts = 0;

  /** On that store; nothing is read yet. */
  constructor(store: Store, options: { keys: TableKeys; clock: Clock }) {
    this.#store = store;
    this.#keys = options.keys;
    this.#clock = options.clock;
  }

  /** Reads all records as they are now, or a moment later. */
  load(): Promise<void> {
    if (!this.#loading) return this.#loading = this.#load().finally(() => this.#loading = undefined);
    // the reading that is under way may have begun before what the caller has in mind
    return this.#again ??= this.#loading.catch(() => {}).then(() => {
      this.#again = undefined;
      return this.load();
    });
  }

  /** On a shared store: reads all records again whenever another server changed some, until {@linkcode close}. */
  follow(onError: (error: unknown) => void): void {
    if (this.#store.embedded) return;
    this.#watcher ??= new KeyWatcher(this.#store, {
      key: this.#keys.version,
      clock: this.#clock,
      everyMs: LOOK_EVERY_MS,
      onChange: () => void this.load().catch(onError),
    });
  }

  /** Follows no more; to be done before the store is closed. */
  async close(): Promise<void> {
    await this.#watcher?.close();
    await this.#loading?.catch(() => {});
  }

  /** The record of that name. */
  get(name: string): T | undefined {
    return this.#records.get(name);
  }

  /** The record of that name; on a shared store, one that memory does not know is looked for there. */
  async find(name: string): Promise<T | undefined> {
    const known = this.#records.get(name);
    if (known || this.#store.embedded) return known;
    return (await this.#store.kv.get<T>(this.#keys.key(name))).value ?? undefined;
  }

  /** Another number after each change of what {@linkcode values} gives. */
  get revision(): number {
    return this.#loads + this.#puts;
  }

  /** All records, in no particular order. */
  values(): MapIterator<T> {
    return this.#records.values();
  }

  /** All records, by name; on a shared store read again. */
  async list(): Promise<T[]> {
    if (!this.#store.embedded) await this.load();
    return [...this.#records.keys()].sort().map((name) => this.#records.get(name)!);
  }

  /**
   * Changes one record: `change` gets what is there and answers what shall be there (undefined: nothing), or the
   * very same object when all stays as it is. It may be called again when somebody else was quicker. Answers what
   * is there afterwards. Rejects when the store fails. `also` is written in the same commit, and asked for each try.
   */
  async change(
    name: string,
    change: (old: T | undefined) => T | undefined | Promise<T | undefined>,
    also?: (old: T | undefined) => Write | undefined,
  ): Promise<T | undefined> {
    const key = this.#keys.key(name);
    for (;;) {
      const loads = this.#loads;
      const old = await this.#store.kv.get<T>(key);
      const before = old.value ?? undefined;
      const after = await change(before);
      if (after === before || await this.#write(old, after, also?.(before))) {
        put(this.#records, name, after);
        this.#puts++;
        // a reading meanwhile may have missed this, or may have seen what came after it
        if (this.#loading || loads !== this.#loads) await this.load();
        return after;
      }
    }
  }

  async #write(old: Deno.KvEntryMaybe<T>, after: T | undefined, also = NOTHING): Promise<boolean> {
    const { key, versionstamp } = old;
    const mutations: Deno.KvMutation[] = [
      after === undefined ? { type: "delete", key } : { type: "set", key, value: after },
    ];
    if (!this.#store.embedded) {
      mutations.push({ type: "sum", key: this.#keys.version, value: u64(1) });
    }
    const size = after === undefined ? 100 : 200 + JSON.stringify(after).length;
    return (await this.#store.write(together({ checks: [{ key, versionstamp }], mutations, size }, also))).ok;
  }

  async #load(): Promise<void> {
    const records = new Map<string, T>();
    for await (const entry of this.#store.kv.list<T>(this.#keys.all, { batchSize: 500 })) {
      records.set(entry.key.at(-1) as string, entry.value);
    }
    this.#records = records;
    this.#loads++;
  }
}

function put<T>(records: Map<string, T>, name: string, value: T | undefined): void {
  if (value === undefined) records.delete(name);
  else records.set(name, value);
}
