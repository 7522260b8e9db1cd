/** The entry of one message in a mailbox. */

import { encode } from "../base/bytes.ts";
import { isId } from "../base/ids.ts";
import type { Mailbox } from "../mail/envelope.ts";
import type { BodyRef } from "../storage/bodies/bodies.ts";

/** One message in a mailbox. */
export interface MailEntry {
  /** Its name in the mailbox: the message's id, so it sorts by time and never returns. */
  readonly uid: string;
  /** Octets that reading it gives: prefix and body, before any dot-stuffing. See {@linkcode sizeOf}. */
  readonly size: number;
  /** When it came: milliseconds since 1970. */
  readonly receivedAt: number;
  /** The content as it came, without the prefix. */
  readonly body: BodyRef;
  /** Return-Path and Delivered-To fields with CRLF, put before the body when it is read. */
  readonly prefix: string;
  /** The reverse-path it came with. */
  readonly sender: Mailbox;
  /** The address it came for. */
  readonly recipient: Mailbox;
  /** Somebody looked at it on the web page. */
  readonly seen?: true;
  /** Its tags, where they can be set: of a captured message. Absent: those that it came with. */
  readonly tags?: readonly string[];
  /** The name of the folder that it is in; absent: INBOX. */
  readonly folder?: string;
  /** Its system flags, bits of `flags.ts`, with \Seen where it is {@linkcode seen}; absent: no others. */
  readonly flags?: number;
  /** Its keywords; absent: none. */
  readonly keywords?: readonly string[];
}

/** What a message is called in a mailbox: a copy's name has its number in it. */
export function nameOf({ id, copy }: { readonly id: string; readonly copy: number }): string {
  return copy === 0 ? id : `${id}-${copy}`;
}

/** The id of the message, and which copy it is, that a name stands for. */
export function namedBy(name: string): { id: string; copy: number } {
  const dash = name.indexOf("-", 1);
  if (dash < 0) return { id: name, copy: 0 };
  const copy = name.slice(dash + 1);
  return /^[1-9]\d{0,4}$/.test(copy)
    ? { id: name.slice(0, dash), copy: Number(copy) }
    : { id: name, copy: 0 };
}

/** Has a text the form of a name in a mailbox? */
export function isMailName(text: string): boolean {
  const { id, copy } = namedBy(text);
  return isId(id) && nameOf({ id, copy }) === text;
}

/** What is needed to list and read a message: little, since there may be 100,000 of them in memory. */
export type MailRef = Pick<MailEntry, "uid" | "size" | "body" | "prefix">;

/** What is remembered of a message that was taken out of a mailbox. */
export interface FormerMail extends Pick<MailEntry, "receivedAt" | "sender" | "recipient" | "size"> {
  /** When that was: milliseconds since 1970. */
  readonly removedAt: number;
  /** So long it is remembered: milliseconds since 1970. */
  readonly until: number;
}

/** What an entry is made of; its size follows. */
export type NewMail = Omit<MailEntry, "size" | "seen" | "tags" | "folder" | "flags" | "keywords">;

/** Makes an entry. */
export function mailEntry(mail: NewMail): MailEntry {
  return { ...mail, size: sizeOf(mail.prefix, mail.body) };
}

// deno-lint-ignore no-control-regex
const ASCII = /^[\x00-\x7f]*$/;

/** The octets of prefix and body together. */
export function sizeOf(prefix: string, body: BodyRef): number {
  return octetsOf(prefix) + body.size;
}

/** The octets of a prefix: nearly all are ASCII, and need not be encoded to be counted. */
export function octetsOf(prefix: string): number {
  return ASCII.test(prefix) ? prefix.length : encode(prefix).length;
}
