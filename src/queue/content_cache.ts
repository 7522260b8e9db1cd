/** In charge of the texts that are still in memory from being accepted: a first attempt need not read them again. */

import type { QueueRecord } from "./record.ts";

/** Larger texts are read from the store. */
const MAX_SIZE = 64 * 1024;
/** All of them together. */
const MAX_BYTES = 16 * 1024 * 1024;

/** The last small texts, by the record they were accepted with. */
export class ContentCache {
  readonly #texts = new Map<QueueRecord, Uint8Array>();
  #bytes = 0;

  /** Keeps a text for the attempt that follows; it must stay as it is. The oldest ones make room for it. */
  keep(record: QueueRecord, text: Uint8Array | undefined): void {
    if (text === undefined || text.length > MAX_SIZE) return;
    this.#texts.set(record, text);
    this.#bytes += text.length;
    for (const oldest of this.#texts.keys()) {
      if (this.#bytes <= MAX_BYTES) return;
      this.take(oldest);
    }
  }

  /** Hands the text out, once, in one piece; undefined: it is to be read. */
  take(record: QueueRecord): [Uint8Array] | undefined {
    const text = this.#texts.get(record);
    if (text === undefined) return undefined;
    this.#texts.delete(record);
    this.#bytes -= text.length;
    return [text];
  }
}
