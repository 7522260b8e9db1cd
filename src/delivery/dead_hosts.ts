/** In charge of remembering hosts that let us wait in vain, so that not every message for them waits again. */

import type { Clock } from "../base/clock.ts";
import type { Deferred } from "../mail/outcome.ts";

/** More would only be a waste of memory: the oldest ones are forgotten. */
const MAX_REMEMBERED = 10_000;

/** Hosts that don't answer, each with the reason, for a while. */
export class DeadHosts {
  readonly #clock: Clock;
  readonly #forMs: number;
  readonly #dead = new Map<string, { until: number; reason: Deferred }>();

  /** Each is remembered for `forMs`. */
  constructor(clock: Clock, forMs: number) {
    this.#clock = clock;
    this.#forMs = forMs;
  }

  /** How many are remembered, those whose time has passed included. */
  get size(): number {
    return this.#dead.size;
  }

  /** Remembers a host. */
  remember(host: string, reason: Deferred): void {
    this.#dead.delete(host); // so that the order is the order of time
    if (this.#dead.size >= MAX_REMEMBERED) this.#dead.delete(this.#dead.keys().next().value!);
    this.#dead.set(host, { until: this.#clock.monotonic() + this.#forMs, reason });
  }

  /** Why a host is known to be dead; undefined when it isn't (any more). */
  recall(host: string): Deferred | undefined {
    const dead = this.#dead.get(host);
    if (dead && this.#clock.monotonic() >= dead.until) this.#dead.delete(host);
    else return dead?.reason;
    return undefined;
  }

  /** It lives. Without a host: forgets all. */
  forget(host?: string): void {
    if (host === undefined) this.#dead.clear();
    else this.#dead.delete(host);
  }
}
