/** A clock that runs as another one does, and may be moved on: for servers that a test lets live through days. */

import type { Clock, Timer } from "./clock.ts";

interface Pending {
  /** On this clock. */
  readonly at: number;
  readonly fn: () => void;
  /** Below. */
  timer: Timer;
}

/** A {@linkcode Clock} that is ahead of the one below it by as much as it was moved. */
export class MovableClock implements Clock {
  /** How often it was looked at: whoever works by it does. */
  looks = 0;
  /**
   * The time of day of this clock, with durations and timers that nobody moves: for what people and programs wait for
   * outside, such as connections.
   */
  readonly steady: Clock;
  readonly #below: Clock;
  readonly #pending = new Set<Pending>();
  #ahead = 0;

  /** As far as `below` is. */
  constructor(below: Clock) {
    this.#below = below;
    this.steady = {
      now: () => this.#today,
      monotonic: () => this.#below.monotonic(),
      schedule: (delayMs, fn) => this.#below.schedule(delayMs, fn),
    };
  }

  now(): number {
    this.looks++;
    return this.#today;
  }

  monotonic(): number {
    this.looks++;
    return this.#below.monotonic() + this.#ahead;
  }

  schedule(delayMs: number, fn: () => void): Timer {
    const pending: Pending = { at: this.monotonic() + Math.max(0, delayMs), fn, timer: NO_TIMER };
    this.#pending.add(pending);
    this.#set(pending);
    return {
      cancel: () => {
        this.#pending.delete(pending);
        pending.timer.cancel();
      },
    };
  }

  /** Milliseconds until the next timer is due, 0 where it is; undefined when none waits. */
  get untilNext(): number | undefined {
    const next = this.#earliest();
    return next && Math.max(0, next.at - this.monotonic());
  }

  /** Moves the clock on by `ms`; each timer that is due by then fires at its own instant, and may set new ones. */
  advance(ms: number): void {
    const end = this.monotonic() + ms;
    for (let next = this.#earliest(); next && next.at <= end; next = this.#earliest()) {
      this.#ahead += Math.max(0, next.at - this.monotonic());
      next.timer.cancel();
      this.#pending.delete(next);
      next.fn();
    }
    this.#ahead += Math.max(0, end - this.monotonic());
    for (const pending of this.#pending) {
      pending.timer.cancel();
      this.#set(pending);
    }
  }

  /** Whole milliseconds, as everybody expects them; durations may have fractions. */
  get #today(): number {
    return Math.floor(this.#below.now() + this.#ahead);
  }

  #set(pending: Pending): void {
    pending.timer = this.#below.schedule(Math.max(0, pending.at - this.monotonic()), () => {
      // a timer has a longest delay, and may be early by a fraction
      if (pending.at - this.monotonic() > 1) return this.#set(pending);
      this.#pending.delete(pending);
      pending.fn();
    });
  }

  #earliest(): Pending | undefined {
    let earliest: Pending | undefined;
    // those that were set first come first
    for (const pending of this.#pending) if (!earliest || pending.at < earliest.at) earliest = pending;
    return earliest;
  }
}

const NO_TIMER: Timer = { cancel: () => {} };

/** What waits outside goes by this: {@linkcode MovableClock.steady} of a clock that may be moved, else the clock itself. */
export function steadyClock(clock: Clock): Clock {
  return clock instanceof MovableClock ? clock.steady : clock;
}
