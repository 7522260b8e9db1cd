/**
 * In charge of commits over a network, where an answer may get lost after the commit happened. Deno's client then
 * sends the commit again by itself, for as long as it takes: a sum would be added twice, and a commit with a check
 * would be told that it failed although it is what broke the check. Here each commit also renews a key of this
 * process under a check. So it happens once, however often it is sent, and the key tells whether it did.
 */

import { type Clock, sleep } from "../base/clock.ts";
import { type Random, systemRandom } from "../base/random.ts";
import * as keys from "./keys.ts";
import { costOf, type Limits } from "./limits.ts";
import { StorageError } from "./storage_error.ts";

/** What a chain needs beside the store. */
export interface CommitChainOptions {
  /** For the patience. */
  readonly clock: Clock;
  /** Names the chain. */
  readonly random?: Random | undefined;
}

/** How long a writer waits until it is told that the store is away. */
const PATIENCE_MS = 30_000;

/** What the key of a process holds. */
export interface ChainLink {
  /** Counts the commits. */
  readonly count: number;
  /** When it was written: milliseconds since 1970. */
  readonly at: number;
}

/** Commits of one process, one after the other. */
export class CommitChain {
  /** What it adds to each commit. */
  readonly cost: Limits;
  readonly #kv: Deno.Kv;
  readonly #clock: Clock;
  readonly #key: Deno.KvKey;
  /** The versionstamp of the key, as far as is known. */
  #link: string | null = null;
  #count = 0;

  /** On that store. */
  constructor(kv: Deno.Kv, { clock, random = systemRandom }: CommitChainOptions) {
    this.#kv = kv;
    this.#clock = clock;
    this.#key = keys.commitChain(random.bytes(12).toBase64({ alphabet: "base64url" }));
    const key = this.#key;
    this.cost = costOf({
      checks: [{ key, versionstamp: null }],
      mutations: [{ type: "set", key, value: { count: 0, at: 0 } satisfies ChainLink }],
      size: 0,
    });
  }

  /**
   * Like `commit()` of these checks and mutations; the last one must have been answered. Rejects with a
   * {@linkcode StorageError} when the store does not answer for half a minute: such a commit may still happen until
   * another one of this chain has, and not after that.
   */
  async commit(
    checks: readonly Deno.AtomicCheck[],
    mutations: readonly Deno.KvMutation[],
  ): Promise<Deno.KvCommitResult | Deno.KvCommitError> {
    const count = ++this.#count;
    for (;;) {
      const link = { key: this.#key, versionstamp: this.#link };
      const operation = this.#kv.atomic().check(...checks, link).mutate(...mutations)
        .set(this.#key, { count, at: this.#clock.now() } satisfies ChainLink);
      const result = await this.#inTime(operation.commit());
      if (result.ok) {
        this.#link = result.versionstamp;
        return result;
      }
      const now = await this.#inTime(this.#kv.get<ChainLink>(this.#key));
      const moved = now.versionstamp !== this.#link;
      this.#link = now.versionstamp;
      if (now.value?.count === count) return { ok: true, versionstamp: now.versionstamp! };
      // unless the key was lost, or moved by a commit that had been given up, it is one of the writers' own checks
      if (!moved) return result;
    }
  }

  async #inTime<T>(promise: Promise<T>): Promise<T> {
    const limit = new AbortController();
    const late = sleep(this.#clock, PATIENCE_MS, limit.signal).then(() => {
      if (limit.signal.aborted) return promise;
      promise.catch(() => {}); // nobody waits for it any more
      throw new StorageError("failed", `The store did not answer for ${PATIENCE_MS / 1000} seconds.`);
    });
    try {
      return await Promise.race([promise, late]);
    } finally {
      limit.abort();
      late.catch(() => {});
    }
  }
}
