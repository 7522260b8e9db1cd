/**
 * The port to a key-value store: what the server asks of one, whichever it is. `embedded_kv.ts` is Deno's own KV in a
 * file, `memory_kv.ts` a store in memory, `kv_connect/client.ts` a database over a network; `tests/storage/port_test.ts`
 * says what is the same for all.
 */

import type { BodyFiles } from "./bodies/files.ts";

/** A key-value store. All calls reject with a `StorageError`, or with the error of the store itself. */
export interface Kv {
  /**
   * Where it keeps large bodies beside its rows; absent: nowhere.
   * @internal
   */
  readonly files?: BodyFiles | undefined;
  /**
   * The versionstamp of the last commit of all, by whichever process; undefined where it can't be told, absent where
   * several processes have the store at once.
   * @internal
   */
  lastCommit?(): string | undefined;
  /** What is under that key. */
  get<T = unknown>(key: Deno.KvKey): Promise<Deno.KvEntryMaybe<T>>;
  /** What is under those keys, at most ten, all at one instant. */
  getMany<T extends readonly unknown[]>(
    keys: readonly [...{ [K in keyof T]: Deno.KvKey }],
  ): Promise<{ [K in keyof T]: Deno.KvEntryMaybe<T[K]> }>;
  /** Goes through the entries of a range, in order; one instant holds for a batch only. */
  list<T = unknown>(selector: Deno.KvListSelector, options?: ListOptions): AsyncIterable<Deno.KvEntry<T>>;
  /**
   * Yields what is under a key whenever that changed, the newest of several changes alone, until the signal is aborted.
   * Ends, or throws, when the store is gone; who needs to know more looks again.
   */
  watch<T = unknown>(key: Deno.KvKey, signal: AbortSignal): AsyncIterable<Deno.KvEntryMaybe<T>>;
  /**
   * Does the mutations when all checks hold, and nothing when one does not. Rejects with {@linkcode OutcomeUnknown} when
   * it may have happened all the same, and with another error when nothing of it has; but for a sum on what is no
   * number, see `commit_group.ts`.
   */
  commit(
    checks: readonly Deno.AtomicCheck[],
    mutations: readonly Deno.KvMutation[],
  ): Promise<Deno.KvCommitResult | Deno.KvCommitError>;
  /** Closes it; what is under way is given up. */
  close(): void;
}

/** Which entries of a range are wanted, and how they are read. */
export interface ListOptions {
  /** At most so many. */
  readonly limit?: number;
  /** Last one first. */
  readonly reverse?: boolean;
  /** So many are read at a time, at one instant: 100, and at most 1,000. */
  readonly batchSize?: number;
}

/** The most keys of one `getMany`. */
export const MAX_KEYS_AT_ONCE = 10;

/** A counter's value, modulo 2^64: a negative number is its complement. */
export function u64(value: number | bigint): Deno.KvU64 {
  return new Deno.KvU64(BigInt.asUintN(64, BigInt(value)));
}

/** Is it a counter's value? */
export function isU64(value: unknown): value is Deno.KvU64 {
  return value instanceof Deno.KvU64;
}
