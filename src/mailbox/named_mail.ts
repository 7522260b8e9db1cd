/** The messages of a mailbox by name, in whichever folder: as those see it who know no folders. */

import { INBOX, normalName } from "./folder_names.ts";
import { folderNamed, type IndexState } from "./folder_state.ts";
import { entriesAt } from "./mail_entries.ts";
import { type MailEntry, nameOf } from "./mail_entry.ts";
import { piecesToGo, planExpunge } from "./message_changes.ts";
import type { StoredFolders } from "./stored_folders.ts";

/** A message in a folder. */
export interface Place {
  readonly folder: number;
  readonly place: number;
}

/** Which messages are wanted. */
export interface Wanted {
  /** Only those whose names come after this one (with `reverse`: before it). */
  readonly after?: string | undefined;
  readonly limit?: number | undefined;
  readonly reverse?: boolean | undefined;
  /** Only those in the folder of that name. */
  readonly folder?: string | undefined;
}

/** The places of an index in the order of names; undefined: they are in that order. */
const ORDERS = new WeakMap<IndexState, Uint32Array | undefined>();

/** Where the message of that name is. */
export async function findMail(folders: StoredFolders, name: string): Promise<Place | undefined> {
  for (const [folder, index] of await folders.indexes()) {
    const at = lowerBound(index, name);
    if (at < index.length && nameAt(index, at) === name) return { folder, place: placeAt(index, at) };
  }
  return undefined;
}

/** Where the messages of those names are, by folder: UIDs that rise. */
export async function findUids(
  folders: StoredFolders,
  names: Iterable<string>,
): Promise<Map<number, Uint32Array>> {
  const found = new Map<number, Uint32Array>();
  const wanted = [...new Set(names)];
  for (const [folder, index] of await folders.indexes()) {
    const uids: number[] = [];
    for (const name of wanted) {
      const at = lowerBound(index, name);
      if (at < index.length && nameAt(index, at) === name) uids.push(index.uids[placeAt(index, at)]!);
    }
    if (uids.length > 0) found.set(folder, Uint32Array.from(uids).sort());
  }
  return found;
}

/** Takes messages out of folders in one commit; false: they are too many, and nothing has happened. */
export async function takeOutAtOnce(folders: StoredFolders, names: readonly string[]): Promise<boolean> {
  const found = await findUids(folders, names);
  if (found.size === 0) return true;
  const all = [...found].flatMap(([folder, uids]) =>
    piecesToGo(folders.state.folders.get(folder)!.index!, uids).map((uids) => ({ folder, uids }))
  );
  if (all.length > 1) return false;
  await folders.run(async (batch) => {
    for (const { folder, uids } of all) await planExpunge(batch, folder, { uids });
  });
  return true;
}

/** Takes messages out of folders, in as many commits as it takes. */
export async function takeOut(folders: StoredFolders, names: readonly string[]): Promise<void> {
  for (const [folder, uids] of await findUids(folders, names)) {
    for (const some of piecesToGo(folders.state.folders.get(folder)!.index!, uids)) {
      await folders.run((batch) => planExpunge(batch, folder, { uids: some }));
    }
  }
  await folders.release();
}

/**
 * Lists messages in the order of their names, which is that in which they came; with arrivals that have no place yet,
 * oldest first.
 */
export async function listMail(
  folders: StoredFolders | undefined,
  arrivals: readonly MailEntry[],
  wanted: Wanted,
): Promise<MailEntry[]> {
  const { limit = Infinity, reverse = false, after } = wanted;
  if (limit === 0) return [];
  const placed = folders ? await listPlaced(folders, wanted) : [];
  if (arrivals.length === 0) return placed;
  const fitting = arrivals.filter(({ uid, folder = INBOX }) =>
    (after === undefined || (reverse ? uid < after : uid > after)) &&
    (wanted.folder === undefined || normalName(wanted.folder) === folder)
  );
  const all = [...placed, ...fitting].sort((a, b) => (a.uid < b.uid ? -1 : 1) * (reverse ? -1 : 1));
  return all.slice(0, limit);
}

async function listPlaced(folders: StoredFolders, wanted: Wanted): Promise<MailEntry[]> {
  const { limit = Infinity, reverse = false, after } = wanted;
  let all = [...await folders.indexes()];
  if (wanted.folder !== undefined) {
    const folder = folderNamed(folders.state.folders.values(), normalName(wanted.folder));
    all = all.filter(([id]) => id === folder?.id);
  }
  const sources = all.map(([folder, index]) => {
    const at = after === undefined ? (reverse ? index.length : 0) : lowerBound(index, after);
    const isSame = !reverse && after !== undefined && at < index.length && nameAt(index, at) === after;
    return { folder, index, at: isSame ? at + 1 : at, name: "" };
  });
  const next = (source: typeof sources[number]) => {
    const at = reverse ? source.at - 1 : source.at;
    source.name = at >= 0 && at < source.index.length ? nameAt(source.index, at) : "";
    return source.name !== "";
  };
  let left = sources.filter(next);
  const places: Place[] = [];
  while (left.length > 0 && places.length < limit) {
    let best = left[0]!;
    for (const one of left) if (reverse ? one.name > best.name : one.name < best.name) best = one;
    places.push({ folder: best.folder, place: placeAt(best.index, reverse ? best.at - 1 : best.at) });
    best.at += reverse ? -1 : 1;
    if (!next(best)) left = left.filter((one) => one !== best);
  }
  return await entriesOf(folders, new Map(all), places);
}

async function entriesOf(
  folders: StoredFolders,
  indexes: ReadonlyMap<number, IndexState>,
  places: readonly Place[],
): Promise<MailEntry[]> {
  const byFolder = new Map<number, number[]>();
  for (const { folder, place } of places) {
    const some = byFolder.get(folder);
    if (some) some.push(place);
    else byFolder.set(folder, [place]);
  }
  const found = new Map<number, Iterator<MailEntry | undefined>>();
  for (const [folder, some] of byFolder) {
    const entries = await entriesAt(folders, folder, { index: indexes.get(folder)!, places: some });
    found.set(folder, entries.values());
  }
  return places.flatMap(({ folder }) => found.get(folder)!.next().value ?? []);
}

function nameAt(index: IndexState, at: number): string {
  const { row, place } = rowAt(index, placeAt(index, at));
  return nameOf({ id: row.id(place), copy: row.copyOf[place]! });
}

function placeAt(index: IndexState, at: number): number {
  return orderOf(index)?.[at] ?? at;
}

function lowerBound(index: IndexState, name: string): number {
  let [low, high] = [0, index.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (nameAt(index, middle) < name) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Mail that came in order, which is nearly all, needs no table. */
function orderOf(index: IndexState): Uint32Array | undefined {
  if (ORDERS.has(index)) return ORDERS.get(index);
  let order: Uint32Array | undefined;
  for (let place = 1; place < index.length; place++) {
    if (compare(index, place - 1, place) <= 0) continue;
    order = Uint32Array.from({ length: index.length }, (_, i) => i).sort((a, b) => compare(index, a, b));
    break;
  }
  ORDERS.set(index, order);
  return order;
}

const ID = 16;

/** As their names compare. */
function compare(index: IndexState, a: number, b: number): number {
  const [x, y] = [rowAt(index, a), rowAt(index, b)];
  for (let i = 0; i < ID; i++) {
    const difference = x.row.ids[x.place * ID + i]! - y.row.ids[y.place * ID + i]!;
    if (difference !== 0) return difference;
  }
  const [one, other] = [String(x.row.copyOf[x.place]), String(y.row.copyOf[y.place])];
  return one < other ? -1 : one > other ? 1 : 0;
}

function rowAt(index: IndexState, place: number): { row: IndexState["rows"][number]; place: number } {
  const n = index.rowOf(place);
  return { row: index.rows[n]!, place: place - index.starts[n]! };
}
