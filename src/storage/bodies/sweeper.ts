/** The sweeper of bodies that no record owns. */

import type { Clock } from "../../base/clock.ts";
import { type BodyMark, removeMarked, smallChunks } from "./layout.ts";
import { recountOwners } from "./owners.ts";
import * as keys from "../keys.ts";
import type { Store } from "../store.ts";

/** A writer that was silent for an hour is dead: no time-out of a session is as long. */
export const DEFAULT_SWEEP_GRACE_MS = 3600_000;

/** So many bodies are removed at a time where they are in files. */
const AT_ONCE = 16;

/** What a sweeper needs beside the store. */
export interface BodySweeperOptions {
  readonly clock: Clock;
  /** How long a writer may be silent until it is taken for dead, in milliseconds: an hour. */
  readonly graceMs: number;
}

/**
 * Removes bodies without owners, in small commits. It may be stopped anywhere (by closing the store,
 * by a crash): the next sweep goes on. Several servers may sweep the same store.
 */
export class BodySweeper {
  readonly #store: Store;
  readonly #options: BodySweeperOptions;
  readonly #since: number;

  /** `options` say what is dead. */
  constructor(store: Store, options: BodySweeperOptions) {
    this.#store = store;
    this.#options = options;
    this.#since = options.clock.now();
  }

  /**
   * Removes what waits to be removed, and what its writer left; answers how many bodies that were. `all`: also what
   * was written a moment ago, up to when this sweeper was made; right only at the start of the one server of an
   * embedded store, whose writers all died with the process before, while new ones may be at work by now. Costs next
   * to nothing when there is nothing to remove. Rejects when the store fails.
   */
  async sweep(all: boolean): Promise<number> {
    const silentSince = all ? this.#since : this.#options.clock.now() - this.#options.graceMs;
    let removed = 0;
    for await (const entry of this.#store.kv.list(keys.bodiesRecount)) {
      const gone = await recountOwners(this.#store, entry);
      // a larger one was only marked, and is counted below
      if (gone && (entry.key[2] as number) <= smallChunks(this.#store.kv)) removed++;
    }
    removed += await this.#sweepMarked(silentSince);
    if (all) removed += await this.#sweepFiles();
    return removed;
  }

  /** Removes what was let go: without waiting for the next sweep, where that is room on the disk. */
  async sweepReleased(): Promise<number> {
    return await this.#sweepMarked(0);
  }

  /** Some at a time, so that their commits are one. */
  async #sweepMarked(silentSince: number): Promise<number> {
    let removed = 0;
    let waiting: Promise<boolean>[] = [];
    const settle = async () => {
      for (const gone of await Promise.all(waiting)) if (gone) removed++;
      waiting = [];
    };
    for await (const entry of this.#store.kv.list<BodyMark>(keys.bodiesPending)) {
      if (entry.value.at > silentSince) continue;
      waiting.push(removeMarked(this.#store, entry));
      if (waiting.length === (this.#store.kv.files ? AT_ONCE : 1)) await settle();
    }
    await settle();
    return removed;
  }

  /** Files that nothing in the store knows: their removal was not durable, or a backup had more than its store. */
  async #sweepFiles(): Promise<number> {
    const { kv } = this.#store;
    let removed = 0;
    for await (const id of kv.files?.ids() ?? []) {
      // a mark comes before its file, and goes in the commit that sets the rows
      const [mark, row] = await kv.getMany<[BodyMark, unknown]>([keys.bodyPending(id), keys.body(id, 1)]);
      if (mark.versionstamp !== null || row.versionstamp !== null) continue;
      await kv.files!.remove(id);
      removed++;
    }
    return removed;
  }
}
