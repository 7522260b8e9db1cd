/** Knows when nothing happens any more on a store: the calls that are under way are awaited, and no time is. */

import type { Kv } from "../../src/storage/port.ts";
import type { Store } from "../../src/storage/store.ts";

/** What is under way on some stores. */
export class StoreActivity {
  readonly #running = new Set<Promise<unknown>>();
  #begun = 0;

  /** Counts a call. */
  async during<T>(call: Promise<T>): Promise<T> {
    this.#begun++;
    this.#running.add(call);
    try {
      return await call;
    } finally {
      this.#running.delete(call);
    }
  }

  /** Resolves when all calls have ended, and those that came of them. */
  async quiet(): Promise<void> {
    for (let begun = -1; begun !== this.#begun;) {
      begun = this.#begun;
      while (this.#running.size > 0) await Promise.allSettled(this.#running);
      await microtasks();
    }
  }
}

/** Resolves when all has happened that follows from answered promises alone: the event loop turns only then. */
function microtasks(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve));
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
    ...(kv.lastCommit && { lastCommit: () => kv.lastCommit!() }),
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
