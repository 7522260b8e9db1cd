/** The thread that makes the load, seen from the one that measures. */

import type { Tasks } from "./load_worker.ts";
import type { Load, LoadResult } from "./smtp_client.ts";

type Answer<N extends keyof Tasks> = Awaited<ReturnType<Tasks[N]>>;

/** Calls tasks on the load's thread. */
export class LoadWorker {
  readonly #worker = new Worker(new URL("./load_worker.ts", import.meta.url), { type: "module" });
  readonly #open = new Map<number, PromiseWithResolvers<unknown>>();
  #calls = 0;

  constructor() {
    this.#worker.onmessage = ({ data }) => {
      const { id, value, error } = data as { id: number; value?: unknown; error?: string };
      const call = this.#open.get(id)!;
      this.#open.delete(id);
      if (error === undefined) call.resolve(value);
      else call.reject(new Error(error));
    };
  }

  /** Runs a task; rejects with what it throws. */
  run<N extends keyof Tasks>(name: N, ...args: Parameters<Tasks[N]>): Promise<Answer<N>> {
    const id = ++this.#calls;
    const call = Promise.withResolvers<unknown>();
    this.#open.set(id, call);
    this.#worker.postMessage({ id, name, args });
    return call.promise as Promise<Answer<N>>;
  }

  /** Sends messages; rejects when one of them was refused. */
  async sendAll(load: Load): Promise<LoadResult> {
    const result = await this.run("send", load);
    if (result.refused === 0) return result;
    throw new Error(`The server refused ${result.refused} of ${load.messages} messages`);
  }

  /** Ends the thread. */
  close(): void {
    this.#worker.terminate();
  }
}
