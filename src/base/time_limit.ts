/** A time limit for what takes a signal. */

import type { Clock } from "./clock.ts";

/** A signal that comes when a time is over, or with another one. */
export class TimeLimit implements Disposable {
  readonly signal: AbortSignal;
  readonly #cancel: () => void;

  /** `ms`: milliseconds of that clock, from now on. */
  constructor(ms: number, { clock, signal }: { readonly clock: Clock; readonly signal: AbortSignal }) {
    const over = new AbortController();
    const timer = clock.schedule(ms, () => over.abort(new Error(`No answer within ${ms / 1000} seconds`)));
    this.signal = AbortSignal.any([signal, over.signal]);
    this.#cancel = () => timer.cancel();
  }

  [Symbol.dispose](): void {
    this.#cancel();
  }
}
