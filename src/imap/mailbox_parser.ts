/** What stands behind the commands on mailboxes and messages in them. */

import type { Cursor } from "./cursor.ts";
import type { NumberRange, SequenceSet } from "./sequence_set.ts";
import { parseRanges, parseSequenceSet } from "./sets_parser.ts";
import { SyntaxFault } from "./syntax_fault.ts";

/** A mailbox's name, as it came: how it is coded depends on the session. `INBOX` in any case of letters is `INBOX`. */
export function parseMailbox(cursor: Cursor): string {
  const name = cursor.astring();
  return name.toUpperCase() === "INBOX" ? "INBOX" : name;
}

/** SELECT and EXAMINE. */
export interface SelectCommand {
  readonly mailbox: string;
  /** RFC 7162 3.1.8. */
  readonly condstore: boolean;
  /** RFC 7162 3.2.5. */
  readonly qresync?: QresyncParameter | undefined;
}

/** What a client knows of a mailbox that it selects again. */
export interface QresyncParameter {
  readonly uidValidity: number;
  readonly modseq: number;
  /** The UIDs that it knows; absent: all that there were. */
  readonly known?: readonly NumberRange[] | undefined;
  /** Some numbers and the UIDs that they had, as two sets of equal count. */
  readonly matched?: { readonly numbers: readonly NumberRange[]; readonly uids: readonly NumberRange[] };
}

/** ` mailbox [(CONDSTORE QRESYNC (…))]`. */
export function parseSelect(cursor: Cursor): SelectCommand {
  cursor.sp();
  const mailbox = parseMailbox(cursor);
  let condstore = false;
  let qresync: QresyncParameter | undefined;
  if (cursor.take(" ") && !cursor.done) {
    cursor.list(() => {
      const start = cursor.at;
      const word = cursor.word("a parameter of SELECT");
      if (word === "CONDSTORE") condstore = true;
      else if (word === "QRESYNC" && !qresync) {
        cursor.sp();
        qresync = parseQresync(cursor);
      } else throw cursor.fault("Expected CONDSTORE, or one QRESYNC", start);
    });
  }
  cursor.end();
  return { mailbox, condstore, ...(qresync && { qresync }) };
}

function parseQresync(cursor: Cursor): QresyncParameter {
  cursor.expect("(");
  const uidValidity = cursor.nzNumber("a UIDVALIDITY");
  cursor.sp();
  const modseq = cursor.number64("a mod-sequence");
  let known: readonly NumberRange[] | undefined;
  let matched: QresyncParameter["matched"];
  if (cursor.take(" ") && !cursor.opens) {
    known = parseRanges(cursor);
    if (cursor.take(" ") && !cursor.opens) throw cursor.fault("Expected '('");
  }
  if (cursor.take("(")) {
    const numbers = parseRanges(cursor);
    cursor.sp();
    matched = { numbers, uids: parseRanges(cursor) };
    cursor.expect(")");
  }
  cursor.expect(")");
  return { uidValidity, modseq, ...(known && { known }), ...(matched && { matched }) };
}

/** CREATE. */
export interface CreateCommand {
  readonly mailbox: string;
  /** Special uses as written, such as `\Sent` (RFC 6154 3). */
  readonly use: readonly string[];
}

/** ` mailbox [(USE (\Sent))]`. */
export function parseCreate(cursor: Cursor): CreateCommand {
  cursor.sp();
  const mailbox = parseMailbox(cursor);
  let use: readonly string[] = [];
  if (cursor.take(" ") && !cursor.done) {
    cursor.list(() => {
      const start = cursor.at;
      if (cursor.word("a parameter of CREATE") !== "USE") throw cursor.fault("Expected USE", start);
      cursor.sp();
      use = cursor.list(() => cursor.flag(), { empty: true });
    });
  }
  cursor.end();
  return { mailbox, use };
}

/** STORE. */
export interface StoreCommand {
  readonly set: SequenceSet;
  readonly mode: "set" | "add" | "remove";
  readonly silent: boolean;
  /** As written. */
  readonly flags: readonly string[];
  /** RFC 7162 3.1.3. */
  readonly unchangedSince?: number | undefined;
}

/** Flags of one command. */
const MAX_FLAGS = 200;

/** ` set [(UNCHANGEDSINCE n)] +FLAGS.SILENT (\Seen)`. */
export function parseStore(cursor: Cursor): StoreCommand {
  cursor.sp();
  const set = parseSequenceSet(cursor);
  cursor.sp();
  let unchangedSince: number | undefined;
  if (cursor.opens) {
    cursor.list(() => {
      const start = cursor.at;
      if (cursor.word("UNCHANGEDSINCE") !== "UNCHANGEDSINCE") {
        throw cursor.fault("Expected UNCHANGEDSINCE", start);
      }
      cursor.sp();
      unchangedSince = cursor.number64("a mod-sequence");
    });
    cursor.sp();
  }
  const mode = cursor.take("+") ? "add" : cursor.take("-") ? "remove" : "set";
  const start = cursor.at;
  const name = cursor.name("FLAGS");
  if (name !== "FLAGS" && name !== "FLAGS.SILENT") {
    throw cursor.fault("Expected FLAGS or FLAGS.SILENT", start);
  }
  cursor.sp();
  const flags = cursor.opens ? parseFlagList(cursor) : parseBareFlags(cursor);
  cursor.end();
  const silent = name === "FLAGS.SILENT";
  return { set, mode, silent, flags, ...(unchangedSince === undefined ? {} : { unchangedSince }) };
}

/** `(\Seen $Forwarded)`, `()`. */
export function parseFlagList(cursor: Cursor): string[] {
  return bounded(cursor, cursor.list(() => cursor.flag(), { empty: true }));
}

function parseBareFlags(cursor: Cursor): string[] {
  const flags = [cursor.flag()];
  while (cursor.take(" ") && !cursor.done) flags.push(cursor.flag());
  return bounded(cursor, flags);
}

function bounded(cursor: Cursor, flags: string[]): string[] {
  if (flags.length <= MAX_FLAGS) return flags;
  throw new SyntaxFault(`More than ${MAX_FLAGS} flags`, cursor.at, cursor.bytes, "LIMIT");
}

/** COPY and MOVE. */
export interface ToMailboxCommand {
  readonly set: SequenceSet;
  readonly mailbox: string;
}

/** ` set mailbox`. */
export function parseToMailbox(cursor: Cursor): ToMailboxCommand {
  cursor.sp();
  const set = parseSequenceSet(cursor);
  cursor.sp();
  const mailbox = parseMailbox(cursor);
  cursor.end();
  return { set, mailbox };
}

/** What a program tells of itself (RFC 2971); empty: NIL. */
export type IdFields = ReadonlyMap<string, string>;

/** RFC 2971 3.3. */
const MAX_ID_FIELDS = 30;

/** ` NIL`, ` ("name" "Thunderbird" "version" NIL)`. */
export function parseId(cursor: Cursor): IdFields {
  const fields = new Map<string, string>();
  cursor.sp();
  if (!cursor.takeWord("NIL")) {
    cursor.expect("(");
    while (!cursor.take(")")) {
      if (fields.size > 0) cursor.sp();
      const name = cursor.string();
      cursor.sp();
      // a program that says a field twice is heard once
      fields.set(name.toLowerCase(), cursor.nstring() ?? "");
      if (fields.size > MAX_ID_FIELDS) throw cursor.fault(`Expected at most ${MAX_ID_FIELDS} fields`);
    }
  }
  cursor.end();
  return fields;
}
