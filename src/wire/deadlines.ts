/** Time-outs of connections: one sweep for all instead of a timer for each read. */

import type { Clock, Timer } from "../base/clock.ts";

/** The time-out of one connection. */
export interface Deadline {
  /** Late in `ms` milliseconds from now; replaces what was set before. */
  set(ms: number): void;
  /** Nothing is awaited for now. */
  clear(): void;
  /** Nothing will be awaited any more. */
  end(): void;
}

/**
 * Watches deadlines with a sweep twice in `everyMs` (1,000), so one may be told that much late: its time counts from the
 * sweep behind its setting on, which spares each the look at the clock.
 */
export class Deadlines {
  readonly #clock: Clock;
  readonly #everyMs: number;
  readonly #watched = new Set<Watched>();
  readonly #onSet = () => this.#start();
  readonly #onEnd = (one: Watched) => this.#forget(one);
  #timer: Timer | undefined;
  #closed = false;

  /** No timer is set before a deadline is. */
  constructor(clock: Clock, everyMs = 1000) {
    this.#clock = clock;
    this.#everyMs = everyMs / 2;
  }

  /** `onLate` is called once for each time that was set and passed; it must not throw. */
  watch(onLate: () => void): Deadline {
    const watched = new Watched(onLate, this.#onSet, this.#onEnd);
    this.#watched.add(watched);
    return watched;
  }

  /** How many are watched. */
  get size(): number {
    return this.#watched.size;
  }

  /** Ends the sweep; nobody is told any more. */
  close(): void {
    this.#closed = true;
    this.#watched.clear();
    this.#stop();
  }

  #start(): void {
    if (!this.#timer && !this.#closed) {
      this.#timer = this.#clock.schedule(this.#everyMs, () => this.#sweep());
    }
  }

  #stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #forget(one: Watched): void {
    if (this.#watched.delete(one) && this.#watched.size === 0) this.#stop();
  }

  #sweep(): void {
    this.#timer = undefined;
    const now = this.#clock.monotonic();
    const late: Watched[] = [];
    let waiting = false;
    for (const one of this.#watched) {
      if (one.within !== undefined) {
        one.at = now + one.within;
        one.within = undefined;
      }
      if (one.at <= now) late.push(one);
      else if (one.at !== Infinity) waiting = true;
    }
    if (waiting) this.#start();
    for (const one of late) {
      // an earlier one of this round may have ended or moved it
      if (one.at > now || one.within !== undefined) continue;
      one.at = Infinity;
      one.onLate();
    }
  }
}

class Watched implements Deadline {
  /** On the monotonic clock; Infinity: nothing is awaited. */
  at = Infinity;
  /** So many ms behind the next sweep, which `at` does not say yet. */
  within: number | undefined = undefined;
  readonly onLate: () => void;
  readonly #onSet: () => void;
  readonly #onEnd: (one: Watched) => void;
  #over = false;

  constructor(onLate: () => void, onSet: () => void, onEnd: (one: Watched) => void) {
    this.onLate = onLate;
    this.#onSet = onSet;
    this.#onEnd = onEnd;
  }

  set(ms: number): void {
    if (this.#over) return;
    this.within = ms;
    this.#onSet();
  }

  clear(): void {
    this.within = undefined;
    this.at = Infinity;
  }

  end(): void {
    this.#over = true;
    this.clear();
    this.#onEnd(this);
  }
}
