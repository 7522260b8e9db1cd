/** Dates as IMAP writes them (RFC 9051 9: date, date-time). */

import type { Cursor } from "./cursor.ts";

const MONTHS = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
const DAY_MS = 86_400_000;
/** The years that four digits tell. */
const FIRST_MS = Date.parse("0000-01-01T00:00:00Z");
const LAST_MS = Date.parse("9999-12-31T23:59:59Z");

/** Days since 1970 of a `date`, with or without quotes: `1-Feb-1994`. */
export function parseDay(cursor: Cursor): number {
  const start = cursor.at;
  const text = cursor.astring();
  const [, day, month, year] = /^(\d{1,2})-([A-Za-z]{3})-(\d{4})$/.exec(text) ?? [];
  const ms = day === undefined ? undefined : instant(day, month!, year!);
  if (ms === undefined) throw cursor.fault("Expected a date such as 1-Feb-1994", start);
  return ms / DAY_MS;
}

const DATE_TIME = /^( ?\d|\d\d)-([A-Za-z]{3})-(\d{4}) (\d\d):(\d\d):(\d\d) ([+-])(\d\d)(\d\d)$/;

/** Milliseconds since 1970 of a `date-time`: `" 1-Feb-1994 12:00:00 +0100"`. */
export function parseDateTime(cursor: Cursor): number {
  const start = cursor.at;
  const found = DATE_TIME.exec(cursor.string());
  const ms = found ? dateTime(found) : undefined;
  if (ms === undefined) {
    throw cursor.fault('Expected a date such as " 1-Feb-1994 12:00:00 +0100"', start);
  }
  return ms;
}

function dateTime(found: RegExpExecArray): number | undefined {
  const [, day, month, year, hour, minute, second, sign, zoneHour, zoneMinute] = found.map(String);
  const ms = instant(day!.trim(), month!, year!);
  if (ms === undefined || Number(hour) > 23 || Number(minute) > 59 || Number(second) > 60) return undefined;
  if (Number(zoneMinute) > 59) return undefined;
  const zone = (Number(zoneHour) * 60 + Number(zoneMinute)) * (sign === "-" ? -1 : 1);
  const at = ms + ((Number(hour) * 60 + Number(minute) - zone) * 60 + Number(second)) * 1000;
  // as it is told, in UTC, a year has four digits too
  return at >= FIRST_MS && at <= LAST_MS ? at : undefined;
}

/** The start of a day in UTC; undefined: there is no such day. */
function instant(day: string, month: string, year: string): number | undefined {
  const monthNumber = MONTHS.indexOf(month.toUpperCase());
  if (monthNumber < 0) return undefined;
  const date = new Date(0);
  date.setUTCFullYear(Number(year), monthNumber, Number(day));
  return date.getUTCDate() === Number(day) && date.getUTCMonth() === monthNumber ? date.getTime() : undefined;
}
