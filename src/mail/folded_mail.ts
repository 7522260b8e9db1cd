/** Messages as searches compare them: their texts folded once, so that a search has nothing to do but look for parts. */

import { visibleText } from "./html_tags.ts";
import type { DecodedField } from "./decoded_header.ts";
import type { Attachment } from "./message.ts";
import { comparable } from "./query.ts";
import { tagsIn } from "./tags.ts";

/** What the envelope and the header of a message have that is looked into. */
export const COLUMNS = [
  "subject",
  "from",
  "to",
  "cc",
  "bcc",
  "reply-to",
  "message-id",
  "tags",
  "recipients",
  "hidden",
] as const;

/** One of them. */
export type Column = typeof COLUMNS[number];

/** Envelope and header, folded; what is empty is left out. Several texts in one have a tab between them. */
export type FoldedHead = Readonly<Partial<Record<Column, string>>>;

/** The content of a message, folded. */
export interface FoldedContent {
  /** Text, what people see of the HTML, and the attachments' names. */
  readonly text: string;
  /** It has attachments, and inline ones. */
  readonly attached: boolean;
  readonly inline: boolean;
}

/** What a head is made of. */
export interface Head {
  /** The reverse-path. */
  readonly sender: string;
  /** The recipients of the envelope, as far as they are known. */
  readonly recipients: readonly string[];
  /** The header section. */
  readonly fields: readonly DecodedField[];
}

/** What a content is made of. */
export interface Content {
  readonly text: string | null;
  readonly html: string | null;
  readonly attachments: readonly Pick<Attachment, "filename" | "inline">[];
}

const FIELDS: readonly Column[] = ["subject", "to", "cc", "bcc", "reply-to", "message-id"];
/** Folded texts have no white space but blanks, so it parts them. */
const BETWEEN = "\t";

/** Folds envelope and header. */
export function foldHead({ sender, recipients, fields }: Head): FoldedHead {
  const values = new Map<string, string>();
  for (const { name, value } of fields) {
    const key = name.toLowerCase();
    const before = values.get(key);
    values.set(key, before === undefined ? value : `${before}, ${value}`);
  }
  const field = (name: string) => values.get(name) ?? "";
  const named = comparable(`${field("to")} ${field("cc")}`);
  const folded = recipients.map(comparable);
  const tags = tagsIn(field("x-tags")).map(comparable);
  return withoutEmpty({
    ...Object.fromEntries(FIELDS.map((name) => [name, comparable(field(name))])),
    from: joined([comparable(field("from")), comparable(sender)]),
    recipients: joined(folded.filter((one) => named.includes(one))),
    hidden: joined(folded.filter((one) => !named.includes(one))),
    tags: tags.length === 0 ? "" : asTag(tags.join(BETWEEN)),
  });
}

/** Folds a content. */
export function foldContent({ text, html, attachments }: Content): FoldedContent {
  const names = attachments.map(({ filename }) => filename ?? "");
  const texts = [text ?? "", ...names, html === null ? "" : visibleText(html)];
  return {
    text: joined(texts.map(comparable)),
    attached: attachments.some(({ inline }) => !inline),
    inline: attachments.some(({ inline }) => inline),
  };
}

/** A tag as it stands among others, so that it is no part of another one; without one what all tags have. */
export function asTag(tag = ""): string {
  return tag === "" ? BETWEEN : BETWEEN + tag + BETWEEN;
}

function joined(texts: readonly string[]): string {
  return texts.filter((text) => text !== "").join(BETWEEN);
}

function withoutEmpty(head: Readonly<Record<string, string>>): FoldedHead {
  return Object.fromEntries(Object.entries(head).filter(([, text]) => text !== ""));
}
