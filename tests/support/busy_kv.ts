/** In charge of knowing when nothing happens any more on a store: what is under way is counted, and no time is waited. */

import type { Kv } from "../../src/storage/port.ts";
import type { Store } from "../../src/storage/store.ts";

/** So many turns of the event loop in a row without a call of the store: what follows from the last one is done. */
const QUIET_TURNS = 5;

/** What is under way on some stores. */
export class StoreActivity {
  #running = 0;
  #begun = 0;

  /** Counts a call. */
  async during<T>(call: Promise<T>): Promise<T> {
    this.#running++;
    this.#begun++;
    try {
      return await call;
    } finally {
      this.#running--;
    }
  }

  /** Resolves when all calls have ended, and those that came of them. */
  async quiet(): Promise<void> {
    for (let turns = 0; turns < QUIET_TURNS; turns++) {
      const begun = this.#begun;
      await new Promise((resolve) => setImmediate(resolve));
      if (this.#running > 0 || this.#begun > begun) turns = -1;
    }
  }
}

/** The same key-value store, its calls counted. */
export function countedKv(kv: Kv, activity: StoreActivity): Kv {
  return {
    get: (key) => activity.during(kv.get(key)),
    getMany: (keys) => activity.during(kv.getMany(keys)),
    async *list(selector, options) {
      const entries = kv.list<never>(selector, options)[Symbol.asyncIterator]();
      for (;;) {
        const next = await activity.during(entries.next());
        if (next.done) return;
        yield next.value;
      }
    },
    watch: (key, signal) => kv.watch(key, signal),
    commit: (checks, mutations) => activity.during(kv.commit(checks, mutations)),
    close: () => kv.close(),
  };
}

/** The same store, its calls counted. */
export function countedStore(store: Store, activity: StoreActivity): Store {
  return {
    kv: countedKv(store.kv, activity),
    embedded: store.embedded,
    limits: store.limits,
    write: (change) => activity.during(store.write(change)),
    close: () => store.close(),
  };
}
