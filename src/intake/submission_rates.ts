/** The rates of submission: how many recipients an account, and a client's address, may name in a span of time. */

import type { Clock } from "../base/clock.ts";
import { type Rate, RateLimit } from "../queue/rate_limit.ts";

/** What {@linkcode SubmissionRates} work with. */
export interface SubmissionRatesOptions {
  readonly clock: Clock;
  readonly rate: Rate;
  /** Called for each recipient that is put off. */
  readonly onRefused?: () => void;
}

/** More senders than this are not remembered at once; who was quiet for longest is forgotten. */
const MAX_SENDERS = 10_000;

/** Counts recipients by account and by address. */
export class SubmissionRates {
  readonly #options: SubmissionRatesOptions;
  /** Those that were asked for last are the last. */
  readonly #limits = new Map<string, RateLimit>();

  constructor(options: SubmissionRatesOptions) {
    this.#options = options;
  }

  /** Counts one more recipient, unless there are too many: how many milliseconds to wait then; 0: none. */
  take(account: string, address: string): number {
    const limits = [this.#limitOf(`account ${account}`), this.#limitOf(`address ${address}`)];
    const waitMs = Math.max(...limits.map((limit) => limit.waitMs));
    if (waitMs > 0) this.#options.onRefused?.();
    else for (const limit of limits) limit.take();
    return waitMs;
  }

  #limitOf(key: string): RateLimit {
    const limit = this.#limits.get(key) ?? new RateLimit(this.#options.clock, this.#options.rate);
    this.#limits.delete(key);
    this.#limits.set(key, limit);
    if (this.#limits.size > MAX_SENDERS) this.#limits.delete(this.#limits.keys().next().value!);
    return limit;
  }
}
