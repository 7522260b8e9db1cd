/**
 * The commits of one process over a network, where an answer may get lost after the commit happened. Sent again, a sum
 * would be added twice, and a commit with a check would hear that it failed although it is what broke the check. So
 * each commit also renews a key of this process under a check: it happens once, however often it is sent, and the key
 * says whether it did.
 */

import { type Clock, sleep } from "../base/clock.ts";
import { NUMBERS } from "../base/ids.ts";
import { type Random, systemRandom } from "../base/random.ts";
import * as keys from "./keys.ts";
import { costOf, type Limits } from "./limits.ts";
import type { Kv } from "./port.ts";
import { OutcomeUnknown } from "./storage_error.ts";

/** What a chain needs beside the store. */
export interface CommitChainOptions {
  /** For pauses, and what time it is. */
  readonly clock: Clock;
  /** Names the chain. */
  readonly random?: Random | undefined;
}

/** A commit whose answer got lost, and that has not happened, is sent so many times. */
const TRIES = 4;
/** The pause before it is sent again: each is four times as long as the one before. */
const PAUSE_MS = 25;

/** What the key of a process holds. */
export interface ChainLink {
  /** Which process it is, whatever its number; absent: one of a time before processes had numbers. */
  readonly by?: string;
  /** Counts the commits. */
  readonly count: number;
  /** When it was written: milliseconds since 1970. */
  readonly at: number;
}

/** Commits of one process, one after the other. */
export class CommitChain {
  /** What it adds to each commit. */
  readonly cost: Limits;
  readonly #kv: Kv;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #by: string;
  #number!: number;
  #key!: Deno.KvKey;
  /** The versionstamp of the key, as far as is known. */
  #link: string | null = null;
  #count = 0;

  /** On that store. */
  constructor(kv: Kv, { clock, random = systemRandom }: CommitChainOptions) {
    this.#kv = kv;
    this.#clock = clock;
    this.#random = random;
    this.#by = random.bytes(12).toBase64({ alphabet: "base64url" });
    this.#takeNumber();
    const key = keys.commitChain(String(NUMBERS));
    this.cost = costOf({
      checks: [{ key, versionstamp: null }],
      mutations: [{ type: "set", key, value: this.#value(0) }],
      size: 0,
    });
  }

  /** The number of this process, which no other has that shares the store; undefined before its first commit. */
  get number(): number | undefined {
    return this.#link === null ? undefined : this.#number;
  }

  /**
   * Like `commit()` of these checks and mutations; the last one must have been answered. A commit whose answer got lost
   * is asked for by the key before it is sent again or anything is said of it. Rejects with a {@linkcode StorageError}
   * when that can't be asked either: such a commit may still happen until another one of this chain has, and not after
   * that.
   */
  async commit(
    checks: readonly Deno.AtomicCheck[],
    mutations: readonly Deno.KvMutation[],
  ): Promise<Deno.KvCommitResult | Deno.KvCommitError> {
    const count = ++this.#count;
    for (let lost = 0;;) {
      const result = await this.#try({ checks, mutations, count });
      if (!(result instanceof OutcomeUnknown)) {
        if (result.ok) return result;
      } else if (++lost === TRIES) throw result;
      const now = await this.#kv.get<ChainLink>(this.#key);
      const moved = now.versionstamp !== this.#link;
      this.#link = now.versionstamp;
      if (now.value && now.value.by !== this.#by) {
        // another process has the number: at the first commit by chance, later after it was free for a week
        this.#takeNumber();
        continue;
      }
      if (now.value?.count === count) return { ok: true, versionstamp: now.versionstamp! };
      if (result instanceof OutcomeUnknown) await sleep(this.#clock, PAUSE_MS * 4 ** (lost - 1));
      // unless the key was lost, or moved by a commit that had been given up, it is one of the writers' own checks
      else if (!moved) return result;
    }
  }

  #takeNumber(): void {
    const [a, b, c] = this.#random.bytes(3) as unknown as [number, number, number];
    this.#number = ((a << 16) + (b << 8) + c) % NUMBERS;
    this.#key = keys.commitChain(String(this.#number));
    this.#link = null;
  }

  #value(count: number): ChainLink {
    return { by: this.#by, count, at: this.#clock.now() };
  }

  /** The key is the first that is set: when a commit stops in its midst (see `StoppedAtSum`), it has moved too. */
  async #try(of: {
    checks: readonly Deno.AtomicCheck[];
    mutations: readonly Deno.KvMutation[];
    count: number;
  }): Promise<Deno.KvCommitResult | Deno.KvCommitError | OutcomeUnknown> {
    const key = this.#key;
    const value = this.#value(of.count);
    const renewal = { type: "set", key, value } as const;
    try {
      const checks = [...of.checks, { key, versionstamp: this.#link }];
      const result = await this.#kv.commit(checks, [renewal, ...of.mutations]);
      if (result.ok) this.#link = result.versionstamp;
      return result;
    } catch (error) {
      if (error instanceof OutcomeUnknown) return error;
      throw error;
    }
  }
}
