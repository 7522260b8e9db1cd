/** The draft of a folder: as it will be when a batch is durable. */

import * as keys from "../storage/keys.ts";
import { DELETED, MAX_KEYWORDS, SEEN } from "./flags.ts";
import { FolderError } from "./folders.ts";
import { type FolderRecord, type FolderState, IndexState, uidsOf } from "./folder_state.ts";
import { type IndexEntry, IndexRow, ROW_MESSAGES } from "./index_row.ts";

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** Two rows that have no more messages than this together become one. */
const JOINED = ROW_MESSAGES / 2;
/**
 * What comes goes into a row of its own, up to so many messages, and then into the one before it: each message costs
 * a few KB to write, and not all of a large row.
 */
const TAIL = 64;
const MAX_UID = 0xffffffff;

/** What of a folder a new one is told. */
type NewFolder =
  & Pick<FolderRecord, "name" | "subscribed" | "mailboxId" | "uidValidity" | "modseq">
  & Partial<Pick<FolderRecord, "specialUse">>;

/** A folder being changed. Rows that others may look at are copied first. */
export class FolderDraft {
  readonly id: number;
  readonly record: Mutable<FolderRecord>;
  readonly #before: FolderRecord | undefined;
  #index: IndexState | undefined;
  #rows: IndexRow[] = [];
  #numbers: number[] = [];
  /** Where messages went; else only at the end some may have come. */
  #isThinned = false;
  #uids: Uint32Array = new Uint32Array(0);
  #length = 0;
  readonly #own = new Set<IndexRow>();
  readonly #gone = new Set<number>();
  /** Places in the table of keywords that were asked for: they are in use, though no message may have them yet. */
  readonly #asked = new Set<number>();

  /** Of a folder that is there. */
  constructor(state: FolderState, isNew = false) {
    this.id = state.id;
    this.record = { ...state.record };
    this.#before = isNew ? undefined : state.record;
    if (state.index) this.give(state.index);
  }

  /** Of a new one. */
  static create(id: number, of: NewFolder): FolderDraft {
    const nothing = { messages: 0, unseen: 0, deleted: 0, bytes: 0, keywords: [] };
    const record: FolderRecord = { ...of, ...nothing, uidNext: 1, recent: 1 };
    return new FolderDraft({ id, record, index: IndexState.of([], []) }, true);
  }

  /** Is the index known? */
  get hasIndex(): boolean {
    return this.#index !== undefined;
  }

  /** Makes it known. */
  give(index: IndexState): void {
    this.#index = index;
    this.#rows = [...index.rows];
    this.#numbers = [...index.numbers];
    this.#uids = index.uids;
    this.#length = index.length;
  }

  /** The messages as they will be. */
  get index(): IndexState {
    this.#needIndex();
    if (this.#own.size === 0 && this.#gone.size === 0) return this.#index!;
    if (this.#isThinned) {
      this.#uids = uidsOf(this.#rows);
      this.#isThinned = false;
    }
    const index = new IndexState(this.#rows, this.#numbers, this.#uids);
    this.#length = index.length;
    return index;
  }

  /** The row of that place among the rows, to be changed. */
  own(n: number, more = 0): IndexRow {
    const row = this.#rows[n]!;
    if (this.#own.has(row) && (more === 0 || row.hasRoom)) return row;
    const copy = row.copy(more);
    this.#own.delete(row);
    this.#own.add(copy);
    this.#rows[n] = copy;
    return copy;
  }

  /** Puts a message behind all others; answers its UID. */
  push(entry: Omit<IndexEntry, "uid">): number {
    this.#needIndex();
    const { record } = this;
    const uid = record.uidNext;
    if (uid > MAX_UID) throw new FolderError("limit", "The folder has given out all of its UIDs");
    if (this.#isThinned) void this.index;
    let n = this.#rows.length - 1;
    if (n < 0 || this.#rows[n]!.count >= TAIL) {
      if (n > 0) this.#joinTail(n);
      n = this.#rows.push(IndexRow.empty(16)) - 1;
      this.#own.add(this.#rows[n]!);
      this.#numbers.push((this.#numbers[n - 1] ?? -1) + 1);
      this.#gone.delete(this.#numbers[n]!);
    }
    this.own(n, 16).push({ ...entry, uid });
    record.uidNext = uid + 1;
    this.#pushUid(uid);
    this.#count(entry.flags, entry.size, 1);
    return uid;
  }

  /** Makes the last row a part of the one before it, where there is room. */
  #joinTail(n: number): void {
    const [before, tail] = [this.#rows[n - 1]!, this.#rows[n]!];
    if (tail.count > TAIL || before.count + tail.count > ROW_MESSAGES) return;
    const joined = before.joined(tail);
    this.#own.delete(before);
    this.#own.delete(tail);
    this.#own.add(joined);
    this.#rows.splice(n - 1, 2, joined);
    this.#gone.add(this.#numbers.pop()!);
  }

  /** Takes messages out, by places that rise; answers what they were. */
  take(places: ArrayLike<number>): IndexEntry[] {
    const index = this.index;
    const taken: IndexEntry[] = [];
    const rows: IndexRow[] = [];
    const numbers: number[] = [];
    let at = 0;
    for (const [n, row] of index.rows.entries()) {
      const [start, end] = [index.starts[n]!, index.starts[n + 1]!];
      const out: number[] = [];
      while (at < places.length && places[at]! < end) out.push(places[at++]! - start);
      let rest = row;
      if (out.length > 0) {
        for (const place of out) taken.push(row.at(place));
        this.#own.delete(row);
        rest = row.without(out);
        if (rest.count > 0) this.#own.add(rest);
      }
      const number = index.numbers[n]!;
      if (rest.count === 0) {
        this.#gone.add(number);
        continue;
      }
      const last = rows.at(-1);
      if (last && (this.#own.has(last) || this.#own.has(rest)) && last.count + rest.count <= JOINED) {
        const joined = last.joined(rest);
        this.#own.delete(last);
        this.#own.delete(rest);
        this.#own.add(joined);
        rows[rows.length - 1] = joined;
        this.#gone.add(number);
        continue;
      }
      rows.push(rest);
      numbers.push(number);
    }
    this.#rows = rows;
    this.#numbers = numbers;
    this.#isThinned = true;
    for (const { flags, size } of taken) this.#count(flags, size, -1);
    return taken;
  }

  /** The flags of a message, which were others, are these now: its row must be an own one. */
  flagged(before: number, now: number): void {
    this.#count(before, 0, 0, -1);
    this.#count(now, 0, 0, 1);
  }

  /** The bits of keywords, which get a place in the folder's table. Throws when it is full. */
  keywordBits(keywords: readonly string[]): { low: number; high: number } {
    let [low, high] = [0, 0];
    for (const keyword of keywords) {
      const bit = this.#keywordBit(keyword);
      this.#asked.add(bit);
      if (bit < 32) low |= 1 << bit;
      else high |= 1 << (bit - 32);
    }
    return { low: low >>> 0, high: high >>> 0 };
  }

  /** The bits of those keywords that have a place in the table; others no message has. */
  knownKeywordBits(keywords: readonly string[]): { low: number; high: number } {
    const lower = this.record.keywords.map((known) => known.toLowerCase());
    return this.keywordBits(keywords.filter((keyword) => lower.includes(keyword.toLowerCase())));
  }

  /** The keywords of those bits. */
  keywordsOf(low: number, high: number): string[] {
    return keywordsOf(this.record, low, high);
  }

  /** How many rows will be written or deleted, and how many octets they have. */
  weight(): { octets: number; rows: number } {
    let octets = 0;
    for (const row of this.#own) octets += 60 * row.count;
    return { octets, rows: this.#own.size + this.#gone.size };
  }

  /** What writes it. */
  mutations(address: string, isGone: boolean): Deno.KvMutation[] {
    const mutations: Deno.KvMutation[] = [];
    const key = keys.folder(address, this.id);
    if (isGone) mutations.push({ type: "delete", key });
    else if (!this.#before || !same(this.#before, this.record)) {
      mutations.push({ type: "set", key, value: { ...this.record } });
    }
    for (const [n, row] of this.#rows.entries()) {
      if (!this.#own.has(row) || isGone) continue;
      mutations.push({
        type: "set",
        key: keys.folderIndex(address, this.id, this.#numbers[n]!),
        value: row.encode(),
      });
    }
    for (const n of this.#gone) {
      mutations.push({ type: "delete", key: keys.folderIndex(address, this.id, n) });
    }
    return mutations;
  }

  /** What it will be. */
  state(): FolderState {
    const record = this.#before && same(this.#before, this.record) ? this.#before : { ...this.record };
    return { id: this.id, record, ...(this.#index && { index: this.index }) };
  }

  #needIndex(): void {
    if (!this.#index) throw new Error(`The index of folder ${this.id} was not read`);
  }

  /** What is behind the last message of a published state may be written: nobody looks there. */
  #pushUid(uid: number): void {
    if (this.#length >= this.#uids.length) {
      const grown = new Uint32Array(Math.max(16, Math.ceil(1.25 * this.#length)));
      grown.set(this.#uids.subarray(0, this.#length));
      this.#uids = grown;
    }
    this.#uids[this.#length++] = uid;
  }

  #count(flags: number, size: number, messages: number, by = messages): void {
    const { record } = this;
    record.messages += messages;
    record.bytes += messages * size;
    if ((flags & SEEN) === 0) record.unseen += by;
    if ((flags & DELETED) !== 0) record.deleted += by;
  }

  #keywordBit(keyword: string): number {
    const { record } = this;
    const lower = keyword.toLowerCase();
    const known = record.keywords.findIndex((one) => one.toLowerCase() === lower);
    if (known >= 0) return known;
    let free = record.keywords.length < MAX_KEYWORDS ? record.keywords.length : record.keywords.indexOf("");
    if (free < 0) free = this.#unusedKeyword();
    const keywords = [...record.keywords];
    keywords[free] = keyword;
    record.keywords = keywords;
    return free;
  }

  /** A keyword that no message has any more. */
  #unusedKeyword(): number {
    let [low, high] = [0, 0];
    for (const row of this.index.rows) {
      for (let i = 0; i < row.count; i++) {
        low |= row.keywordsLow[i]!;
        high |= row.keywordsHigh[i]!;
      }
    }
    for (let bit = 0; bit < MAX_KEYWORDS; bit++) {
      if (this.#asked.has(bit)) continue;
      if (((bit < 32 ? low >>> bit : high >>> (bit - 32)) & 1) === 0) return bit;
    }
    throw new FolderError(
      "limit",
      `The messages of a folder can't have more than ${MAX_KEYWORDS} keywords together`,
    );
  }
}

/** The keywords of some bits. */
export function keywordsOf(
  { keywords }: Pick<FolderRecord, "keywords">,
  low: number,
  high: number,
): string[] {
  if (low === 0 && high === 0) return [];
  return keywords.filter((keyword, bit) =>
    keyword !== "" && ((bit < 32 ? low >>> bit : high >>> (bit - 32)) & 1) === 1
  );
}

function same(a: FolderRecord, b: FolderRecord): boolean {
  for (const key of Object.keys(b) as (keyof FolderRecord)[]) if (a[key] !== b[key]) return false;
  return Object.keys(a).length === Object.keys(b).length;
}
