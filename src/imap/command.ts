/** IMAP's commands as data: in which state each is allowed, and what stands behind it. */

import { parseAppendMailbox } from "./append_parser.ts";
import type { Cursor } from "./cursor.ts";
import { parseFetch } from "./fetch_parser.ts";
import { type ListCommand, parseList, parseLsub, parseStatus, type StatusCommand } from "./list_parser.ts";
import {
  type CreateCommand,
  type IdFields,
  parseCreate,
  parseId,
  parseMailbox,
  parseSelect,
  parseStore,
  parseToMailbox,
  type SelectCommand,
  type StoreCommand,
  type ToMailboxCommand,
} from "./mailbox_parser.ts";
import { type NotifyCommand, parseNotify } from "./notify_parser.ts";
import type { FetchRequest } from "./request.ts";
import {
  parseSearch,
  parseSort,
  parseThread,
  type SearchCommand,
  type SortCommand,
  type ThreadCommand,
} from "./search_parser.ts";
import type { SequenceSet } from "./sequence_set.ts";
import { parseSequenceSet } from "./sets_parser.ts";

/** RFC 9051 3. */
export type State = "notAuthenticated" | "authenticated" | "selected";

/** What each command takes. */
export interface Arguments {
  readonly APPEND: { readonly mailbox: string };
  readonly AUTHENTICATE: { readonly mechanism: string; readonly initial?: string };
  readonly CAPABILITY: undefined;
  readonly CHECK: undefined;
  readonly CLOSE: undefined;
  readonly COMPRESS: { readonly algorithm: string };
  readonly COPY: ToMailboxCommand;
  readonly CREATE: CreateCommand;
  readonly DELETE: { readonly mailbox: string };
  readonly ENABLE: { readonly names: readonly string[] };
  readonly EXAMINE: SelectCommand;
  /** `set` with UID EXPUNGE. */
  readonly EXPUNGE: { readonly set?: SequenceSet };
  readonly FETCH: FetchRequest;
  readonly GETQUOTA: { readonly root: string };
  readonly GETQUOTAROOT: { readonly mailbox: string };
  readonly ID: IdFields;
  readonly IDLE: undefined;
  readonly LIST: ListCommand;
  /** Octets that are not UTF-8 are nobody's password: undefined. */
  readonly LOGIN: { readonly name: string; readonly password: string | undefined };
  readonly LOGOUT: undefined;
  readonly LSUB: ListCommand;
  readonly MOVE: ToMailboxCommand;
  readonly NAMESPACE: undefined;
  readonly NOOP: undefined;
  readonly NOTIFY: NotifyCommand;
  readonly RENAME: { readonly from: string; readonly to: string };
  readonly SEARCH: SearchCommand;
  readonly SELECT: SelectCommand;
  readonly SORT: SortCommand;
  readonly STARTTLS: undefined;
  readonly STATUS: StatusCommand;
  readonly STORE: StoreCommand;
  readonly SUBSCRIBE: { readonly mailbox: string };
  readonly THREAD: ThreadCommand;
  readonly UNSELECT: undefined;
  readonly UNSUBSCRIBE: { readonly mailbox: string };
}

/** What the session knows. */
export type Verb = keyof Arguments;

/** A command that is understood. */
export type Command = {
  readonly [V in Verb]: {
    readonly tag: string;
    readonly verb: V;
    /** It stood behind UID. */
    readonly uid: boolean;
    readonly args: Arguments[V];
  };
}[Verb];

/** Where a command may stand and what it takes. */
export interface CommandRule<V extends Verb> {
  /** The states it is allowed in. */
  readonly states: readonly State[];
  /** May stand behind UID. */
  readonly uid?: true;
  /** Reads what follows the verb, up to the end. */
  parse(cursor: Cursor, uid: boolean): Arguments[V];
}

const ALWAYS: readonly State[] = ["notAuthenticated", "authenticated", "selected"];
const BEFORE: readonly State[] = ["notAuthenticated"];
const AFTER: readonly State[] = ["authenticated", "selected"];
const SELECTED: readonly State[] = ["selected"];

const nothing = (cursor: Cursor) => cursor.end() as undefined;
const toMailbox = { states: SELECTED, uid: true, parse: parseToMailbox } as const;
const mailbox = (cursor: Cursor) => ({ mailbox: only(cursor, parseMailbox) });
const onMailbox = { states: AFTER, parse: mailbox } as const;

/** All commands. */
export const COMMANDS: { readonly [V in Verb]: CommandRule<V> } = {
  CAPABILITY: { states: ALWAYS, parse: nothing },
  NOOP: { states: ALWAYS, parse: nothing },
  LOGOUT: { states: ALWAYS, parse: nothing },
  ID: { states: ALWAYS, parse: parseId },
  STARTTLS: { states: BEFORE, parse: nothing },
  LOGIN: { states: BEFORE, parse: parseLogin },
  AUTHENTICATE: { states: BEFORE, parse: parseAuthenticate },
  ENABLE: { states: AFTER, parse: parseEnable },
  NAMESPACE: { states: AFTER, parse: nothing },
  IDLE: { states: AFTER, parse: nothing },
  COMPRESS: { states: ALWAYS, parse: (cursor) => ({ algorithm: only(cursor, (it) => it.word()) }) },
  SELECT: { states: AFTER, parse: parseSelect },
  EXAMINE: { states: AFTER, parse: parseSelect },
  CREATE: { states: AFTER, parse: parseCreate },
  DELETE: onMailbox,
  RENAME: { states: AFTER, parse: parseRename },
  SUBSCRIBE: onMailbox,
  UNSUBSCRIBE: onMailbox,
  LIST: { states: AFTER, parse: parseList },
  LSUB: { states: AFTER, parse: parseLsub },
  STATUS: { states: AFTER, parse: parseStatus },
  // what follows the mailbox is read as it comes (append_parser.ts)
  APPEND: { states: AFTER, parse: (cursor) => ({ mailbox: parseAppendMailbox(cursor) }) },
  GETQUOTA: { states: AFTER, parse: (cursor) => ({ root: only(cursor, (it) => it.astring()) }) },
  GETQUOTAROOT: onMailbox,
  NOTIFY: { states: AFTER, parse: parseNotify },
  CHECK: { states: SELECTED, parse: nothing },
  CLOSE: { states: SELECTED, parse: nothing },
  UNSELECT: { states: SELECTED, parse: nothing },
  EXPUNGE: { states: SELECTED, uid: true, parse: parseExpunge },
  SEARCH: { states: SELECTED, uid: true, parse: parseSearch },
  SORT: { states: SELECTED, uid: true, parse: parseSort },
  THREAD: { states: SELECTED, uid: true, parse: parseThread },
  FETCH: { states: SELECTED, uid: true, parse: parseFetch },
  STORE: { states: SELECTED, uid: true, parse: parseStore },
  COPY: toMailbox,
  MOVE: toMailbox,
};

/** The verb of that name (upper case). */
export function isVerb(name: string): name is Verb {
  return Object.hasOwn(COMMANDS, name);
}

/** Does a command need nothing of the selected mailbox? */
export function isOutside(verb: Verb): boolean {
  return verb === "CLOSE" || verb === "UNSELECT" || COMMANDS[verb].states !== SELECTED;
}

/** One argument and nothing behind it. */
function only<T>(cursor: Cursor, read: (cursor: Cursor) => T): T {
  cursor.sp();
  const value = read(cursor);
  cursor.end();
  return value;
}

function parseLogin(cursor: Cursor): Arguments["LOGIN"] {
  cursor.sp();
  const name = cursor.astring();
  cursor.sp();
  const password = cursor.secret();
  cursor.end();
  return { name, password };
}

function parseAuthenticate(cursor: Cursor): Arguments["AUTHENTICATE"] {
  cursor.sp();
  const mechanism = cursor.atom("a mechanism");
  if (cursor.done) return { mechanism };
  cursor.sp();
  // base64, or "=" for an empty one (RFC 4959); what it holds is for the mechanism
  const initial = cursor.atom("an initial response");
  cursor.end();
  return { mechanism, initial };
}

function parseEnable(cursor: Cursor): Arguments["ENABLE"] {
  const names: string[] = [];
  do {
    cursor.sp();
    names.push(cursor.word("a capability"));
  } while (!cursor.done);
  return { names };
}

function parseRename(cursor: Cursor): Arguments["RENAME"] {
  cursor.sp();
  const from = parseMailbox(cursor);
  return { from, to: only(cursor, parseMailbox) };
}

function parseExpunge(cursor: Cursor, uid: boolean): Arguments["EXPUNGE"] {
  if (uid) return { set: only(cursor, parseSequenceSet) };
  cursor.end();
  return {};
}
