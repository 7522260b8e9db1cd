/** The messages that a command names. */

import { placesOfNumbers, placesOfUids, type SequenceSet, uidsAt } from "./sequence_set.ts";
import type { SelectedFolder } from "./selected_folder.ts";
import { bad, type SessionState } from "./session_state.ts";

/** The places in the view of the selected mailbox that a set names. Throws a refusal (BAD) for a number of no message. */
export function placesOf(state: SessionState, set: SequenceSet, uid: boolean): Uint32Array {
  const selected = state.selected!;
  const { view } = selected;
  if (!uid) refuseNumbers(state);
  if (set === "$") return placesOfUids(savedRanges(selected), view);
  if (uid) return placesOfUids(set, view);
  const places = placesOfNumbers(set, view);
  if (!places) throw bad("There is no message of such a number");
  return places;
}

/**
 * Throws a refusal (BAD) where the client has asked for UIDs alone: no command says numbers of messages then, or is
 * answered by some (RFC 9586 3.2, 3.7, 3.8).
 */
export function refuseNumbers(state: SessionState): void {
  if (state.uidOnly) throw bad("Numbers of messages are not in use: send UIDs", "UIDREQUIRED");
}

/** The UIDs that a set names. */
export function uidsOf(state: SessionState, set: SequenceSet, uid: boolean): Uint32Array {
  return uidsAt(state.selected!.view, placesOf(state, set, uid));
}

/** What SEARCH saved, as ranges of UIDs. */
export function savedRanges({ saved }: SelectedFolder): { first: number; last: number }[] {
  const ranges: { first: number; last: number }[] = [];
  for (const uid of saved) {
    const last = ranges.at(-1);
    if (last && last.last + 1 === uid) last.last = uid;
    else ranges.push({ first: uid, last: uid });
  }
  return ranges;
}
