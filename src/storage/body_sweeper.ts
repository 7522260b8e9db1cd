/** In charge of removing the texts that no record owns. */

import type { Clock } from "../base/clock.ts";
import { type BodyMark, removeMarked, SMALL_CHUNKS } from "./body_layout.ts";
import { recountOwners } from "./body_owners.ts";
import * as keys from "./keys.ts";
import type { Store } from "./store.ts";

/** What a sweeper needs beside the store. */
export interface BodySweeperOptions {
  /** What time it is. */
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

  /** `options` say what is dead. */
  constructor(store: Store, options: BodySweeperOptions) {
    this.#store = store;
    this.#options = options;
  }

  /**
   * Removes what waits to be removed, and what its writer left; answers how many bodies that were. `all`: also what
   * was written a moment ago; right only at the start of the one server of an embedded store, whose writers all died
   * with the process before. Costs next to nothing when there is nothing to remove. Rejects when the store fails.
   */
  async sweep(all: boolean): Promise<number> {
    const silentSince = this.#options.clock.now() - this.#options.graceMs;
    let removed = 0;
    for await (const entry of this.#store.kv.list(keys.bodiesRecount)) {
      const gone = await recountOwners(this.#store, entry);
      // a larger one was only marked, and is counted below
      if (gone && (entry.key[2] as number) <= SMALL_CHUNKS) removed++;
    }
    for await (const entry of this.#store.kv.list<BodyMark>(keys.bodiesPending)) {
      if (!all && entry.value.at > silentSince) continue;
      if (await removeMarked(this.#store, entry)) removed++;
    }
    return removed;
  }
}
