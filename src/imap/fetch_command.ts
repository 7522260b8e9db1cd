/** FETCH and UID FETCH (RFC 9051 6.4.5; RFC 7162 3.1.4, 3.2.6; RFC 9394). */

import { SEEN } from "../mailbox/flags.ts";
import { fetchMessages, setsSeen } from "./fetch_output.ts";
import type { CommandOf } from "./message_commands.ts";
import { placesOf, savedRanges } from "./message_sets.ts";
import { partOf } from "./partial_range.ts";
import type { FetchItem, FetchRequest } from "./request.ts";
import { ordered } from "./select_command.ts";
import { formatSet, uidsAt } from "./sequence_set.ts";
import { bad, no, type SessionState } from "./session_state.ts";

/** FETCH. What else is new is not told among its answers, see `SelectedFolder`. */
export async function fetch(state: SessionState, command: CommandOf<"FETCH">): Promise<void> {
  const { args, uid } = command;
  const selected = state.selected!;
  if (args.vanished && !state.enabled.has("QRESYNC")) throw bad("Send ENABLE QRESYNC first");
  let places = placesOf(state, args.set, uid);
  let items = args.items;
  const asksModseq = items.some(({ item }) => item === "MODSEQ");
  if (args.changedSince !== undefined) {
    if (!asksModseq) items = [...items, { item: "MODSEQ" }];
    places = changedSince(state, places, args.changedSince);
  }
  if (asksModseq || args.changedSince !== undefined) state.turnOnCondstore();
  if (args.vanished) await tellVanished(state, args);
  if (args.partial) places = partOf(places, args.partial);
  if (setsSeen(items) && !selected.readOnly) items = await markSeen(state, places, items);
  const { missing, unknownEncoding } = await fetchMessages({
    folder: selected.folder,
    view: selected.view,
    places,
    items,
    withUid: uid,
    uidOnly: state.uidOnly,
    rev2: state.rev2,
    ...(state.rev2 ? {} : { recent: (one: number) => selected.isRecent(one) }),
    out: state.out,
    isOver: () => state.isOver(),
  });
  if (unknownEncoding) throw no("A part is coded in a way that is not known", "UNKNOWN-CTE");
  if (missing === 0) return state.ok(command, "Done");
  // by number the client has to hear of it; by UID what is gone is not there
  if (!uid) throw no("Some of the messages are gone", "EXPUNGEISSUED");
  state.ok(command, "Done: some of the messages are gone", "EXPUNGEISSUED");
}

function changedSince(state: SessionState, places: Uint32Array, since: number): Uint32Array {
  const { view, folder: { messages } } = state.selected!;
  return places.filter((place) => {
    const position = messages.position(view.uids[place]!);
    return position >= 0 && messages.modseq(position) > since;
  });
}

/** RFC 7162 3.2.6: UIDs of the set that are gone since then. */
async function tellVanished(state: SessionState, { set, changedSince }: FetchRequest): Promise<void> {
  const { folder, view } = state.selected!;
  const within = set === "$" ? savedRanges(state.selected!) : ordered(set);
  const vanished = await folder.vanishedSince(changedSince!, within);
  // what is gone and not told yet comes later, by its own line
  const known = new Set(view.uids.subarray(0, view.length));
  const gone = vanished.filter((uid) => !known.has(uid));
  if (gone.length > 0) state.out.untagged(`VANISHED (EARLIER) ${formatSet(gone)}`);
}

/** Sets \Seen; where that changed something, the flags are told with the rest. */
async function markSeen(
  state: SessionState,
  places: Uint32Array,
  items: readonly FetchItem[],
): Promise<readonly FetchItem[]> {
  const { folder, view } = state.selected!;
  const { messages } = folder;
  const unseen = uidsAt(view, places).filter((uid) => {
    const position = messages.position(uid);
    return position >= 0 && (messages.flags(position) & SEEN) === 0;
  });
  if (unseen.length === 0) return items;
  await folder.store(unseen, { mode: "add", flags: SEEN, keywords: [], by: state });
  const told = new Set(items.map(({ item }) => item));
  const more: FetchItem[] = [];
  if (!told.has("FLAGS")) more.push({ item: "FLAGS" });
  // RFC 7162 3.1.4: who follows mod-sequences is told the new one
  if (state.enabled.has("CONDSTORE") && !told.has("MODSEQ")) more.push({ item: "MODSEQ" });
  return [...more, ...items];
}
