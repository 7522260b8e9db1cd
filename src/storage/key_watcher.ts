/** The watch over one key of a store that other servers write to as well. */

import { type Clock, sleep, type Timer } from "../base/clock.ts";
import type { Store } from "./store.ts";

/** What a {@linkcode KeyWatcher} works with. */
export interface KeyWatcherOptions {
  readonly key: Deno.KvKey;
  /** For pauses. */
  readonly clock: Clock;
  /** The key is also read this often, for the case that a watch is dead without having ended: milliseconds. */
  readonly everyMs: number;
  /** Called with its value when the key has changed, however often, and once at the beginning. */
  onChange(value: unknown): void;
}

/** After a watch has ended, the next one begins this much later. */
const PAUSE_MS = 1000;

/** Watches a key by a watch, and looks after it besides. Works until it is closed. */
export class KeyWatcher {
  readonly #store: Store;
  readonly #options: KeyWatcherOptions;
  readonly #closing = new AbortController();
  readonly #watching: Promise<void>;
  #timer: Timer | undefined;
  #seen: string | null | undefined;

  /** Begins at once. */
  constructor(store: Store, options: KeyWatcherOptions) {
    this.#store = store;
    this.#options = options;
    this.#watching = this.#watch();
    this.#schedule();
  }

  /** No more calls; to be done before the store is closed. */
  async close(): Promise<void> {
    this.#closing.abort();
    this.#timer?.cancel();
    await this.#watching;
  }

  async #watch(): Promise<void> {
    const { signal } = this.#closing;
    while (!signal.aborted) {
      try {
        for await (const entry of this.#store.kv.watch(this.#options.key, signal)) this.#see(entry);
      } catch {
        // the store is away: the next watch may go well, and reading the key helps as well
      }
      await sleep(this.#options.clock, PAUSE_MS, signal);
    }
  }

  #schedule(): void {
    const { clock, everyMs, key } = this.#options;
    this.#timer = clock.schedule(everyMs, () => {
      this.#store.kv.get(key).then((entry) => this.#see(entry)).catch(() => {}).then(() => {
        if (!this.#closing.signal.aborted) this.#schedule();
      });
    });
  }

  #see({ value, versionstamp }: Deno.KvEntryMaybe<unknown>): void {
    if (versionstamp === this.#seen || this.#closing.signal.aborted) return;
    // a watch and a reading may cross: versionstamps say which is newer
    if (this.#seen != null && versionstamp !== null && versionstamp < this.#seen) return;
    this.#seen = versionstamp;
    this.#options.onChange(value);
  }
}
