/** In charge of how many messages a destination gets in a span of time. */

import type { Clock } from "../base/clock.ts";

/** So many messages per span. */
export interface Rate {
  readonly count: number;
  readonly perMs: number;
}

/** A token bucket: a burst of the whole count may come at once, then they come evenly. */
export class RateLimit {
  readonly #clock: Clock;
  readonly #rate: Rate;
  #tokens: number;
  #at: number;

  constructor(clock: Clock, rate: Rate) {
    this.#clock = clock;
    this.#rate = rate;
    this.#tokens = rate.count;
    this.#at = clock.monotonic();
  }

  /**
   * Takes a place: how many milliseconds it is away (0: now). A place that is further away than `maxWaitMs` is not
   * taken.
   */
  take(maxWaitMs: number): number {
    const { count, perMs } = this.#rate;
    const now = this.#clock.monotonic();
    this.#tokens = Math.min(count, this.#tokens + (now - this.#at) * count / perMs);
    this.#at = now;
    const wait = this.#tokens >= 1 ? 0 : Math.ceil((1 - this.#tokens) * perMs / count);
    if (wait <= maxWaitMs) this.#tokens--;
    return wait;
  }
}
