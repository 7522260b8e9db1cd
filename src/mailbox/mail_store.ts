/** The mailboxes: what is in them, how much that is, and who has one locked. */

import { encode } from "../base/bytes.ts";
import type { Clock } from "../base/clock.ts";
import { type Random, systemRandom } from "../base/random.ts";
import { localKey } from "../mail/address.ts";
import type { Mailbox } from "../mail/envelope.ts";
import { BodyMissing, readBody } from "../storage/bodies/bodies.ts";
import * as keys from "../storage/keys.ts";
import { isU64, type Kv, MAX_KEYS_AT_ONCE } from "../storage/port.ts";
import type { Store } from "../storage/store.ts";
import { together, type Write } from "../storage/write.ts";
import type { MailEntry, MailRef } from "./mail_entry.ts";
import { MailList } from "./mail_list.ts";
import { lockMailbox, loseLock, type MailLock, unlocking } from "./mail_lock.ts";
import { MailRemovals, usageSums } from "./mail_removal.ts";

export type { MailEntry, MailRef };

/** How much a mailbox holds. */
export interface MailUsage {
  /** Messages. */
  readonly messages: number;
  /** Their octets, as {@linkcode MailEntry.size} counts them. */
  readonly bytes: number;
}

/** What has changed in a mailbox (its local key): an entry came or is another one now, or messages went. */
export type MailChange =
  | { readonly address: string; readonly came: MailEntry }
  | { readonly address: string; readonly went: readonly string[] };

/** Which entries of a mailbox are wanted. */
export interface MailListOptions {
  /** Only those that came after this uid (with `reverse`: before it). */
  readonly after?: string;
  /** At most so many. */
  readonly limit?: number;
  /** Newest first. */
  readonly reverse?: boolean;
}

/** All mailboxes of one store. Addresses may be written in any way that means the same local mailbox. */
export class MailStore {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #removals: MailRemovals;
  readonly #leaseMs: number | undefined;
  readonly #listeners = new Set<(change: MailChange) => void>();

  /**
   * On that store. Messages that are removed are remembered for `rememberMs` milliseconds; unset: not at all. On a
   * shared store the lock of a server that is silent for `leaseMs` is over.
   */
  constructor(
    store: Store,
    options: { clock: Clock; random?: Random; rememberMs?: number; leaseMs?: number },
  ) {
    this.#store = store;
    this.#leaseMs = options.leaseMs;
    this.#clock = options.clock;
    this.#removals = new MailRemovals(store, {
      clock: options.clock,
      random: options.random ?? systemRandom,
      rememberMs: options.rememberMs ?? 0,
      onRemoved: (address, went) => this.emit({ address, went }),
    });
  }

  /** Hears of every change that this process makes, when it is durable, until the answer is called. */
  on(listener: (change: MailChange) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Does anybody hear of changes? */
  protected get isHeard(): boolean {
    return this.#listeners.size > 0;
  }

  /** Tells of a change. */
  protected emit(change: MailChange): void {
    for (const listener of this.#listeners) listener(change);
  }

  /**
   * Another text whenever others than this process may have changed the mailbox, with what was begun carried out;
   * undefined: nobody else can, and who wants to know of changes hears of them.
   */
  async version(address: Mailbox): Promise<string | undefined> {
    const key = localKey(address);
    await this.#removals.finish(key);
    if (this.#store.embedded) return undefined;
    return (await this.#store.kv.get(keys.mailCount(key))).versionstamp ?? "";
  }

  /** The key-value store below, for reading bodies ahead. */
  get kv(): Kv {
    return this.#store.kv;
  }

  /**
   * What puts a message into a mailbox. Deliveries never stand in each other's way: it sets a key of its own and adds
   * to sums. It must happen once per mailbox and uid, or the sums are wrong: so it belongs into a write whose checks
   * make sure of that (accepting the message, or settling the queue's record under its lease), with the body's.
   */
  deliveryWrite(address: Mailbox, entry: MailEntry): Write {
    const key = localKey(address);
    const size = 500 + 3 * key.length +
      2 * (entry.prefix.length + entry.sender.length + entry.recipient.length);
    const set = { type: "set" as const, key: keys.mail(key, entry.uid), value: entry };
    const committed = () => this.emit({ address: key, came: entry });
    return { mutations: [set, ...usageSums(key, 1, entry.size)], size, committed };
  }

  /** How much the mailbox holds; nothing when it is about to go. */
  async usage(address: Mailbox): Promise<MailUsage> {
    const key = localKey(address);
    const wanted = [keys.mailCount(key), keys.mailBytes(key), keys.mailboxRemoval(key)] as const;
    const [messages, bytes, end] = await this.#store.kv.getMany<[Deno.KvU64, Deno.KvU64, object]>(wanted);
    if (end.versionstamp !== null) return { messages: 0, bytes: 0 };
    return { messages: Number(messages.value?.value ?? 0n), bytes: Number(bytes.value?.value ?? 0n) };
  }

  /** Every mailbox that ever had mail and does not go, by address (a local key), and how many messages it has. */
  async *mailboxes(): AsyncGenerator<{ address: Mailbox; messages: number }> {
    const ends = await this.#removals.ends();
    for await (const { key, value } of this.#store.kv.list(keys.mailCounts, { batchSize: 500 })) {
      const address = key.at(-1) as string;
      if (!ends.has(address)) yield { address, messages: isU64(value) ? Number(value.value) : 0 };
    }
  }

  /** The mailboxes that hold the message of that id, which is its uid there, with their entries. */
  async holders(id: string): Promise<{ address: Mailbox; entry: MailEntry }[]> {
    const found: { address: Mailbox; entry: MailEntry }[] = [];
    let batch: Mailbox[] = [];
    const look = async () => {
      const wanted = batch;
      batch = [];
      const entries = await this.kv.getMany<MailEntry[]>(wanted.map((address) => keys.mail(address, id)));
      for (const [i, { value }] of entries.entries()) {
        if (value) found.push({ address: wanted[i]!, entry: value as MailEntry });
      }
    };
    for await (const { address, messages } of this.mailboxes()) {
      if (messages > 0) batch.push(address);
      if (batch.length === MAX_KEYS_AT_ONCE) await look();
    }
    if (batch.length > 0) await look();
    return found;
  }

  /** The entries of a mailbox, oldest first unless asked otherwise. */
  async list(address: Mailbox, options: MailListOptions = {}): Promise<MailEntry[]> {
    const key = localKey(address);
    await this.#removals.finish(key);
    const entries: MailEntry[] = [];
    const { limit, reverse = false } = options;
    const listOptions = {
      batchSize: Math.min(500, limit ?? 500),
      reverse,
      ...(limit === undefined ? {} : { limit }),
    };
    if (limit === 0) return entries;
    for await (const entry of this.#store.kv.list<MailEntry>(selector(key, options), listOptions)) {
      entries.push(entry.value);
    }
    return entries;
  }

  /** All of a mailbox as it is now, oldest first, in little memory. Takes some 10 µs a message. */
  async snapshot(address: Mailbox): Promise<MailList> {
    const key = localKey(address);
    await this.#removals.finish(key);
    const list = new MailList();
    for await (const { value } of this.#store.kv.list<MailEntry>(keys.mails(key), { batchSize: 100 })) {
      list.push(value);
    }
    return list;
  }

  /** One entry, or undefined. */
  async get(address: Mailbox, uid: string): Promise<MailEntry | undefined> {
    const { value } = await this.#store.kv.get<MailEntry>(keys.mail(localKey(address), uid));
    return value ?? undefined;
  }

  /** Did reading a message fail because somebody removed it meanwhile? Then nothing is wrong with the store. */
  async wasRemoved(address: Mailbox, uid: string, error: unknown): Promise<boolean> {
    return error instanceof BodyMissing && await this.get(address, uid) === undefined;
  }

  /** The content of a message: its prefix, then its body in pieces. Throws `BodyMissing` when that is gone. */
  async *read(entry: MailRef): AsyncGenerator<Uint8Array> {
    if (entry.prefix !== "") yield encode(entry.prefix);
    yield* readBody(this.#store.kv, entry.body);
  }

  /** Remembers that somebody looked at a message; false when it is gone. */
  async markSeen(mailbox: Mailbox, uid: string): Promise<boolean> {
    const address = localKey(mailbox);
    const key = keys.mail(address, uid);
    for (;;) {
      const { value, versionstamp } = await this.#store.kv.get<MailEntry>(key);
      if (!value) return false;
      if (value.seen) return true;
      const came: MailEntry = { ...value, seen: true };
      const mutations: Deno.KvMutation[] = [{ type: "set", key, value: came }];
      // other processes see by it that something changed
      if (!this.#store.embedded) mutations.push(...usageSums(address, 0, 0));
      const size = 500 + value.prefix.length;
      const committed = () => this.emit({ address, came });
      if ((await this.#store.write({ checks: [{ key, versionstamp }], mutations, size, committed })).ok) {
        return true;
      }
    }
  }

  /**
   * Removes messages, all of them or none; uids that are gone already don't matter. When it resolves, the removal
   * has happened: it survives a crash, though its last bytes may be freed when the mailbox is opened next. When it
   * rejects, nothing was removed.
   */
  remove(address: Mailbox, uids: readonly string[]): Promise<void> {
    return uids.length === 0 ? Promise.resolve() : this.#removals.remove(localKey(address), uids);
  }

  /**
   * What makes a mailbox go with all that is in it, to be in one commit with the end of its account: from then on it
   * counts as empty. {@linkcode finishRemovals} carries it out.
   */
  endWrite(address: Mailbox): Write {
    const key = localKey(address);
    return together(this.#removals.wholeWrite(key), { mutations: unlocking(this.#store, key), size: 100 });
  }

  /** Carries out what {@linkcode endWrite} began; who has the mailbox locked loses the lock. */
  async finishEnd(address: Mailbox): Promise<void> {
    const key = localKey(address);
    loseLock(this.#store, key);
    await this.#removals.finish(key);
  }

  /** Carries out what was begun and is not done, by this process or one that is no more, in all mailboxes. */
  finishRemovals(): Promise<void> {
    return this.#removals.finishEverywhere();
  }

  /**
   * Makes sure that the mailbox of an address without an account is empty, whatever is left in it of a former one.
   * Answers what must still be so when the account is written.
   */
  async emptied(address: Mailbox): Promise<Write> {
    const key = localKey(address);
    const noAccount = { key: keys.account(key), versionstamp: null };
    for (;;) {
      await this.#removals.finish(key);
      const [end, count] = await this.#store.kv.getMany([keys.mailboxRemoval(key), keys.mailCount(key)]);
      const checks = [end, count].map(({ key, versionstamp }) => ({ key, versionstamp }));
      const empty: Write = { checks, mutations: [], size: 100 };
      if (end.versionstamp !== null) continue;
      if (count.versionstamp === null && !(await this.#hasMail(key))) return empty;
      const ended = await this.#store.write(
        together({ ...empty, checks: [...checks, noAccount] }, this.endWrite(key)),
      );
      // somebody made the account, or mail came: then the caller's write fails too, and it asks again
      if (!ended.ok) return empty;
    }
  }

  async #hasMail(key: string): Promise<boolean> {
    for await (const _ of this.#store.kv.list(keys.mails(key), { limit: 1 })) return true;
    return false;
  }

  /** Locks the mailbox for `owner` (a session's id); undefined when another session has it. */
  lock(address: Mailbox, owner: string): Promise<MailLock | undefined> {
    const leaseMs = this.#leaseMs;
    return lockMailbox(this.#store, { clock: this.#clock, address: localKey(address), owner, leaseMs });
  }
}

function selector(key: string, { after, reverse }: MailListOptions): Deno.KvListSelector {
  if (after === undefined) return keys.mails(key);
  if (reverse) return { ...keys.mails(key), end: keys.mail(key, after) };
  return keys.mailsAfter(key, after);
}
