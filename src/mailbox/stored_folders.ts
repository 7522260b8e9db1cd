/**
 * The folders of one mailbox, as this process has them in memory. What is to be done is planned into a batch, which is
 * one commit: what comes while that is written goes together into the next. Each commit checks that the head is as this
 * process knows it. On the embedded store it always is; on a shared one another server may have been quicker: then what
 * it did is read, and the plan is made anew. So no lease is needed, and no UID or mod-sequence is given twice.
 */

import type { Clock } from "../base/clock.ts";
import type { Mailbox } from "../mail/envelope.ts";
import * as keys from "../storage/keys.ts";
import type { Store } from "../storage/store.ts";
import { StorageError, storageErrorOf } from "../storage/storage_error.ts";
import { ArrivalCount } from "./arrival_count.ts";
import { MOST_CHANGES, planForget } from "./change_log.ts";
import { planRelease } from "./dead_objects.ts";
import { type BatchSource, FolderBatch, type Told } from "./folder_batch.ts";
import { differences, readIndex, readState } from "./folder_loading.ts";
import { type FolderChange, FolderError, type FolderInfo } from "./folders.ts";
import {
  existing,
  type FolderState,
  IndexState,
  infosOf,
  LiveIndex,
  type MailboxState,
} from "./folder_state.ts";
import { NUMBERED_AT_ONCE, planNumbering } from "./numbering.ts";
import { PackedRows } from "./packed_rows.ts";

/** A batch takes nothing more when it is so heavy; what it takes last may be as heavy again. */
const FULL = { bytes: 300_000, mutations: 300 } as const;
/** So often a plan is made anew when something else than the head was not as it had to be. */
const TRIES = 8;

/** What makes the changes of one operation. May be asked again when another server was quicker. */
export type Plan<T> = (batch: FolderBatch) => T | Promise<T>;

interface Operation {
  readonly plan: Plan<unknown>;
  /** Octets that it brings along. */
  readonly octets: number;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
  tries: number;
}

/** What the folders stand on. */
export interface FolderSource {
  readonly store: Store;
  readonly clock: Clock;
  /** So long is remembered that a message was there, in milliseconds; 0: not at all. */
  readonly rememberMs: number;
  /** The folder that a recipient of a mailbox (a local key) is meant for; undefined: INBOX. */
  readonly detailOf: (recipient: Mailbox, address: string) => string | undefined;
  /** Hears of all changes before others do. */
  readonly onTold: (folders: StoredFolders, told: Told) => void;
}

/** The folders of one mailbox. */
export class StoredFolders {
  readonly address: string;
  readonly source: FolderSource;
  /** Objects and copies. */
  readonly rows: PackedRows;
  /** What was delivered by this process. */
  readonly arrivals: ArrivalCount = new ArrivalCount();
  #state: MailboxState;
  #infos: FolderInfo[] | undefined;
  #hasEnded = false;
  #isStale = false;
  #queue: Operation[] = [];
  #running: Promise<void> | undefined;
  #numbering: Promise<void> | undefined;
  #numberings = 0;
  #releasing: Promise<void> | undefined;
  readonly #live = new Map<number, LiveIndex>();
  readonly #recent = new Map<number, number>();
  readonly #listeners = new Set<(told: Told) => void>();
  readonly #batchSource: Omit<BatchSource, "now">;

  /** In that state, which was just read. */
  constructor(source: FolderSource, address: string, state: MailboxState) {
    this.source = source;
    this.address = address;
    this.#state = state;
    const { kv } = source.store;
    this.rows = new PackedRows(kv, address);
    this.#batchSource = {
      address,
      rows: this.rows,
      kv,
      rememberMs: source.rememberMs,
      loadIndex: (id) => readIndex(kv, address, id),
      detailOf: (recipient) => source.detailOf(recipient, address),
    };
  }

  /** What is durable. */
  get state(): MailboxState {
    return this.#state;
  }

  /** All folders, by name. */
  get infos(): readonly FolderInfo[] {
    return this.#infos ??= infosOf(this.#state.folders);
  }

  /** The account has ended. */
  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** Is nothing under way? */
  get isIdle(): boolean {
    return this.#running === undefined && this.#listeners.size === 0;
  }

  /** Hears of changes when they are durable, in order, until the answer is called. */
  on(listener: (told: Told) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /**
   * Does what is planned, together with what others plan meanwhile; resolves when it is durable. Rejects with what the
   * plan threw, or with a `StorageError`; then nothing has happened. `octets`: what the plan brings along.
   */
  run<T>(plan: Plan<T>, octets = 0): Promise<T> {
    if (this.#hasEnded) return Promise.reject(ended());
    return new Promise<T>((resolve, reject) => {
      this.#queue.push({ plan, octets, resolve: resolve as (value: unknown) => void, reject, tries: 0 });
      this.#running ??= this.#run();
    });
  }

  /** Whether what was delivered is on its way into folders: gone from where it waited, perhaps, and not in them yet. */
  get isNumbering(): boolean {
    return this.#numberings > 0;
  }

  /** Numbers what was delivered up to now. */
  number(): Promise<void> {
    return this.#numbering ??= this.#number();
  }

  /** Lets go what is dead; resolves when all that died up to now is gone. */
  async release(): Promise<void> {
    await this.#releasing?.catch(() => {});
    await (this.#releasing ??= this.#release().finally(() => this.#releasing = undefined));
  }

  /** The index of a folder as it is from now on. */
  async live(id: number): Promise<LiveIndex> {
    if (!this.#state.folders.get(id)?.index) await this.run((batch) => batch.indexed(id));
    const { index } = existing(this.#state.folders.get(id));
    let live = this.#live.get(id);
    if (!live) this.#live.set(id, live = new LiveIndex(index!));
    return live;
  }

  /** The first UID that is \Recent; with `claim` none of those is any more from now on. */
  recentFrom(id: number, claim: boolean): number {
    const { recent, uidNext } = existing(this.#state.folders.get(id)).record;
    const first = Math.max(recent, this.#recent.get(id) ?? 1);
    if (claim && first < uidNext) {
      this.#recent.set(id, uidNext);
      // other servers want to know it; else nobody is made to wait for a commit that has nothing but this
      if (!this.source.store.embedded) this.writeClaims();
    }
    return first;
  }

  /** Are messages \Recent no more, and no change has taken that along? */
  get hasClaims(): boolean {
    return [...this.#recent].some(([id, uid]) => (this.#state.folders.get(id)?.record.recent ?? uid) < uid);
  }

  /** Writes which messages are \Recent no more. Never rejects. */
  async writeClaims(): Promise<void> {
    if (!this.hasClaims || this.#hasEnded) return;
    // should it fail, they are \Recent for somebody else too, which is allowed
    await this.run((batch) => this.#claim(batch)).catch(() => {});
  }

  #claim(batch: FolderBatch): void {
    for (const [id, uid] of this.#recent) {
      const folder = this.#state.folders.get(id);
      if (!folder) this.#recent.delete(id);
      else if (folder.record.recent < uid) batch.claim(id, uid);
    }
  }

  /** The indexes of all folders. */
  async indexes(): Promise<Map<number, IndexState>> {
    if ([...this.#state.folders.values()].some(({ index }) => !index)) {
      await this.run(async (batch) => {
        for (const { id } of [...batch.folders()]) await batch.indexed(id);
      });
    }
    return new Map([...this.#state.folders].map(([id, { index }]) => [id, index!]));
  }

  /** Gives up the indexes of all folders but these. */
  giveUpIndexes(used: ReadonlySet<number>): void {
    if (this.#running) return;
    const folders = new Map<number, FolderState>();
    for (const [id, folder] of this.#state.folders) {
      const { record } = folder;
      folders.set(id, used.has(id) ? folder : { id, record });
      if (!used.has(id)) this.#live.delete(id);
    }
    this.#state = { ...this.#state, folders };
    this.rows.forget();
  }

  /** Others may have changed something: it is read before anything else is done. */
  look(): Promise<void> {
    this.#isStale = true;
    return this.run(() => {});
  }

  /** The account has ended. */
  end(): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    for (const operation of this.#queue.splice(0)) operation.reject(ended());
    for (const live of this.#live.values()) live.show(IndexState.of([], []));
    this.#state = { ...this.#state, folders: new Map() };
    this.#infos = undefined;
    this.#tell([{ change: { kind: "ended" } }]);
  }

  async #run(): Promise<void> {
    // what is asked for in this turn goes together
    await Promise.resolve();
    while (this.#queue.length > 0) {
      try {
        if (this.#isStale) await this.#reload();
        await this.#batch();
      } catch (error) {
        for (const operation of this.#queue.splice(0)) operation.reject(error);
      }
    }
    this.#running = undefined;
  }

  /** Plans and writes one batch. */
  async #batch(): Promise<void> {
    const batch = new FolderBatch(this.#state, { ...this.#batchSource, now: this.source.clock.now() });
    const planned: { operation: Operation; value: unknown }[] = [];
    while (this.#queue.length > 0 && this.#hasRoom(batch, planned.at(-1)?.operation)) {
      const operation = this.#queue.shift()!;
      try {
        planned.push({ operation, value: await operation.plan(batch) });
      } catch (error) {
        operation.reject(error);
        // it may have planned a half
        this.#queue.unshift(...planned.map(({ operation }) => operation));
        return;
      }
    }
    let { versionstamp } = this.#state;
    if (batch.isChanged) {
      this.#claim(batch);
      const operations = planned.map(({ operation }) => operation);
      const written = await this.#write(batch, operations);
      if (written === undefined) return;
      versionstamp = written;
    }
    if (this.#hasEnded) return planned.forEach(({ operation }) => operation.reject(ended()));
    batch.rows.publish();
    this.#publish(batch.state(versionstamp));
    this.#tell(batch.told);
    if (batch.leavesDead || batch.head.changesRows > MOST_CHANGES) this.#releaseSoon();
    for (const { operation, value } of planned) operation.resolve(value);
  }

  #hasRoom(batch: FolderBatch, last: Operation | undefined): boolean {
    if (!last) return true;
    const next = this.#queue[0]!;
    // who failed for a reason of its own is tried alone
    if (last.tries > 0 || next.tries > 0) return false;
    const { bytes, mutations } = batch.weight();
    return bytes + next.octets < FULL.bytes && mutations < FULL.mutations;
  }

  /** Answers the versionstamp; undefined: it was not written, and who asked for it was told or is in the queue again. */
  async #write(batch: FolderBatch, operations: readonly Operation[]): Promise<string | undefined> {
    const { store } = this.source;
    try {
      const result = await store.write(batch.write());
      if (result.ok) return result.versionstamp;
    } catch (error) {
      if (store.embedded && operations.length > 1 && storageErrorOf(error) !== "closed") {
        // one of them may be why: each is tried alone
        for (const operation of operations) operation.tries++;
        this.#queue.unshift(...operations);
        return undefined;
      }
      for (const operation of operations) operation.reject(error);
      // over a network it may have happened all the same
      if (!store.embedded || storageErrorOf(error) === "failed") this.#isStale = true;
      return undefined;
    }
    const { versionstamp } = this.#state;
    await this.#reload();
    const again: Operation[] = [];
    for (const operation of operations) {
      if (versionstamp === this.#state.versionstamp) operation.tries++;
      if (operation.tries <= TRIES) again.push(operation);
      else {operation.reject(
          new StorageError("failed", "Something that belongs to the change is gone meanwhile."),
        );}
    }
    this.#queue.unshift(...again);
    return undefined;
  }

  #publish(state: MailboxState): void {
    this.#state = state;
    this.#infos = undefined;
    for (const [id, live] of this.#live) {
      const index = state.folders.get(id)?.index ?? IndexState.of([], []);
      if (live.state !== index) live.show(index);
    }
  }

  #tell(told: readonly Told[]): void {
    for (const one of told) {
      this.source.onTold(this, one);
      for (const listener of this.#listeners) listener(one);
    }
  }

  #releaseSoon(): void {
    if (this.#releasing || this.#hasEnded) return;
    this.release().catch(() => {}); // the next look goes on
  }

  /** Reads what others changed. */
  async #reload(): Promise<void> {
    const { kv } = this.source.store;
    const before = this.#state;
    for (;;) {
      const state = await readState(kv, this.address);
      if (!state) return this.end();
      this.#isStale = false;
      if (state.versionstamp === before.versionstamp) return;
      const folders = new Map(state.folders);
      for (const [id, folder] of state.folders) {
        if (!before.folders.get(id)?.index) continue;
        folders.set(id, { ...folder, index: await readIndex(kv, this.address, id) });
      }
      if ((await kv.get(keys.mailbox(this.address))).versionstamp !== state.versionstamp) continue;
      const after = { ...state, folders };
      this.rows.forget();
      this.#publish(after);
      return this.#tell(differences(before, after).map((change): Told => ({ change })));
    }
  }

  async #number(): Promise<void> {
    const { kv } = this.source.store;
    this.#numberings++;
    try {
      for (;;) {
        let arrived = 0;
        const numbered = await this.run((batch) => {
          // what comes from now on may not be seen by this look
          this.#numbering = undefined;
          arrived = this.arrivals.arrived;
          return planNumbering(batch, kv);
        });
        if (numbered < NUMBERED_AT_ONCE) return this.arrivals.sawNothingWait(arrived);
      }
    } finally {
      this.#numberings--;
      this.#numbering = undefined;
    }
  }

  async #release(): Promise<void> {
    const { kv, limits } = this.source.store;
    const { rememberMs } = this.source;
    while (await this.run((batch) => planRelease(batch, { kv, limits, rememberMs })));
    while (this.#state.head.changesRows > MOST_CHANGES) {
      if (!await this.run((batch) => planForget(batch, kv))) return;
    }
  }
}

function ended(): FolderError {
  return new FolderError("nonexistent", "The mailbox is gone");
}

/** What a listener of changes alone hears. */
export function changesOnly(listener: (change: FolderChange) => void): (told: Told) => void {
  return ({ change }) => listener(change);
}
