/**
 * Mailpit's searches, in our language: its words are read one by one, and what one of them can't be is a word to look
 * for, or nothing. Its sizes count 1024 octets to a kilobyte, and its times are of the zone that `tz` names.
 */

import type { Captured } from "../capture/captured.ts";
import { type MailQuery, parseQuery, type Term, TEXT_KEYS } from "../mail/query.ts";
import type { Call, DialectParts } from "./dialect.ts";

const KEYED = new RegExp(
  `^(${[...TEXT_KEYS, "has", "is", "before", "after", "larger", "smaller"].join("|")}):`,
);
const SIZE = /^(\d+(?:\.\d+)?)\s?(kb?|mb?)?$/;
const UNITS: Readonly<Record<string, number>> = { k: 1024, m: 1024 * 1024 };
/** No person writes more. */
const MAX_TERMS = 50;

/** The messages that a search finds, the newest first; its times are of the zone that the request names. */
export function findMessages(text: string, c: Call, { reader }: DialectParts): Promise<Captured[]> {
  return reader.search(mailpitQuery(text, c.req.query("tz")));
}

/** Reads a search; `zone` is a name of the IANA's time zones. Default, and for one that nobody knows: UTC. */
export function mailpitQuery(text: string, zone?: string): MailQuery {
  return wordsOf(text).slice(0, MAX_TERMS).flatMap((word) => termOf(word, zone));
}

/** Blanks part words, but between quotation marks; those say no more, wherever they stand. */
function wordsOf(text: string): string[] {
  const words = text.match(/(?:"[^"]*(?:"|$)|[^\s"])+/g) ?? [];
  return words.map((word) => word.replaceAll('"', "").trim()).filter((word) => word !== "");
}

function termOf(word: string, zone: string | undefined): readonly Term[] {
  const not = /^[-!]./.test(word);
  const asked = not ? word.slice(1) : word;
  const key = KEYED.exec(asked.toLowerCase())?.[1];
  if (key === undefined) return read(asked, not);
  const value = asked.slice(key.length + 1).trim();
  switch (key) {
    case "has":
    case "is":
      // Mailpit has no such flag
      if (value.toLowerCase() === "flagged") return read(asked, not);
      return oneTerm(`${key}:${value.toLowerCase().replace(/s$/, "")}`, not) ?? read(asked, not);
    case "larger":
    case "smaller": {
      const octets = octetsOf(value);
      return octets === undefined ? read(asked, not) : read(`${octets}`, not, key);
    }
    case "before":
    case "after": {
      const at = instantOf(value, zone);
      return at === undefined ? [] : read(new Date(at).toISOString(), not, key);
    }
  }
  return read(value, not, key);
}

/** As one term of our own language; nothing where it says nothing. */
function read(value: string, not: boolean, key?: string): readonly Term[] {
  return oneTerm(`${key === undefined ? "" : `${key}:`}"${value}"`, not) ?? [];
}

function oneTerm(text: string, not: boolean): readonly Term[] | undefined {
  const parsed = parseQuery(`${not ? "-" : ""}${text}`);
  return "terms" in parsed ? parsed.terms : undefined;
}

function octetsOf(text: string): number | undefined {
  const [, count, unit = ""] = SIZE.exec(text.toLowerCase()) ?? [];
  const octets = Math.floor(Number(count ?? 0) * (UNITS[unit[0] ?? ""] ?? 1));
  return octets > 0 ? octets : undefined;
}

/**
 * A day, a time, or seconds or milliseconds since 1970, in the forms that people write; undefined: none of these. A time
 * that names no zone is of the one that is given.
 */
export function instantOf(text: string, zone = "UTC"): number | undefined {
  if (/^\d{10}(?:\d{3})?$/.test(text)) return Number(text) * (text.length === 10 ? 1000 : 1);
  if (/\d[^-]*(?:Z|[+-]\d\d:?\d\d|\b(?:UTC|GMT))$/i.test(text)) return valid(Date.parse(text.toUpperCase()));
  const local = text.replace(/^(\d{4})[./](\d\d?)[./](\d\d?)/, "$1-$2-$3")
    .replace(/^(\d{4})-(\d\d?)-(\d\d?)/, (_, year, month, day) => `${year}-${pad(month)}-${pad(day)}`);
  const asUtc = valid(Date.parse(/^\d{4}-\d\d-\d\d(?:[T ]|$)/i.test(local) ? iso(local) : `${local} UTC`));
  if (asUtc === undefined) return undefined;
  const there = Temporal.Instant.fromEpochMilliseconds(asUtc).toZonedDateTimeISO("UTC").toPlainDateTime();
  return there.toZonedDateTime(isZone(zone) ? zone : "UTC").epochMilliseconds;
}

function iso(text: string): string {
  const [day = "", time = "00:00"] = text.toUpperCase().split(/[T ]/);
  return `${day}T${time}Z`;
}

function pad(text: string): string {
  return text.padStart(2, "0");
}

function valid(at: number): number | undefined {
  return Number.isNaN(at) ? undefined : at;
}

function isZone(zone: string): boolean {
  try {
    return new Intl.DateTimeFormat("en", { timeZone: zone }) !== undefined;
  } catch {
    return false;
  }
}
