/** Time: the one place that reads the system's clock and sets its timers. */

import { setImmediate } from "node:timers";

/** A timer that was set and may be taken back. */
export interface Timer {
  /** Takes the timer back; nothing happens when it has fired. */
  cancel(): void;
}

/** Time as a parameter: everything in dinopost that waits or asks what time it is gets one of these. */
export interface Clock {
  /** Milliseconds since 1970-01-01 UTC. May jump when the system's clock is set. */
  now(): number;
  /** Milliseconds since some fixed instant; never goes back. For durations and time-outs. */
  monotonic(): number;
  /** Calls `fn` once, after `delayMs` or later. */
  schedule(delayMs: number, fn: () => void): Timer;
}

/** The longest delay that the platform's timer takes; longer ones would fire at once. */
const MAX_DELAY = 2 ** 31 - 1;

/** The system's own clock. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  schedule(delayMs, fn) {
    const handle = setTimeout(fn, Math.min(Math.max(delayMs, 0), MAX_DELAY));
    return { cancel: () => clearTimeout(handle) };
  },
};

/** While there is always something to do, Deno's runtime (tokio) looks at its sockets each 61st turn of the event loop. */
const TURNS = 64;

/**
 * Lets the platform look at its sockets once: a read of what has arrived by now is done when this resolves. Turns of the
 * event loop take 60 µs in all; a timer of 0 ms takes 2 ms, and less of the CPU, for who is `busy`.
 */
export async function eventTurn(busy = false): Promise<void> {
  if (busy) return await new Promise((resolve) => void setTimeout(resolve, 0));
  for (let n = 0; n < TURNS; n++) await new Promise<void>((resolve) => void setImmediate(resolve));
}

/** Calls `fn` once all has run that need not wait for anything outside: promises that are settled, and what they settle. */
export function soon(fn: () => void): void {
  setImmediate(fn);
}

/** Waits for `ms` milliseconds of that clock; ends early, without an error, when the signal is aborted. */
export function sleep(clock: Clock, ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const timer = clock.schedule(ms, end);
    signal?.addEventListener("abort", end, { once: true });
    function end() {
      timer.cancel();
      signal?.removeEventListener("abort", end);
      resolve();
    }
  });
}
