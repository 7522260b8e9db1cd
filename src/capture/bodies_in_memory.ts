/** The contents of captured messages as a key-value store gives them, be they in it or in memory. */

import { CHUNK_SIZE } from "../storage/bodies/layout.ts";
import * as keys from "../storage/keys.ts";
import type { Kv, ListOptions } from "../storage/port.ts";

/** Answers for bodies in memory itself, and asks the store for all else. */
export class BodiesInMemory implements Kv {
  readonly #kv: Kv;
  readonly #bytesOf: (id: string) => Uint8Array | undefined;

  /** `bytesOf` answers the content that is in memory. */
  constructor(kv: Kv, bytesOf: (id: string) => Uint8Array | undefined) {
    this.#kv = kv;
    this.#bytesOf = bytesOf;
  }

  get files(): Kv["files"] {
    return this.#kv.files;
  }

  async get<T = unknown>(key: Deno.KvKey): Promise<Deno.KvEntryMaybe<T>> {
    return this.#chunk<T>(key) ?? await this.#kv.get<T>(key);
  }

  async getMany<T extends readonly unknown[]>(
    wanted: readonly [...{ [K in keyof T]: Deno.KvKey }],
  ): Promise<{ [K in keyof T]: Deno.KvEntryMaybe<T[K]> }> {
    const chunks = wanted.map((key) => this.#chunk(key));
    if (chunks.every((chunk) => chunk !== undefined)) {
      return chunks as { [K in keyof T]: Deno.KvEntryMaybe<T[K]> };
    }
    const stored = await this.#kv.getMany<T>(wanted);
    return stored.map((entry, i) => chunks[i] ?? entry) as { [K in keyof T]: Deno.KvEntryMaybe<T[K]> };
  }

  list<T = unknown>(selector: Deno.KvListSelector, options?: ListOptions): AsyncIterable<Deno.KvEntry<T>> {
    return this.#kv.list<T>(selector, options);
  }

  watch<T = unknown>(key: Deno.KvKey, signal: AbortSignal): AsyncIterable<Deno.KvEntryMaybe<T>> {
    return this.#kv.watch<T>(key, signal);
  }

  commit(
    checks: readonly Deno.AtomicCheck[],
    mutations: readonly Deno.KvMutation[],
  ): Promise<Deno.KvCommitResult | Deno.KvCommitError> {
    return this.#kv.commit(checks, mutations);
  }

  close(): void {
    this.#kv.close();
  }

  #chunk<T>(key: Deno.KvKey): Deno.KvEntry<T> | undefined {
    if (!keys.isBody(key)) return undefined;
    const [, id, n] = key as [string, string, number];
    const bytes = this.#bytesOf(id)?.subarray(n * CHUNK_SIZE, (n + 1) * CHUNK_SIZE);
    return bytes && { key, value: bytes as T, versionstamp: "" };
  }
}
