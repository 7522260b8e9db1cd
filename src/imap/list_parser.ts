/** LIST, LSUB and STATUS (RFC 9051 6.3.9, 6.3.11; RFC 5258, 5819, 6154, 3501 6.3.9). */

import type { Cursor } from "./cursor.ts";
import { parseMailbox } from "./mailbox_parser.ts";

/** An item of STATUS. */
export type StatusItem =
  | "APPENDLIMIT"
  | "DELETED"
  | "DELETED-STORAGE"
  | "HIGHESTMODSEQ"
  | "MAILBOXID"
  | "MESSAGES"
  | "RECENT"
  | "SIZE"
  | "UIDNEXT"
  | "UIDVALIDITY"
  | "UNSEEN";

const STATUS_ITEMS: ReadonlySet<string> = new Set<StatusItem>([
  "APPENDLIMIT",
  "DELETED",
  "DELETED-STORAGE",
  "HIGHESTMODSEQ",
  "MAILBOXID",
  "MESSAGES",
  "RECENT",
  "SIZE",
  "UIDNEXT",
  "UIDVALIDITY",
  "UNSEEN",
]);

/** STATUS. */
export interface StatusCommand {
  readonly mailbox: string;
  readonly items: readonly StatusItem[];
}

/** ` mailbox (MESSAGES UNSEEN)`. */
export function parseStatus(cursor: Cursor): StatusCommand {
  cursor.sp();
  const mailbox = parseMailbox(cursor);
  cursor.sp();
  const items = parseStatusItems(cursor);
  cursor.end();
  return { mailbox, items };
}

/** `(MESSAGES UNSEEN)`. */
export function parseStatusItems(cursor: Cursor): StatusItem[] {
  const items = cursor.list(() => {
    const start = cursor.at;
    const word = cursor.word("an item of STATUS");
    if (!STATUS_ITEMS.has(word)) throw cursor.fault("Expected an item of STATUS", start);
    return word as StatusItem;
  });
  return [...new Set(items)];
}

/** LIST, and what LSUB comes to. */
export interface ListCommand {
  readonly select: {
    readonly subscribed?: boolean;
    readonly remote?: boolean;
    readonly recursiveMatch?: boolean;
    readonly specialUse?: boolean;
  };
  readonly reference: string;
  readonly patterns: readonly string[];
  readonly returns: {
    readonly subscribed?: boolean;
    readonly children?: boolean;
    readonly specialUse?: boolean;
    readonly status?: readonly StatusItem[];
  };
  /** RFC 5258: more than RFC 3501's LIST was written. */
  readonly extended: boolean;
}

/** Patterns of one LIST. */
const MAX_PATTERNS = 100;

/** ` [(selection)] reference pattern [RETURN (options)]`. */
export function parseList(cursor: Cursor): ListCommand {
  cursor.sp();
  const extendedFirst = cursor.opens;
  const select = extendedFirst ? parseSelection(cursor) : {};
  const reference = cursor.listMailbox();
  cursor.sp();
  const several = cursor.opens;
  const patterns = several ? cursor.list(() => cursor.listMailbox()) : [cursor.listMailbox()];
  if (patterns.length > MAX_PATTERNS) throw cursor.fault(`Expected at most ${MAX_PATTERNS} patterns`);
  let returns: ListCommand["returns"] = {};
  let extended = extendedFirst || several;
  if (cursor.take(" ") && !cursor.done) {
    if (!cursor.takeWord("RETURN")) throw cursor.fault("Expected RETURN");
    cursor.sp();
    returns = parseReturns(cursor);
    extended = true;
  }
  cursor.end();
  return { select, reference, patterns, returns, extended };
}

/** ` reference pattern`. */
export function parseLsub(cursor: Cursor): ListCommand {
  cursor.sp();
  const reference = cursor.listMailbox();
  cursor.sp();
  const patterns = [cursor.listMailbox()];
  cursor.end();
  return { select: { subscribed: true }, reference, patterns, returns: {}, extended: false };
}

type Writable<T> = { -readonly [K in keyof T]: T[K] };

function parseSelection(cursor: Cursor): ListCommand["select"] {
  const select: Writable<ListCommand["select"]> = {};
  const begin = cursor.at;
  cursor.list(() => {
    const start = cursor.at;
    const word = cursor.word("a selection of LIST");
    if (word === "SUBSCRIBED") select.subscribed = true;
    else if (word === "REMOTE") select.remote = true;
    else if (word === "RECURSIVEMATCH") select.recursiveMatch = true;
    else if (word === "SPECIAL-USE") select.specialUse = true;
    else throw cursor.fault("Expected SUBSCRIBED, REMOTE, RECURSIVEMATCH or SPECIAL-USE", start);
  }, { empty: true });
  // RFC 5258 3.1: it says how others select, and selects nothing by itself
  if (select.recursiveMatch && !select.subscribed && !select.specialUse) {
    throw cursor.fault("Expected SUBSCRIBED or SPECIAL-USE beside RECURSIVEMATCH", begin);
  }
  cursor.sp();
  return select;
}

function parseReturns(cursor: Cursor): ListCommand["returns"] {
  const returns: Writable<ListCommand["returns"]> = {};
  cursor.list(() => {
    const start = cursor.at;
    const word = cursor.word("what LIST shall return");
    if (word === "SUBSCRIBED") returns.subscribed = true;
    else if (word === "CHILDREN") returns.children = true;
    else if (word === "SPECIAL-USE") returns.specialUse = true;
    else if (word === "STATUS") {
      cursor.sp();
      returns.status = parseStatusItems(cursor);
    } else throw cursor.fault("Expected SUBSCRIBED, CHILDREN, SPECIAL-USE or STATUS", start);
  }, { empty: true });
  return returns;
}
