/** The messages of a mailbox as people read them: the header for lists, the whole parsed for one. */

import { addressParser, type Email } from "postal-mime";
import { binaryString, concat } from "../base/bytes.ts";
import type { Mailbox } from "../mail/envelope.ts";
import { withCharsets } from "../mail/charset.ts";
import { decodeFieldValue } from "../mail/decoded_words.ts";
import { parseFields, scanHeader } from "../mail/header.ts";
import { readMessage } from "../mail/mime_reader.ts";
import type { MailEntry, MailStore } from "../mailbox/mail_store.ts";

/** What a list shows of a message's head. */
export interface HeaderView {
  readonly from: string;
  readonly to: string;
  readonly subject: string;
  /** The message's own date, or when it came: milliseconds since 1970. */
  readonly date: number;
}

/** An attachment with its bytes. */
export interface AttachmentView {
  readonly filename: string | null;
  readonly contentType: string;
  readonly contentId: string | null;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** A message, parsed. */
export interface MailView extends HeaderView {
  readonly headers: { name: string; value: string }[];
  readonly text: string | null;
  readonly html: string | null;
  readonly attachments: AttachmentView[];
  /** What is wrong with the message, so that text or attachments are not there or not as they were meant. */
  readonly trouble: string | null;
}

/** A longer head is cut. */
const MAX_HEADER = 128 * 1024;
/** Parts within parts (FIELD_NOTES S8): who nests deeper wants to do harm. */
const MAX_DEPTH = 20;

/** Reads no more of a message than its head. */
export async function readHeader(mailStore: MailStore, entry: MailEntry): Promise<HeaderView> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const piece of mailStore.read(entry)) {
    parts.push(piece);
    size += piece.length;
    // the first piece is only our own prefix
    if (parts.length > 1 && (size > MAX_HEADER || scanHeader(concat(parts)).end >= 0)) break;
  }
  const bytes = concat(parts).subarray(0, MAX_HEADER);
  return await withCharsets(() => headerOf(fieldsOf(bytes).fields, entry));
}

/** Reads and parses a whole message. Never throws for what is in it. */
export async function readMail(mailStore: MailStore, entry: MailEntry): Promise<MailView> {
  const bytes = await readAll(mailStore.read(entry), entry.size);
  return await withCharsets(() => parsed(bytes, entry));
}

async function parsed(bytes: Uint8Array<ArrayBuffer>, entry: MailEntry): Promise<MailView> {
  const { fields: headers, charset: around } = fieldsOf(bytes.subarray(0, MAX_HEADER));
  const head = { ...headerOf(headers, entry), headers };
  try {
    const { email, faults } = await readMessage(bytes, {
      around,
      maxNestingDepth: MAX_DEPTH,
      maxHeadersSize: MAX_HEADER * 8,
      // a forwarded mail stays a mail, whatever its disposition; else its text would be mixed into this one's
      forceRfc822Attachments: true,
    });
    return {
      ...head,
      text: email.text ?? null,
      html: email.html ?? null,
      attachments: email.attachments.map(attachmentOf),
      trouble: faults.length === 0 ? null : faults.join("; "),
    };
  } catch (error) {
    const trouble = error instanceof Error ? error.message : String(error);
    return { ...head, text: null, html: null, attachments: [], trouble };
  }
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

/** All of a text whose size is known. */
async function readAll(text: AsyncIterable<Uint8Array>, size: number): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(size);
  let at = 0;
  for await (const piece of text) {
    bytes.set(piece.subarray(0, size - at), at);
    at += piece.length;
  }
  return bytes.subarray(0, at);
}

/** The fields as they are meant, and the charset that the whole message names. */
export function fieldsOf(head: Uint8Array): {
  fields: { name: string; value: string }[];
  charset: string | undefined;
} {
  const raw = parseFields(head, binaryString);
  const type = raw.find(({ name }) => name.toLowerCase() === "content-type")?.value ?? "";
  const charset = /;\s*charset\s*=\s*("[^"]*"|[^;\s]*)/i.exec(type)?.[1];
  return {
    fields: raw.map(({ name, value }) => ({ name, value: decodeFieldValue(value, charset) })),
    charset,
  };
}

function headerOf(fields: readonly { name: string; value: string }[], entry: MailEntry): HeaderView {
  const value = (name: string) =>
    fields.filter((f) => f.name.toLowerCase() === name).map((f) => f.value).join(", ");
  const date = Date.parse(value("date"));
  return {
    from: value("from") || entry.sender,
    to: value("to") || entry.recipient,
    subject: value("subject"),
    date: Number.isFinite(date) ? date : entry.receivedAt,
  };
}

function attachmentOf(attachment: Email["attachments"][number]): AttachmentView {
  const { filename, mimeType, contentId, content } = attachment;
  const bytes = typeof content === "string" ? new TextEncoder().encode(content) : new Uint8Array(content);
  return {
    filename: filename ?? null,
    contentType: mimeType || "application/octet-stream",
    // the brackets are not part of it (RFC 2392 2)
    contentId: contentId?.replace(/^<(.*)>$/, "$1") ?? null,
    bytes,
  };
}

/** Does a text of addresses name that one, or hold that text? Capitals don't matter. */
export function namesAddress(text: string, wanted: string): boolean {
  const low = wanted.trim().toLowerCase();
  // a + in a query is a blank; a name may have one, too
  const meant = [...new Set([low, low.replaceAll(" ", "+")])];
  const all = text.toLowerCase();
  return meant.some((one) => all.includes(one)) ||
    addressParser(text, { flatten: true }).some(({ address = "" }) => meant.includes(address.toLowerCase()));
}
