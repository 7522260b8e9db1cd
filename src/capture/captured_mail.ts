/**
 * The captured messages: an index of all in memory; their contents in the store or, where nothing outlives the process,
 * in memory too. The oldest leave when they are too many, too large together or too old.
 */

import type { Clock, Timer } from "../base/clock.ts";
import { localKey } from "../mail/address.ts";
import type { Mailbox } from "../mail/envelope.ts";
import { type BodyDraft, type BodyRef, readBody } from "../storage/bodies/bodies.ts";
import { chunkCount } from "../storage/bodies/layout.ts";
import type { Kv } from "../storage/port.ts";
import type { Store } from "../storage/store.ts";
import { together, type Write } from "../storage/write.ts";
import type { CaptureChange, Captured, NewCaptured, RemovedBecause } from "./captured.ts";
import { BodiesInMemory } from "./bodies_in_memory.ts";
import { CapturedRecords } from "./captured_records.ts";
import { Kept, type KeptPlace, SharedLists } from "./kept.ts";
import { Sorted } from "./sorted.ts";

/** How much is kept. */
export interface Retention {
  /** At most so many messages. */
  readonly messages: number;
  /** None older than so many milliseconds; null: however old. */
  readonly age: number | null;
  /** So many octets of content together. */
  readonly size: number;
  /** Nothing is to outlive the process. */
  readonly memory: boolean;
}

/** Which messages are wanted of a list. */
export interface CapturedListOptions {
  /** Only those that came before the one of that {@linkcode Kept.order}. */
  readonly before?: number | undefined;
  /** So many of the newest are left out. */
  readonly offset?: number;
  /** At most so many. */
  readonly limit?: number;
}

type What = (CaptureChange & { kind: "changed" })["what"];

/** The captured messages of one server. {@linkcode load} comes first. */
export class CapturedMail {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #keep: Retention;
  readonly #records: CapturedRecords;
  readonly #bodies: BodiesInMemory;
  readonly #byId = new Map<string, Kept>();
  readonly #all = new Sorted<Kept>((a, b) => a.order - b.order);
  readonly #boxes = new Map<string, Sorted<Kept>>();
  readonly #shared = new SharedLists();
  readonly #tagged = new Set<Kept>();
  readonly #listeners = new Set<(change: CaptureChange) => void>();
  readonly #removing = new Set<Promise<void>>();
  #order = 0;
  #bytes = 0;
  #unseen = 0;
  #timer: Timer | undefined;
  #closed = false;

  /** On that store, with so much kept. */
  constructor(store: Store, options: { clock: Clock; keep: Retention }) {
    this.#store = store;
    this.#clock = options.clock;
    this.#keep = options.keep;
    this.#records = new CapturedRecords(store);
    this.#bodies = new BodiesInMemory(store.kv, (id) => this.#byId.get(id)?.bytes);
  }

  /** Reads what an earlier run has captured. */
  async load(): Promise<void> {
    if (this.#keep.memory) return;
    const found: Kept[] = [];
    for await (const { seen = false, gone = [], body, parts, tags = [], ...message } of this.#records.all()) {
      const kept = new Kept({ ...message, tags }, { body, parts, shared: this.#shared });
      kept.seen = seen;
      for (const at of gone) kept.leave(localKey(message.recipients[at] ?? ""));
      found.push(kept);
    }
    found.sort((a, b) => a.receivedAt - b.receivedAt);
    for (const kept of found) this.#add(kept);
    this.#trim();
  }

  /** Takes no more timers; waits for removals that are under way. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#timer?.cancel();
    await Promise.allSettled(this.#removing);
  }

  /** How many messages there are. */
  get count(): number {
    return this.#byId.size;
  }

  /** How many nobody has looked at. */
  get unseen(): number {
    return this.#unseen;
  }

  /** Octets of their contents. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Every mailbox that shows a message, by local key, and how many. */
  *mailboxes(): Generator<{ address: Mailbox; messages: number }> {
    for (const [address, { size }] of this.#boxes) yield { address, messages: size };
  }

  /** What a mailbox shows, by its local key: by id, oldest first. */
  mailbox(box: string): readonly Captured[] {
    return this.#boxes.get(box)?.items ?? [];
  }

  /** A message by id. */
  get(id: string): Captured | undefined {
    return this.#byId.get(id);
  }

  /** The one that came last. */
  get latest(): Captured | undefined {
    return this.#all.items.at(-1);
  }

  /** The messages as they are now, the newest first. */
  list({ before, offset = 0, limit = Infinity }: CapturedListOptions = {}): Captured[] {
    const { items } = this.#all;
    const there = before === undefined ? items.length : this.#all.firstWhere(({ order }) => order >= before);
    const end = Math.max(0, there - offset);
    return items.slice(Math.max(0, end - limit), end).reverse();
  }

  /** Those that have tags, the newest first. */
  tagged(): Captured[] {
    return [...this.#tagged].sort((a, b) => b.order - a.order);
  }

  /** The content of a message: our Received field, then the octets that were sent. Throws `BodyMissing` when it is gone. */
  content(message: Captured): AsyncGenerator<Uint8Array> {
    return readBody(this.#bodies, (message as Kept).body);
  }

  /** The key-value store that gives the contents, wherever they are. */
  get kv(): Kv {
    return this.#bodies;
  }

  /** Captures a message. Resolves when it is kept; false when its content was swept away meanwhile. */
  async capture(message: NewCaptured, body: BodyDraft): Promise<boolean> {
    const { memory } = this.#keep;
    if (memory && body.inMemory) {
      const { id } = message;
      const ref = { id, size: body.size, chunks: chunkCount(body.size), shared: false };
      // the writer's buffer is larger than what is in it
      this.#captured(message, { body: ref, bytes: body.inMemory.slice() });
      return true;
    }
    const ref = body.ref(1);
    const { sender, receivedAt, recipients, tags = [], username } = message;
    const record = memory
      ? { write: { mutations: [], size: 0 }, parts: [] }
      : this.#records.write(message.id, {
        sender,
        receivedAt,
        recipients,
        body: ref,
        ...(tags.length > 0 && { tags }),
        ...(username !== undefined && { username }),
      });
    const result = await this.#store.write(together(body.write(1), record.write));
    if (result.ok) this.#captured(message, { body: ref, parts: record.parts });
    return result.ok;
  }

  /**
   * What delivers into one mailbox, to be in one commit with the body's: for reports, and what else comes by the queue.
   * Deliveries of one message become one.
   */
  deliveryWrite(message: Omit<NewCaptured, "recipients"> & { recipient: Mailbox }, to: {
    box: string;
    body: BodyRef;
  }): Write {
    const { id, sender, receivedAt, recipient } = message;
    const { box, body } = to;
    const recipients = [recipient];
    const write = this.#keep.memory
      ? { mutations: [], size: 0 }
      : this.#records.deliveryWrite(id, box, { sender, receivedAt, recipients, body });
    const committed = () => {
      const there = this.#byId.get(id);
      if (!there) this.#captured({ ...message, recipients }, { body, parts: [box], box });
      else {
        there.parts = [...there.parts, box];
        if (there.enter(box, recipient)) this.#show(box, there);
        this.#emit({ kind: "changed", what: "recipients", message: there });
      }
    };
    return { ...write, committed };
  }

  /** Notes whether messages were looked at; unknown ids don't matter. */
  async markSeen(ids: Iterable<string>, seen = true): Promise<void> {
    await this.#change(ids, "seen", (kept) => {
      if (kept.seen === seen) return false;
      kept.seen = seen;
      this.#unseen += seen ? -1 : 1;
      return true;
    });
  }

  /** Gives messages these tags in place of those they have; unknown ids don't matter. */
  async setTags(ids: Iterable<string>, tags: readonly string[]): Promise<void> {
    await this.#change(ids, "tags", (kept) => {
      kept.tags = [...new Set(tags)];
      this.#noteTags(kept);
      return true;
    });
  }

  /** Removes messages; unknown ids don't matter. Nobody sees them from now on; resolves when that is durable. */
  async remove(ids: Iterable<string>): Promise<void> {
    const gone = new Set<Kept>();
    for (const id of ids) {
      const kept = this.#byId.get(id);
      if (kept) gone.add(kept);
    }
    await this.#removeAll(gone, "asked");
  }

  /** Removes all messages. */
  async removeAll(): Promise<void> {
    await this.#removeAll(new Set(this.#all.items), "all");
  }

  /** Takes messages out of a mailbox, by its local key; those that no mailbox shows any more are removed. */
  async removeFrom(box: string, ids: Iterable<string>): Promise<void> {
    const gone = new Set<Kept>();
    const left: Kept[] = [];
    for (const id of ids) {
      const kept = this.#byId.get(id);
      if (kept?.recipientOf(box) === undefined) continue;
      if (kept.boxes.length === 1) gone.add(kept);
      else left.push(kept);
    }
    for (const kept of left) this.#leaveBox(kept, box);
    await Promise.all([this.#removeAll(gone, "asked"), ...left.map((kept) => this.#changed(kept, "boxes"))]);
  }

  /** Hears of every change, until the answer is called. */
  on(listener: (change: CaptureChange) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  #captured(message: NewCaptured, place: KeptPlace): void {
    const kept = new Kept(message, { ...place, shared: this.#shared });
    this.#add(kept);
    this.#emit({ kind: "captured", message: kept });
    this.#trim();
  }

  #add(kept: Kept): void {
    kept.order = ++this.#order;
    this.#byId.set(kept.id, kept);
    this.#all.add(kept);
    this.#bytes += kept.size;
    if (!kept.seen) this.#unseen++;
    this.#noteTags(kept);
    for (const box of kept.boxes) this.#show(box, kept);
  }

  #noteTags(kept: Kept): void {
    if (kept.tags.length > 0) this.#tagged.add(kept);
    else this.#tagged.delete(kept);
  }

  #show(box: string, kept: Kept): void {
    let list = this.#boxes.get(box);
    if (!list) this.#boxes.set(box, list = new Sorted((a, b) => a.id < b.id ? -1 : a.id > b.id ? 1 : 0));
    list.add(kept);
  }

  #leaveBox(kept: Kept, box: string): void {
    if (kept.leave(box)) this.#forget(box, new Set([kept]));
  }

  #forget(box: string, gone: ReadonlySet<Kept>): void {
    const list = this.#boxes.get(box);
    list?.remove(gone);
    if (list?.size === 0) this.#boxes.delete(box);
  }

  async #change(ids: Iterable<string>, what: What, change: (kept: Kept) => boolean): Promise<void> {
    const changed: Promise<void>[] = [];
    for (const id of ids) {
      const kept = this.#byId.get(id);
      if (kept && change(kept)) changed.push(this.#changed(kept, what));
    }
    await Promise.all(changed);
  }

  async #changed(kept: Kept, what: What): Promise<void> {
    this.#emit({ kind: "changed", what, message: kept });
    if (kept.parts.length > 0 && !this.#keep.memory) await this.#records.update(kept);
  }

  async #removeAll(gone: ReadonlySet<Kept>, why: RemovedBecause): Promise<void> {
    if (gone.size === 0) return;
    const boxes = new Map<string, Set<Kept>>();
    for (const kept of gone) {
      this.#byId.delete(kept.id);
      this.#tagged.delete(kept);
      this.#bytes -= kept.size;
      if (!kept.seen) this.#unseen--;
      for (const box of kept.boxes) {
        const some = boxes.get(box);
        if (some) some.add(kept);
        else boxes.set(box, new Set([kept]));
      }
    }
    this.#all.remove(gone);
    for (const [box, some] of boxes) this.#forget(box, some);
    this.#emit({ kind: "removed", messages: [...gone], why });
    const stored = [...gone].filter(({ bytes }) => bytes === undefined);
    if (stored.length === 0) return;
    const removing = this.#records.remove(stored);
    this.#removing.add(removing);
    try {
      await removing;
    } finally {
      this.#removing.delete(removing);
    }
  }

  /** Lets the oldest go while there is too much. What can't be taken from the store now is when it is opened next. */
  #trim(): void {
    const { messages, size, age } = this.#keep;
    const { items } = this.#all;
    const now = this.#clock.now();
    const gone = new Set<Kept>();
    let bytes = this.#bytes;
    for (const kept of items) {
      const tooOld = age !== null && kept.receivedAt + age <= now;
      // the last one stays, however large it is
      const tooMuch = items.length - gone.size > messages || (bytes > size && gone.size < items.length - 1);
      if (!tooOld && !tooMuch) break;
      gone.add(kept);
      bytes -= kept.size;
    }
    this.#removeAll(gone, "limit").catch(() => {});
    const [oldest] = this.#all.items;
    if (age === null || this.#closed || this.#timer || !oldest) return;
    this.#timer = this.#clock.schedule(Math.max(1, oldest.receivedAt + age - now), () => {
      this.#timer = undefined;
      this.#trim();
    });
  }

  #emit(change: CaptureChange): void {
    for (const listener of this.#listeners) listener(change);
  }
}
