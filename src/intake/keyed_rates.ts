/** One rate for each of many: accounts, addresses, networks. */

import type { Clock } from "../base/clock.ts";
import { type Rate, RateLimit } from "../queue/rate_limit.ts";

/** More than these are not remembered at once; who was quiet for longest is forgotten. */
const MAX_KEYS = 10_000;

/** Counts by key. */
export class KeyedRates {
  /** Those that were asked for last are the last. */
  readonly #limits = new Map<string, RateLimit>();

  constructor(private readonly clock: Clock, private readonly rate: Rate) {}

  /** The limit of one. */
  of(key: string): RateLimit {
    const limit = this.#limits.get(key) ?? new RateLimit(this.clock, this.rate);
    this.#limits.delete(key);
    this.#limits.set(key, limit);
    if (this.#limits.size > MAX_KEYS) this.#limits.delete(this.#limits.keys().next().value!);
    return limit;
  }
}
