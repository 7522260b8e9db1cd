/** The reader of stored messages: a mailbox entry's header for lists, the whole message parsed for one. */

import { type MethodResult, readResults } from "../authentication/authentication_results.ts";
import type { Mailbox } from "../mail/envelope.ts";
import { readHeaderSection } from "../mail/header.ts";
import { type DecodedField, fieldValue, MAX_HEADER_OCTETS, parseHeader } from "../mail/decoded_header.ts";
import { type ParsedMessage, parseMessage } from "../mail/message.ts";
import type { MailEntry, MailStore } from "../mailbox/mail_store.ts";

/** The fields of a prefix. */
const OF_DELIVERY: ReadonlySet<string> = new Set(["return-path", "delivered-to"]);

/** What a list shows of a message's header section. */
export interface HeaderView {
  readonly from: string;
  readonly to: string;
  readonly subject: string;
  /** The message's own date, or when it came: milliseconds since 1970. */
  readonly date: number;
  /** All of its fields. */
  readonly headers: readonly DecodedField[];
  /** What our checks of it came to; absent: it was not checked, or only a few fields are known here. */
  readonly authentication?: readonly MethodResult[] | undefined;
}

/** A message, parsed. */
export type MailView = HeaderView & ParsedMessage;

/** Reads no more of a message than its header section; `content` where it is at hand. */
export async function readHeader(
  mailStore: MailStore,
  entry: MailEntry,
  content: AsyncIterable<Uint8Array> = mailStore.read(entry),
): Promise<HeaderView> {
  const header = await readHeaderSection(content, MAX_HEADER_OCTETS);
  return headerOf(await parseHeader(header), entry);
}

/** Reads and parses a whole message; `content` where it is at hand. Never rejects for what is in it. */
export async function readMail(
  mailStore: MailStore,
  entry: MailEntry,
  content: AsyncIterable<Uint8Array> = mailStore.read(entry),
): Promise<MailView> {
  const message = await parseMessage(await readAll(content, entry.size));
  return { ...headerOf(message.headers, entry), ...message };
}

/** What `read` answers; undefined when the message was removed while it was read. */
export async function unlessRemoved<T>(
  mailStore: MailStore,
  { address, entry }: { address: Mailbox; entry: MailEntry },
  read: (mailStore: MailStore, entry: MailEntry) => Promise<T>,
): Promise<T | undefined> {
  try {
    return await read(mailStore, entry);
  } catch (error) {
    if (await mailStore.wasRemoved(address, entry.uid, error)) return undefined;
    throw error;
  }
}

/** All of a content whose size is known. */
async function readAll(
  content: AsyncIterable<Uint8Array>,
  size: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(size);
  let at = 0;
  for await (const piece of content) {
    bytes.set(piece.subarray(0, size - at), at);
    at += piece.length;
  }
  return bytes.subarray(0, at);
}

/** What the header section lacks is taken from the envelope. */
function headerOf(fields: readonly DecodedField[], entry: MailEntry): HeaderView {
  const date = Date.parse(fieldValue(fields, "date"));
  return {
    from: fieldValue(fields, "from") || entry.sender,
    to: fieldValue(fields, "to") || entry.recipient,
    subject: fieldValue(fields, "subject"),
    date: Number.isFinite(date) ? date : entry.receivedAt,
    headers: fields,
    authentication: ownResults(fields, entry),
  };
}

/**
 * What the checks came to stands on top of the content of what was delivered here, where nobody else can put a field; what
 * was imported has no prefix, and others' fields at its top.
 */
function ownResults(fields: readonly DecodedField[], { prefix }: MailEntry): MethodResult[] | undefined {
  if (prefix === "") return undefined;
  const first = fields.find(({ name }) => !OF_DELIVERY.has(name.toLowerCase()));
  return first && first.name.toLowerCase() === "authentication-results"
    ? readResults(first.value)?.results
    : undefined;
}
