/** A client of KV Connect: a database over a network (Deno Deploy's, or a denokv) behind the port. */

import { type Kv, type ListOptions, MAX_KEYS_AT_ONCE } from "../port.ts";
import { StoppedAtSum, StorageError } from "../storage_error.ts";
import { rangeOf, rangeOfKey, successor } from "./key_codec.ts";
import * as messages from "./messages.ts";
import { SharedReads } from "./shared_reads.ts";
import { RequestRefused, Transport, type TransportOptions } from "./transport.ts";

/** How many entries a list reads at a time. */
const BATCH = 100;

/** One database. */
export class KvConnectClient implements Kv {
  readonly #transport: Transport;
  readonly #reads = new SharedReads((ranges) => this.#read(ranges));

  private constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** Opens a database: asks for one key. */
  static async open(options: Omit<TransportOptions, "probe">): Promise<KvConnectClient> {
    const probe = messages.snapshotRead([{ ...rangeOfKey(["format"]), limit: 1 }]);
    const transport = new Transport({ ...options, probe });
    try {
      messages.readSnapshot(await transport.read(probe));
    } catch (error) {
      transport.close();
      throw error;
    }
    return new KvConnectClient(transport);
  }

  async get<T>(key: Deno.KvKey): Promise<Deno.KvEntryMaybe<T>> {
    const [entry] = await this.getMany<[T]>([key]);
    return entry;
  }

  async getMany<T extends readonly unknown[]>(
    keys: readonly [...{ [K in keyof T]: Deno.KvKey }],
  ): Promise<{ [K in keyof T]: Deno.KvEntryMaybe<T[K]> }> {
    if (keys.length > MAX_KEYS_AT_ONCE) {
      throw new TypeError(`Too many keys at once (max ${MAX_KEYS_AT_ONCE})`);
    }
    if (keys.length === 0) return [] as { [K in keyof T]: Deno.KvEntryMaybe<T[K]> };
    const ranges = await this.#reads.read(keys.map((key) => ({ ...rangeOfKey(key), limit: 1 })));
    return keys.map((key, i) => entryAt(key, ranges[i]?.[0])) as { [K in keyof T]: Deno.KvEntryMaybe<T[K]> };
  }

  async *list<T>(selector: Deno.KvListSelector, options: ListOptions = {}): AsyncGenerator<Deno.KvEntry<T>> {
    const { reverse = false, batchSize = BATCH } = options;
    let left = options.limit ?? Infinity;
    let { start, end } = rangeOf(selector);
    while (left > 0) {
      const limit = Math.min(left, batchSize);
      const entries = (await this.#read([{ start, end, limit, reverse }]))[0] ?? [];
      for (const entry of entries) yield decoded<T>(entry);
      if (entries.length < limit) return;
      left -= limit;
      const last = entries.at(-1)!.encodedKey as Uint8Array<ArrayBuffer>;
      if (reverse) end = last;
      else start = successor(last);
    }
  }

  async *watch<T>(key: Deno.KvKey, signal: AbortSignal): AsyncGenerator<Deno.KvEntryMaybe<T>> {
    for await (const frame of this.#transport.watch(messages.watchOf(key), signal)) {
      const entry = messages.readWatched(frame);
      if (entry !== undefined) yield entryAt<T>(key, entry ?? undefined);
    }
  }

  async commit(
    checks: readonly Deno.AtomicCheck[],
    mutations: readonly Deno.KvMutation[],
  ): Promise<Deno.KvCommitResult | Deno.KvCommitError> {
    const body = messages.atomicWrite(checks, mutations);
    try {
      return messages.readWritten(await this.#transport.commit(body));
    } catch (error) {
      const sums = mutations.some(({ type }) => type !== "set" && type !== "delete");
      throw sums && error instanceof RequestRefused ? new StoppedAtSum(error) : error;
    }
  }

  close(): void {
    this.#transport.close();
  }

  async #read(ranges: readonly messages.ReadRange[]): Promise<messages.SentEntry[][]> {
    const answer = await this.#transport.read(messages.snapshotRead(ranges));
    return readable(() => messages.readSnapshot(answer));
  }
}

function entryAt<T>(key: Deno.KvKey, entry: messages.SentEntry | undefined): Deno.KvEntryMaybe<T> {
  return entry ? decoded<T>(entry) : { key, value: null, versionstamp: null };
}

function decoded<T>(entry: messages.SentEntry): Deno.KvEntry<T> {
  return readable(() => messages.decodeEntry<T>(entry));
}

function readable<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof StorageError) throw error;
    throw new StorageError("failed", `The store's answer can't be read: ${String(error)}.`, error);
  }
}
