/**
 * The removal of what is too much for one commit: all or none of it, whenever the process dies. A mailbox that goes with
 * its account has one record. For many messages the list of their names is written first, in parts; then the record with
 * part -1 makes the removal happen; then it is carried out in batches, and the list is taken away.
 *
 * Legal states, and what opening the mailbox does then, or the next look at all removals:
 * - parts without the record -1: nothing has happened; another process may still be writing them, so they go after
 *   an hour;
 * - the record -1 with all, some or none of its parts: the removal has happened and is carried out to its end;
 * - the record "all": whatever is in the mailbox goes, also what comes meanwhile, up to the commit that finds it empty
 *   and takes the record and the counts away. Each batch checks the record, so that nobody who is late removes the
 *   mail of the next account of that name, which is made when the record is gone and not before. The head of its
 *   folders goes first: who has them in memory then can't write any more.
 */

import type { Clock } from "../base/clock.ts";
import type { Random } from "../base/random.ts";
import { releaseBody } from "../storage/bodies/bodies.ts";
import { expiring } from "../storage/expiry.ts";
import * as keys from "../storage/keys.ts";
import { fits } from "../storage/limits.ts";
import { u64 } from "../storage/port.ts";
import type { Store } from "../storage/store.ts";
import { together, type Write } from "../storage/write.ts";
import { ownersOf } from "./body_owners.ts";
import { removeFolders } from "./folder_removal.ts";
import { type FormerMail, type MailEntry, sizeOf } from "./mail_entry.ts";
import type { MailObject } from "./object_row.ts";

/** At most so many messages are removed by one commit; fewer where the store's limits ask for it. */
const PER_COMMIT = 48;
/** How many names one part of the list holds: some 50 KiB. */
const PER_PART = 2_000;
/** How many messages of a mailbox that goes are listed at a time. */
const PER_LOOK = 2_000;
/** How many batches of one removal are on their way at a time: while one is committed others are read. */
const ABREAST = 3;
/** After this long a list without its record -1 is left over. */
const LEFT_OVER_MS = 3_600_000;

interface RemovalPart {
  readonly at: number;
  readonly uids: readonly string[];
}
interface RemovalHappened {
  readonly at: number;
  readonly parts: number;
}
interface WholeRemoval {
  readonly at: number;
  readonly all: true;
}

/** Messages that are to go, as long as a record stands. */
interface Wanted {
  readonly uids: readonly string[];
  readonly record?: Deno.AtomicCheck | undefined;
}

/** A pass over a mailbox's removals, and the one that comes after it when somebody waits for that. */
interface Pass {
  readonly current: Promise<void>;
  next?: Promise<void>;
}

/** The amounts by which a mailbox changes, as sums: `messages` and `bytes` may be negative. */
export function usageSums(address: string, messages: number, bytes: number): Deno.KvMutation[] {
  return [
    { type: "sum", key: keys.mailCount(address), value: u64(messages) },
    { type: "sum", key: keys.mailBytes(address), value: u64(bytes) },
  ];
}

/** Removals from the mailboxes of one store. Addresses are local keys. */
export class MailRemovals {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #rememberMs: number;
  readonly #random: Random;
  readonly #onRemoved: (address: string, uids: readonly string[]) => void;
  readonly #takeOut: (address: string, names: readonly string[]) => Promise<void>;
  readonly #passes = new Map<string, Pass>();

  /**
   * On that store; `random` names removals. What was removed is remembered for `rememberMs` milliseconds, and told to
   * `onRemoved`. `takeOut` removes messages from folders, by name.
   */
  constructor(
    store: Store,
    options: {
      clock: Clock;
      random: Random;
      rememberMs: number;
      onRemoved: (address: string, uids: readonly string[]) => void;
      takeOut: (address: string, names: readonly string[]) => Promise<void>;
    },
  ) {
    this.#store = store;
    this.#clock = options.clock;
    this.#rememberMs = options.rememberMs;
    this.#random = options.random;
    this.#onRemoved = options.onRemoved;
    this.#takeOut = options.takeOut;
  }

  /** Makes the removal of messages happen, however many; {@linkcode finish} carries it out. */
  async announce(address: string, names: readonly string[]): Promise<void> {
    const id = this.#random.bytes(12).toBase64({ alphabet: "base64url" });
    const at = this.#clock.now();
    const parts = Math.ceil(names.length / PER_PART);
    const checks: Deno.AtomicCheck[] = [];
    for (let part = 0; part < parts; part++) {
      const key = keys.mailRemoval(address, id, part);
      const value: RemovalPart = { at, uids: names.slice(part * PER_PART, (part + 1) * PER_PART) };
      const size = 200 + value.uids.reduce((sum, uid) => sum + uid.length + 3, 0);
      const result = await this.#store.write({ mutations: [{ type: "set", key, value }], size });
      if (result.ok && part === 0) checks.push({ key, versionstamp: result.versionstamp });
    }
    const value: RemovalHappened = { at, parts };
    const mutation = { type: "set" as const, key: keys.mailRemoval(address, id, -1), value };
    const result = await this.#store.write({ checks, mutations: [mutation], size: 200 });
    if (!result.ok) {
      throw new Error(`The removal of ${names.length} messages took over an hour to be written`);
    }
  }

  /** What makes all messages of a mailbox go, now or when {@linkcode finish} is called. */
  wholeWrite(address: string): Write {
    const value: WholeRemoval = { at: this.#clock.now(), all: true };
    return { mutations: [{ type: "set", key: keys.mailboxRemoval(address), value }], size: 200 };
  }

  /** The mailboxes that go as a whole. */
  async ends(): Promise<Set<string>> {
    const ends = new Set<string>();
    for await (const { key, value } of this.#list(keys.mailRemovalsAll)) {
      if ("all" in value) ends.add(key[1] as string);
    }
    return ends;
  }

  /** Carries out what any process left undone, in all mailboxes. */
  async finishEverywhere(): Promise<void> {
    const found = new Set<string>();
    for await (const { key } of this.#list(keys.mailRemovalsAll)) found.add(key[1] as string);
    for (const address of found) await this.finish(address);
  }

  /** In batches of one: each part may be near KV's limit for values, and hardly ever is there any. */
  #list(
    selector: Deno.KvListSelector,
  ): AsyncIterable<Deno.KvEntry<RemovalPart | RemovalHappened | WholeRemoval>> {
    return this.#store.kv.list(selector, { batchSize: 1 });
  }

  /** Carries out all that has happened by now and is not done yet. */
  finish(address: string): Promise<void> {
    const pass = this.#passes.get(address);
    if (!pass) return this.#begin(address);
    // the running pass may not see what was announced since it began
    return pass.next ??= pass.current.catch(() => {}).then(() => this.#begin(address));
  }

  #begin(address: string): Promise<void> {
    const current = this.#finishAll(address).finally(() => {
      if (this.#passes.get(address) === pass) this.#passes.delete(address);
    });
    const pass: Pass = { current };
    this.#passes.set(address, pass);
    return current;
  }

  /** Each message has a check, and a shared body may have one more. */
  get #perCommit(): number {
    return Math.min(PER_COMMIT, this.#store.limits.checks);
  }

  async #finishAll(address: string): Promise<void> {
    const leftOver = new Map<string, Deno.KvKey[]>();
    const happened: { id: string; parts: number }[] = [];
    let whole: Deno.AtomicCheck | undefined;
    for await (const { key, value, versionstamp } of this.#list(keys.mailRemovals(address))) {
      const id = key.at(-2) as string;
      if ("all" in value) whole = { key, versionstamp };
      else if ("parts" in value) happened.push({ id, parts: value.parts });
      else if (happened.at(-1)?.id !== id && value.at + LEFT_OVER_MS < this.#clock.now()) {
        leftOver.set(id, [...leftOver.get(id) ?? [], key]);
      }
    }
    for (const { id, parts } of happened) await this.#carryOut(address, { id, parts });
    for (const list of leftOver.values()) {
      const mutations = list.map((key) => ({ type: "delete" as const, key }));
      await this.#store.write({ mutations, size: 100 * list.length });
    }
    if (whole) await this.#carryOutWhole(address, whole);
  }

  async #carryOutWhole(address: string, record: Deno.AtomicCheck): Promise<void> {
    const { kv } = this.#store;
    do {
      // looked at first: whoever puts a message into the mailbox changes it
      const { key, versionstamp } = await kv.get(keys.mailCount(address));
      const some = kv.list<MailEntry>(keys.mails(address), { limit: PER_LOOK, batchSize: 500 });
      const uids = await Array.fromAsync(some, (entry) => entry.value.uid);
      if (uids.length > 0) {
        await this.#removeInBatches(address, { uids, record });
        continue;
      }
      if (await this.#removeFolders(address, record)) continue;
      const gone = [record.key, key, keys.mailBytes(address)];
      const mutations = gone.map((key) => ({ type: "delete" as const, key }));
      await this.#store.write({ checks: [record, { key, versionstamp }], mutations, size: 300 });
    } while (await this.#stands(record));
  }

  /** Removes something of the folders of a mailbox; answers whether anything was there. */
  #removeFolders(address: string, record: Deno.AtomicCheck): Promise<boolean> {
    const remember = (object: MailObject) =>
      this.#remember(address, { ...object, uid: object.id, size: sizeOf(object.prefix, object.body) });
    return removeFolders(this.#store, address, { record, remember, onRemoved: this.#onRemoved });
  }

  async #stands(record: Deno.AtomicCheck): Promise<boolean> {
    return (await this.#store.kv.get(record.key)).versionstamp === record.versionstamp;
  }

  async #carryOut(address: string, { id, parts }: { id: string; parts: number }): Promise<void> {
    for (let part = 0; part < parts; part++) {
      const key = keys.mailRemoval(address, id, part);
      const { value } = await this.#store.kv.get<RemovalPart>(key);
      if (!value) continue;
      await this.#removeInBatches(address, value);
      await this.#takeOut(address, value.uids);
      await this.#store.write({ mutations: [{ type: "delete", key }], size: 100 });
    }
    const mutation = { type: "delete" as const, key: keys.mailRemoval(address, id, -1) };
    await this.#store.write({ mutations: [mutation], size: 100 });
  }

  async #removeInBatches(address: string, { uids, record }: Wanted): Promise<void> {
    let next = 0;
    const perCommit = this.#perCommit - (record ? 1 : 0);
    const worker = async () => {
      while (next < uids.length) {
        const batch = uids.slice(next, next += perCommit);
        await this.#removeBatch(address, { uids: batch, record });
      }
    };
    await Promise.all(Array.from({ length: ABREAST }, worker));
  }

  /** A batch that others interfere with, or that is too large, is halved, down to single messages. */
  async #removeBatch(address: string, { uids, record }: Wanted): Promise<void> {
    for (let attempt = 0;; attempt++) {
      const write = await this.#planRemoval(address, uids, record);
      if (!write) return;
      const fitting = fits(this.#store.limits, write);
      if ((fitting || uids.length === 1) && (await this.#store.write(write)).ok) return;
      if (record && !(await this.#stands(record))) return;
      if (uids.length > 1 && (!fitting || attempt > 0)) break;
    }
    const half = uids.length >> 1;
    await this.#removeBatch(address, { uids: uids.slice(0, half), record });
    await this.#removeBatch(address, { uids: uids.slice(half), record });
  }

  /** What removes these messages, all checked to be as they are now; undefined when none of them is there. */
  async #planRemoval(
    address: string,
    uids: readonly string[],
    record?: Deno.AtomicCheck,
  ): Promise<Write | undefined> {
    const entries = await this.#read(address, uids);
    if (entries.length === 0) return undefined;
    const checks: Deno.AtomicCheck[] = record ? [record] : [];
    const mutations: Deno.KvMutation[] = [];
    let bytes = 0;
    for (const { key, value, versionstamp } of entries) {
      checks.push({ key, versionstamp });
      mutations.push({ type: "delete", key }, ...this.#remember(address, value));
      bytes += value.size;
    }
    mutations.push(...usageSums(address, -entries.length, -bytes));
    const bodies = ownersOf(entries.map(({ value }) => value.body));
    const releases = [...bodies.values()].map(({ ref, owners }) => releaseBody(this.#store.kv, ref, owners));
    const gone = entries.map(({ value }) => value.uid);
    const committed = () => this.#onRemoved(address, gone);
    const removal = { checks, mutations, size: 240 * mutations.length, committed };
    return together(removal, ...await Promise.all(releases));
  }

  #remember(address: string, entry: Omit<MailEntry, "folder">): Deno.KvMutation[] {
    if (this.#rememberMs <= 0) return [];
    const { uid, receivedAt, sender, recipient, size } = entry;
    const removedAt = this.#clock.now();
    const until = removedAt + this.#rememberMs;
    const value: FormerMail = { receivedAt, sender, recipient, size, removedAt, until };
    return expiring(keys.formerMail(uid, address), value, until);
  }

  async #read(address: string, uids: readonly string[]): Promise<Deno.KvEntry<MailEntry>[]> {
    const reads: Promise<Deno.KvEntryMaybe<MailEntry>[]>[] = [];
    for (let i = 0; i < uids.length; i += 10) {
      const some = uids.slice(i, i + 10).map((uid) => keys.mail(address, uid));
      reads.push(this.#store.kv.getMany<MailEntry[]>(some));
    }
    return (await Promise.all(reads)).flat().filter((entry) => entry.versionstamp !== null);
  }
}
