/** The meaning of a query for a message: first by what its envelope and header say, then by its content. */

import { visibleText } from "./html_tags.ts";
import { type Attachment, type DecodedField, fieldValue } from "./message.ts";
import { tagsIn } from "./tags.ts";
import { type Asked, comparable, type MailQuery, type Term } from "./query.ts";

/** What is known of a message without its content. */
export interface SearchedMail {
  /** The reverse-path. */
  readonly sender: string;
  /** The recipients of the envelope, as far as they are known. */
  readonly recipients: readonly string[];
  /** The header section. */
  readonly fields: readonly DecodedField[];
  /** What `before:` and `after:` look at: milliseconds since 1970. */
  readonly date: number;
  /** Octets. */
  readonly size: number;
  readonly seen: boolean;
  /** Its tags; absent: those that it came with. */
  readonly tags?: readonly string[];
}

/** The content of a message. */
export interface SearchedContent {
  readonly text: string | null;
  readonly html: string | null;
  readonly attachments: readonly Pick<Attachment, "filename" | "inline">[];
}

/** Does a message fit, as far as envelope and header tell? Undefined: its content decides. */
export function fitsHeader(query: MailQuery, mail: SearchedMail): boolean | undefined {
  let verdict: boolean | undefined = true;
  for (const term of query) {
    const answer = answered(term, headerAnswer(term.asked, mail));
    if (answer === false) return false;
    if (answer === undefined) verdict = undefined;
  }
  return verdict;
}

/** Does a message fit? */
export function fits(query: MailQuery, mail: SearchedMail, content: SearchedContent): boolean {
  return query.every((term) =>
    answered(term, headerAnswer(term.asked, mail) ?? contentAnswer(term.asked, content))
  );
}

function answered({ not }: Term, answer: boolean | undefined): boolean | undefined {
  return answer === undefined ? undefined : answer !== not;
}

/** Undefined: not to be told without the content. */
function headerAnswer(asked: Asked, mail: SearchedMail): boolean | undefined {
  switch (asked.on) {
    case "any":
      return holds([...addressed(mail), field(mail, "subject")], asked.text) || undefined;
    case "from":
      return holds([field(mail, "from"), mail.sender], asked.text);
    case "to":
      return holds([field(mail, "to"), ...mail.recipients], asked.text);
    case "bcc":
      return holds([field(mail, "bcc"), ...hidden(mail)], asked.text);
    case "addressed":
      return holds(addressed(mail), asked.text);
    case "cc":
    case "reply-to":
    case "subject":
    case "message-id":
      return holds([field(mail, asked.on)], asked.text);
    case "tag":
      return tagsOf(mail).includes(asked.text);
    case "is":
      return asked.what === "tagged" ? tagsOf(mail).length > 0 : mail.seen === (asked.what === "read");
    case "before":
      return mail.date < asked.at;
    case "after":
      return mail.date >= asked.at;
    case "larger":
      return mail.size > asked.octets;
    case "smaller":
      return mail.size < asked.octets;
    case "has":
      return undefined;
  }
}

function contentAnswer(asked: Asked, { text, html, attachments }: SearchedContent): boolean {
  if (asked.on === "has") return attachments.some(({ inline }) => inline === (asked.what === "inline"));
  if (asked.on !== "any") return false;
  return holds([text ?? "", ...attachments.map(({ filename }) => filename ?? "")], asked.text) ||
    (html !== null && holds([visibleText(html)], asked.text));
}

function holds(texts: readonly string[], wanted: string): boolean {
  return texts.some((text) => text !== "" && comparable(text).includes(wanted));
}

function field(mail: SearchedMail, name: string): string {
  return fieldValue(mail.fields, name);
}

/** Whoever is named as sender or recipient. */
function addressed(mail: SearchedMail): string[] {
  const named = ["from", "to", "cc", "bcc", "reply-to"].map((name) => field(mail, name));
  return [...named, mail.sender, ...mail.recipients];
}

/** The recipients that no field names. */
function hidden(mail: SearchedMail): string[] {
  const named = comparable(`${field(mail, "to")} ${field(mail, "cc")}`);
  return mail.recipients.filter((recipient) => !named.includes(comparable(recipient)));
}

function tagsOf(mail: SearchedMail): string[] {
  return (mail.tags ?? tagsIn(field(mail, "x-tags"))).map((tag) => comparable(tag));
}
