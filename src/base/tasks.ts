/** Background tasks: each is caught (an unhandled rejection ends the process) and waited for at the end. */

import { type Clock, sleep } from "./clock.ts";

/** A set of running tasks. */
export class Tasks {
  readonly #running = new Set<Promise<void>>();

  /** `onError` gets what a task threw, with the task's name. */
  constructor(private readonly onError: (name: string, error: unknown) => void) {}

  /** How many run now. */
  get size(): number {
    return this.#running.size;
  }

  /** Starts a task and goes on at once. */
  run(name: string, task: () => Promise<unknown>): void {
    const promise = (async () => {
      try {
        await task();
      } catch (error) {
        this.onError(name, error);
      }
    })().then(() => void this.#running.delete(promise));
    this.#running.add(promise);
  }

  /** Waits until none runs, at most `limitMs`; answers how many still run. */
  async settle(clock: Clock, limitMs: number): Promise<number> {
    const stop = new AbortController();
    const limit = sleep(clock, limitMs, stop.signal).then(() => true);
    while (this.#running.size > 0) {
      const late = await Promise.race([Promise.all(this.#running).then(() => false), limit]);
      if (late) break;
    }
    stop.abort();
    return this.#running.size;
  }
}
