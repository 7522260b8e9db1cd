/** A command's octets, understood: its tag, its verb, and what the verb takes. */

import { type Command, COMMANDS, isVerb, type State, type Verb } from "./command.ts";
import { Cursor } from "./cursor.ts";
import { CharsetFault } from "./search_parser.ts";
import { SyntaxFault } from "./syntax_fault.ts";

/** A command, or the answer that refuses it: `tag BAD text`, or `NO` where the client did nothing wrong. */
export type Parsed =
  | {
    readonly ok: true;
    readonly command: Command; /** Where its arguments ended. */
    readonly cursor: Cursor;
  }
  | {
    readonly ok: false;
    /** `*` when there is none. */
    readonly tag: string;
    readonly verb?: Verb;
    readonly kind: "BAD" | "NO";
    readonly code?: string;
    readonly text: string;
  };

/** Understands a command in a state. */
export function parseCommand(bytes: Uint8Array, state: State): Parsed {
  const cursor = new Cursor(bytes);
  let tag = "*";
  let verb: Verb | undefined;
  try {
    tag = cursor.tag();
    cursor.sp();
    const start = cursor.at;
    let name = cursor.word("a command");
    const uid = name === "UID";
    if (uid) {
      cursor.sp();
      name = cursor.word("a command");
    }
    if (!isVerb(name)) throw cursor.fault("Expected a command", start);
    verb = name;
    const rule = COMMANDS[name];
    if (uid && !rule.uid) throw cursor.fault("Expected a command that UID may stand before", start);
    if (!rule.states.includes(state)) {
      return { ok: false, tag, verb, kind: "BAD", text: outOfPlace(name, rule.states, state) };
    }
    const args = rule.parse(cursor, uid);
    return { ok: true, command: { tag, verb: name, uid, args } as Command, cursor };
  } catch (error) {
    const about = { ok: false as const, tag, ...(verb && { verb }) };
    if (error instanceof SyntaxFault) {
      return { ...about, kind: "BAD", ...(error.code && { code: error.code }), text: error.message };
    }
    if (error instanceof CharsetFault) {
      return { ...about, kind: "NO", code: "BADCHARSET (US-ASCII UTF-8)", text: error.message };
    }
    throw error;
  }
}

function outOfPlace(verb: Verb, states: readonly State[], state: State): string {
  if (state === "notAuthenticated") return "Log in first";
  if (states.includes("selected")) return "Select a mailbox first";
  return `${verb} is for before the login only`;
}

/** The tag that a command begins with; `*` when none does. */
export function tagOf(bytes: Uint8Array): string {
  try {
    const cursor = new Cursor(bytes.subarray(0, 256));
    const tag = cursor.tag();
    return cursor.next === 32 || cursor.done ? tag : "*";
  } catch {
    return "*";
  }
}
