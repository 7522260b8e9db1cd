/**
 * What of a mailbox is in memory: its head, its folders, and the indexes of those that are in use. A state never
 * changes; a batch makes the next one, which takes its place when it is durable.
 */

import { FolderError, type FolderIndex, type FolderInfo, type SpecialUse } from "./folders.ts";
import { byName } from "./folder_names.ts";
import type { IndexRow } from "./index_row.ts";

/** The value under `keys.mailbox`. */
export interface HeadRecord {
  /** The last mod-sequence that was given. */
  readonly modseq: number;
  readonly nextFolder: number;
  readonly nextObject: number;
  /** The next folder gets it, or the time in seconds since 1970 where that is more. */
  readonly nextUidValidity: number;
  /** What went at this mod-sequence or before is not known one by one any more. */
  readonly changesFloor: number;
  /** The mod-sequence in the key of the last row of changes; 0: there is none. */
  readonly changesTail: number;
  /** How many rows of changes there are. */
  readonly changesRows: number;
  /** Names that are subscribed to, though the folders of that name were deleted; the latest last. Absent: none. */
  readonly subscribed?: readonly string[];
  /** The mark of the restored backup that this has taken notice of. */
  readonly restored?: string;
  /** What several commits do together and have not done yet, see `unfinished.ts`; absent: nothing. */
  readonly unfinished?: {
    /** The mod-sequence of the head when a version wrote it that knows of it. */
    readonly modseq: number;
    readonly marks: readonly Mark[];
  };
}

/** That a change is unfinished which several commits make: from the first of them to the last one. */
export interface Mark {
  /** No other change has it. */
  readonly id: string;
  /** On a shared store others take it for given up from then on: milliseconds since 1970. */
  readonly until: number;
  readonly of: Unfinished;
}

/** What such a change is. */
export type Unfinished = UnfinishedPut | UnfinishedInbox;

/** An APPEND or a COPY. */
export interface UnfinishedPut {
  readonly kind: "put";
  /** The folder that messages are put into. */
  readonly folder: number;
  /** What was put there up to now: the first and the last UID of each range, one after the other. */
  readonly uids: readonly number[];
  /** The folder that they are copied from; absent: they are new. */
  readonly from?: number;
}

/** A RENAME of INBOX. */
export interface UnfinishedInbox {
  readonly kind: "inbox";
  /** The folder that its messages go to. */
  readonly folder: number;
  /** All of those whose UIDs are lower. */
  readonly before: number;
}

/**
 * The changes that are unfinished. An older version keeps the marks and knows nothing of them: people may have gone by
 * what it showed, so they hold no more once it has changed something.
 */
export function marksOf({ modseq, unfinished }: HeadRecord): readonly Mark[] {
  return unfinished?.modseq === modseq ? unfinished.marks : [];
}

/** A head with these marks, and no others. */
export function withMarks(head: HeadRecord, marks: readonly Mark[]): HeadRecord {
  if (marks.length > 0) return { ...head, unfinished: { modseq: head.modseq, marks } };
  const { unfinished: _, ...rest } = head;
  return rest;
}

/** The value under `keys.folder`. */
export interface FolderRecord {
  readonly mailboxId: string;
  readonly name: string;
  readonly specialUse?: SpecialUse;
  readonly subscribed: boolean;
  readonly uidValidity: number;
  readonly uidNext: number;
  /** Of the last change in it. */
  readonly modseq: number;
  readonly messages: number;
  readonly unseen: number;
  readonly deleted: number;
  readonly bytes: number;
  readonly keywords: readonly string[];
  /** No UID before it is \Recent. */
  readonly recent: number;
}

/** The messages of a folder. */
export class IndexState {
  readonly length: number;
  /** Of each row, the place of its first message; at the end the length. */
  readonly starts: Uint32Array;

  /** `numbers` are those of the rows in their keys. `uids` may go on behind the last message. */
  constructor(
    readonly rows: readonly IndexRow[],
    readonly numbers: readonly number[],
    readonly uids: Uint32Array,
  ) {
    this.starts = new Uint32Array(rows.length + 1);
    let at = 0;
    for (let i = 0; i < rows.length; i++) this.starts[i + 1] = at += rows[i]!.count;
    this.length = at;
  }

  /** Made of rows that were read. */
  static of(rows: readonly IndexRow[], numbers: readonly number[]): IndexState {
    return new IndexState(rows, numbers, uidsOf(rows));
  }

  /** Which row has the message at that place. */
  rowOf(place: number): number {
    let [low, high] = [0, this.rows.length - 1];
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if (this.starts[middle]! <= place) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  /** The first place whose UID is not lower. */
  lowerBound(uid: number): number {
    return lowerBound(this.uids, this.length, uid);
  }

  /** Where that UID is; -1: nowhere. */
  position(uid: number): number {
    const place = this.lowerBound(uid);
    return place < this.length && this.uids[place] === uid ? place : -1;
  }

  /** The places of those UIDs that are there. */
  places(uids: Uint32Array): Uint32Array {
    const places = new Uint32Array(uids.length);
    let count = 0;
    let place = uids.length > 0 ? this.lowerBound(uids[0]!) : 0;
    for (const uid of uids) {
      // the next one is often right behind; else it is looked for
      if (place < this.length && this.uids[place]! < uid) place = this.lowerBound(uid);
      if (place < this.length && this.uids[place] === uid) places[count++] = place++;
    }
    return places.subarray(0, count);
  }
}

/** All UIDs of some rows. */
export function uidsOf(rows: readonly IndexRow[]): Uint32Array {
  const uids = new Uint32Array(rows.reduce((sum, { count }) => sum + count, 0));
  let at = 0;
  for (const row of rows) {
    uids.set(row.uid.subarray(0, row.count), at);
    at += row.count;
  }
  return uids;
}

function lowerBound(uids: Uint32Array, length: number, uid: number): number {
  let [low, high] = [0, length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (uids[middle]! < uid) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** A folder. Without an index it is not in use. */
export interface FolderState {
  readonly id: number;
  readonly record: FolderRecord;
  readonly index?: IndexState | undefined;
}

/** A mailbox. */
export interface MailboxState {
  readonly head: HeadRecord;
  /** That of the head. */
  readonly versionstamp: string;
  readonly folders: ReadonlyMap<number, FolderState>;
  /** The last row of changes, where it is known. */
  readonly tail?: Uint8Array | undefined;
}

/** The folder of that name, which is normal. */
export function folderNamed(folders: Iterable<FolderState>, name: string): FolderState | undefined {
  for (const folder of folders) if (folder.record.name === name) return folder;
  return undefined;
}

/** Throws when there is none. */
export function existing(folder: FolderState | undefined): FolderState {
  if (!folder) throw new FolderError("nonexistent", "There is no such folder");
  return folder;
}

/** All folders as others see them, by name. */
export function infosOf(folders: ReadonlyMap<number, FolderState>): FolderInfo[] {
  const all = [...folders.values()].map((folder) => infoOf(folder)).sort(byName);
  // children come right behind their parent
  return all.map((info, i) => ({
    ...info,
    hasChildren: all[i + 1]?.name.startsWith(`${info.name}/`) ?? false,
  }));
}

function infoOf({ id, record }: FolderState): FolderInfo {
  const { modseq, recent: _, ...shown } = record;
  return { ...shown, id, highestModseq: modseq, hasChildren: false };
}

/** The index of a folder as it is now: shows one state after the other. */
export class LiveIndex implements FolderIndex {
  #state: IndexState;
  #row: IndexRow | undefined;
  #from = 0;
  #to = 0;

  /** Shows that one first. */
  constructor(state: IndexState) {
    this.#state = state;
  }

  /** Shows another one from now on. */
  show(state: IndexState): void {
    this.#state = state;
    this.#row = undefined;
    this.#from = this.#to = 0;
  }

  /** What it shows. */
  get state(): IndexState {
    return this.#state;
  }

  get length(): number {
    return this.#state.length;
  }

  get uids(): Uint32Array {
    return this.#state.uids;
  }

  uid(place: number): number {
    return this.#state.uids[place]!;
  }

  size(place: number): number {
    const row = this.#rowAt(place);
    return row.size[place - this.#from]!;
  }

  flags(place: number): number {
    const row = this.#rowAt(place);
    return row.flags[place - this.#from]!;
  }

  keywordsLow(place: number): number {
    const row = this.#rowAt(place);
    return row.keywordsLow[place - this.#from]!;
  }

  keywordsHigh(place: number): number {
    const row = this.#rowAt(place);
    return row.keywordsHigh[place - this.#from]!;
  }

  modseq(place: number): number {
    const row = this.#rowAt(place);
    return row.modseq[place - this.#from]!;
  }

  internalDate(place: number): number {
    const row = this.#rowAt(place);
    return row.date[place - this.#from]!;
  }

  savedDate(place: number): number {
    const row = this.#rowAt(place);
    return row.saved[place - this.#from]! * 1000;
  }

  id(place: number): string {
    const row = this.#rowAt(place);
    return row.id(place - this.#from);
  }

  /** Which message object it is. */
  object(place: number): number {
    const row = this.#rowAt(place);
    return row.object[place - this.#from]!;
  }

  position(uid: number): number {
    return this.#state.position(uid);
  }

  lowerBound(uid: number): number {
    return this.#state.lowerBound(uid);
  }

  /** Most places are asked for in order. */
  #rowAt(place: number): IndexRow {
    if (place >= this.#from && place < this.#to) return this.#row!;
    const { rows, starts, length } = this.#state;
    if (!(place >= 0 && place < length)) throw new RangeError(`There is no message at place ${place}`);
    const n = this.#state.rowOf(place);
    this.#from = starts[n]!;
    this.#to = starts[n + 1]!;
    return this.#row = rows[n]!;
  }
}
