/** Search programs (RFC 9051 6.4.4, RFC 3501, 5032, 7162, 8474, 8514), what they return, and keys of SORT and THREAD. */

import { ANSWERED, DELETED, DRAFT, FLAGGED, SEEN } from "../mailbox/flags.ts";
import type { Cursor } from "./cursor.ts";
import { parseDay } from "./dates.ts";
import type { PartialRange, SearchKey, SearchReturn, SortBy, SortKey, ThreadAlgorithm } from "./request.ts";
import { isSearchCharset, searchText } from "./search_charset.ts";
import { isSetAhead, parsePartialRange, parseSequenceSet } from "./sets_parser.ts";
import { SyntaxFault } from "./syntax_fault.ts";

/** Deeper than anybody writes; each level is a call. */
const MAX_DEPTH = 50;
/** Keys of one program, the combining ones too. */
const MAX_KEYS = 2000;

/** The program asks for a charset that is not known, or has octets that are none of it: `NO [BADCHARSET …]`. */
export class CharsetFault extends Error {
  override readonly name = "CharsetFault";
}

/** SEARCH, SORT or THREAD as they stand in the command. */
export interface SearchCommand {
  readonly uid: boolean;
  /** Absent: no RETURN. */
  readonly returns?: SearchReturn | undefined;
  readonly keys: readonly SearchKey[];
  /** MODSEQ is among the keys: CONDSTORE is on then, and the answer tells a mod-sequence (RFC 7162 3.1.5). */
  readonly hasModseq: boolean;
}

/** SORT. */
export interface SortCommand extends SearchCommand {
  readonly by: readonly SortKey[];
}

/** THREAD. */
export interface ThreadCommand extends SearchCommand {
  readonly algorithm: ThreadAlgorithm;
}

/** What follows SEARCH: ` [RETURN (…)] [CHARSET name] keys`. */
export function parseSearch(cursor: Cursor, uid: boolean): SearchCommand {
  cursor.sp();
  const returns = parseReturn(cursor);
  let charset: string | undefined;
  if (cursor.takeWord("CHARSET")) {
    cursor.sp();
    charset = parseCharset(cursor);
    cursor.sp();
  }
  return { uid, ...(returns && { returns }), ...parseProgram(cursor, charset) };
}

/** What follows SORT: ` [RETURN (…)] (criteria) charset keys` (RFC 5256 3, RFC 5267 3). */
export function parseSort(cursor: Cursor, uid: boolean): SortCommand {
  cursor.sp();
  const returns = parseReturn(cursor);
  // what has decided nothing before decides nothing when it is named again
  const by = new Map<SortBy, SortKey>();
  cursor.list(() => {
    const key = parseSortKey(cursor);
    if (!by.has(key.by)) by.set(key.by, key);
  });
  cursor.sp();
  const charset = parseCharset(cursor);
  cursor.sp();
  return { uid, ...(returns && { returns }), by: [...by.values()], ...parseProgram(cursor, charset) };
}

const SORTS: ReadonlySet<string> = new Set<SortBy>([
  "ARRIVAL",
  "CC",
  "DATE",
  "DISPLAYFROM",
  "DISPLAYTO",
  "FROM",
  "SIZE",
  "SUBJECT",
  "TO",
]);

function parseSortKey(cursor: Cursor): SortKey {
  const start = cursor.at;
  const first = cursor.word("a criterion of SORT");
  const reverse = first === "REVERSE";
  if (reverse) cursor.sp();
  const by = reverse ? cursor.word("a criterion of SORT") : first;
  if (!SORTS.has(by)) throw cursor.fault("Expected a criterion of SORT", start);
  return { by: by as SortBy, reverse };
}

/** What follows THREAD: ` algorithm charset keys` (RFC 5256 4). */
export function parseThread(cursor: Cursor, uid: boolean): ThreadCommand {
  cursor.sp();
  const start = cursor.at;
  const algorithm = cursor.word("an algorithm of THREAD");
  if (algorithm !== "ORDEREDSUBJECT" && algorithm !== "REFERENCES" && algorithm !== "REFS") {
    throw cursor.fault("Expected ORDEREDSUBJECT, REFERENCES or REFS", start);
  }
  cursor.sp();
  const charset = parseCharset(cursor);
  cursor.sp();
  return { uid, algorithm, ...parseProgram(cursor, charset) };
}

function parseCharset(cursor: Cursor): string {
  const name = cursor.astring();
  if (!isSearchCharset(name)) throw new CharsetFault(`There is no charset ${name.slice(0, 40)} here`);
  return name;
}

/** `RETURN (MIN COUNT) `, with the blank behind it. */
function parseReturn(cursor: Cursor): SearchReturn | undefined {
  if (!cursor.takeWord("RETURN")) return undefined;
  cursor.sp();
  const options: { -readonly [K in keyof SearchReturn]: SearchReturn[K] } = {};
  let partial: PartialRange | undefined;
  cursor.list(() => {
    const start = cursor.at;
    const word = cursor.word("what to return");
    if (word === "MIN" || word === "MAX" || word === "ALL" || word === "COUNT" || word === "SAVE") {
      options[word.toLowerCase() as "min"] = true;
    } else if (word === "PARTIAL" && partial === undefined) {
      cursor.sp();
      partial = parsePartialRange(cursor);
    } else throw cursor.fault("Expected MIN, MAX, ALL, COUNT, SAVE or one PARTIAL", start);
  }, { empty: true });
  // RFC 9394 3.1
  if (partial && options.all) throw cursor.fault("Expected ALL or PARTIAL, but not both");
  cursor.sp();
  if (partial) return { ...options, partial };
  return Object.keys(options).length === 0 ? { all: true } : options;
}

function parseProgram(cursor: Cursor, charset?: string): Pick<SearchCommand, "keys" | "hasModseq"> {
  const parser = new ProgramParser(cursor, charset);
  const keys = [parser.key()];
  while (cursor.take(" ") && !cursor.done) keys.push(parser.key());
  cursor.end();
  return { keys, hasModseq: parser.hasModseq };
}

type Reader = (parser: ProgramParser) => SearchKey;

const flag = (bit: number, has: boolean): Reader => () => ({ key: "flag", flag: bit, has });
const text = (where: Extract<SearchKey, { key: "text" }>["in"]): Reader => (parser) => ({
  key: "text",
  in: where,
  text: parser.text(),
});
type DateKey = Extract<SearchKey, { key: "date" }>;
const date = (of: DateKey["of"], is: DateKey["is"]): Reader => (parser) => ({
  key: "date",
  of,
  is,
  day: parser.argument(parseDay),
});
const size = (is: "larger" | "smaller"): Reader => (parser) => ({
  key: "size",
  is,
  octets: parser.argument((cursor) => cursor.number64("a size")),
});
const age = (is: "older" | "younger"): Reader => (parser) => ({
  key: "age",
  is,
  seconds: parser.argument((cursor) => cursor.nzNumber("seconds")),
});
const keyword = (has: boolean): Reader => (parser) => ({
  key: "keyword",
  keyword: parser.argument((cursor) => cursor.flag()),
  has,
});
const objectId = (key: "emailid" | "threadid"): Reader => (parser) => ({
  key,
  id: parser.argument((cursor) => cursor.astring()),
});

const KEYS: ReadonlyMap<string, Reader> = new Map<string, Reader>([
  ["ALL", () => ({ key: "all" })],
  ["ANSWERED", flag(ANSWERED, true)],
  ["BCC", text("bcc")],
  ["BEFORE", date("internal", "before")],
  ["BODY", text("body")],
  ["CC", text("cc")],
  ["DELETED", flag(DELETED, true)],
  ["DRAFT", flag(DRAFT, true)],
  ["EMAILID", objectId("emailid")],
  ["FLAGGED", flag(FLAGGED, true)],
  ["FROM", text("from")],
  ["HEADER", (parser) => {
    const name = parser.argument((cursor) => cursor.astring());
    return { key: "header", name, text: parser.text() };
  }],
  ["KEYWORD", keyword(true)],
  ["LARGER", size("larger")],
  ["MODSEQ", (parser) => parser.modseq()],
  // RFC 3501 6.4.4: NEW is RECENT UNSEEN
  [
    "NEW",
    () => ({ key: "and", all: [{ key: "recent", has: true }, { key: "flag", flag: SEEN, has: false }] }),
  ],
  ["NOT", (parser) => ({ key: "not", not: parser.operand() })],
  ["OLD", () => ({ key: "recent", has: false })],
  ["OLDER", age("older")],
  ["ON", date("internal", "on")],
  ["OR", (parser) => ({ key: "or", either: [parser.operand(), parser.operand()] })],
  ["RECENT", () => ({ key: "recent", has: true })],
  ["SAVEDATESUPPORTED", () => ({ key: "savedatesupported" })],
  ["SAVEDBEFORE", date("saved", "before")],
  ["SAVEDON", date("saved", "on")],
  ["SAVEDSINCE", date("saved", "since")],
  ["SEEN", flag(SEEN, true)],
  ["SENTBEFORE", date("sent", "before")],
  ["SENTON", date("sent", "on")],
  ["SENTSINCE", date("sent", "since")],
  ["SINCE", date("internal", "since")],
  ["SMALLER", size("smaller")],
  ["SUBJECT", text("subject")],
  ["TEXT", text("text")],
  ["THREADID", objectId("threadid")],
  ["TO", text("to")],
  ["UID", (parser) => ({ key: "set", uid: true, set: parser.argument(parseSequenceSet) })],
  ["UNANSWERED", flag(ANSWERED, false)],
  ["UNDELETED", flag(DELETED, false)],
  ["UNDRAFT", flag(DRAFT, false)],
  ["UNFLAGGED", flag(FLAGGED, false)],
  ["UNKEYWORD", keyword(false)],
  ["UNSEEN", flag(SEEN, false)],
  ["YOUNGER", age("younger")],
]);

class ProgramParser {
  readonly #cursor: Cursor;
  readonly #charset: string | undefined;
  #keys = 0;
  hasModseq = false;

  constructor(cursor: Cursor, charset: string | undefined) {
    this.#cursor = cursor;
    this.#charset = charset;
  }

  /** One key: by its word, a set, or several in parentheses. */
  key(): SearchKey {
    const cursor = this.#cursor;
    if (++this.#keys > MAX_KEYS) {
      throw new SyntaxFault(`More than ${MAX_KEYS} search keys`, cursor.at, cursor.bytes, "LIMIT");
    }
    if (cursor.opens) {
      return cursor.nested(MAX_DEPTH, () => {
        const all = cursor.list(() => this.key());
        return all.length === 1 ? all[0]! : { key: "and", all };
      });
    }
    if (isSetAhead(cursor)) return { key: "set", uid: false, set: parseSequenceSet(cursor) };
    const start = cursor.at;
    const reader = KEYS.get(cursor.word("a search key"));
    if (!reader) throw cursor.fault("Expected a search key", start);
    return reader(this);
  }

  /** What stands behind a blank. */
  argument<T>(read: (cursor: Cursor) => T): T {
    this.#cursor.sp();
    return read(this.#cursor);
  }

  /** A key that another one takes. */
  operand(): SearchKey {
    this.#cursor.sp();
    return this.#cursor.nested(MAX_DEPTH, () => this.key());
  }

  /** A text in the charset of the program. */
  text(): string {
    const octets = this.argument((cursor) => cursor.astringBytes());
    const found = searchText(octets, this.#charset);
    if (found === undefined) throw new CharsetFault("The text to search for is not in the charset");
    return found;
  }

  /** RFC 7162 3.1.5: `MODSEQ ["/flags/\\Seen" all] 123`; the entry says nothing here: one mod-sequence is for all flags. */
  modseq(): SearchKey {
    const cursor = this.#cursor;
    cursor.sp();
    if (cursor.next === 34) {
      cursor.string();
      cursor.sp();
      const start = cursor.at;
      const kind = cursor.word("priv, shared or all");
      if (kind !== "PRIV" && kind !== "SHARED" && kind !== "ALL") {
        throw cursor.fault("Expected priv, shared or all", start);
      }
      cursor.sp();
    }
    this.hasModseq = true;
    return { key: "modseq", modseq: cursor.number64("a mod-sequence") };
  }
}
