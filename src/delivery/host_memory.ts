/** The memory of what a host did a moment ago, so that not every message has to find it out again. */

import type { Clock } from "../base/clock.ts";

/** More would only be a waste of memory: the oldest ones are forgotten. */
const MAX_REMEMBERED = 10_000;

/** Hosts, each with what is remembered of it, for a while. */
export class HostMemory<T> {
  readonly #clock: Clock;
  readonly #forMs: number;
  readonly #known = new Map<string, { until: number; what: T }>();

  /** Each is remembered for `forMs`. */
  constructor(clock: Clock, forMs: number) {
    this.#clock = clock;
    this.#forMs = forMs;
  }

  /** How many are remembered, those whose time has passed included. */
  get size(): number {
    return this.#known.size;
  }

  /** Remembers a host. */
  remember(host: string, what: T): void {
    this.#known.delete(host); // so that the order is the order of time
    if (this.#known.size >= MAX_REMEMBERED) this.#known.delete(this.#known.keys().next().value!);
    this.#known.set(host, { until: this.#clock.monotonic() + this.#forMs, what });
  }

  /** What is remembered of a host; undefined when there is nothing (any more). */
  recall(host: string): T | undefined {
    const known = this.#known.get(host);
    if (known && this.#clock.monotonic() >= known.until) this.#known.delete(host);
    else return known?.what;
    return undefined;
  }

  /** Forgets a host; without one, all. */
  forget(host?: string): void {
    if (host === undefined) this.#known.clear();
    else this.#known.delete(host);
  }
}
