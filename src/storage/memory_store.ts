/** The store in memory that outlives the servers on it: a server may stop, and start again on the data it had. */

import { EmbeddedKv } from "./embedded_kv.ts";
import type { Kv } from "./port.ts";

/** A store in memory for one server at a time; {@linkcode close} forgets all. */
export class MemoryStore implements AsyncDisposable {
  #kv: Promise<Deno.Kv> | undefined;

  /** What is in it, to be read and written; closing that leaves it as it is. */
  async open(): Promise<Kv> {
    this.#kv ??= Deno.openKv(":memory:");
    return new KeptKv(await this.#kv);
  }

  /** Forgets it; the server on it has been stopped. */
  async close(): Promise<void> {
    const kv = this.#kv;
    this.#kv = undefined;
    (await kv)?.close();
  }

  /** {@linkcode close}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

class KeptKv extends EmbeddedKv {
  constructor(kv: Deno.Kv) {
    super(kv, kv);
  }

  override close(): void {}
}
