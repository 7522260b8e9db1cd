/** In charge of what must not happen twice at a time under one name. */

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
