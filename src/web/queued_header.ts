/** In charge of reading what a queued message says of itself, without reading more of it than its head. */

import { concat } from "../base/bytes.ts";
import { scanHeader } from "../mail/header.ts";
import { fieldsOf } from "../api/mail_text.ts";
import { withCharsets } from "../mail/charset.ts";

/** What a message says of itself. */
export interface QueuedHeader {
  readonly subject: string;
  readonly from: string;
}

const MAX_HEADER = 64 * 1024;

/** Reads the head of a text; undefined when the text is gone meanwhile. */
export async function readQueuedHeader(text: AsyncIterable<Uint8Array>): Promise<QueuedHeader | undefined> {
  const parts: Uint8Array[] = [];
  let size = 0;
  try {
    for await (const piece of text) {
      parts.push(piece);
      size += piece.length;
      if (size > MAX_HEADER || scanHeader(concat(parts)).end >= 0) break;
    }
  } catch {
    return undefined; // delivered between two reads
  }
  const head = concat(parts).subarray(0, MAX_HEADER);
  const { fields } = await withCharsets(() => fieldsOf(head));
  const value = (name: string) =>
    (fields.find((f) => f.name.toLowerCase() === name)?.value ?? "").trim().slice(0, 1000);
  return { subject: value("subject"), from: value("from") };
}
