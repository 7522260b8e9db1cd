/** The batch of changes of a mailbox that go into one commit: a state to be, and what writes it. */

import { MAX_VALUE_BYTES } from "../storage/limits.ts";
import * as keys from "../storage/keys.ts";
import { type Kv, u64 } from "../storage/port.ts";
import { together, type Write } from "../storage/write.ts";
import { CHANGES_FULL, packWent, withWent } from "./change_row.ts";
import { type FolderChange, FolderError } from "./folders.ts";
import {
  type FolderRecord,
  type FolderState,
  type HeadRecord,
  type MailboxState,
  type Mark,
  marksOf,
  withMarks,
} from "./folder_state.ts";
import { FolderDraft } from "./folder_draft.ts";
import { Packer, packRanges } from "./packing.ts";
import { type PackedRows, RowDrafts } from "./packed_rows.ts";

/** The version of a row of dead objects. */
export const DEAD_VERSION = 1;
/** How many objects one row of dead ones has at most; in the worst order they take four octets each. */
const DEAD_PER_ROW = 12_000;

/** So many names without a folder stay subscribed to: the head, which has them, is one value. */
const MAX_SUBSCRIBED = 50;
/** A name takes so much at most. */
const NAME_OCTETS = 600;

/** A row of objects takes about so much. */
const ROW_OF_OBJECTS = 10_000;

/** A change to be told when the batch is durable. */
export interface Told {
  readonly change: FolderChange;
  /** The names of the messages that went out of the mailbox, for those who know no folders. */
  readonly gone?: () => string[];
  /** They came by an arrival that was told before. */
  readonly known?: boolean;
  /** A folder has got another name, and its messages are where they were. */
  readonly renamed?: boolean;
}

/** Where a batch gets what is not in the state, and what it is for. */
export interface BatchSource {
  /** The local key. */
  readonly address: string;
  readonly rows: PackedRows;
  readonly kv: Kv;
  /** So long is remembered that a message was there, in milliseconds; 0: not at all. */
  readonly rememberMs: number;
  /** Milliseconds since 1970. */
  readonly now: number;
  /** The folder that a recipient's sub-address names, where the account heeds that. */
  readonly detailOf?: (recipient: string) => string | undefined;
  /** Reads the index of a folder. */
  loadIndex(id: number): Promise<NonNullable<FolderState["index"]>>;
}

/** What is to be said in a row of folders. */
type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** Changes that are planned one after the other, each seeing what those before it did. */
export class FolderBatch {
  readonly source: BatchSource;
  /** The messages and folders that are objects and copies, as they will be. */
  readonly rows: RowDrafts;
  readonly head: Mutable<HeadRecord>;
  /** To be told in that order. */
  readonly told: Told[] = [];
  /** Arrivals that got their place in it: their rows are still in the store. */
  readonly numbered = new Set<string>();
  readonly #base: MailboxState;
  readonly #folders = new Map<number, FolderDraft>();
  readonly #gone = new Set<number>();
  readonly #mutations: Deno.KvMutation[] = [];
  readonly #others: Write[] = [];
  #marks: readonly Mark[];
  #tail: Uint8Array | undefined;
  #messages = 0;
  #bytes = 0;
  #isChanged = false;
  #leavesDead = false;

  /** On top of a state. */
  constructor(base: MailboxState, source: BatchSource) {
    this.#base = base;
    this.source = source;
    this.head = { ...base.head };
    this.#marks = marksOf(base.head);
    this.#tail = base.tail;
    this.rows = new RowDrafts(source.rows);
  }

  get address(): string {
    return this.source.address;
  }

  /** Is there anything to be written? */
  get isChanged(): boolean {
    return this.#isChanged;
  }

  /** All folders as they will be. */
  *folders(): Generator<{ readonly id: number; readonly record: FolderRecord }> {
    for (const [id, folder] of this.#base.folders) {
      if (!this.#gone.has(id)) yield this.#folders.get(id) ?? folder;
    }
    for (const [id, draft] of this.#folders) {
      if (!this.#base.folders.has(id) && !this.#gone.has(id)) yield draft;
    }
  }

  /** The folder of that name, which is normal. */
  named(name: string): { readonly id: number; readonly record: FolderRecord } | undefined {
    for (const folder of this.folders()) if (folder.record.name === name) return folder;
    return undefined;
  }

  /** A folder, to be looked at or changed; with its index where that is known. Throws when there is none. */
  folder(id: number): FolderDraft {
    const draft = this.#folders.get(id);
    if (draft && !this.#gone.has(id)) return draft;
    const state = this.#base.folders.get(id);
    if (!state || this.#gone.has(id)) throw new FolderError("nonexistent", "There is no such folder");
    const made = new FolderDraft(state);
    this.#folders.set(id, made);
    return made;
  }

  /** A folder with its index. */
  async indexed(id: number): Promise<FolderDraft> {
    const folder = this.folder(id);
    if (!folder.hasIndex) folder.give(await this.source.loadIndex(id));
    return folder;
  }

  /** The next mod-sequence, of a change in these folders. */
  change(...folders: readonly FolderDraft[]): number {
    this.#isChanged = true;
    const modseq = ++this.head.modseq;
    for (const folder of folders) folder.record.modseq = modseq;
    return modseq;
  }

  /** No UID before that one is \Recent any more, where the folder still is. */
  claim(id: number, uid: number): void {
    if (this.#gone.has(id)) return;
    const { record } = this.folder(id);
    if (record.recent >= uid) return;
    record.recent = uid;
    this.#isChanged = true;
  }

  /** Makes a folder. Nobody has looked at its name here. */
  create(
    record: Pick<FolderRecord, "name" | "subscribed"> & Partial<Pick<FolderRecord, "specialUse">>,
  ): FolderDraft {
    const modseq = this.change();
    const id = this.head.nextFolder++;
    const now = Math.floor(this.source.now / 1000);
    const uidValidity = Math.max(this.head.nextUidValidity, now);
    this.head.nextUidValidity = uidValidity + 1;
    const mailboxId = `F${id}-${uidValidity.toString(36)}`;
    const subscribed = this.unsubscribe(record.name) || record.subscribed;
    const made = FolderDraft.create(id, { ...record, subscribed, mailboxId, uidValidity, modseq });
    this.#folders.set(id, made);
    return made;
  }

  /** Takes a folder away whose messages are gone. Its name stays subscribed to (RFC 9051 6.3.7). */
  remove(id: number): void {
    this.change();
    const { name, subscribed } = this.folder(id).record;
    if (subscribed) this.head.subscribed = [...this.head.subscribed ?? [], name].slice(-MAX_SUBSCRIBED);
    this.#gone.add(id);
  }

  /** Takes a name out of those that are subscribed to and are no folder's; was it one? */
  unsubscribe(name: string): boolean {
    const { subscribed = [] } = this.head;
    const left = subscribed.filter((one) => one !== name);
    if (left.length === subscribed.length) return false;
    this.#isChanged = true;
    if (left.length > 0) this.head.subscribed = left;
    else delete this.head.subscribed;
    return true;
  }

  /** Messages came into the mailbox or (negative) went: what its sums change by. */
  count(messages: number, bytes: number): void {
    this.#messages += messages;
    this.#bytes += bytes;
  }

  /** Remembers that messages went out of a folder. */
  went(folder: number, modseq: number, uids: ArrayLike<number>): void {
    const packed = packWent({ folder, modseq, uids });
    if (packed.length > MAX_VALUE_BYTES - 2 * CHANGES_FULL) {
      // so scattered that the halves are better: half a list is never too large, since one commit bounds it
      const middle = uids.length >> 1;
      const all = Array.from(uids);
      this.went(folder, modseq, all.slice(0, middle));
      this.went(folder, modseq, all.slice(middle));
      return;
    }
    const { head } = this;
    if (head.changesTail === 0 || !this.#tail || this.#tail.length + packed.length > CHANGES_FULL) {
      // two rows of one change must not have one key
      head.changesTail = Math.max(modseq, head.changesTail + 0.5);
      head.changesRows++;
      this.#tail = undefined;
    }
    this.#tail = withWent(this.#tail, packed);
    this.#set(keys.mailChanges(this.address, head.changesTail), this.#tail);
  }

  /** Did objects die in it that are let go behind it? */
  get leavesDead(): boolean {
    return this.#leavesDead;
  }

  /** Objects lost a placement each: they are let go behind this commit. */
  died(modseq: number, objects: readonly number[]): void {
    if (objects.length > 0) this.#leavesDead = true;
    let left = [...objects].sort((a, b) => a - b);
    for (let part = 0; left.length > 0; part++) {
      const once: number[] = [];
      const rest: number[] = [];
      for (const object of left) {
        if (once.length < DEAD_PER_ROW && object !== once.at(-1)) once.push(object);
        else rest.push(object);
      }
      const packer = new Packer(DEAD_VERSION);
      packRanges(packer, once);
      this.#set(keys.deadObjects(this.address, modseq, part), packer.packed());
      left = rest;
    }
  }

  /** What several commits do together, as it will be. */
  get marks(): readonly Mark[] {
    return this.#marks;
  }

  /** Sets the mark of that id, or takes it away. */
  mark(id: string, mark: Mark | undefined): void {
    this.#isChanged = true;
    const others = this.#marks.filter((one) => one.id !== id);
    this.#marks = mark ? [...others, mark] : others;
  }

  /** Takes something into the commit. */
  add(write: Write): void {
    this.#isChanged = true;
    this.#others.push(write);
  }

  /** Sets or deletes a row that only this mailbox has. */
  mutate(...mutations: readonly Deno.KvMutation[]): void {
    this.#isChanged = true;
    this.#mutations.push(...mutations);
  }

  /** Tells of a change. */
  tell(told: Told): void {
    this.told.push(told);
  }

  /** About how much the write takes of a commit: never much less than it does. */
  weight(): { bytes: number; mutations: number } {
    const names = this.head.subscribed?.length ?? 0;
    let bytes = 2000 + names * NAME_OCTETS + this.rows.size * ROW_OF_OBJECTS;
    let mutations = 3 + this.rows.size + this.#mutations.length;
    for (const draft of this.#folders.values()) {
      const { octets, rows } = draft.weight();
      bytes += octets + 1000;
      mutations += rows + 1;
    }
    for (const mutation of this.#mutations) {
      bytes += 300 +
        (mutation.type === "set" && mutation.value instanceof Uint8Array ? mutation.value.length : 0);
    }
    for (const write of this.#others) {
      bytes += write.size;
      mutations += write.mutations.length;
    }
    return { bytes, mutations };
  }

  /** Everything as one write, that happens only when the head is still as it was. */
  write(): Write {
    const { address } = this;
    const head = { key: keys.mailbox(address), versionstamp: this.#base.versionstamp };
    const mutations: Deno.KvMutation[] = [{
      type: "set",
      key: head.key,
      value: withMarks(this.head, this.#marks),
    }];
    for (const [id, draft] of this.#folders) {
      const isGone = this.#gone.has(id);
      mutations.push(...draft.mutations(address, isGone));
    }
    mutations.push(...this.rows.mutations(address), ...lastOfEach(this.#mutations));
    if (this.#messages !== 0) {
      mutations.push({ type: "sum", key: keys.mailCount(address), value: u64(this.#messages) });
    }
    if (this.#bytes !== 0) {
      mutations.push({ type: "sum", key: keys.mailBytes(address), value: u64(this.#bytes) });
    }
    return together({ checks: [head], mutations, size: sizeOf(mutations) }, ...this.#others);
  }

  /** The state when that is written. */
  state(versionstamp: string): MailboxState {
    const folders = new Map(this.#base.folders);
    for (const [id, draft] of this.#folders) folders.set(id, draft.state());
    for (const id of this.#gone) folders.delete(id);
    return { head: withMarks(this.head, this.#marks), versionstamp, folders, tail: this.#tail };
  }

  #set(key: Deno.KvKey, value: Uint8Array): void {
    this.#mutations.push({ type: "set", key, value });
  }
}

/** Of several sets of one key the last one. */
function lastOfEach(mutations: readonly Deno.KvMutation[]): Deno.KvMutation[] {
  const last = new Map<string, Deno.KvMutation>();
  for (const mutation of mutations) last.set(JSON.stringify(mutation.key), mutation);
  return [...last.values()];
}

function sizeOf(mutations: readonly Deno.KvMutation[]): number {
  let size = 0;
  for (const mutation of mutations) {
    size += 100;
    if (mutation.type === "set" && mutation.value instanceof Uint8Array) size += mutation.value.length;
  }
  return size;
}
