/** The captured messages as other programs' APIs show them: read when they are first asked for, the newest kept in short. */

import type { Clock } from "../base/clock.ts";
import type { Captured } from "../capture/captured.ts";
import type { CapturedMail } from "../capture/captured_mail.ts";
import { bytesOf, CapturedSearch, type Letter, readLetter } from "../capture/captured_search.ts";
import { localKey, parseMailbox } from "../mail/address.ts";
import { visibleText } from "../mail/html_tags.ts";
import type { DecodedField } from "../mail/decoded_header.ts";
import type { Attachment, ParsedMessage, People } from "../mail/message.ts";
import type { MailQuery } from "../mail/query.ts";

export type { Letter };

/** What lists show of a message. */
export interface Summary {
  readonly message: Captured;
  readonly fields: readonly DecodedField[];
  readonly people: People;
  /** Recipients of the envelope that no field names. */
  readonly hidden: readonly string[];
  /** How many recipients the envelope had. */
  readonly recipients: number;
  /** The beginning of its text, in one line. */
  readonly snippet: string;
  /** How many of its attachments are to be saved, not shown. */
  readonly saved: number;
}

/** The fields that are kept, in lower case. */
const FIELDS = new Set(["from", "to", "cc", "bcc", "reply-to", "subject", "message-id"]);
const SNIPPET = 200;
/** So many are kept: some KiB each. */
const MOST_KEPT = 2000;
/** Messages that are read at once. */
const BATCH = 25;

/** Reads the captured messages of one server. */
export class CapturedReader {
  readonly #mail: CapturedMail;
  readonly #search: CapturedSearch;
  /** The one that was asked for last is the last one. */
  readonly #kept = new Map<string, Summary>();

  /** It hears of what is removed as long as the store is there. */
  constructor(mail: CapturedMail, clock: Clock) {
    this.#mail = mail;
    this.#search = CapturedSearch.of(mail, clock);
    mail.on((change) => {
      if (change.kind === "removed") { for (const { id } of change.messages) this.#kept.delete(id); }
    });
  }

  /** A whole message, with the line ends that were sent; undefined: it is gone. */
  letter(message: Captured): Promise<Letter | undefined> {
    return readLetter(this.#mail, message, { asSent: true });
  }

  /** Its content: our Received field, and the octets that came; undefined: it is gone. */
  bytes(message: Captured): Promise<Uint8Array<ArrayBuffer> | undefined> {
    return bytesOf(this.#mail, message);
  }

  /** What is kept of messages, without those that are gone meanwhile. */
  async summaries(messages: readonly Captured[]): Promise<Summary[]> {
    const all: Summary[] = [];
    for (let at = 0; at < messages.length; at += BATCH) {
      const batch = messages.slice(at, at + BATCH);
      const found = batch.map((message) => this.#known(message) ?? this.#read(message));
      for (const one of found) {
        const summary = one instanceof Promise ? await one : one;
        if (summary) all.push(summary);
      }
    }
    return all;
  }

  /** The messages that fit, the newest first. */
  async search(query: MailQuery): Promise<Captured[]> {
    return (await this.#search.search({ query, by: "arrival" })).found;
  }

  #known({ id, recipients }: Captured): Summary | undefined {
    const summary = this.#kept.get(id);
    // a report may get more of them
    if (summary?.recipients !== recipients.length) return undefined;
    this.#kept.delete(id);
    this.#kept.set(id, summary);
    return summary;
  }

  async #read(message: Captured): Promise<Summary | undefined> {
    const letter = await this.letter(message);
    if (!letter) return undefined;
    const summary = summaryOf(letter);
    if (this.#mail.get(message.id) !== message) return summary;
    this.#kept.set(message.id, summary);
    if (this.#kept.size > MOST_KEPT) this.#kept.delete(this.#kept.keys().next().value!);
    return summary;
  }
}

/** The text that people read; where there is only HTML, what it shows, and where its links lead. */
export function readableText({ text, html }: Pick<ParsedMessage, "text" | "html">): string {
  return text ?? (html === null ? "" : visibleText(html, { links: true }));
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
  return {
    message,
    people,
    fields: headers.filter(({ name }) => FIELDS.has(name.toLowerCase())),
    hidden: hiddenOf(message, people),
    recipients: message.recipients.length,
    snippet: line.length <= SNIPPET ? line : `${line.slice(0, SNIPPET).toWellFormed()}...`,
    saved: attachments.filter(isSaved).length,
  };
}

/** Is it an attachment to be saved, for Mailpit? */
export function isSaved({ disposition, contentType }: Attachment): boolean {
  return disposition === "attachment" || contentType === "application/octet-stream";
}
