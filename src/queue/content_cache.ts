/**
 * The cache of message content: that which is in memory from being accepted, so that a first attempt need not read it
 * again, and that of many claims, read together.
 */

import { readSmallBodies } from "../storage/bodies/bodies.ts";
import type { Kv } from "../storage/port.ts";
import type { QueueRecord } from "./record.ts";

/** Larger content is read from the store. */
const MAX_SIZE = 64 * 1024;
/** All of them together. */
const MAX_BYTES = 16 * 1024 * 1024;
/** Content that is read before its turn has come: of one message, and of all that are read together. */
const MAX_AHEAD_SIZE = 32 * 1024;
const MAX_AHEAD = 4 * 1024 * 1024;

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

  /** Reads the content of small messages together, half the work of reading it one by one. Rejects when the store fails. */
  async readAhead(kv: Kv, records: readonly QueueRecord[]): Promise<void> {
    let bytes = 0;
    const small = records.filter(({ body: { size } }) =>
      size <= MAX_AHEAD_SIZE && (bytes += size) <= MAX_AHEAD
    );
    const contents = await readSmallBodies(kv, small.map(({ body }) => body));
    for (const [i, record] of small.entries()) this.keep(record, contents[i]);
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
