/** Messages as API and harness tell them: plain data, made without the schemas of `mail_view.ts`. */

import { codesOf } from "../mail/codes.ts";
import { linksOf } from "../mail/links.ts";
import type { MailEntry } from "../mailbox/mail_entry.ts";
import { placeOf } from "../mailbox/mail_place.ts";
import type { HeaderView, MailView } from "./mail_reader.ts";
import { iso } from "./times.ts";
import type { AwaitedMail } from "./waiting.ts";

/** A message in a list. */
export interface MailItem {
  /** Its name in its mailbox. */
  uid: string;
  /** Of the header; where it has none, of the envelope. */
  from: string;
  /** Of the header; where it has none, of the envelope. */
  to: string;
  /** The subject, decoded. */
  subject: string;
  /** Of the header, ISO 8601 UTC. */
  date: string;
  /** When it came, ISO 8601 UTC. */
  receivedAt: string;
  /** In octets. */
  size: number;
  /** Did somebody look at it? */
  seen: boolean;
  /** The name of the folder that it is in, such as `INBOX`. */
  folder: string;
  /** Its flags and keywords, such as `\Seen`. */
  flags: string[];
}

/** A message, parsed. */
export interface Mail extends MailItem {
  /** The envelope's sender. */
  sender: string;
  /** The envelope's recipient. */
  recipient: string;
  /** All fields, decoded. */
  headers: { name: string; value: string }[];
  /** The plain text. */
  text: string | null;
  /** The HTML, as it came. */
  html: string | null;
  /** The attachments, without their bytes. */
  attachments: { filename: string | null; contentType: string; size: number; contentId: string | null }[];
  /** What the checks of a stranger's message came to; null: it was not checked. */
  authentication: AuthenticationResult[] | null;
  /** What is wrong with the message. */
  fault: string | null;
}

/** What one check came to (RFC 8601). */
export interface AuthenticationResult {
  /** `spf`, `dkim`, `dmarc`, `arc` or `iprev`. */
  method: string;
  /** Such as `pass`. */
  result: string;
  /** In words, where it is not a pass. */
  reason: string | null;
  /** What it was found for, such as `smtp.mailfrom`. */
  properties: Record<string, string>;
}

/** A message that was waited for. */
export interface ReceivedMail extends Mail {
  /** Its id, as in `queued as ID`. */
  id: string;
  /** Whose it is. */
  mailbox: string;
  /** The links of text and HTML, each once. */
  links: string[];
  /** What is to be typed in, each once. */
  codes: string[];
}

/** An entry of a list. */
export function mailItem(entry: MailEntry, header: HeaderView): MailItem {
  return {
    uid: entry.uid,
    from: header.from,
    to: header.to,
    subject: header.subject,
    date: iso(header.date),
    receivedAt: iso(entry.receivedAt),
    size: entry.size,
    seen: entry.seen ?? false,
    ...placeOf(entry),
  };
}

/** A whole message. */
export function mailView(entry: MailEntry, mail: MailView): Mail {
  return {
    ...mailItem(entry, mail),
    sender: entry.sender,
    recipient: entry.recipient,
    headers: [...mail.headers],
    text: mail.text,
    html: mail.html,
    attachments: mail.attachments.map(({ filename, contentType, contentId, bytes }) => ({
      filename,
      contentType,
      contentId,
      size: bytes.length,
    })),
    authentication: authenticationOf(mail),
    fault: mail.fault,
  };
}

/** The results of the checks as they are told. */
export function authenticationOf({ authentication }: HeaderView): AuthenticationResult[] | null {
  return authentication?.map(({ method, result, reason, properties }) => ({
    method,
    result,
    reason: reason ?? null,
    properties: { ...properties },
  })) ?? null;
}

/** A message that was waited for. */
export function receivedMail({ mailbox, entry, mail }: AwaitedMail): ReceivedMail {
  return {
    id: entry.uid,
    mailbox,
    ...mailView(entry, mail),
    links: linksOf(mail.text, mail.html),
    codes: codesOf(mail.subject, mail.text, mail.html),
  };
}
