/**
 * The `From ` line of mbox files: who sent the message and when it came. No two programs agree on its date, so that
 * each line is rated by how sure it is.
 */

import { parseMailbox } from "./address.ts";
import type { Mailbox } from "./envelope.ts";
import { decodeUtf8Address } from "./xtext.ts";

/** What a `From ` line says. */
export interface FromLine {
  /** The reverse-path; empty for none. */
  readonly sender: Mailbox;
  /** Milliseconds since 1970, whole seconds; undefined when it can't be read. */
  readonly at: number | undefined;
  /**
   * `dated` in English or in digits from the year on; `loose` when a date seems to stand there, in another language or
   * order; `undated` when it has no time, which a sentence may look like.
   */
  readonly kind: "dated" | "loose" | "undated";
}

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const DAY = "(?:(?:Mon|Tues?|Wed(?:nes)?|Thu(?:rs)?|Fri|Sat(?:ur)?|Sun)(?:day)?[.,]* +)?";
const MONTH = "(?<month>Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]{0,6}\\.?";
const DATE = "(?<date>\\d{1,2})";
const YEAR = "(?<year>\\d{4}|\\d\\d)";
const TIME =
  "(?<hour>\\d{1,2}):(?<minute>\\d\\d)(?::(?<second>\\d\\d)(?:[.,]\\d+)?)?(?: *(?<half>[AaPp])\\.?[Mm]\\.?)?";
/** The name of a zone, or its offset; more than one in some files. */
const ZONE = "(?: *(?:[+-]\\d\\d:?\\d\\d|\\([^()]*\\)|Z(?![A-Za-z]))| +[A-Z][A-Za-z/_]*(?:[+-]\\d{1,4})?)*";
const SENDER = '(?:(?<sender>"[^"]*"|\\S+) +(?:.* )?)??';
const END = "(?: +remote from \\S+)? *$";

/** asctime() with what programs have added, the year before the time, the date of a header field, ISO 8601. */
const DATED = [
  `${DAY}${MONTH} +${DATE},? +${TIME}${ZONE} +${YEAR}${ZONE}`,
  `${DAY}${MONTH} +${DATE},? +${YEAR},? +${TIME}${ZONE}`,
  `${DAY}${DATE}\\.?[ -]+${MONTH}[ -]+${YEAR},? +${TIME}${ZONE}`,
  `(?<year>\\d{4})[-/](?<month>\\d\\d)[-/]${DATE}[T ] *${TIME}${ZONE}`,
].map((date) => new RegExp(`^From +${SENDER}${date}${END}`));

/** A sender of one word, and behind it a time among few words and numbers. */
const WORD = "[\\p{L}\\p{M}\\uFFFD]*\\d{0,2}[\\p{L}\\p{M}\\uFFFD]+[.,]{0,2}";
const NUMBER = "\\d{1,4}(?:[./-]\\d{1,2}[./-]\\d{1,4})?[.,]?";
const LOOSE_TIME = "(?:[01]?\\d|2[0-3])(?:[:.][0-5]\\d[:.][0-5]\\d|:[0-5]\\d)";
const LOOSE = new RegExp(
  `^From +(?<sender>"[^"]*"|\\S+)(?: +(?:${WORD}|${NUMBER}|${LOOSE_TIME}|[+-]\\d{4}))+ *$`,
  "u",
);
/** A day and a month, beside zones and halves of the day in capitals. */
const MAX_WORDS = 2;

/** Nothing but a sender, or a day behind it. */
const UNDATED = new RegExp(
  `^From +(?<sender>[^\\s@]+@[^\\s@]+|-|MAILER-DAEMON)(?: +${DAY}(?:${MONTH} +${DATE}|${DATE} +${MONTH}),? +\\d{4})? *$`,
);

/** Has the form `From … time`, be it a sentence or not. */
const WITH_TIME = /^From .*\d:\d\d/;

/** What a line says that begins with `From `; undefined: it is a sentence. */
export function parseFromLine(text: string): FromLine | undefined {
  for (const form of DATED) {
    const groups = form.exec(text)?.groups;
    const at = groups && timeOf(groups, text);
    if (at !== undefined) return { sender: senderOf(groups!.sender), at, kind: "dated" };
  }
  const loose = LOOSE.exec(text)?.groups;
  if (loose && isLooseDate(text)) return { sender: senderOf(loose.sender), at: undefined, kind: "loose" };
  const undated = UNDATED.exec(text)?.groups;
  return undated && { sender: senderOf(undated.sender), at: undefined, kind: "undated" };
}

/** Is this worth a word when it is not taken for the beginning of a message? */
export function looksDated(text: string): boolean {
  return WITH_TIME.test(text);
}

function isLooseDate(text: string): boolean {
  const tokens = text.trim().split(/ +/).slice(2);
  const time = new RegExp(`^(?:${LOOSE_TIME})$`);
  const rest = tokens.filter((token) => !time.test(token));
  const words = rest.filter((token) => /\p{L}/u.test(token) && !/^[A-Z]{2,5}$/.test(token));
  const inDigits = rest.some((token) =>
    /^(?:\d{1,2}[./-]\d{1,2}[./-](?:\d{4}|\d\d)|\d{4}([./-])\d{1,2}\1\d{1,2})[.,]?$/.test(token)
  );
  const hasYear = inDigits || rest.some((token) => /^\d{4}[.,]?$/.test(token));
  return rest.length === tokens.length - 1 && hasYear && words.length <= (inDigits ? 0 : MAX_WORDS);
}

function senderOf(name = ""): Mailbox {
  return parseMailbox(decodeUtf8Address(name)) ?? "";
}

/** Hours east of UTC of the names that RFC 5322 4.3 knows; others mean several zones. */
const ZONES: Readonly<Record<string, number>> = {
  EST: -5,
  EDT: -4,
  CST: -6,
  CDT: -5,
  MST: -7,
  MDT: -6,
  PST: -8,
  PDT: -7,
};

/** The instant; undefined when there is no such date. */
function timeOf(groups: Record<string, string | undefined>, text: string): number | undefined {
  const { month = "", half, year = "" } = groups;
  const [date, minute, second] = [groups.date, groups.minute, groups.second ?? 0].map(Number) as [
    number,
    number,
    number,
  ];
  let hour = Number(groups.hour);
  if (half !== undefined) {
    if (hour > 12) return undefined;
    hour = hour % 12 + (half.toLowerCase() === "p" ? 12 : 0);
  }
  const monthIndex = /^\d/.test(month) ? Number(month) - 1 : MONTHS.indexOf(month);
  if (hour > 23 || minute > 59 || second > 60 || date < 1 || date > 31 || monthIndex > 11 || monthIndex < 0) {
    return undefined;
  }
  const at = Date.UTC(fullYear(year), monthIndex, date, hour, minute, second);
  return at - 60_000 * zoneMinutes(text);
}

/** RFC 5322 4.3. */
function fullYear(year: string): number {
  if (year.length === 4) return Number(year);
  return Number(year) + (Number(year) < 50 ? 2000 : 1900);
}

/** Minutes east of UTC; a zone that is not known is taken for UTC. */
function zoneMinutes(text: string): number {
  const behind = text.replace(/^.*?\d:\d\d/, "");
  const offset = /([+-])(\d\d):?(\d\d)(?!\d)/.exec(behind);
  if (offset) return (offset[1] === "-" ? -1 : 1) * (Number(offset[2]) * 60 + Number(offset[3]));
  return 60 * (ZONES[/\b[A-Z]{3}\b/.exec(behind)?.[0] ?? ""] ?? 0);
}
