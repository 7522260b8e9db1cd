/** Messages in the JSON of Mailpit's API v1. */

import { createHash } from "node:crypto";
import type { DecodedField } from "../mail/decoded_header.ts";
import type { Attachment, Person } from "../mail/message.ts";
import { fieldValue } from "../mail/decoded_header.ts";
import { unsubscribeJson } from "./mailpit_unsubscribe.ts";
import { hiddenOf, isSaved, type Letter, readableText, type Summary } from "./reader.ts";

/** A person. */
interface Address {
  readonly Name: string;
  readonly Address: string;
}

/** A message in a list. */
export function summaryJson({ message, people, fields, hidden, snippet, saved }: Summary) {
  const { id, seen, receivedAt, tags, username = "", size } = message;
  return {
    ID: id,
    MessageID: messageId(fields),
    Read: seen,
    From: addressJson(people.from[0]),
    To: orNull(people.to.map(addressJson)),
    Cc: orNull(people.cc.map(addressJson)),
    Bcc: orNull([...people.bcc.map(addressJson), ...hidden.map(bare)]),
    ReplyTo: people.replyTo.map(addressJson),
    Subject: fieldValue(fields, "subject"),
    Created: new Date(receivedAt).toISOString(),
    Username: username,
    Tags: tagsJson(tags),
    Size: size,
    Attachments: saved,
    Snippet: snippet,
  };
}

/** A whole message. */
export function messageJson(letter: Letter) {
  const { message, headers, people, attachments } = letter;
  const { id, sender, receivedAt, tags, username = "", size } = message;
  // what has neither a name nor an id nobody can ask for
  const named = attachments.filter(({ filename, contentId }) => filename !== null || contentId !== null);
  return {
    ID: id,
    MessageID: messageId(headers),
    From: addressJson(people.from[0]),
    To: people.to.map(addressJson),
    Cc: people.cc.map(addressJson),
    Bcc: [...people.bcc.map(addressJson), ...hiddenOf(message, people).map(bare)],
    ReplyTo: people.replyTo.map(addressJson),
    ReturnPath: sender,
    Subject: fieldValue(headers, "subject"),
    ListUnsubscribe: unsubscribeJson(headers),
    Date: dateOf(fieldValue(headers, "date"), receivedAt),
    Tags: tagsJson(tags),
    Username: username,
    Text: textOf(letter),
    HTML: htmlOf(letter) ?? "",
    Size: size,
    Inline: named.filter((one) => !isSaved(one)).map(attachmentJson),
    Attachments: named.filter(isSaved).map(attachmentJson),
  };
}

/** The text that people read. */
export function textOf(letter: Letter): string {
  return withoutLastBreak(readableText(letter), letter.headers);
}

/** The HTML text; null: there is none. */
export function htmlOf({ html, headers }: Letter): string | null {
  return html && withoutLastBreak(html, headers);
}

/** The line break in front of what stands between parts belongs to that (RFC 2046 5.1.1). */
function withoutLastBreak(text: string, fields: readonly DecodedField[]): string {
  return /^multipart\//i.test(fieldValue(fields, "content-type")) ? text.replace(/\r?\n$/, "") : text;
}

/** Tags with how many messages have them, sorted; those that differ in case only are one. */
export function tagCounts(messages: Iterable<{ readonly tags: readonly string[] }>): [tag: string, number][] {
  const all = new Map<string, [string, number]>();
  for (const { tags } of messages) {
    for (const tag of tags) {
      const key = tag.toLowerCase();
      const [name, count] = all.get(key) ?? [tag, 0];
      all.set(key, [name, count + 1]);
    }
  }
  return [...all].sort(([a], [b]) => a < b ? -1 : 1).map(([, counted]) => counted);
}

/** Header fields by name, as Go's programs write names, with their values as they came. */
export function headersJson(fields: readonly DecodedField[]): Record<string, string[]> {
  const all = new Map<string, string[]>();
  for (const { name, value } of fields) {
    const key = name.toLowerCase().replace(/(?<=^|-)[a-z]/g, (letter) => letter.toUpperCase());
    const text = value.replace(/[ \t]{2,}|\t/g, " ");
    all.set(key, [...all.get(key) ?? [], text]);
  }
  const sorted = [...all].sort(([a], [b]) => a < b ? -1 : 1);
  return Object.fromEntries(sorted);
}

function tagsJson(tags: readonly string[]): string[] {
  return tagCounts([{ tags }]).map(([tag]) => tag);
}

function addressJson(person: Person | undefined): Address {
  return { Name: person?.name ?? "", Address: person?.address ?? "" };
}

function bare(address: string): Address {
  return { Name: "", Address: address };
}

function orNull<T>(list: readonly T[]): readonly T[] | null {
  return list.length === 0 ? null : list;
}

function messageId(fields: readonly DecodedField[]): string {
  const value = fields.find(({ name }) => name.toLowerCase() === "message-id")?.value ?? "";
  return value.trim().replace(/^<(.*)>$/, "$1");
}

function attachmentJson({ place, filename, contentType, contentId, bytes }: Attachment) {
  const sum = (kind: string) => createHash(kind).update(bytes).digest("hex");
  return {
    PartID: place,
    FileName: filename ?? "",
    ContentType: contentType,
    ContentID: contentId ?? "",
    Size: bytes.length,
    Checksums: { MD5: sum("md5"), SHA1: sum("sha1"), SHA256: sum("sha256") },
  };
}

/** RFC 3339, in the time zone that the field names. */
function dateOf(value: string, receivedAt: number): string {
  const at = Date.parse(value);
  if (!Number.isFinite(at)) return new Date(receivedAt).toISOString();
  const [, sign = "+", hours = "00", minutes = "00"] = /([+-])(\d\d)(\d\d)\s*(?:\(|$)/.exec(value) ?? [];
  const offset = (sign === "-" ? -1 : 1) * (Number(hours) * 60 + Number(minutes));
  const local = new Date(at + offset * 60_000).toISOString().slice(0, 19);
  return local + (offset === 0 ? "Z" : `${sign}${hours}:${minutes}`);
}
