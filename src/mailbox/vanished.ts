/** The UIDs that went out of a folder after a mod-sequence (RFC 7162 3.2). */

import * as keys from "../storage/keys.ts";
import { unpackWent } from "./change_row.ts";
import { undamaged } from "./damage.ts";
import type { UidRange, Uids } from "./folders.ts";
import type { IndexState } from "./folder_state.ts";
import type { StoredFolders } from "./stored_folders.ts";

/**
 * Those of `within` (default: all) that went after `modseq`. Who asks for more than is remembered gets all UIDs that no
 * message has.
 */
export async function vanished(
  folders: StoredFolders,
  id: number,
  { modseq, index, within }: { modseq: number; index: IndexState; within?: readonly UidRange[] | undefined },
): Promise<Uids> {
  const { head, folders: all } = folders.state;
  const last = (all.get(id)?.record.uidNext ?? 1) - 1;
  if (modseq >= head.modseq || last === 0) return new Uint32Array(0);
  const asked = bounded(within ?? [{ first: 1, last }], last);
  if (modseq < head.changesFloor) return allBut(index, asked);
  const went: UidRange[] = [];
  const { kv } = folders.source.store;
  // the newest row first: the rest is older than what was asked for as soon as one begins there
  for await (
    const { key, value } of kv.list<Uint8Array>(keys.mailChangesOf(folders.address), {
      reverse: true,
      batchSize: 8,
    })
  ) {
    for (const change of undamaged(folders.address, () => unpackWent(value))) {
      if (change.folder === id && change.modseq > modseq) went.push(...change.uids);
    }
    if ((key[2] as number) <= modseq) break;
  }
  return common(asked, united(went));
}

/** Ranges that rise and don't overlap, up to the last UID that there ever was. */
function bounded(ranges: readonly UidRange[], most: number): UidRange[] {
  const all = ranges.map(({ first, last }) => ({
    first: Math.max(1, Math.min(first, last)),
    last: Math.min(Math.max(first, last), most),
  }));
  return united(all.filter(({ first, last }) => first <= last));
}

function united(ranges: readonly UidRange[]): UidRange[] {
  const all: { first: number; last: number }[] = [];
  for (const { first, last } of [...ranges].sort((a, b) => a.first - b.first)) {
    const before = all.at(-1);
    if (before && first <= before.last + 1) before.last = Math.max(before.last, last);
    else all.push({ first, last });
  }
  return all;
}

function allBut(index: IndexState, asked: readonly UidRange[]): Uids {
  const uids: number[] = [];
  for (const { first, last } of asked) {
    let place = index.lowerBound(first);
    for (let uid = first; uid <= last; uid++) {
      if (place < index.length && index.uids[place] === uid) place++;
      else uids.push(uid);
    }
  }
  return Uint32Array.from(uids);
}

function common(a: readonly UidRange[], b: readonly UidRange[]): Uids {
  const uids: number[] = [];
  let at = 0;
  for (const { first, last } of a) {
    while (at < b.length && b[at]!.last < first) at++;
    for (let i = at; i < b.length && b[i]!.first <= last; i++) {
      for (let uid = Math.max(first, b[i]!.first); uid <= Math.min(last, b[i]!.last); uid++) uids.push(uid);
    }
  }
  return Uint32Array.from(uids);
}
