/** The reader of a queued message's header section, for the page: subject and author. */

import { readHeaderSection } from "../mail/header.ts";
import { fieldValue, parseHeader } from "../mail/decoded_header.ts";

/** What a message says of itself. */
export interface QueuedHeader {
  readonly subject: string;
  readonly from: string;
}

const MAX_OCTETS = 64 * 1024;

/** Reads it; undefined when the content is gone meanwhile. */
export async function readQueuedHeader(
  content: AsyncIterable<Uint8Array>,
): Promise<QueuedHeader | undefined> {
  let header: Uint8Array;
  try {
    header = await readHeaderSection(content, MAX_OCTETS);
  } catch {
    return undefined; // delivered between two reads
  }
  const fields = await parseHeader(header);
  const value = (name: string) => fieldValue(fields, name).trim().slice(0, 1000);
  return { subject: value("subject"), from: value("from") };
}
