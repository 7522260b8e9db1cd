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

/** Watches deadlines with one sweep every `everyMs` (1,000), so one may be told that much late. */
export class Deadlines {
  readonly #clock: Clock;
  readonly #everyMs: number;
  readonly #watched = new Set<Watched>();
  #timer: Timer | undefined;
  #closed = false;

  /** No timer is set before a deadline is. */
  constructor(clock: Clock, everyMs = 1000) {
    this.#clock = clock;
    this.#everyMs = everyMs;
  }

  /** `onLate` is called once for each time that was set and passed; it must not throw. */
  watch(onLate: () => void): Deadline {
    const watched: Watched = new Watched(
      onLate,
      this.#clock,
      () => this.#start(),
      (one) => this.#forget(one),
    );
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
      if (one.at <= now) late.push(one);
      else if (one.at !== Infinity) waiting = true;
    }
    if (waiting) this.#start();
    for (const one of late) {
      // an earlier one of this round may have ended or moved it
      if (one.at > now) continue;
      one.at = Infinity;
      one.onLate();
    }
  }
}

class Watched implements Deadline {
  /** On the monotonic clock; Infinity: nothing is awaited. */
  at = Infinity;
  readonly onLate: () => void;
  readonly #clock: Clock;
  readonly #started: () => void;
  readonly #ended: (one: Watched) => void;
  #over = false;

  constructor(onLate: () => void, clock: Clock, started: () => void, ended: (one: Watched) => void) {
    this.onLate = onLate;
    this.#clock = clock;
    this.#started = started;
    this.#ended = ended;
  }

  set(ms: number): void {
    if (this.#over) return;
    this.at = this.#clock.monotonic() + ms;
    this.#started();
  }

  clear(): void {
    this.at = Infinity;
  }

  end(): void {
    this.#over = true;
    this.at = Infinity;
    this.#ended(this);
  }
}
