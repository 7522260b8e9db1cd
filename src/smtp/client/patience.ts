/** The patience with a peer: how long it is waited for, with one timer for one wait after the other. */

import type { Clock, Timer } from "../../base/clock.ts";

/**
 * The limit of one wait at a time. A timer that is set for one wait stays for those behind it: where each has its answer
 * soon, as nearly all have, none of them sets one.
 */
export class Patience {
  readonly #clock: Clock;
  readonly #onLate: (limitMs: number, what: string) => void;
  /** On the monotonic clock; Infinity: nothing is waited for. */
  #until = Infinity;
  #limitMs = 0;
  #what = "";
  #timer: Timer | undefined;
  /** When the timer fires. */
  #firesAt = Infinity;
  #closed = false;

  /** `onLate` is told the limit, and what the peer did not do, in words. */
  constructor(clock: Clock, onLate: (limitMs: number, what: string) => void) {
    this.#clock = clock;
    this.#onLate = onLate;
  }

  /** From now on it is waited for at most `limitMs`. */
  begin(limitMs: number, what: string): void {
    if (this.#closed) return;
    this.#until = this.#clock.monotonic() + limitMs;
    this.#limitMs = limitMs;
    this.#what = what;
    if (this.#until < this.#firesAt) this.#set(limitMs);
  }

  /** What was waited for is there. */
  end(): void {
    this.#until = Infinity;
  }

  /** Nothing is waited for any more. */
  close(): void {
    this.#closed = true;
    this.#until = Infinity;
    this.#timer?.cancel();
  }

  #set(ms: number): void {
    this.#timer?.cancel();
    this.#firesAt = this.#clock.monotonic() + ms;
    this.#timer = this.#clock.schedule(ms, () => this.#fired());
  }

  #fired(): void {
    this.#firesAt = Infinity;
    this.#timer = undefined;
    if (this.#until === Infinity) return;
    const left = this.#until - this.#clock.monotonic();
    if (left > 0) return this.#set(left);
    this.#until = Infinity;
    this.#onLate(this.#limitMs, this.#what);
  }
}
