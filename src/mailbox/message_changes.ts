/** What is done to the messages of a folder: each function plans it into a batch, for so much as one commit takes. */

import { MAX_COPY } from "./copy_row.ts";
import { letGoAtOnce } from "./dead_objects.ts";
import type { FolderBatch } from "./folder_batch.ts";
import type { FolderDraft } from "./folder_draft.ts";
import { type FlagChange, FolderError, type NewMessage, type Uids } from "./folders.ts";
import type { IndexState } from "./folder_state.ts";
import type { IndexEntry } from "./index_row.ts";
import { nameOf } from "./mail_entry.ts";
import { receivedAtOf } from "./object_row.ts";

/** At most so many rows of an index are changed by one plan, which are some 350 KiB. */
export const ROWS_PER_PLAN = 6;

/** What the removal of a whole row costs beside that of a part of one: a key, and few octets of what died. */
const WHOLE_ROW = 0.06;

/** The flags of a message, and what they become. */
interface Bits {
  flags: number;
  low: number;
  high: number;
}

/** Which of these UIDs are there, in pieces that are each planned by themselves. */
export function pieces(index: IndexState, uids: Uids, rowsPerPiece = ROWS_PER_PLAN): Uids[] {
  const places = index.places(uids);
  const all: Uids[] = [];
  let from = 0;
  let rows = 0;
  let end = 0;
  for (let i = 0; i < places.length; i++) {
    if (places[i]! < end) continue;
    end = index.starts[index.rowOf(places[i]!) + 1]!;
    if (++rows <= rowsPerPiece) continue;
    all.push(uidsAt(index, places.subarray(from, i)));
    [from, rows] = [i, 1];
  }
  if (places.length > from) all.push(uidsAt(index, places.subarray(from)));
  return all;
}

/** The same for messages that go: a row that goes as a whole costs next to nothing. */
export function piecesToGo(index: IndexState, uids: Uids): Uids[] {
  const places = index.places(uids);
  const all: Uids[] = [];
  let from = 0;
  let cost = 0;
  for (let i = 0; i < places.length;) {
    const n = index.rowOf(places[i]!);
    let next = i;
    while (next < places.length && places[next]! < index.starts[n + 1]!) next++;
    const rowCost = next - i === index.rows[n]!.count ? WHOLE_ROW : 1;
    if (cost + rowCost > ROWS_PER_PLAN && i > from) {
      all.push(uidsAt(index, places.subarray(from, i)));
      [from, cost] = [i, 0];
    }
    cost += rowCost;
    i = next;
  }
  if (places.length > from) all.push(uidsAt(index, places.subarray(from)));
  return all;
}

function uidsAt(index: IndexState, places: Uint32Array): Uids {
  return places.map((place) => index.uids[place]!);
}

/** Changes flags and keywords. */
export async function planFlags(
  batch: FolderBatch,
  id: number,
  { uids, change }: { uids: Uids; change: FlagChange },
): Promise<{ stored: Uids; modified: Uids }> {
  const folder = await batch.indexed(id);
  const { index } = folder;
  const { mode, unchangedSince = Infinity, by } = change;
  const known = mode === "remove";
  const keywords = known ? folder.knownKeywordBits(change.keywords) : folder.keywordBits(change.keywords);
  const wanted: Bits = { flags: change.flags, ...keywords };
  const stored: number[] = [];
  const modified: number[] = [];
  const changed: number[] = [];
  let modseq = 0;
  let [n, start, end] = [0, 0, 0];
  for (const place of index.places(uids)) {
    if (place >= end) {
      n = index.rowOf(place);
      [start, end] = [index.starts[n]!, index.starts[n + 1]!];
    }
    const at = place - start;
    let row = index.rows[n]!;
    const uid = row.uid[at]!;
    if (row.modseq[at]! > unchangedSince) {
      modified.push(uid);
      continue;
    }
    stored.push(uid);
    const before: Bits = { flags: row.flags[at]!, low: row.keywordsLow[at]!, high: row.keywordsHigh[at]! };
    const now = applied(before, wanted, mode);
    if (now.flags === before.flags && now.low === before.low && now.high === before.high) continue;
    modseq ||= batch.change(folder);
    row = folder.own(n);
    row.flags[at] = now.flags;
    row.keywordsLow[at] = now.low;
    row.keywordsHigh[at] = now.high;
    row.modseq[at] = modseq;
    folder.flagged(before.flags, now.flags);
    changed.push(uid);
  }
  if (changed.length > 0) {
    batch.tell({ change: { kind: "flags", folder: id, uids: Uint32Array.from(changed), by } });
  }
  return { stored: Uint32Array.from(stored), modified: Uint32Array.from(modified) };
}

function applied(before: Bits, wanted: Bits, mode: FlagChange["mode"]): Bits {
  if (mode === "set") return wanted;
  if (mode === "add") {
    return {
      flags: before.flags | wanted.flags,
      low: (before.low | wanted.low) >>> 0,
      high: (before.high | wanted.high) >>> 0,
    };
  }
  return {
    flags: before.flags & ~wanted.flags,
    low: (before.low & ~wanted.low) >>> 0,
    high: (before.high & ~wanted.high) >>> 0,
  };
}

/** Takes messages out of the mailbox. */
export async function planExpunge(
  batch: FolderBatch,
  id: number,
  { uids, by }: { uids: Uids; by?: object | undefined },
): Promise<Uids> {
  const folder = await batch.indexed(id);
  const places = folder.index.places(uids);
  if (places.length === 0) return new Uint32Array(0);
  const modseq = batch.change(folder);
  const taken = folder.take(places);
  const went = Uint32Array.from(taken, ({ uid }) => uid);
  batch.went(id, modseq, went);
  batch.died(modseq, await letGoAtOnce(batch, batch.source, taken.map(({ object }) => object)));
  batch.count(-taken.length, -taken.reduce((sum, { size }) => sum + size, 0));
  batch.tell({
    change: { kind: "went", folder: id, uids: went, modseq, by },
    gone: () => taken.map(nameOf),
  });
  return went;
}

/** Where messages are to be put. */
interface Placing {
  readonly uids: Uids;
  readonly to: number;
  readonly by?: object | undefined;
}

/** What was put where. */
interface Placed {
  readonly from: Uids;
  readonly to: Uids;
}

/** Copies messages into a folder, which may be their own. */
export async function planCopy(batch: FolderBatch, id: number, { uids, to, by }: Placing): Promise<Placed> {
  const folder = await batch.indexed(id);
  const target = await batch.indexed(to);
  const entries = entriesOf(folder.index, uids);
  if (entries.length === 0) return { from: new Uint32Array(0), to: new Uint32Array(0) };
  await batch.rows.readyCopies(entries.map(({ object }) => object));
  for (const { object } of entries) {
    if (batch.rows.copies(object).next > MAX_COPY) {
      throw new FolderError("limit", "A message was copied too often");
    }
  }
  const moved = retagged(entries, folder, target);
  const modseq = batch.change(target);
  const saved = Math.floor(batch.source.now / 1000);
  const came = Uint32Array.from(moved, (entry) => {
    const { placements, next } = batch.rows.copies(entry.object);
    batch.rows.setCopies(entry.object, { placements: placements + 1, next: next + 1 });
    return target.push({ ...entry, copy: next, modseq, saved });
  });
  batch.count(entries.length, entries.reduce((sum, { size }) => sum + size, 0));
  batch.tell({ change: { kind: "came", folder: to, uids: came, by } });
  return { from: Uint32Array.from(entries, ({ uid }) => uid), to: came };
}

/** Moves messages into a folder, which may be their own: they get new UIDs there. */
export async function planMove(batch: FolderBatch, id: number, { uids, to, by }: Placing): Promise<Placed> {
  const folder = await batch.indexed(id);
  const target = await batch.indexed(to);
  const places = folder.index.places(uids);
  if (places.length === 0) return { from: new Uint32Array(0), to: new Uint32Array(0) };
  const moved = retagged(entriesOf(folder.index, uids), folder, target);
  const modseq = batch.change(folder, target);
  folder.take(places);
  const went = Uint32Array.from(moved, ({ uid }) => uid);
  const saved = Math.floor(batch.source.now / 1000);
  const came = Uint32Array.from(moved, (entry) => target.push({ ...entry, modseq, saved }));
  batch.went(id, modseq, went);
  batch.tell({ change: { kind: "came", folder: to, uids: came, by } });
  batch.tell({ change: { kind: "went", folder: id, uids: went, modseq, by } });
  return { from: went, to: came };
}

/** Entries with their keywords as the table of another folder has them. */
function retagged(entries: readonly IndexEntry[], from: FolderDraft, to: FolderDraft): IndexEntry[] {
  const known = new Map<string, { low: number; high: number }>();
  return entries.map((entry) => {
    const { keywordsLow, keywordsHigh } = entry;
    if (from === to || (keywordsLow === 0 && keywordsHigh === 0)) return entry;
    const key = `${keywordsLow} ${keywordsHigh}`;
    let bits = known.get(key);
    if (!bits) known.set(key, bits = to.keywordBits(from.keywordsOf(keywordsLow, keywordsHigh)));
    return { ...entry, keywordsLow: bits.low, keywordsHigh: bits.high };
  });
}

function entriesOf(index: IndexState, uids: Uids): IndexEntry[] {
  return Array.from(index.places(uids), (place) => {
    const n = index.rowOf(place);
    return index.rows[n]!.at(place - index.starts[n]!);
  });
}

/** Puts new messages into a folder. */
export async function planAppend(
  batch: FolderBatch,
  id: number,
  { messages, by }: { messages: readonly NewMessage[]; by?: object | undefined },
): Promise<{ uidValidity: number; uids: Uids; objects: readonly number[] }> {
  const folder = await batch.indexed(id);
  const bits = messages.map(({ keywords }) => folder.keywordBits(keywords));
  const first = batch.head.nextObject;
  await batch.rows.readyObjects(messages.map((_, i) => first + i));
  const modseq = batch.change(folder);
  batch.head.nextObject += messages.length;
  const saved = Math.floor(batch.source.now / 1000);
  const uids = Uint32Array.from(messages, ({ body: draft, flags, internalDate }, i) => {
    const body = draft.ref(1);
    const object = first + i;
    const { low: keywordsLow, high: keywordsHigh } = bits[i]!;
    const { id, size } = body;
    const about = { prefix: "", sender: "", recipient: batch.address };
    batch.rows.setObject(object, { id, receivedAt: receivedAtOf(internalDate), body, ...about });
    batch.add(draft.write(1));
    return folder.push({
      object,
      copy: 0,
      modseq,
      flags,
      keywordsLow,
      keywordsHigh,
      size,
      internalDate,
      saved,
      id,
    });
  });
  batch.count(messages.length, messages.reduce((sum, { body }) => sum + body.size, 0));
  batch.tell({ change: { kind: "came", folder: id, uids, by } });
  const objects = messages.map((_, i) => first + i);
  return { uidValidity: folder.record.uidValidity, uids, objects };
}
