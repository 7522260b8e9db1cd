/** The folders of a mailbox in the hands of one who uses them, such as a session. */

import { encode } from "../base/bytes.ts";
import type { Mailbox } from "../mail/envelope.ts";
import { BodyMissing, readBody } from "../storage/bodies/bodies.ts";
import { StorageError } from "../storage/storage_error.ts";
import type { FolderFacts } from "./folder_facts.ts";
import { planCreate, planDelete, planRename, planSubscribe } from "./folder_changes.ts";
import { INBOX_ID, normalName } from "./folder_names.ts";
import {
  type Appended,
  type Appending,
  type By,
  type Copied,
  type FlagChange,
  type Folder,
  type FolderChange,
  FolderError,
  type FolderIndex,
  type FolderInfo,
  type Folders,
  type NewMessage,
  type SpecialUse,
  type UidRange,
  type Uids,
} from "./folders.ts";
import { HeldAppending } from "./held_appending.ts";
import type { LiveIndex } from "./folder_state.ts";
import type { MailEntry } from "./mail_entry.ts";
import { entriesAt } from "./mail_entries.ts";
import { pieces, piecesToGo, planCopy, planExpunge, planFlags, planMove } from "./message_changes.ts";
import { smallTexts } from "./small_texts.ts";
import { changesOnly, type StoredFolders } from "./stored_folders.ts";
import { planInbox, ROWS_PER_MOVE, withPut } from "./unfinished.ts";
import { vanished } from "./vanished.ts";
import type { WholeChanges } from "./whole_changes.ts";

/** Takes room in the account's quota, see `quotas.ts`; undefined: there is none. */
export type TakeRoom = (
  address: Mailbox,
  size: () => number,
) => (() => void) | undefined | Promise<(() => void) | undefined>;

/** So many messages go with their folder in one commit, however they lie. */
const FEW_MESSAGES = 50_000;

/** What holders share. */
export interface HeldBy {
  readonly folders: StoredFolders;
  readonly room: TakeRoom;
  readonly facts: FolderFacts;
  readonly changes: WholeChanges;
  /** Counts who uses a folder's index. */
  use(id: number, more: 1 | -1): void;
}

/** A hold on the folders of a mailbox. */
export class HeldFolders implements Folders {
  readonly #held: HeldBy;
  readonly #folders: StoredFolders;
  readonly #release: () => void;
  readonly #off = new Set<() => void>();
  #isOver = false;

  /** `release` is called once, at its end. */
  constructor(held: HeldBy, release: () => void) {
    this.#held = held;
    this.#folders = held.folders;
    this.#release = release;
  }

  get address(): Mailbox {
    return this.#folders.address;
  }

  get highestModseq(): number {
    return this.#folders.state.head.modseq;
  }

  get subscribedNames(): readonly string[] {
    return this.#folders.state.head.subscribed ?? [];
  }

  list(): readonly FolderInfo[] {
    return this.#folders.infos;
  }

  byName(name: string): FolderInfo | undefined {
    const wanted = normalName(name);
    return this.#folders.infos.find((info) => info.name === wanted);
  }

  byId(id: number): FolderInfo | undefined {
    return this.#folders.infos.find((info) => info.id === id);
  }

  async create(name: string, options: { specialUse?: SpecialUse | undefined } = {}): Promise<FolderInfo> {
    const id = await this.#folders.run((batch) => planCreate(batch, name, options));
    const info = this.byId(id);
    if (!info) throw new FolderError("nonexistent", "The folder is gone again");
    return info;
  }

  async rename(from: string, to: string): Promise<void> {
    const change = this.#held.changes.begin();
    const some = () =>
      change.run(async (batch, before) => {
        const left = before ?? planRename(batch, from, to);
        const hasMore = left?.kind === "inbox" && await planInbox(batch, left);
        return [hasMore, hasMore ? left : undefined] as const;
      });
    try {
      while (await some());
    } catch (error) {
      // its first commit decides, and the rest of INBOX goes behind it
      if (!change.leave() || !(error instanceof StorageError)) throw error;
    }
  }

  async delete(name: string): Promise<void> {
    const info = this.byName(name);
    if (info && info.id !== INBOX_ID && info.messages > FEW_MESSAGES) {
      // in pieces, since one commit takes no more
      using folder = await this.select(info.id);
      await folder.expunge(folder.messages.uids.slice(0, folder.messages.length));
    }
    await this.#folders.run((batch) => planDelete(batch, name));
  }

  async subscribe(name: string, yes: boolean): Promise<void> {
    await this.#folders.run((batch) => planSubscribe(batch, name, yes));
  }

  async select(id: number): Promise<Folder> {
    this.#held.use(id, 1);
    try {
      return new HeldFolder(this.#held, id, await this.#folders.live(id));
    } catch (error) {
      this.#held.use(id, -1);
      throw error;
    }
  }

  on(listener: (change: FolderChange) => void): () => void {
    const off = this.#folders.on(changesOnly(listener));
    this.#off.add(off);
    return () => {
      this.#off.delete(off);
      off();
    };
  }

  [Symbol.dispose](): void {
    if (this.#isOver) return;
    this.#isOver = true;
    for (const off of this.#off) off();
    this.#release();
  }
}

/** A hold on one folder. */
class HeldFolder implements Folder {
  readonly #held: HeldBy;
  readonly #folders: StoredFolders;
  readonly #id: number;
  readonly #index: LiveIndex;
  #isOver = false;

  constructor(held: HeldBy, id: number, index: LiveIndex) {
    this.#held = held;
    this.#folders = held.folders;
    this.#id = id;
    this.#index = index;
  }

  get info(): FolderInfo {
    const info = this.#folders.infos.find(({ id }) => id === this.#id);
    if (!info) throw new FolderError("nonexistent", "The folder is gone");
    return info;
  }

  get messages(): FolderIndex {
    return this.#index;
  }

  async store(uids: Uids, change: FlagChange): Promise<{ stored: Uids; modified: Uids }> {
    void this.info;
    const done: { stored: Uids; modified: Uids }[] = [];
    for (const some of pieces(this.#index.state, uids)) {
      done.push(await this.#folders.run((batch) => planFlags(batch, this.#id, { uids: some, change })));
    }
    return {
      stored: joined(done.map(({ stored }) => stored)),
      modified: joined(done.map((one) => one.modified)),
    };
  }

  async expunge(uids: Uids, { by }: By = {}): Promise<Uids> {
    void this.info;
    const gone: Uids[] = [];
    for (const some of piecesToGo(this.#index.state, uids)) {
      gone.push(await this.#folders.run((batch) => planExpunge(batch, this.#id, { uids: some, by })));
    }
    return joined(gone);
  }

  async copy(uids: Uids, to: number, { by }: By = {}): Promise<Copied> {
    void this.info;
    const index = this.#index;
    const places = index.state.places(uids);
    const release = await this.#take(() => places.reduce((sum, place) => sum + index.size(place), 0));
    const change = this.#held.changes.begin();
    const done: { from: Uids; to: Uids }[] = [];
    try {
      const all = pieces(index.state, uids);
      for (const some of all) {
        const isLast = some === all.at(-1);
        done.push(
          await change.run(async (batch, before) => {
            const placed = await planCopy(batch, this.#id, { uids: some, to, by });
            const left = { folder: to, uids: placed.to, from: this.#id };
            return [placed, isLast ? undefined : withPut(before, left)];
          }),
        );
      }
    } catch (error) {
      // all or none (RFC 9051 6.4.7); what can't be undone now is undone when the mailbox is looked at next
      await change.undo().catch(() => {});
      throw error;
    } finally {
      release();
    }
    return this.#copied(done, to);
  }

  async move(uids: Uids, to: number, { by }: By = {}): Promise<Copied> {
    void this.info;
    const done: { from: Uids; to: Uids }[] = [];
    for (const some of pieces(this.#index.state, uids, ROWS_PER_MOVE)) {
      done.push(await this.#folders.run((batch) => planMove(batch, this.#id, { uids: some, to, by })));
    }
    return this.#copied(done, to);
  }

  async append(messages: readonly NewMessage[], options: By = {}): Promise<Appended> {
    return await this.appending(options).put(messages, true);
  }

  appending({ by }: By = {}): Appending {
    void this.info;
    const { facts, changes } = this.#held;
    const change = changes.begin();
    const take = (size: () => number) => this.#take(size);
    return new HeldAppending({ folders: this.#folders, facts, change, id: this.#id, take, by });
  }

  async vanishedSince(modseq: number, within?: readonly UidRange[]): Promise<Uids> {
    return await vanished(this.#folders, this.#id, { modseq, index: this.#index.state, within });
  }

  recentFrom(claim: boolean): number {
    return this.#folders.recentFrom(this.#id, claim);
  }

  async *facts(places: readonly number[] | Uint32Array): AsyncGenerator<Uint8Array> {
    yield* this.#held.facts.of(this.#index, places);
  }

  smallTexts(places: readonly number[] | Uint32Array): AsyncGenerator<Uint8Array | undefined> {
    return smallTexts(this.#folders, this.#index, places);
  }

  async *read(place: number, from = 0): AsyncGenerator<Uint8Array> {
    const id = this.#index.id(place);
    const object = await this.#folders.rows.object(this.#index.object(place));
    if (!object) throw new BodyMissing(id, "the message is gone");
    const prefix = encode(object.prefix);
    if (from < prefix.length) yield prefix.subarray(from);
    yield* readBody(this.#folders.source.store.kv, object.body, Math.max(0, from - prefix.length));
  }

  async entries(places: readonly number[] | Uint32Array): Promise<readonly MailEntry[]> {
    const found = await entriesAt(this.#folders, this.#id, { index: this.#index.state, places });
    return found.filter((entry) => entry !== undefined);
  }

  [Symbol.dispose](): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#held.use(this.#id, -1);
  }

  async #take(size: () => number): Promise<() => void> {
    const release = await this.#held.room(this.#folders.address, size);
    if (!release) throw new FolderError("overquota", "The mailbox has no room for that");
    return release;
  }

  #copied(done: readonly { from: Uids; to: Uids }[], to: number): Copied {
    const target = this.#folders.infos.find(({ id }) => id === to);
    if (!target) throw new FolderError("nonexistent", "There is no such folder to put messages into");
    const { uidValidity } = target;
    return { uidValidity, from: joined(done.map(({ from }) => from)), to: joined(done.map(({ to }) => to)) };
  }
}

function joined(all: readonly Uids[]): Uids {
  if (all.length === 1) return all[0]!;
  const uids = new Uint32Array(all.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const some of all) {
    uids.set(some, at);
    at += some.length;
  }
  return uids;
}
