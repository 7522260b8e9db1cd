/** The messages of a mailbox by name, in whichever folder: as those see it who know no folders. */

import { INBOX, normalName } from "./folder_names.ts";
import { folderNamed, type IndexState } from "./folder_state.ts";
import { entriesAt } from "./mail_entries.ts";
import { type MailEntry, namedBy, nameOf } from "./mail_entry.ts";
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

/** Where the message of that name is, and in which state of the folder: in the next one another may have its place. */
export async function findMail(
  folders: StoredFolders,
  name: string,
): Promise<Place & { readonly index: IndexState } | undefined> {
  for (const [folder, index] of await folders.indexes()) {
    const place = placeNamed(index, name);
    if (place >= 0) return { folder, index, place };
  }
  return undefined;
}

/** With so many names the table of names pays. */
const MANY_NAMES = 50;

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
      const place = wanted.length > MANY_NAMES ? orderedPlace(index, name) : placeNamed(index, name);
      if (place >= 0) uids.push(index.uids[place]!);
    }
    if (uids.length > 0) found.set(folder, Uint32Array.from(uids).sort());
  }
  return found;
}

/** The newest first, which most are that somebody asks for. */
function placeNamed(index: IndexState, name: string): number {
  const { id, copy } = namedBy(name);
  for (let n = index.rows.length - 1; n >= 0; n--) {
    const place = index.rows[n]!.find(id, copy);
    if (place >= 0) return index.starts[n]! + place;
  }
  return -1;
}

function orderedPlace(index: IndexState, name: string): number {
  const at = lowerBound(index, name);
  return at < index.length && nameAt(index, at) === name ? placeAt(index, at) : -1;
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
  const compare = comparing(index);
  let order: Uint32Array | undefined;
  for (let place = 1; place < index.length; place++) {
    if (compare(place - 1, place) <= 0) continue;
    order = Uint32Array.from({ length: index.length }, (_, i) => i).sort(compare);
    break;
  }
  ORDERS.set(index, order);
  return order;
}

const ID = 16;

/** Compares messages as their names compare: by the octets of their ids as three numbers, then by their copies' text. */
function comparing(index: IndexState): (a: number, b: number) => number {
  const parts = [0, 6, 12].map((from) => numbersOf(index, from, Math.min(from + 6, ID)));
  const [first, second, third] = parts as [Float64Array, Float64Array, Float64Array];
  const copyAt = (at: number) => {
    const { row, place } = rowAt(index, at);
    return String(row.copyOf[place]);
  };
  return (a, b) => {
    const difference = first[a]! - first[b]! || second[a]! - second[b]! || third[a]! - third[b]!;
    if (difference !== 0 || a === b) return difference;
    const [x, y] = [copyAt(a), copyAt(b)];
    return x < y ? -1 : x > y ? 1 : 0;
  };
}

/** Some octets of each id as a number. */
function numbersOf({ rows, length }: IndexState, from: number, to: number): Float64Array {
  const numbers = new Float64Array(length);
  let at = 0;
  for (const { count, ids } of rows) {
    for (let place = 0; place < count; place++) {
      let number = 0;
      for (let i = from; i < to; i++) number = number * 256 + ids[place * ID + i]!;
      numbers[at++] = number;
    }
  }
  return numbers;
}

function rowAt(index: IndexState, place: number): { row: IndexState["rows"][number]; place: number } {
  const n = index.rowOf(place);
  return { row: index.rows[n]!, place: place - index.starts[n]! };
}
