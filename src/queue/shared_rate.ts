/** The rate of a destination where several servers send to it: what one has taken, the others do not have. */

import type { Clock } from "../base/clock.ts";
import * as keys from "../storage/keys.ts";
import type { Store } from "../storage/store.ts";
import type { DestinationRate, Rate } from "./rate_limit.ts";

/** What the row of a destination holds. */
export interface UsedRate {
  /** When all of its places will be free again: milliseconds since 1970. */
  readonly until: number;
}

/** So much of the rate a server takes at once, and one place at least: each time is a commit. */
const SHARE = 0.05;
/** What it has taken and not used for so long is lost, so that it can't be saved up. */
const KEPT_MS = 5000;
/** When to look again whether the store has answered, and when to ask it again after it failed. */
const SOON_MS = 10;
const AWAY_MS = 1000;

/**
 * The places of one destination, as one server sees them. All servers together never take more than a burst of the
 * whole count, and then what the rate gives; a clock that is ahead of the others' by so many seconds gets what the rate
 * gives in them, once.
 */
export class SharedRate implements DestinationRate {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #destination: string;
  readonly #rate: Rate;
  /** Places that were taken and not used yet, and until when they may be, by the clock that never goes back. */
  #taken = 0;
  #takenUntil = 0;
  /** When the next one is free. */
  #freeAt = -Infinity;
  #asking = false;

  /** Nothing is asked of the store yet. */
  constructor(by: { readonly store: Store; readonly clock: Clock }, destination: string, rate: Rate) {
    this.#store = by.store;
    this.#clock = by.clock;
    this.#destination = destination;
    this.#rate = rate;
  }

  get waitMs(): number {
    const now = this.#clock.monotonic();
    if (this.#taken > 0 && now < this.#takenUntil) return 0;
    if (!this.#asking && now >= this.#freeAt) void this.#ask();
    return Math.max(SOON_MS, Math.ceil(this.#freeAt - now));
  }

  take(): void {
    this.#taken--;
  }

  /** Takes some from the store, or learns when there will be one. Never rejects. */
  async #ask(): Promise<void> {
    this.#asking = true;
    try {
      while (!await this.#tryTake());
    } catch {
      this.#freeAt = this.#clock.monotonic() + AWAY_MS; // nothing is sent while nobody knows what others send
    } finally {
      this.#asking = false;
    }
  }

  /** False: another server took some at that moment. */
  async #tryTake(): Promise<boolean> {
    const { count, perMs } = this.#rate;
    const eachMs = perMs / count;
    const key = keys.usedRate(this.#destination);
    const { value, versionstamp } = await this.#store.kv.get<UsedRate>(key);
    const now = this.#clock.now();
    // further than a whole burst it is never away, whatever a clock may have said
    const until = Math.min(Math.max(value?.until ?? now, now), now + perMs);
    // what is missing by less than a thousandth is missing by rounding
    const free = Math.floor((now + perMs - until) / eachMs + 0.001);
    if (free < 1) {
      this.#freeAt = this.#clock.monotonic() + until + eachMs - now - perMs;
      return true;
    }
    const wanted = Math.min(free, Math.max(1, Math.floor(count * SHARE)));
    const used: UsedRate = { until: until + wanted * eachMs };
    const result = await this.#store.write({
      checks: [{ key, versionstamp }],
      mutations: [{ type: "set", key, value: used }],
      size: 100,
    });
    if (!result.ok) return false;
    this.#taken = wanted;
    this.#takenUntil = this.#clock.monotonic() + Math.max(KEPT_MS, wanted * eachMs);
    return true;
  }
}
