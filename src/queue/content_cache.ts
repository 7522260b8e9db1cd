/** The cache of message content that is in memory from being accepted: a first attempt need not read it again. */

import type { QueueRecord } from "./record.ts";

/** Larger content is read from the store. */
const MAX_SIZE = 64 * 1024;
/** All of them together. */
const MAX_BYTES = 16 * 1024 * 1024;

/** The content of the last small messages, by the record they were accepted with. */
export class ContentCache {
  readonly #contents = new Map<QueueRecord, Uint8Array>();
  #bytes = 0;

  /** Keeps content for the attempt that follows; it must stay as it is. The oldest makes room for it. */
  keep(record: QueueRecord, content: Uint8Array | undefined): void {
    if (content === undefined || content.length > MAX_SIZE) return;
    this.#contents.set(record, content);
    this.#bytes += content.length;
    for (const oldest of this.#contents.keys()) {
      if (this.#bytes <= MAX_BYTES) return;
      this.take(oldest);
    }
  }

  /** Hands content out, once, in one piece; undefined: it is to be read. */
  take(record: QueueRecord): [Uint8Array] | undefined {
    const content = this.#contents.get(record);
    if (content === undefined) return undefined;
    this.#contents.delete(record);
    this.#bytes -= content.length;
    return [content];
  }
}
