/** The captured messages as other programs' APIs show them: read when they are first asked for, and kept in short. */

import { concat } from "../base/bytes.ts";
import type { Captured } from "../capture/captured.ts";
import type { CapturedMail } from "../capture/captured_mail.ts";
import { localKey, parseMailbox } from "../mail/address.ts";
import { visibleText } from "../mail/html_tags.ts";
import {
  type Attachment,
  type DecodedField,
  type ParsedMessage,
  parseMessage,
  type People,
} from "../mail/message.ts";
import { comparable, type MailQuery } from "../mail/query.ts";
import { fits, fitsHeader, type SearchedMail } from "../mail/query_match.ts";
import { BodyMissing } from "../storage/bodies/bodies.ts";

/** A message with all that is in it. */
export interface Letter extends ParsedMessage {
  readonly message: Captured;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** What lists and searches need of a message. */
export interface Summary {
  readonly message: Captured;
  readonly fields: readonly DecodedField[];
  readonly people: People;
  /** Recipients of the envelope that no field names. */
  readonly hidden: readonly string[];
  /** The beginning of its text, in one line. */
  readonly snippet: string;
  readonly attachments: readonly Pick<Attachment, "filename" | "inline">[];
  /** How many of them are to be saved, not shown. */
  readonly saved: number;
  /** Its text; undefined: it is too long to be kept. */
  readonly text: string | undefined;
}

/** The fields that are kept, in lower case. */
const FIELDS = new Set(["from", "to", "cc", "bcc", "reply-to", "subject", "message-id"]);
const SNIPPET = 200;
/** A longer text is read again by each search for words; so are the oldest ones when all together take more. */
const LONGEST_TEXT = 8 * 1024;
const MOST_CHARACTERS = 64 * 1024 * 1024;
/** Messages that are read at once. */
const BATCH = 25;

/** Reads the captured messages of one server. */
export class CapturedReader {
  readonly #mail: CapturedMail;
  readonly #kept = new Map<string, Summary>();
  #characters = 0;

  /** It hears of what is removed as long as the store is there. */
  constructor(mail: CapturedMail) {
    this.#mail = mail;
    mail.on((change) => {
      if (change.kind === "removed") { for (const { id } of change.messages) this.#forget(id); }
    });
  }

  /** A whole message; undefined: it is gone. */
  async letter(message: Captured): Promise<Letter | undefined> {
    const bytes = await this.bytes(message);
    return bytes && { message, bytes, ...await parseMessage(bytes) };
  }

  /** Its content: our Received field, and the octets that came; undefined: it is gone. */
  async bytes(message: Captured): Promise<Uint8Array<ArrayBuffer> | undefined> {
    try {
      return concat(await Array.fromAsync(this.#mail.content(message)));
    } catch (error) {
      if (error instanceof BodyMissing) return undefined;
      throw error;
    }
  }

  /** What is kept of messages, without those that are gone meanwhile. */
  async summaries(messages: readonly Captured[]): Promise<Summary[]> {
    const all: Summary[] = [];
    for (let at = 0; at < messages.length; at += BATCH) {
      const batch = messages.slice(at, at + BATCH);
      const found = batch.map((message) => this.#kept.get(message.id) ?? this.#read(message));
      for (const one of found) {
        const summary = one instanceof Promise ? await one : one;
        if (summary) all.push(summary);
      }
    }
    return all;
  }

  /** The messages that fit, the newest first. */
  async search(query: MailQuery): Promise<Captured[]> {
    const found: Captured[] = [];
    for (const summary of await this.summaries(this.#mail.list())) {
      const mail = searched(summary);
      const verdict = fitsHeader(query, mail) ?? fits(query, mail, await this.#content(summary));
      if (verdict) found.push(summary.message);
    }
    return found;
  }

  async #read(message: Captured): Promise<Summary | undefined> {
    const letter = await this.letter(message);
    if (!letter) return undefined;
    const summary = summaryOf(letter);
    if (this.#mail.get(message.id) !== message || this.#kept.has(message.id)) return summary;
    this.#kept.set(message.id, summary);
    this.#characters += summary.text?.length ?? 0;
    for (const [id, one] of this.#kept) {
      if (this.#characters <= MOST_CHARACTERS) break;
      this.#characters -= one.text?.length ?? 0;
      this.#kept.set(id, { ...one, text: undefined });
    }
    return summary;
  }

  async #content({ message, text, attachments }: Summary) {
    if (text !== undefined) return { text, html: null, attachments };
    const letter = await this.letter(message);
    return { text: letter?.text ?? null, html: letter?.html ?? null, attachments };
  }

  #forget(id: string): void {
    this.#characters -= this.#kept.get(id)?.text?.length ?? 0;
    this.#kept.delete(id);
  }
}

/** The text that people read; where there is only HTML, what it shows. */
export function readableText({ text, html }: Pick<ParsedMessage, "text" | "html">): string {
  return text ?? (html === null ? "" : visibleText(html).trim());
}

/** The recipients of the envelope that no field names. */
export function hiddenOf({ recipients }: Captured, { to, cc, bcc }: People): string[] {
  const named = new Set([...to, ...cc, ...bcc].map(({ address }) => keyOf(address)));
  return recipients.filter((recipient) => !named.has(keyOf(recipient)));
}

function keyOf(address: string): string {
  return localKey(parseMailbox(address) ?? address);
}

function summaryOf({ message, headers, people, text, html, attachments }: Letter): Summary {
  const shown = html === null ? text ?? "" : visibleText(html);
  const line = shown.slice(0, 20 * SNIPPET).replace(/\s+/g, " ").trim();
  const whole = comparable(html === null ? shown : `${text ?? ""} ${shown}`);
  return {
    message,
    people,
    fields: headers.filter(({ name }) => FIELDS.has(name.toLowerCase())),
    hidden: hiddenOf(message, people),
    snippet: line.length <= SNIPPET ? line : `${line.slice(0, SNIPPET).toWellFormed()}...`,
    attachments: attachments.map(({ filename, inline }) => ({ filename, inline })),
    saved: attachments.filter(isSaved).length,
    text: whole.length <= LONGEST_TEXT ? whole : undefined,
  };
}

/** Is it an attachment to be saved, for Mailpit? */
export function isSaved({ disposition, contentType }: Attachment): boolean {
  return disposition === "attachment" || contentType === "application/octet-stream";
}

function searched({ message, fields }: Summary): SearchedMail {
  const { sender, recipients, receivedAt, size, seen, tags } = message;
  return { sender, recipients, fields, date: receivedAt, size, seen, tags };
}
