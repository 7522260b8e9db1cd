/**
 * The query language of mail: `from:ann subject:"your code" has:attachment -is:read after:2026-01-31 invoice`. One
 * parser for all who search; what it means for a message is in `query_match.ts`.
 */

import { parseSize } from "../base/units.ts";

/** The fields that a term may look into, each for a part of its text. */
export const TEXT_KEYS = [
  "from",
  "to",
  "cc",
  "bcc",
  "reply-to",
  "addressed",
  "subject",
  "message-id",
  "tag",
] as const;

/** A field that a term looks into. */
export type TextKey = typeof TEXT_KEYS[number];

/** What a term asks, without regard to `-`. */
export type Asked =
  /** A word or phrase: in sender, recipients, subject, text or attachments' names. In lower case, blanks made one. */
  | { readonly on: "any" | TextKey; readonly text: string }
  | { readonly on: "has"; readonly what: "attachment" | "inline" }
  | { readonly on: "is"; readonly what: "read" | "unread" | "flagged" | "tagged" }
  /** A folder by its name, as a person writes it; `exact`: to the letter. */
  | { readonly on: "folder"; readonly text: string; readonly exact?: true }
  /** Milliseconds since 1970: strictly before, or at that instant or after it. */
  | { readonly on: "before" | "after"; readonly at: number }
  | { readonly on: "larger" | "smaller"; readonly octets: number };

/** One term of a query. */
export interface Term {
  /** It has `-` or `!` before it: what it asks must not be so. */
  readonly not: boolean;
  readonly asked: Asked;
}

/** A query: all its terms must fit. Without terms everything fits. */
export type MailQuery = readonly Term[];

const HAS = ["attachment", "inline"] as const;
const IS = ["read", "unread", "flagged", "tagged"] as const;
const ALL_KEYS = [...TEXT_KEYS, "folder", "has", "is", "before", "after", "larger", "smaller"];
/** No person writes more. */
const MAX_TERMS = 50;

/** A term as it is written: an optional sign, an optional key, a phrase or a word. */
const TERM = /([-!]?)(?:([A-Za-z][A-Za-z-]*):(?!\/\/))?(?:"([^"]*)"(?=\s|$)|([^\s"]+)(?=\s|$))?/y;

/** Reads a query; `fault` says in a sentence what does not parse, and what would be right. */
export function parseQuery(text: string): { readonly terms: MailQuery } | { readonly fault: string } {
  const terms: Term[] = [];
  const blanks = /\s*/y;
  for (let at = 0;;) {
    blanks.lastIndex = at;
    blanks.test(text);
    at = blanks.lastIndex;
    if (at === text.length) return { terms };
    if (terms.length === MAX_TERMS) return { fault: `it has more than ${MAX_TERMS} terms` };
    TERM.lastIndex = at;
    const [whole, sign = "", key, phrase, word] = TERM.exec(text)!;
    const value = phrase ?? word;
    if (value === undefined) return { fault: faultAt(text.slice(at), sign, key) };
    const asked = key === undefined ? words(value) : askedOf(key.toLowerCase(), value);
    if ("fault" in asked) return asked;
    terms.push({ not: sign !== "", asked });
    at += whole.length;
  }
}

/** As texts are compared: lower case, composed, with one blank for any white space. */
export function comparable(text: string): string {
  return text.normalize("NFC").toLowerCase().replace(/\s+/g, " ");
}

type Fault = { readonly fault: string };

/** Where a term has no value, or a quotation mark stands where none may. */
function faultAt(rest: string, sign: string, key: string | undefined): Fault["fault"] {
  const shown = rest.split(/\s/, 1)[0]!.slice(0, 80);
  const behind = rest.slice(sign.length + (key === undefined ? 0 : key.length + 1));
  if (behind.startsWith('"')) {
    return behind.indexOf('"', 1) < 0
      ? `the phrase that begins at ${shown} has no end; expected a " behind it`
      : `there is no blank behind the phrase at ${shown}; expected one between terms`;
  }
  if (behind.includes('"') && !/^\s|^$/.test(behind)) {
    return `${shown} has a " in it; expected a phrase in quotation marks as a whole, such as "your code"`;
  }
  if (key === undefined) {
    return `${shown} stands alone; expected a term right behind it, such as ${sign}is:read`;
  }
  return `${key}: is followed by nothing; expected what to look for right behind the colon`;
}

function words(value: string): Asked | Fault {
  const text = comparable(value);
  return text.trim() === ""
    ? { fault: 'there is an empty phrase; expected words between the two "' }
    : { on: "any", text };
}

function askedOf(key: string, value: string): Asked | Fault {
  if (value.trim() === "") return { fault: `${key}: is followed by nothing; expected what to look for` };
  switch (key) {
    case "folder":
      return { on: key, text: comparable(value) };
    case "has":
      return oneOf(HAS, value, (what) => ({ on: key, what }), key);
    case "is":
      return oneOf(IS, value, (what) => ({ on: key, what }), key);
    case "before":
    case "after": {
      const at = timeOf(value);
      return at === undefined
        ? { fault: `${key}:${value} names no day; expected one such as ${key}:2026-01-31` }
        : { on: key, at };
    }
    case "larger":
    case "smaller": {
      const octets = parseSize(value) ?? parseSize(`${value}iB`);
      return octets === undefined
        ? { fault: `${key}:${value} names no size; expected one such as ${key}:500KB, or octets` }
        : { on: key, octets };
    }
    default: {
      const on = TEXT_KEYS.find((one) => one === key);
      return on === undefined ? { fault: unknownKey(key) } : { on, text: comparable(value) };
    }
  }
}

function oneOf<T extends string>(
  all: readonly T[],
  value: string,
  make: (what: T) => Asked,
  key: string,
): Asked | Fault {
  const what = all.find((one) => one === value.toLowerCase());
  if (what !== undefined) return make(what);
  return { fault: `${key}:${value} is unknown; expected ${all.map((one) => `${key}:${one}`).join(", ")}` };
}

function unknownKey(key: string): string {
  const known = ALL_KEYS.map((one) => `${one}:`).join(" ");
  return `${key}: is unknown; expected one of ${known}, or quotation marks around words with a colon`;
}

/** A day (its beginning, UTC), or an instant. */
function timeOf(text: string): number | undefined {
  const day = /^(\d{4}-\d\d-\d\d)(T\d\d:\d\d(?::\d\d(?:\.\d{1,3})?)?(?:Z|[+-]\d\d:\d\d))?$/i.exec(text);
  if (!day) return undefined;
  const midnight = new Date(`${day[1]}T00:00:00Z`);
  // 2026-02-30 would be taken for a day in March
  if (Number.isNaN(midnight.getTime()) || !midnight.toISOString().startsWith(day[1]!)) return undefined;
  const at = day[2] === undefined ? midnight.getTime() : Date.parse(text.toUpperCase());
  return Number.isNaN(at) ? undefined : at;
}
