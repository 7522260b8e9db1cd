/** STORE, COPY, MOVE, EXPUNGE and CLOSE (RFC 9051 6.4; RFC 4315, 6851, 7162). */

import { DELETED } from "../mailbox/flags.ts";
import type { Copied, Folder } from "../mailbox/folders.ts";
import type { Command, Verb } from "./command.ts";
import { givenFlags } from "./flags_given.ts";
import { uidsOf } from "./message_sets.ts";
import { formatSet, placeOfUid } from "./sequence_set.ts";
import { no, type SessionState } from "./session_state.ts";

/** A command of one verb. */
export type CommandOf<V extends Verb> = Extract<Command, { verb: V }>;

function mustBeWritable(state: SessionState): void {
  if (state.selected!.readOnly) {
    throw no("The mailbox was opened by EXAMINE: nothing can be changed", "READ-ONLY");
  }
}

/** STORE. */
export async function store(state: SessionState, command: CommandOf<"STORE">): Promise<void> {
  const { args, uid } = command;
  const { set, mode, silent, unchangedSince } = args;
  mustBeWritable(state);
  const selected = state.selected!;
  const uids = uidsOf(state, set, uid);
  const given = givenFlags(args.flags);
  if (unchangedSince !== undefined) state.turnOnCondstore();
  const by = state;
  const limits = unchangedSince === undefined ? {} : { unchangedSince };
  const { stored, modified } = await selected.folder.store(uids, { mode, ...given, ...limits, by });
  const options = state.tellOptions(command);
  selected.tellKeywords(state.out);
  for (const one of stored) {
    if (!silent) selected.tellMessage(state.out, one, options);
    else if (options.modseq) selected.tellModseq(state.out, one, options);
    await state.out.flushIfMuch();
  }
  if (modified.length > 0) {
    const numbers = uid ? modified : numbersOf(state, modified);
    return state.ok(command, "Some had been changed", `MODIFIED ${formatSet(numbers)}`);
  }
  state.ok(command, uids.length === 0 ? "There is no such message" : "Done");
}

function numbersOf(state: SessionState, uids: Uint32Array): number[] {
  const { view } = state.selected!;
  return [...uids].map((uid) => placeOfUid(view, uid) + 1).filter((number) => number > 0);
}

/** COPY and MOVE. */
export async function copyOrMove(
  state: SessionState,
  command: CommandOf<"COPY"> | CommandOf<"MOVE">,
): Promise<void> {
  const { args, uid, verb } = command;
  const moves = verb === "MOVE";
  if (moves) mustBeWritable(state);
  const { folder } = state.selected!;
  const uids = uidsOf(state, args.set, uid);
  const target = state.folders.byName(state.nameOf(args.mailbox));
  if (!target) throw no("There is no such mailbox: create it first", "TRYCREATE");
  // a copy of nothing is done
  if (uids.length === 0) return state.ok(command, "There is no such message");
  const copied = moves
    ? await folder.move(uids, target.id, { by: state })
    : await folder.copy(uids, target.id, { by: state });
  if (copied.from.length === 0) return state.ok(command, "The messages are gone");
  const code = copyUid(copied);
  if (!moves) return state.ok(command, "Copied", code);
  // RFC 6851 4.3: before the messages are told to be gone
  state.out.untagged(`OK [${code}] Moved`);
  state.ok(command, "Moved", await highestModseq(state, folder));
}

function copyUid({ uidValidity, from, to }: Copied): string {
  return `COPYUID ${uidValidity} ${formatSet(from)} ${formatSet(to)}`;
}

/** RFC 7162 3.2.7: who follows mod-sequences is told the one after what went. */
function highestModseq(state: SessionState, folder: Folder): string | undefined {
  return state.enabled.has("QRESYNC") ? `HIGHESTMODSEQ ${folder.info.highestModseq}` : undefined;
}

/** EXPUNGE and UID EXPUNGE. */
export async function expunge(state: SessionState, command: CommandOf<"EXPUNGE">): Promise<void> {
  mustBeWritable(state);
  const { folder } = state.selected!;
  const { set } = command.args;
  const among = set === undefined ? undefined : uidsOf(state, set, true);
  const went = await expungeDeleted(state, among);
  state.ok(command, "Done", went > 0 ? highestModseq(state, folder) : undefined);
}

/** How many went: those that are marked, of these UIDs or of all that the client knows. */
async function expungeDeleted(state: SessionState, among: Uint32Array | undefined): Promise<number> {
  const { folder, view } = state.selected!;
  const { messages } = folder;
  const uids = (among ?? view.uids.subarray(0, view.length)).filter((uid) => {
    const position = messages.position(uid);
    return position >= 0 && (messages.flags(position) & DELETED) !== 0;
  });
  if (uids.length === 0) return 0;
  return (await folder.expunge(uids, { by: state })).length;
}

/** CLOSE: expunges without a word (RFC 9051 6.4.1), unless the mailbox was opened by EXAMINE. */
export async function close(state: SessionState, command: CommandOf<"CLOSE">): Promise<void> {
  const { folder, readOnly, isGone } = state.selected!;
  const went = readOnly || isGone ? 0 : await expungeDeleted(state, undefined);
  const code = went > 0 ? highestModseq(state, folder) : undefined;
  state.unselect();
  state.ok(command, "Closed", code);
}

/** UNSELECT (RFC 3691). */
export function unselect(state: SessionState, command: CommandOf<"UNSELECT">): void {
  state.unselect();
  state.ok(command, "Unselected");
}
