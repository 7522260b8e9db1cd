/** LIST and LSUB (RFC 9051 6.3.9, RFC 3501 6.3.9, RFC 5258, 5819, 6154). */

import { type Clock, eventTurn } from "../base/clock.ts";
import type { FolderInfo } from "../mailbox/folders.ts";
import { statusLine } from "./folder_commands.ts";
import type { ListCommand } from "./list_parser.ts";
import { levelsAbove, ListPattern } from "./list_pattern.ts";
import type { CommandOf } from "./message_commands.ts";
import { no, Refusal, type SessionState } from "./session_state.ts";

/** All patterns of a command, with their reference: each is held against each name. */
const MAX_PATTERNS_LENGTH = 2000;
/** After so many milliseconds of work others have their turn. */
const TURN_MS = 10;

/** LIST. */
export async function list(state: SessionState, command: CommandOf<"LIST">): Promise<void> {
  const { args } = command;
  const { patterns, returns, extended } = args;
  if (!extended && patterns[0] === "") {
    state.out.untagged('LIST (\\Noselect) "/" ""');
    return state.ok(command, "Done");
  }
  if (returns.status?.includes("HIGHESTMODSEQ")) state.turnOnCondstore();
  const gone = args.select.subscribed ? missing(state) : [];
  const all = gone.length > 0 ? [...state.folders.list(), ...gone] : state.folders.list();
  const names = { all, gone };
  const fits = patternsOf(state, args);
  const levels = fits.filter((pattern) => pattern.tellsLevels);
  const known = new Set(all.map(({ name }) => name));
  const turns = new Turns(state.options.clock);
  for (const info of all) {
    if (state.isOver()) return;
    await turns.pause();
    if (levels.length > 0) tellLevels(state, { args, info, names, levels, known });
    if (!fits.some((pattern) => pattern.matches(info.name))) continue;
    const inherits = inheritedSelection(args, info, names);
    const meets = isSelected(args, info);
    if (!meets && inherits.length === 0) continue;
    const attributes = attributesOf(args, info).join(" ");
    state.out.untagged(`LIST (${attributes}) "/" ${state.written(info.name)}${childInfo(inherits)}`);
    // RFC 5819 2: of a name that is there for its children only, nothing is told
    if (returns.status && meets && !("isMissing" in info)) {
      state.out.untagged(await statusLine(state, info, returns.status));
    }
    await state.out.flushIfMuch();
  }
  state.ok(command, "Done");
}

/** What is subscribed to and is no mailbox (RFC 9051 6.3.9.5). */
interface Missing extends Pick<FolderInfo, "name" | "specialUse" | "subscribed" | "hasChildren"> {
  readonly isMissing: true;
}

type Listed = FolderInfo | Missing;

interface Names {
  readonly all: readonly Listed[];
  /** Those of them that are missing. */
  readonly gone: readonly Missing[];
}

function missing({ folders }: SessionState): Missing[] {
  return folders.subscribedNames.map((name) => ({
    name,
    subscribed: true,
    hasChildren: folders.list().some((info) => info.name.startsWith(`${name}/`)),
    isMissing: true,
  }));
}

/** Gives others their turn. */
class Turns {
  readonly #clock: Clock;
  #ends: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#ends = clock.monotonic() + TURN_MS;
  }

  async pause(): Promise<void> {
    if (this.#clock.monotonic() < this.#ends) return;
    await eventTurn();
    this.#ends = this.#clock.monotonic() + TURN_MS;
  }
}

/**
 * Tells levels above a mailbox that are none themselves, where `%` ends a pattern (RFC 9051 6.3.9): who goes from level
 * to level would never come to what is below a mailbox that was deleted. They are known then.
 */
function tellLevels(
  state: SessionState,
  { args, info, names, levels, known }: {
    readonly args: ListCommand;
    readonly info: Listed;
    readonly names: Names;
    readonly levels: readonly ListPattern[];
    readonly known: Set<string>;
  },
): void {
  for (const name of levelsAbove(info.name)) {
    if (known.has(name)) continue;
    known.add(name);
    if (!levels.some((pattern) => pattern.matches(name))) continue;
    const inherits = inheritedSelection(args, { name, hasChildren: true }, names);
    if ((args.select.subscribed || args.select.specialUse) && inherits.length === 0) continue;
    // RFC 3501 knows only \Noselect
    const missing = args.extended || state.rev2 ? "\\NonExistent" : "\\Noselect";
    state.out.untagged(`LIST (${missing} \\HasChildren) "/" ${state.written(name)}${childInfo(inherits)}`);
  }
}

function childInfo(inherits: readonly string[]): string {
  return inherits.length === 0 ? "" : ` ("CHILDINFO" (${inherits.join(" ")}))`;
}

/** Attributes of RFC 3501. */
const PLAIN: Pick<ListCommand, "select" | "returns"> = { select: {}, returns: {} };

/** LSUB: a name above one that is subscribed to is told with \Noselect where `%` ends a pattern. */
export async function lsub(state: SessionState, command: CommandOf<"LSUB">): Promise<void> {
  const { args } = command;
  const [pattern] = patternsOf(state, args);
  if (!pattern) return state.ok(command, "Done");
  const subscribed = [...state.folders.list().filter((info) => info.subscribed), ...missing(state)];
  const turns = new Turns(state.options.clock);
  const told = new Set<string>();
  for (const info of subscribed) {
    await turns.pause();
    if (!pattern.matches(info.name)) continue;
    told.add(info.name);
    const attributes = "isMissing" in info ? "\\Noselect" : attributesOf(PLAIN, info).join(" ");
    state.out.untagged(`LSUB (${attributes}) "/" ${state.written(info.name)}`);
  }
  for (const { name } of pattern.tellsLevels ? subscribed : []) {
    await turns.pause();
    for (const parent of levelsAbove(name)) {
      if (told.has(parent)) continue;
      told.add(parent);
      if (pattern.matches(parent)) state.out.untagged(`LSUB (\\Noselect) "/" ${state.written(parent)}`);
    }
  }
  state.ok(command, "Done");
}

/** A pattern that is no name can't fit any. */
function patternsOf(state: SessionState, { reference, patterns }: ListCommand): ListPattern[] {
  const found: ListPattern[] = [];
  let length = 0;
  for (const pattern of patterns) length += reference.length + pattern.length;
  if (length > MAX_PATTERNS_LENGTH) {
    throw no(`The patterns are over ${MAX_PATTERNS_LENGTH} characters`, "LIMIT");
  }
  for (const pattern of patterns) {
    try {
      found.push(new ListPattern(state.nameOf(reference), state.nameOf(pattern)));
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
    }
  }
  return found;
}

function isSelected({ select }: ListCommand, info: Listed): boolean {
  return (!select.subscribed || info.subscribed) && (!select.specialUse || info.specialUse !== undefined);
}

/** RFC 5258 3.5: by which selection a mailbox is told for those below it. */
function inheritedSelection(
  { select }: ListCommand,
  { name, hasChildren }: Pick<FolderInfo, "name" | "hasChildren">,
  { all, gone }: Names,
): string[] {
  if (!select.recursiveMatch) return [];
  const isBelow = (one: Listed) => one.name.startsWith(`${name}/`);
  const below = hasChildren || gone.some(isBelow) ? all.filter(isBelow) : [];
  const found: string[] = [];
  if (select.subscribed && below.some((one) => one.subscribed)) found.push('"SUBSCRIBED"');
  if (select.specialUse && below.some((one) => one.specialUse !== undefined)) found.push('"SPECIAL-USE"');
  return found;
}

/** Special use in plain LIST too: mail programs look for it there. */
function attributesOf(
  { select, returns }: Pick<ListCommand, "select" | "returns">,
  info: Listed,
): string[] {
  const attributes = "isMissing" in info ? ["\\NonExistent"] : [];
  attributes.push(info.hasChildren ? "\\HasChildren" : "\\HasNoChildren");
  if ((select.subscribed || returns.subscribed) && info.subscribed) attributes.push("\\Subscribed");
  if (info.specialUse) attributes.push(`\\${info.specialUse}`);
  return attributes;
}
