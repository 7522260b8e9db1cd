/** SELECT and EXAMINE (RFC 9051 6.3.2, 6.3.3; RFC 7162 3.1.8, 3.2.5; RFC 8474 4). */

import { SEEN } from "../mailbox/flags.ts";
import type { CommandOf } from "./message_commands.ts";
import type { QresyncParameter } from "./mailbox_parser.ts";
import { refuseNumbers } from "./message_sets.ts";
import { SelectedFolder } from "./selected_folder.ts";
import { formatSet } from "./sequence_set.ts";
import { bad, type SessionState } from "./session_state.ts";

/** SELECT and EXAMINE: the mailbox that was selected before is left, whatever comes. */
export async function select(
  state: SessionState,
  command: CommandOf<"SELECT"> | CommandOf<"EXAMINE">,
): Promise<void> {
  const { args, verb } = command;
  const { qresync } = args;
  if (qresync && !state.enabled.has("QRESYNC")) throw bad("Send ENABLE QRESYNC first");
  if (qresync?.matched) refuseNumbers(state);
  if (state.selected) {
    state.unselect();
    if (state.rev2 || state.enabled.has("QRESYNC")) {
      state.out.untagged("OK [CLOSED] The mailbox so far was left");
    }
  }
  const { id, name } = state.folderOf(args.mailbox);
  if (args.condstore) state.turnOnCondstore();
  const selected = new SelectedFolder(await state.folders.select(id), verb === "EXAMINE");
  // from here on it hears what others do
  state.selected = selected;
  try {
    tellFolder(state, selected, name);
    if (qresync) await resynchronize(state, selected, qresync);
    const { mailboxId } = selected.folder.info;
    state.out.untagged(`OK [MAILBOXID (${mailboxId})] Its name for good`);
  } catch (error) {
    state.unselect();
    throw error;
  }
  state.ok(
    command,
    `${name === "INBOX" ? name : "The mailbox"} is selected`,
    selected.readOnly ? "READ-ONLY" : "READ-WRITE",
  );
}

function tellFolder(state: SessionState, selected: SelectedFolder, name: string): void {
  const { out } = state;
  const { info } = selected.folder;
  const { length } = selected.view;
  out.untagged(`FLAGS (${selected.flagTable})`);
  const permanent = selected.readOnly ? "" : `${selected.flagTable} \\*`;
  out.untagged(
    `OK [PERMANENTFLAGS (${permanent})] ${selected.readOnly ? "None can be set" : "Flags that can be set"}`,
  );
  out.untagged(`${length} EXISTS`);
  selected.claimRecent();
  if (!state.rev2) {
    out.untagged(`${selected.recent} RECENT`);
    const unseen = state.uidOnly ? 0 : firstUnseen(selected);
    if (unseen > 0) out.untagged(`OK [UNSEEN ${unseen}] The first that was not read`);
  }
  out.untagged(`OK [UIDVALIDITY ${info.uidValidity}] UIDs are valid`);
  out.untagged(`OK [UIDNEXT ${info.uidNext}] The next UID`);
  out.untagged(`OK [HIGHESTMODSEQ ${info.highestModseq}] Highest`);
  if (state.rev2) out.untagged(`LIST () "/" ${state.written(name)}`);
}

/** The number of the first message without \Seen; 0: there is none. */
function firstUnseen({ folder: { messages, info } }: SelectedFolder): number {
  if (info.unseen === 0) return 0;
  for (let i = 0; i < messages.length; i++) if ((messages.flags(i) & SEEN) === 0) return i + 1;
  return 0;
}

/** Tells what has changed since the client was here (RFC 7162 3.2.5); nothing when it knows another mailbox. */
async function resynchronize(
  state: SessionState,
  selected: SelectedFolder,
  { uidValidity, modseq, known }: QresyncParameter,
): Promise<void> {
  const { folder } = selected;
  if (folder.info.uidValidity !== uidValidity) return;
  const within = known ?? [{ first: 1, last: Math.max(1, folder.info.uidNext - 1) }];
  const vanished = await folder.vanishedSince(modseq, ordered(within));
  if (vanished.length > 0) state.out.untagged(`VANISHED (EARLIER) ${formatSet(vanished)}`);
  const { out, uidOnly, rev2 } = state;
  await selected.tellChangedSince(out, { since: modseq, known: within, uidOnly, recent: !rev2 });
}

/** Ranges as the store takes them: the lower end first. */
export function ordered(
  ranges: readonly { first: number; last: number }[],
): { first: number; last: number }[] {
  return ranges.map(({ first, last }) => ({ first: Math.min(first, last), last: Math.max(first, last) }));
}
