/** The passing of time on a clock that is moved: from one timer to the next, and what each sets off ends before. */

import { sleep, systemClock } from "./clock.ts";

/** A clock that is moved, and knows how often it was looked at. */
export interface MovedClock {
  /** Grows with each look: whoever reads from a connection or writes to it looks. */
  readonly looks: number;
  /** Milliseconds until the next timer; undefined: there is none. */
  readonly untilNext: number | undefined;
  /** Never goes back. */
  monotonic(): number;
  /** Moves it. */
  advance(ms: number): void;
}

/** What works by the clock. */
export interface Work {
  /** Is nothing due or under way? */
  readonly isIdle: boolean;
  /** Resolves when that is so. */
  idle(): Promise<void>;
}

/** How time passes. */
export interface TimePassageOptions {
  readonly clock: MovedClock;
  /** All that has to end before time goes on. */
  readonly works: () => Iterable<Work>;
  /**
   * Work waits for the clock when nobody has looked at that for so many turns, of 25 ms of real time each. Turns of the
   * event loop, since a process that is given no time looks at nothing either.
   */
  readonly stallTurns: number;
  /** Timers that are due within so much are due together; default 0. */
  readonly slackMs?: number;
  /** Behind the work it is waited until nobody has looked for 1 ms, so often at most: connections end within that. */
  readonly moments: number;
  /** Aborted: time stops passing. */
  readonly closing?: AbortSignal;
}

const TURN_MS = 25;
/** Work that waited for the clock before and has not ended since is waited for so many turns at most. */
const TURNS_AGAIN = 2;
const MOMENT_MS = 1;

/** Lets time pass on one clock. */
export class TimePassage {
  /** What waited for the clock when it was looked at last. */
  readonly #stalled = new Set<Work>();

  constructor(private readonly options: TimePassageOptions) {}

  /** Lets `ms` pass; resolves when all that was due by then is done. */
  async pass(ms: number): Promise<void> {
    const { clock, slackMs = 0, closing } = this.options;
    await this.settled();
    const end = clock.monotonic() + ms;
    for (let left = ms; left > 0 && !closing?.aborted; left = end - clock.monotonic()) {
      clock.advance(Math.min(left, (clock.untilNext ?? left) + slackMs));
      await this.settled();
    }
  }

  /** Resolves when nothing is due or under way, or when what is under way waits for the clock. */
  async settled(): Promise<void> {
    const { works, moments } = this.options;
    for (let busy = true; busy;) {
      busy = false;
      for (const work of works()) {
        if (await this.#ends(work)) busy = true;
      }
    }
    const { signal } = new AbortController();
    for (let n = 0; n < moments && await this.#isLookedAt(MOMENT_MS, signal); n++);
  }

  /** Waits for work that is under way, until it ends (true) or waits for the clock. */
  async #ends(work: Work): Promise<boolean> {
    if (work.isIdle) {
      this.#stalled.delete(work);
      return false;
    }
    const { stallTurns } = this.options;
    const turns = this.#stalled.has(work) ? Math.min(TURNS_AGAIN, stallTurns) : stallTurns;
    const end = new AbortController();
    void work.idle().then(() => end.abort());
    for (let quiet = 0; quiet < turns; quiet++) {
      if (await this.#isLookedAt(TURN_MS, end.signal)) quiet = -1;
      if (!end.signal.aborted) continue;
      this.#stalled.delete(work);
      return true;
    }
    this.#stalled.add(work);
    return false;
  }

  /** Does anybody look at the clock in the next `ms` of real time? */
  async #isLookedAt(ms: number, signal: AbortSignal): Promise<boolean> {
    const { clock } = this.options;
    const { looks } = clock;
    await sleep(systemClock, ms, signal);
    return clock.looks !== looks;
  }
}
