/** A clock that stands still until it is moved: five days pass in milliseconds. */

import type { Clock, Timer } from "./clock.ts";

interface Pending {
  at: number;
  order: number;
  fn: () => void;
}

/** A {@linkcode Clock} that tests and the demo move by hand. */
export class ManualClock implements Clock {
  #now: number;
  #elapsed = 0;
  #order = 0;
  readonly #pending = new Set<Pending>();

  /** `start` is what {@linkcode now} answers first: milliseconds since 1970 or an ISO date. */
  constructor(start: number | string = "2026-01-05T09:00:00Z") {
    this.#now = typeof start === "string" ? Date.parse(start) : start;
  }

  now(): number {
    return this.#now;
  }

  monotonic(): number {
    return this.#elapsed;
  }

  schedule(delayMs: number, fn: () => void): Timer {
    const pending = { at: this.#elapsed + Math.max(0, delayMs), order: this.#order++, fn };
    this.#pending.add(pending);
    return { cancel: () => void this.#pending.delete(pending) };
  }

  /** How many timers wait. */
  get timers(): number {
    return this.#pending.size;
  }

  /** Milliseconds until the next timer is due; undefined when none waits. */
  get untilNext(): number | undefined {
    let at = Infinity;
    for (const pending of this.#pending) at = Math.min(at, pending.at);
    return at === Infinity ? undefined : at - this.#elapsed;
  }

  /** Moves the clock by `ms`, firing each timer at its own instant; what fires may set new ones. */
  advance(ms: number): void {
    const end = this.#elapsed + ms;
    for (let next = this.#next(end); next; next = this.#next(end)) {
      this.#pending.delete(next);
      this.#move(next.at - this.#elapsed);
      next.fn();
    }
    this.#move(end - this.#elapsed);
  }

  /** Sets the time of day without any time passing, as an operator or NTP does. */
  jump(toMs: number): void {
    this.#now = toMs;
  }

  #move(ms: number): void {
    this.#elapsed += Math.max(0, ms);
    this.#now += Math.max(0, ms);
  }

  #next(end: number): Pending | undefined {
    let best: Pending | undefined;
    for (const p of this.#pending) {
      if (p.at <= end && (!best || p.at < best.at || (p.at === best.at && p.order < best.order))) best = p;
    }
    return best;
  }
}
