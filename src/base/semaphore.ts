/** Limits of what runs at the same time: so many tasks in all, or one under each name. */

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

/** A lock for each name, for as long as somebody has it or waits for it. */
export class KeyedLock {
  readonly #last = new Map<string, Promise<void>>();

  /** How many names are locked. */
  get size(): number {
    return this.#last.size;
  }

  /** Runs the task when those before it under that name have ended, however they ended. */
  async run<T>(name: string, task: () => Promise<T>): Promise<T> {
    const before = this.#last.get(name);
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#last.set(name, promise);
    try {
      await before;
      return await task();
    } finally {
      if (this.#last.get(name) === promise) this.#last.delete(name);
      resolve();
    }
  }
}
