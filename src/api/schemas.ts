/** The schemas that several calls share: what validates is what the document shows. */

import { z } from "@hono/zod-openapi";
import { localKey, parseMailbox } from "../mail/address.ts";
import { normalizeDomain } from "../mail/domain.ts";
import { Problem, quoted } from "../http/problem.ts";

/** Text without control characters: what goes into a header field or onto a line. */
// deno-lint-ignore no-control-regex
export const ONE_LINE = /^[^\u0000-\u001f\u007f-\u009f]*$/;
/** What is said of a text that is not that. */
export const NOT_ONE_LINE = "has control characters; a line break would begin something else";

/** An object with these members and no others: one that is not known is told, beside those that are. */
export function knownOnly<T extends z.core.$ZodLooseShape>(shape: T) {
  const known = Object.keys(shape).join(", ");
  return z.strictObject(shape, {
    error: ({ code }) => code === "unrecognized_keys" ? `is not known; known are ${known}` : undefined,
  });
}

/** RFC 9457, as every call answers when it can't do what was asked. */
export const problemSchema = z.object({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  detail: z.string(),
  instance: z.string(),
  errors: z.array(z.object({ in: z.string(), name: z.string(), detail: z.string() })).optional(),
}).openapi("Problem");

/** A time: ISO 8601 UTC. */
export const timeSchema = z.string().openapi({ format: "date-time", example: "2026-01-05T09:00:00.000Z" });

/** A message's id, as it comes in a path; one that has not the form of an id names nothing. */
export const idParam = z.string().min(1).openapi({
  param: { name: "id", in: "path" },
  description: "The message's id",
  example: "01KB8Y4ZQ2M3N4P5",
});

/** An address in a path. */
export const addressParam = z.string().min(1).openapi({
  param: { name: "address", in: "path" },
  example: "brain@example.org",
});

/** Where a list goes on: the `cursor` of the page before, which has this form in it. */
export function cursorParam(form: RegExp, example: string) {
  return z.string().max(400).regex(form, "is none that this list gave out").transform(plusMeant).optional()
    .openapi({
      description: "The cursor of the page before; absent: from the beginning",
      example,
    });
}

/** The cursor of a list of messages. */
export const idCursor = cursorParam(/^[0-9A-HJKMNP-TV-Z]{16}$/, "1M85X0GES17DRES7");
/** The cursor of a mailbox: a name in it, which may be that of a copy. */
export const mailCursor = cursorParam(/^[0-9A-HJKMNP-TV-Z]{16}(?:-[1-9]\d{0,4})?$/, "1M85X0GES17DRES7");
/** The cursor of a list by address. */
export const addressCursor = cursorParam(/.@[^@\s]{1,255}$/, "brain@example.org");

/** How many items a page has at most. */
export function limitParam(most: number, usual: number) {
  return z.preprocess(
    (value) => typeof value === "string" && /^\d{1,9}$/.test(value) ? Number(value) : value,
    z.int().min(1).max(most).default(usual),
  ).openapi({ type: "integer", minimum: 1, maximum: most, default: usual, description: "At most so many" });
}

/** The name of a folder in a query. */
export const folderParam = z.string().min(1).max(512).optional().openapi({
  description: "Only in the folder of that name; absent: in all",
  example: "INBOX",
});

/** A page of a list. */
export function pageOf<T extends z.ZodType>(item: T) {
  return z.object({
    items: z.array(item),
    cursor: z.string().nullable().openapi({ description: "For the next page; null at the end" }),
  });
}

/** An address of the form `local@domain`; {@linkcode mailboxOf} makes it canonical. */
export const addressSchema = z.string().min(3).max(320).openapi({
  format: "email",
  example: "brain@example.org",
});

/** A domain's name. */
export const domainParam = z.string().min(1).openapi({
  param: { name: "domain", in: "path" },
  example: "example.org",
});

/**
 * An address of the query in which `+` is meant where a blank came: `?to=jo+tag@example.org` says a blank, by the rules
 * of forms, and no address has one, unless it is quoted.
 */
export function plusMeant(address: string): string {
  return /^[^"]*@/.test(address) ? address.trim().replaceAll(" ", "+") : address;
}

/** Refuses a body that names another one than its path: what GET answers, PUT takes, for the same address only. */
export function mustBe(given: string | undefined, path: string, member: "address" | "domain"): void {
  const named = given?.trim().replace(/\.$/, "");
  if (named === undefined || (member === "address" ? sameMailbox(named, path) : sameDomain(named, path))) {
    return;
  }
  throw new Problem(422, `${member}: received "${quoted(named)}", but the path names ${quoted(path)}`);
}

function sameMailbox(given: string, path: string): boolean {
  const mailbox = parseMailbox(given);
  return mailbox !== undefined && localKey(mailbox) === localKey(path);
}

function sameDomain(given: string, path: string): boolean {
  return normalizeDomain(given) === path;
}

/** The canonical form of an address from a body; throws a {@linkcode Problem} for none. */
export function mailboxOf(text: string, name: string): string {
  const mailbox = parseMailbox(text.trim());
  if (mailbox !== undefined) return mailbox;
  throw new Problem(422, `${name}: received "${quoted(text)}", expected an address such as jo@example.org`);
}

/** The canonical form of a domain; throws a {@linkcode Problem} for none. */
export function domainOf(text: string): string {
  const domain = normalizeDomain(text.trim().replace(/\.$/, ""));
  if (domain !== undefined) return domain;
  throw new Problem(404, `"${quoted(text)}" is not a domain`);
}

/** A name in a path as a canonical address; undefined when it is none, so that nothing can have that name. */
export function namedMailbox(text: string): string | undefined {
  return parseMailbox(text.trim());
}

/** The canonical form of a domain to look for; what is none is looked for as it is, and found nowhere. */
export function domainToSearch(text: string): string {
  const name = text.trim().replace(/\.$/, "");
  return normalizeDomain(name) ?? name.toLowerCase();
}
