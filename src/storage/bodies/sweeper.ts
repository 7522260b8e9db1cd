/** The sweeper of bodies that no record owns. */

import type { Clock } from "../../base/clock.ts";
import { type BodyMark, removeMarked, SMALL_CHUNKS } from "./layout.ts";
import { recountOwners } from "./owners.ts";
import * as keys from "../keys.ts";
import type { Store } from "../store.ts";

/** A writer that was silent for an hour is dead: no time-out of a session is as long. */
export const DEFAULT_SWEEP_GRACE_MS = 3600_000;

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
      if (gone && (entry.key[2] as number) <= SMALL_CHUNKS) removed++;
    }
    for await (const entry of this.#store.kv.list<BodyMark>(keys.bodiesPending)) {
      if (entry.value.at > silentSince) continue;
      if (await removeMarked(this.#store, entry)) removed++;
    }
    return removed;
  }
}
