/** The rates of submission: how many recipients an account, and a client's address, may name in a span of time. */

import type { Clock } from "../base/clock.ts";
import type { Rate } from "../queue/rate_limit.ts";
import { KeyedRates } from "./keyed_rates.ts";

/** What {@linkcode SubmissionRates} work with. */
export interface SubmissionRatesOptions {
  readonly clock: Clock;
  readonly rate: Rate;
  /** Called for each recipient that is put off. */
  readonly onRefused?: () => void;
}

/** Counts recipients by account and by address. */
export class SubmissionRates {
  readonly #options: SubmissionRatesOptions;
  readonly #limits: KeyedRates;

  constructor(options: SubmissionRatesOptions) {
    this.#options = options;
    this.#limits = new KeyedRates(options.clock, options.rate);
  }

  /** Counts one more recipient, unless there are too many: how many milliseconds to wait then; 0: none. */
  take(account: string, address: string): number {
    const limits = [this.#limits.of(`account ${account}`), this.#limits.of(`address ${address}`)];
    const waitMs = Math.max(...limits.map((limit) => limit.waitMs));
    if (waitMs > 0) this.#options.onRefused?.();
    else for (const limit of limits) limit.take();
    return waitMs;
  }
}
