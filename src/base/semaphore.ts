/** In charge of how many questions are under way at the same time. */

/** Lets a bounded number of tasks run; the others wait in line. */
export class Semaphore {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  /** `places`: how many tasks may run at once. */
  constructor(places: number) {
    this.#free = places;
  }

  /** Runs the task when a place is free, and answers what it answers. */
  async run<T>(task: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free--;
    else await new Promise<void>((enter) => this.#waiting.push(enter));
    try {
      return await task();
    } finally {
      const next = this.#waiting.shift();
      if (next) next();
      else this.#free++;
    }
  }
}
