/** The limit of how many messages a destination gets in a span of time. */

import type { Clock } from "../base/clock.ts";

/** So many messages per span. */
export interface Rate {
  /** Messages. */
  readonly count: number;
  /** The span: milliseconds. */
  readonly perMs: number;
}

/** How fast a destination may be sent to. */
export interface DestinationRate {
  /** How many milliseconds from now it is worth asking for the next place; 0: there is one. */
  readonly waitMs: number;
  /** Takes a place. */
  take(): void;
}

/** A token bucket: a burst of the whole count may come at once, then they come evenly. */
export class RateLimit implements DestinationRate {
  readonly #clock: Clock;
  readonly #rate: Rate;
  #tokens: number;
  #at: number;

  /** The bucket is full. */
  constructor(clock: Clock, rate: Rate) {
    this.#clock = clock;
    this.#rate = rate;
    this.#tokens = rate.count;
    this.#at = clock.monotonic();
  }

  /** How many milliseconds the next place is away; 0: now. */
  get waitMs(): number {
    const { count, perMs } = this.#rate;
    const now = this.#clock.monotonic();
    this.#tokens = Math.min(count, this.#tokens + (now - this.#at) * count / perMs);
    this.#at = now;
    // what is missing by less than a thousandth is missing by rounding
    return this.#tokens >= 0.999 ? 0 : Math.ceil((1 - this.#tokens) * perMs / count);
  }

  /** Takes a place. */
  take(): void {
    this.#tokens--;
  }
}
