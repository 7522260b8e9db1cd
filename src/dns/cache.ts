/** The cache of answers for as long as they hold; equal questions at the same time are asked once. */

import type { Clock } from "../base/clock.ts";

/** A value and for how long it may be used. */
export interface Perishable<T> {
  readonly value: T;
  /** Milliseconds; 0: only for those who wait for it now. */
  readonly keepMs: number;
}

/** A bounded memory of answers; what was not used for longest goes first. */
export class AnswerCache<T> {
  readonly #entries = new Map<string, { value: T; until: number }>();
  readonly #running = new Map<string, Promise<T>>();

  /** More than `maxEntries` answers are never kept. */
  constructor(private readonly clock: Clock, private readonly maxEntries: number) {}

  /** How many answers are remembered, including those whose time is over and that nobody asked for since. */
  get size(): number {
    return this.#entries.size;
  }

  /** The answer under a key: remembered, on its way, or found by `ask`. What `ask` rejects with is not remembered. */
  get(key: string, ask: () => Promise<Perishable<T>>): Promise<T> | T {
    const entry = this.#entries.get(key);
    if (entry) {
      this.#entries.delete(key);
      if (entry.until > this.clock.monotonic()) {
        this.#entries.set(key, entry); // now the youngest
        return entry.value;
      }
    }
    const running = this.#running.get(key);
    if (running) return running;
    const answer = this.#ask(key, ask);
    this.#running.set(key, answer);
    return answer;
  }

  /** Forgets everything. */
  clear(): void {
    this.#entries.clear();
  }

  async #ask(key: string, ask: () => Promise<Perishable<T>>): Promise<T> {
    try {
      const { value, keepMs } = await ask();
      if (keepMs > 0) this.#remember(key, value, keepMs);
      return value;
    } finally {
      this.#running.delete(key);
    }
  }

  #remember(key: string, value: T, keepMs: number): void {
    if (this.#entries.size >= this.maxEntries) {
      const oldest = this.#entries.keys().next();
      if (!oldest.done) this.#entries.delete(oldest.value);
    }
    this.#entries.set(key, { value, until: this.clock.monotonic() + keepMs });
  }
}
