/**
 * A key-value store in memory behind the port: as Deno's own KV is in a file, without SQLite. What is written and read
 * are copies, so that nobody changes what is in it but by a commit.
 */

import { serialize } from "node:v8";
import { setImmediate } from "node:timers";
import { orderRange, orderText } from "./key_order.ts";
import { EMBEDDED_LIMITS, encodedKeySize, MAX_KEY_BYTES, MAX_VALUE_BYTES, valueSize } from "./limits.ts";
import { isU64, type Kv, type ListOptions, MAX_KEYS_AT_ONCE, u64 } from "./port.ts";
import { type Row, SortedRows } from "./sorted_rows.ts";
import { StoppedAtSum } from "./storage_error.ts";

/** Nothing here waits for anything: after so many calls the event loop gets a turn, or loops of them would have it all. */
const CALLS_A_TURN = 200;
const BATCH = 100;
const MAX_BATCH = 1000;

function stampOf(commit: number): string {
  return commit.toString(16).padStart(20, "0");
}

/** What a mutation does to one row. */
type Change = { readonly text: string; readonly mutation: Deno.KvMutation };

/** A store in memory. */
export class MemoryKv implements Kv {
  readonly #rows = new SortedRows();
  /** Who waits for a change of a key. */
  readonly #watching = new Map<string, Set<() => void>>();
  #commits = 0;
  #calls = 0;
  #closed = false;

  lastCommit(): string {
    return stampOf(this.#commits);
  }

  async get<T>(key: Deno.KvKey): Promise<Deno.KvEntryMaybe<T>> {
    await this.#called();
    return entryOf<T>(key, this.#rows.get(orderText(key)));
  }

  async getMany<T extends readonly unknown[]>(
    keys: readonly [...{ [K in keyof T]: Deno.KvKey }],
  ): Promise<{ [K in keyof T]: Deno.KvEntryMaybe<T[K]> }> {
    if (keys.length > MAX_KEYS_AT_ONCE) throw new TypeError(`Too many ranges (max ${MAX_KEYS_AT_ONCE})`);
    await this.#called();
    return keys.map((key) => entryOf(key, this.#rows.get(orderText(key)))) as {
      [K in keyof T]: Deno.KvEntryMaybe<T[K]>;
    };
  }

  async *list<T>(selector: Deno.KvListSelector, options: ListOptions = {}): AsyncGenerator<Deno.KvEntry<T>> {
    const { limit = Infinity, reverse = false, batchSize = BATCH } = options;
    if (batchSize > MAX_BATCH) throw new TypeError(`Too many entries (max ${MAX_BATCH})`);
    let { start, end } = orderRange(selector);
    for (let left = limit; left > 0;) {
      await this.#called();
      const rows = this.#rows.range({ start, end, most: Math.min(left, batchSize), reverse });
      const last = rows.at(-1)?.text;
      if (last === undefined) return;
      if (reverse) end = last;
      else start = `${last}\0`;
      for (const { key, value, versionstamp } of rows) yield { key, value: copy(value) as T, versionstamp };
      left -= rows.length;
    }
  }

  async *watch<T>(key: Deno.KvKey, signal: AbortSignal): AsyncGenerator<Deno.KvEntryMaybe<T>> {
    const text = orderText(key);
    let told: string | null | undefined;
    while (!signal.aborted && !this.#closed) {
      const entry = await this.get<T>(key);
      if (entry.versionstamp !== told) {
        told = entry.versionstamp;
        yield entry;
      } else await this.#changeOf(text, signal);
    }
  }

  async commit(
    checks: readonly Deno.AtomicCheck[],
    mutations: readonly Deno.KvMutation[],
  ): Promise<Deno.KvCommitResult | Deno.KvCommitError> {
    await this.#called();
    if (checks.length > EMBEDDED_LIMITS.checks) {
      throw new TypeError(`Too many checks (max ${EMBEDDED_LIMITS.checks})`);
    }
    if (mutations.length > EMBEDDED_LIMITS.mutations) {
      throw new TypeError(`Too many mutations (max ${EMBEDDED_LIMITS.mutations})`);
    }
    const changes = mutations.map(changeOf);
    for (const { key, versionstamp } of checks) {
      if ((this.#rows.get(orderText(key))?.versionstamp ?? null) !== versionstamp) return { ok: false };
    }
    const versionstamp = stampOf(++this.#commits);
    for (const change of changes) this.#apply(change, versionstamp);
    return { ok: true, versionstamp };
  }

  close(): void {
    this.#closed = true;
    for (const wakes of [...this.#watching.values()]) for (const wake of [...wakes]) wake();
    this.#rows.clear();
  }

  async #called(): Promise<void> {
    if (++this.#calls % CALLS_A_TURN === 0) await new Promise<void>((resolve) => void setImmediate(resolve));
    if (this.#closed) throw new Deno.errors.BadResource("The store in memory is closed");
  }

  #apply({ text, mutation }: Change, versionstamp: string): void {
    const { type, key } = mutation;
    if (type === "delete") this.#rows.delete(text);
    else {
      const value = type === "set" ? mutation.value : this.#counted(text, mutation);
      this.#rows.set({ text, key, value, versionstamp });
    }
    for (const wake of [...this.#watching.get(text) ?? []]) wake();
  }

  #counted(text: string, { type, value }: Exclude<Deno.KvMutation, { type: "set" | "delete" }>): Deno.KvU64 {
    const row = this.#rows.get(text);
    if (!row) return value;
    if (!isU64(row.value)) {
      throw new StoppedAtSum(new TypeError(`Failed to perform '${type}' on a value that is no number`));
    }
    const [before, by] = [row.value.value, value.value];
    if (type === "sum") return u64(before + by);
    return (type === "min") === (before < by) ? row.value : value;
  }

  #changeOf(text: string, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wakes = this.#watching.get(text) ?? new Set();
      this.#watching.set(text, wakes);
      const wake = () => {
        signal.removeEventListener("abort", wake);
        wakes.delete(wake);
        if (wakes.size === 0) this.#watching.delete(text);
        resolve();
      };
      wakes.add(wake);
      signal.addEventListener("abort", wake, { once: true });
    });
  }
}

function entryOf<T>(key: Deno.KvKey, row: Row | undefined): Deno.KvEntryMaybe<T> {
  return row
    ? { key: row.key, value: copy(row.value) as T, versionstamp: row.versionstamp }
    : { key, value: null, versionstamp: null };
}

/** A mutation with a key and a value of its own. Throws, as KV does, when it can't be. */
function changeOf(mutation: Deno.KvMutation): Change {
  const { key, type } = mutation;
  if (key.length === 0) throw new TypeError("Key cannot be empty");
  if (encodedKeySize(key) > MAX_KEY_BYTES) {
    throw new TypeError(`Key too large for write (max ${MAX_KEY_BYTES} bytes)`);
  }
  const text = orderText(key);
  if (type !== "set") return { text, mutation };
  const { value } = mutation;
  if (valueSize(value, 0) > MAX_VALUE_BYTES && exactSize(value) > MAX_VALUE_BYTES) {
    throw new TypeError(`Value too large (max ${MAX_VALUE_BYTES} bytes)`);
  }
  return { text, mutation: { type, key: [...key], value: copy(value) } };
}

function exactSize(value: unknown): number {
  return value instanceof Uint8Array ? value.length : serialize(value).length;
}

/** A copy as V8's serialization makes it; most of what is stored is plain data, which this copies ten times as fast. */
function copy(value: unknown): unknown {
  if (typeof value === "function" || typeof value === "symbol") return structuredClone(value); // throws
  if (typeof value !== "object" || value === null || isU64(value)) return value;
  if (value instanceof Uint8Array) return new Uint8Array(value);
  if (Array.isArray(value)) return value.map(copy);
  const prototype = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) return structuredClone(value);
  const made: Record<string, unknown> = { ...value };
  for (const name in made) {
    const inner = made[name];
    if (typeof inner === "object" || typeof inner === "function" || typeof inner === "symbol") {
      made[name] = copy(inner);
    }
  }
  return made;
}
