/** The store in memory that outlives the servers on it: a server may stop, and start again on the data it had. */

import { MemoryKv } from "./memory_kv.ts";
import type { Kv } from "./port.ts";

/** A store in memory for one server at a time; {@linkcode close} forgets all. */
export class MemoryStore implements AsyncDisposable {
  #kv: KeptKv | undefined;

  /** What is in it, to be read and written; closing that leaves it as it is. */
  open(): Promise<Kv> {
    return Promise.resolve(this.#kv ??= new KeptKv());
  }

  /** Forgets it; the server on it has been stopped. */
  close(): Promise<void> {
    this.#kv?.forget();
    this.#kv = undefined;
    return Promise.resolve();
  }

  /** {@linkcode close}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

class KeptKv extends MemoryKv {
  override close(): void {}

  /** Closes it for good. */
  forget(): void {
    super.close();
  }
}
