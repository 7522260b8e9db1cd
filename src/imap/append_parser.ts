/** APPEND (RFC 9051 6.3.12, RFC 3502, 3516, 6855), which is read in parts: up to each message's literal. */

import type { Cursor, LiteralHead } from "./cursor.ts";
import { parseDateTime } from "./dates.ts";
import { parseFlagList, parseMailbox } from "./mailbox_parser.ts";

/** The mailbox of an APPEND: what stands between the verb and its first message. */
export function parseAppendMailbox(cursor: Cursor): string {
  cursor.sp();
  return parseMailbox(cursor);
}

/** What stands before a message's literal. */
export interface AppendMessage {
  /** As written. */
  readonly flags: readonly string[];
  /** Milliseconds since 1970; absent: now. */
  readonly internalDate?: number | undefined;
  /** It stands in `UTF8 (…)`: a parenthesis follows (RFC 6855 4). */
  readonly utf8: boolean;
}

/** ` [(flags)] ["date"] [UTF8 (]`, up to the literal's head, which has to stand at the end. */
export function parseAppendMessage(cursor: Cursor, literal: LiteralHead): AppendMessage {
  cursor.sp();
  // IMAPClient 4.1 puts two blanks between a literal and the next one
  while (cursor.next === 32) cursor.sp();
  let flags: readonly string[] = [];
  let internalDate: number | undefined;
  if (cursor.opens) {
    flags = parseFlagList(cursor);
    cursor.sp();
  }
  if (cursor.next === 34) {
    internalDate = parseDateTime(cursor);
    cursor.sp();
  }
  const utf8 = cursor.takeWord("UTF8");
  if (utf8) {
    cursor.sp();
    cursor.expect("(");
    if (!literal.binary) throw cursor.fault("Expected a literal8 such as ~{310}");
  }
  if (cursor.at !== cursor.bytes.length - literal.length) {
    throw cursor.fault("Expected a message as a literal");
  }
  return { flags, utf8, ...(internalDate === undefined ? {} : { internalDate }) };
}

/** What follows a message: the end of the command (true), or a blank and the next one. */
export function parseAppendAfter(cursor: Cursor, before: AppendMessage): boolean {
  if (before.utf8) cursor.expect(")");
  const { at } = cursor;
  while (cursor.take(" "));
  if (cursor.done) return true;
  cursor.at = at;
  return false;
}
