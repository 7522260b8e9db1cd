/** In charge of how fast a session may send commands: who moves no mail is slowed down, never refused. */

import type { Clock } from "../../base/clock.ts";

/** The first burst is free: this many seconds' worth, and a command for each recipient that a message may have. */
const BURST_SECONDS = 10;
/** How long a session pauses when its credit is used up. */
const PAUSE_MS = 1_000;

/** The credit of one session, in commands. */
export class CommandRateLimiter {
  readonly #clock: Clock;
  readonly #perSecond: number;
  readonly #burst: number;
  #credit: number;
  #at: number;

  constructor(clock: Clock, limits: { commandsPerSecond?: number; recipients: number }) {
    this.#clock = clock;
    this.#perSecond = limits.commandsPerSecond ?? Infinity;
    this.#burst = this.#credit = BURST_SECONDS * this.#perSecond + limits.recipients;
    this.#at = clock.monotonic();
  }

  /** A command was answered: how long to wait before the next one is read, in ms; 0: no time at all. */
  pause(): number {
    // Asking what time it is costs more than the rest: only when the credit is used up.
    if (--this.#credit > 0) return 0;
    const now = this.#clock.monotonic();
    this.#credit = Math.min(this.#burst, this.#credit + (now - this.#at) * this.#perSecond / 1000);
    this.#at = now;
    return this.#credit > 0 ? 0 : PAUSE_MS;
  }

  /** A message was accepted: its commands were worth their while. */
  refill(): void {
    this.#credit = this.#burst;
  }
}
