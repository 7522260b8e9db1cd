/**
 * The group of writes that arrive at the same time, in one commit: each commit waits for the disk, so fifty writes in
 * one cost little more than one alone.
 */

import { messageOf } from "../base/errors.ts";
import { setImmediate } from "node:timers";
import { type Clock, sleep } from "../base/clock.ts";
import type { CommitChain } from "./commit_chain.ts";
import { keyText } from "./key_identity.ts";
import { isU64, type Kv, MAX_KEYS_AT_ONCE } from "./port.ts";
import { StoppedAtSum, StorageError, storageErrorOf } from "./storage_error.ts";
import type { Write, Writer, WriteResult } from "./write.ts";
import { haveRoom, type Limits, NOTHING } from "./limits.ts";
import { Batch, Planned } from "./write_plan.ts";

/** What a commit group needs beside the store. */
export interface CommitGroupOptions {
  /** For the pauses while the file is locked. */
  readonly clock: Clock;
  /** Those of the store. */
  readonly limits: Limits;
  /** Called with a sentence when the file is locked, once for each commit that meets it. */
  readonly onError?: ((what: string, error: unknown) => void) | undefined;
  /** Called for each commit: how many writes it had, and how long it took in milliseconds. */
  readonly onCommit?: ((writes: number, ms: number) => void) | undefined;
  /** For a store behind a network: makes each commit happen once. */
  readonly chain?: CommitChain | undefined;
}

/** The pauses while another process holds the file: the first, the longest, and all of them together. */
const LOCKED = { firstMs: 2, longestMs: 250, togetherMs: 10_000 } as const;

interface Waiting {
  readonly planned: Planned;
  resolve(result: WriteResult): void;
  reject(error: StorageError): void;
}

/**
 * A writer that has one commit in flight at a time. What arrives meanwhile waits and goes together in the next one,
 * in the order of arrival; nobody waits on a timer. The results are those that the writes would have had one by one:
 * see {@linkcode Batch} for which may share a commit. When a check fails, or when KV refuses a write for what it is
 * before it has begun, the group is halved down to single writes, so that each gets its own answer. When the disk fails, the whole group
 * is rejected and the next one tries anew.
 */
export class CommitGroup implements Writer {
  readonly #kv: Kv;
  readonly #options: CommitGroupOptions;
  #waiting: Waiting[] = [];
  #running: Promise<void> | undefined;
  #lastSize = 0;
  #closed = false;

  /** All writes to `kv` have to come through this one group. */
  constructor(kv: Kv, options: CommitGroupOptions) {
    this.#kv = kv;
    this.#options = options;
  }

  /** Resolves when the write is durable; rejects with a {@linkcode StorageError} when that can't be. */
  write(change: Write): Promise<WriteResult> {
    if (this.#closed) return Promise.reject(new StorageError("closed", "The store is closed."));
    const planned = new Planned(change);
    const { limits } = this.#options;
    if (!haveRoom(limits, planned.cost, NOTHING)) return Promise.reject(tooMuch(planned.cost, limits));
    return new Promise((resolve, reject) => {
      this.#waiting.push({ planned, resolve, reject });
      this.#running ??= this.#run();
    });
  }

  /** Takes no more writes, and waits for those that it has. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#running;
  }

  async #run(): Promise<void> {
    while (this.#waiting.length > 0) {
      // Who was just answered often writes again at once: a turn of the event loop lets them all into this commit
      // (measured: 13,500 instead of 9,900 writes a second). A lone writer is not made to wait for it.
      if (this.#lastSize > 1) await turn();
      const batch = new Batch(this.#options.limits);
      let count = 0;
      while (count < this.#waiting.length && batch.add(this.#waiting[count]!.planned)) count++;
      this.#lastSize = count;
      await this.#settle(this.#waiting.splice(0, count), batch);
    }
    this.#running = undefined;
  }

  /** Gives each write its result. Never rejects. */
  async #settle(writes: readonly Waiting[], batch: Batch): Promise<void> {
    const { clock, onCommit } = this.#options;
    const began = clock.monotonic();
    try {
      const result = await this.#commit(batch);
      onCommit?.(writes.length, clock.monotonic() - began);
      if (result.ok || writes.length === 1) {
        const answer: WriteResult = result.ok
          ? { ok: true, versionstamp: result.versionstamp }
          : { ok: false };
        for (const write of writes) write.resolve(answer);
        return;
      }
    } catch (error) {
      if (error instanceof StoppedAtSum) return await this.#finish(writes, batch, error);
      if (writes.length === 1 || storageErrorOf(error) !== "refused") {
        return rejectAll(writes, storageError(error, batch));
      }
    }
    const middle = writes.length >> 1;
    await this.#settleHalf(writes.slice(0, middle));
    await this.#settleHalf(writes.slice(middle));
  }

  /**
   * Ends a commit that stopped at a sum on what is no number. What is in front of that sum has happened, so the commit
   * can't be taken back, and in parts the sums would be added twice: the rest is done without the sums that can't be.
   * Never rejects.
   */
  async #finish(writes: readonly Waiting[], batch: Batch, why: StoppedAtSum): Promise<void> {
    try {
      const damaged = await this.#damaged(batch);
      const first = batch.mutations.findIndex((mutation) =>
        counts(mutation) && damaged.has(keyText(mutation.key))
      );
      if (first < 0) return rejectAll(writes, storageError(why, batch));
      const rest = batch.mutations.filter((mutation, i) =>
        !counts(mutation) || (i > first && !damaged.has(keyText(mutation.key)))
      );
      const { ok, versionstamp } = await this.#commit({ checks: [], mutations: rest }) as Deno.KvCommitResult;
      const error = new StorageError(
        "failed",
        `The store has no number under ${[...damaged].join(", ")}.`,
        why,
      );
      this.#options.onError?.("A counter of the store is damaged; what it counts goes on uncounted.", error);
      for (const write of writes) {
        if (write.planned.write.mutations.every(({ key }) => damaged.has(keyText(key)))) write.reject(error);
        else write.resolve({ ok, versionstamp });
      }
    } catch (error) {
      rejectAll(writes, storageError(error, batch));
    }
  }

  /** The keys that a batch counts on and that hold something else than a number, as texts. */
  async #damaged({ mutations }: Batch): Promise<Set<string>> {
    const damaged = new Set<string>();
    const counted = mutations.filter(counts).map(({ key }) => key);
    for (let i = 0; i < counted.length; i += MAX_KEYS_AT_ONCE) {
      for (const { key, value } of await this.#kv.getMany(counted.slice(i, i + MAX_KEYS_AT_ONCE))) {
        if (value !== null && !isU64(value)) damaged.add(keyText(key));
      }
    }
    return damaged;
  }

  #settleHalf(writes: readonly Waiting[]): Promise<void> {
    const batch = new Batch(this.#options.limits);
    for (const write of writes) batch.add(write.planned); // what fitted together also fits in halves
    return this.#settle(writes, batch);
  }

  async #commit(
    { checks, mutations }: Pick<Batch, "checks" | "mutations">,
  ): Promise<Deno.KvCommitResult | Deno.KvCommitError> {
    const { chain } = this.#options;
    if (chain) return await chain.commit(checks, mutations);
    let waited = 0;
    for (let pause: number = LOCKED.firstMs;; pause = Math.min(pause * 2, LOCKED.longestMs)) {
      try {
        return await this.#kv.commit(checks, mutations);
      } catch (error) {
        if (storageErrorOf(error) !== "locked" || waited >= LOCKED.togetherMs) throw error;
        if (waited === 0) {
          this.#options.onError?.("The store's file is locked by another process; trying again.", error);
        }
        await sleep(this.#options.clock, pause);
        waited += pause;
      }
    }
  }
}

function rejectAll(writes: readonly Waiting[], error: StorageError): void {
  for (const write of writes) write.reject(error);
}

/** Does the mutation need a number to be there? */
function counts({ type }: Deno.KvMutation): boolean {
  return type === "sum" || type === "min" || type === "max";
}

function turn(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve));
}

function storageError(error: unknown, { checks, mutations }: Batch): StorageError {
  if (error instanceof StorageError) return error;
  const kind = storageErrorOf(error);
  const reason = messageOf(error);
  if (kind === "full") return new StorageError(kind, `The store's disk is full or fails: ${reason}.`, error);
  if (kind === "closed") return new StorageError(kind, "The store is closed.", error);
  if (kind === "locked") {
    const seconds = LOCKED.togetherMs / 1000;
    return new StorageError(kind, `The store's file was locked for more than ${seconds} seconds.`, error);
  }
  const asked = `${mutations.length} mutations and ${checks.length} checks`;
  return new StorageError(kind, `The store can't take a write of ${asked}: ${reason}.`, error);
}

function tooMuch(cost: Limits, limits: Limits): StorageError {
  const described = ({ mutations, checks, bytes, keyBytes }: Limits) =>
    `${mutations} mutations, ${checks} checks, ${bytes} bytes and ${keyBytes} bytes of keys`;
  return new StorageError(
    "refused",
    `The store can't take a write of ${described(cost)}: one commit takes at most ${described(limits)}.`,
  );
}
