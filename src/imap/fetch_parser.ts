/** The items of FETCH (RFC 9051 6.4.5, RFC 3501, 3516, 8970) and its modifiers (RFC 7162, 9394). */

import type { Cursor } from "./cursor.ts";
import { parsePartialRange, parseSequenceSet } from "./sets_parser.ts";
import type { FetchItem, FetchRequest, OctetRange, PlainItem, Section } from "./request.ts";
import { SyntaxFault } from "./syntax_fault.ts";

const PLAIN: ReadonlySet<string> = new Set<PlainItem>([
  "UID",
  "FLAGS",
  "INTERNALDATE",
  "RFC822.SIZE",
  "MODSEQ",
  "EMAILID",
  "THREADID",
  "SAVEDATE",
  "ENVELOPE",
  "BODYSTRUCTURE",
  "BODY",
  "RFC822",
  "RFC822.HEADER",
  "RFC822.TEXT",
]);

const plain = (...items: PlainItem[]): FetchItem[] => items.map((item) => ({ item }));

/** RFC 9051 6.4.5. */
const MACROS: ReadonlyMap<string, readonly FetchItem[]> = new Map([
  ["FAST", plain("FLAGS", "INTERNALDATE", "RFC822.SIZE")],
  ["ALL", plain("FLAGS", "INTERNALDATE", "RFC822.SIZE", "ENVELOPE")],
  ["FULL", plain("FLAGS", "INTERNALDATE", "RFC822.SIZE", "ENVELOPE", "BODY")],
]);

/** Deeper than any message is read. */
const MAX_PART_DEPTH = 100;
/** Items of one command: each message is cut anew for each, and a whole message may be sent for each. */
const MAX_ITEMS = 200;

/** What follows FETCH or UID FETCH. */
export function parseFetch(cursor: Cursor, uid: boolean): FetchRequest {
  cursor.sp();
  const set = parseSequenceSet(cursor);
  cursor.sp();
  const items = cursor.opens ? parseItems(cursor) : parseSingle(cursor);
  const modifiers = cursor.take(" ") && !cursor.done ? parseModifiers(cursor, uid) : {};
  cursor.end();
  return { uid, set, items, ...modifiers };
}

/** Items in parentheses. */
export function parseItems(cursor: Cursor): FetchItem[] {
  const items = cursor.list(() => parseItem(cursor));
  if (items.length <= MAX_ITEMS) return items;
  throw new SyntaxFault(`More than ${MAX_ITEMS} items`, cursor.at, cursor.bytes, "LIMIT");
}

/** One item without parentheses, or a macro. */
function parseSingle(cursor: Cursor): readonly FetchItem[] {
  for (const [name, items] of MACROS) if (cursor.takeWord(name)) return items;
  return [parseItem(cursor)];
}

/** One item. */
export function parseItem(cursor: Cursor): FetchItem {
  const start = cursor.at;
  const name = cursor.name("an item of FETCH");
  if (cursor.next === 91) {
    if (name === "BODY" || name === "BODY.PEEK") return parseSection(cursor, name === "BODY.PEEK");
    if (name === "BINARY" || name === "BINARY.PEEK") return parseBinary(cursor, name === "BINARY.PEEK");
    if (name === "BINARY.SIZE") return { item: "BINARY.SIZE", part: bracketed(cursor) };
  }
  if (name === "PREVIEW") return { item: "PREVIEW", lazy: parseLazy(cursor) };
  // items of RFC 1730 that Thunderbird falls back to
  if (name === "RFC822.PEEK") return whole({});
  if (name === "RFC822.HEADER.PEEK") return whole({ text: "HEADER" });
  if (PLAIN.has(name)) return { item: name as PlainItem };
  throw cursor.fault("Expected an item of FETCH", start);
}

function whole(section: Omit<Section, "part">): FetchItem {
  return { item: "BODY[]", peek: true, section: { part: [], ...section } };
}

/** RFC 8970 3.2. */
function parseLazy(cursor: Cursor): boolean {
  const { at } = cursor;
  if (!cursor.take(" ") || !cursor.opens) {
    cursor.at = at;
    return false;
  }
  const start = cursor.at;
  const words = cursor.list(() => cursor.word());
  if (words.some((word) => word !== "LAZY")) throw cursor.fault("Expected (LAZY)", start);
  return true;
}

function parseSection(cursor: Cursor, peek: boolean): FetchItem {
  cursor.expect("[");
  const part: number[] = [];
  let section: Section = { part };
  if (!cursor.take("]")) {
    let dot = readPart(cursor, part);
    if (part.length === 0) dot = true;
    if (dot) section = readText(cursor, part);
    cursor.expect("]");
  }
  const partial = parsePartial(cursor);
  return { item: "BODY[]", peek, section, ...(partial && { partial }) };
}

/** Reads `1.2`; true when a dot stands behind it, and text has to follow. */
function readPart(cursor: Cursor, part: number[]): boolean {
  while (cursor.next >= 48 && cursor.next <= 57) {
    part.push(cursor.nzNumber("a part's number"));
    if (part.length > MAX_PART_DEPTH) throw cursor.fault(`Expected at most ${MAX_PART_DEPTH} numbers`);
    if (!cursor.take(".")) return false;
  }
  return part.length > 0;
}

function readText(cursor: Cursor, part: readonly number[]): Section {
  const start = cursor.at;
  const text = cursor.name("a section");
  if (text === "HEADER" || text === "TEXT" || text === "MIME" && part.length > 0) return { part, text };
  if (text === "HEADER.FIELDS" || text === "HEADER.FIELDS.NOT") {
    cursor.sp();
    return { part, text, fields: cursor.list(() => fieldName(cursor)) };
  }
  throw cursor.fault("Expected HEADER, HEADER.FIELDS, HEADER.FIELDS.NOT, TEXT or a part's MIME", start);
}

/** RFC 5322 2.2: as it is answered in quotes, it must not break the line. */
function fieldName(cursor: Cursor): string {
  const start = cursor.at;
  const name = cursor.astring();
  if (!/^[\x20-\x7e]*$/.test(name)) throw cursor.fault("Expected a field's name", start);
  return name;
}

function parseBinary(cursor: Cursor, peek: boolean): FetchItem {
  const part = bracketed(cursor);
  const partial = parsePartial(cursor);
  return { item: "BINARY[]", peek, part, ...(partial && { partial }) };
}

function bracketed(cursor: Cursor): number[] {
  const part: number[] = [];
  cursor.expect("[");
  if (readPart(cursor, part) && part.length > 0) throw cursor.fault("Expected a part's number");
  cursor.expect("]");
  return part;
}

function parsePartial(cursor: Cursor): OctetRange | undefined {
  if (!cursor.take("<")) return undefined;
  const start = cursor.number64("an octet's number");
  cursor.expect(".");
  const at = cursor.at;
  const count = cursor.number64("a count of octets");
  if (count === 0) throw cursor.fault("Expected a count of octets from 1", at);
  cursor.expect(">");
  return { start, count };
}

/** `(CHANGEDSINCE 12345 VANISHED PARTIAL 1:10)`. */
function parseModifiers(cursor: Cursor, uid: boolean): Partial<FetchRequest> {
  let changedSince: number | undefined;
  let vanished: boolean | undefined;
  let partial: FetchRequest["partial"];
  const start = cursor.at;
  cursor.list(() => {
    const at = cursor.at;
    const word = cursor.word("a modifier of FETCH");
    if (word === "VANISHED" && uid) vanished = true;
    else if (word === "CHANGEDSINCE") {
      cursor.sp();
      changedSince = cursor.number64("a mod-sequence");
    } else if (word === "PARTIAL" && uid) {
      cursor.sp();
      partial = parsePartialRange(cursor);
    } else throw cursor.fault("Expected CHANGEDSINCE, or of UID FETCH VANISHED and PARTIAL", at);
  });
  if (vanished && changedSince === undefined) {
    throw cursor.fault("Expected CHANGEDSINCE beside VANISHED", start);
  }
  return {
    ...(changedSince === undefined ? {} : { changedSince }),
    ...(vanished && { vanished }),
    ...(partial && { partial }),
  };
}
