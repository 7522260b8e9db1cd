/** Sets of messages and ranges of them, as they stand in a command. */

import type { Cursor } from "./cursor.ts";
import type { PartialRange } from "./request.ts";
import { LAST, type NumberRange, type SequenceSet } from "./sequence_set.ts";

/** `1:3,7:*`, or `$` (RFC 9051 9). */
export function parseSequenceSet(cursor: Cursor): SequenceSet {
  return cursor.take("$") ? "$" : parseRanges(cursor);
}

/** A set without `$`. */
export function parseRanges(cursor: Cursor): NumberRange[] {
  const ranges: NumberRange[] = [];
  do {
    const first = bound(cursor);
    ranges.push({ first, last: cursor.take(":") ? bound(cursor) : first });
  } while (cursor.take(","));
  return ranges;
}

function bound(cursor: Cursor): number {
  return cursor.take("*") ? LAST : cursor.nzNumber("a message's number");
}

/** Does a set begin here? */
export function isSetAhead(cursor: Cursor): boolean {
  const { next } = cursor;
  return next === 42 || next === 36 || next >= 48 && next <= 57;
}

/** `1:10`, `-1:-10` (RFC 9394 3). */
export function parsePartialRange(cursor: Cursor): PartialRange {
  const start = cursor.at;
  const from = signed(cursor);
  cursor.expect(":");
  const to = signed(cursor);
  if (from < 0 !== to < 0) throw cursor.fault("Expected a range that counts from one end", start);
  return { from, to };
}

function signed(cursor: Cursor): number {
  return cursor.take("-") ? -cursor.nzNumber() : cursor.nzNumber();
}
