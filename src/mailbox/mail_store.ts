/** The mailboxes: what is in them, how much that is, and who has one locked. */

import { encode } from "../base/bytes.ts";
import type { Clock } from "../base/clock.ts";
import { type Random, systemRandom } from "../base/random.ts";
import { localKey } from "../mail/address.ts";
import type { Mailbox } from "../mail/envelope.ts";
import { BodyMissing, readBody } from "../storage/bodies/bodies.ts";
import * as keys from "../storage/keys.ts";
import { isU64, type Kv } from "../storage/port.ts";
import type { Store } from "../storage/store.ts";
import { together, type Write } from "../storage/write.ts";
import { SEEN } from "./flags.ts";
import type { FactMaker } from "./folder_facts.ts";
import { INBOX, INBOX_ID } from "./folder_names.ts";
import type { Folders } from "./folders.ts";
import type { TakeRoom } from "./held_folders.ts";
import { entriesAt } from "./mail_entries.ts";
import { type MailEntry, type MailRef, namedBy } from "./mail_entry.ts";
import { MailList } from "./mail_list.ts";
import { lockMailbox, loseLock, type MailLock, unlocking } from "./mail_lock.ts";
import { MailRemovals, usageSums } from "./mail_removal.ts";
import { type MailChange, MailTeller } from "./mail_teller.ts";
import { changeNamed, type NamedChange } from "./named_changes.ts";
import { findMail, listMail, takeOutAtOnce } from "./named_mail.ts";
import { mayHold } from "./message_lookup.ts";
import { hasArrivals } from "./numbering.ts";
import { OpenMailboxes } from "./open_mailboxes.ts";
import type { StoredFolders } from "./stored_folders.ts";

export type { MailChange, MailEntry, MailRef };

/** How much a mailbox holds. */
export interface MailUsage {
  /** Messages. */
  readonly messages: number;
  /** Their octets, as {@linkcode MailEntry.size} counts them. */
  readonly bytes: number;
}

/** Which entries of a mailbox are wanted. */
export interface MailListOptions {
  /** Only those that came after this uid (with `reverse`: before it). */
  readonly after?: string;
  /** At most so many. */
  readonly limit?: number;
  /** Newest first. */
  readonly reverse?: boolean;
  /** Only those in the folder of that name. */
  readonly folder?: string;
}

/** So many entries of a snapshot are made at a time. */
const LISTED_AT_ONCE = 1000;

/** So many mailboxes are looked into at a time. */
const LOOKED_ABREAST = 8;

/** All mailboxes of one store. Addresses may be written in any way that means the same local mailbox. */
export class MailStore {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #removals: MailRemovals;
  readonly #leaseMs: number | undefined;
  readonly #listeners = new Set<(change: MailChange) => void>();
  readonly #open: OpenMailboxes;
  readonly #tellers = new WeakMap<StoredFolders, MailTeller>();

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
    const { clock, random = systemRandom, rememberMs = 0 } = options;
    this.#removals = new MailRemovals(store, {
      clock,
      random,
      rememberMs,
      onRemoved: (address, went) => this.emit({ address, went }),
      takeOut: (address, names) => this.#open.takeOut(address, names),
    });
    this.#open = new OpenMailboxes(store, {
      clock,
      random,
      rememberMs,
      finish: (address) => this.#removals.finish(address),
      onTold: (folders, told) => {
        if (this.isHeard) this.#teller(folders).tell(told);
      },
    });
  }

  /** Opens the folders of a mailbox, made where there are none, with all that was delivered up to now. */
  open(address: Mailbox): Promise<Folders> {
    return this.#open.hold(localKey(address));
  }

  /** Folders take room in quotas from now on. */
  useRoom(room: TakeRoom): void {
    this.#open.room = room;
  }

  /** Sub-addresses name folders from now on: the detail of a recipient whose mailbox (a local key) heeds that. */
  useDetails(detailOf: (recipient: Mailbox, address: string) => string | undefined): void {
    this.#open.detailOf = detailOf;
  }

  /** What is asked for of messages is made so from now on. */
  useFacts(maker: FactMaker): void {
    this.#open.maker = maker;
  }

  /** Writes what may wait, when nobody uses a mailbox any more. Never rejects. */
  close(): Promise<void> {
    return this.#open.close();
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
    const rows = await this.#store.kv.getMany([keys.mailCount(key), keys.mailbox(key)]);
    return rows.map(({ versionstamp }) => versionstamp ?? "").join(" ");
  }

  /** The key-value store below, for reading bodies ahead. */
  get kv(): Kv {
    return this.#store.kv;
  }

  /**
   * What puts a message into a mailbox. Deliveries never stand in each other's way: it sets a key of its own and adds
   * to sums. It must happen once per mailbox and uid, or the sums are wrong: so it belongs into a write whose checks
   * make sure of that (accepting the message, or settling the queue's record under its lease), with the body's. It is
   * an arrival then, which gets its place in a folder when the mailbox is looked at: at once where it is in memory.
   */
  deliveryWrite(address: Mailbox, entry: MailEntry): Write {
    const key = localKey(address);
    const size = 500 + 3 * key.length +
      2 * (entry.prefix.length + entry.sender.length + entry.recipient.length);
    const set = { type: "set" as const, key: keys.mail(key, entry.uid), value: entry };
    const committed = () => {
      this.emit({ address: key, came: entry });
      this.#open.arrived(key);
    };
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

  /** The mailboxes that hold the message of that id, with its entry there. Looks into each of them. */
  async holders(id: string): Promise<{ address: Mailbox; entry: MailEntry }[]> {
    const found: { address: Mailbox; entry: MailEntry }[] = [];
    const mailboxes = this.mailboxes();
    const worker = async () => {
      for (;;) {
        const { value, done } = await mailboxes.next();
        if (done) return;
        const { address, messages } = value;
        if (messages === 0 || !await mayHold(this.kv, address, id)) continue;
        // where only a copy is left, that is the message
        const entry = await this.get(address, id) ?? (await this.list(address, { after: id, limit: 1 }))[0];
        if (entry && namedBy(entry.uid).id === id) found.push({ address, entry });
      }
    };
    await Promise.all(Array.from({ length: LOOKED_ABREAST }, worker));
    return found.sort((a, b) => a.address < b.address ? -1 : 1);
  }

  /** The entries of a mailbox, oldest first unless asked otherwise. */
  async list(address: Mailbox, options: MailListOptions = {}): Promise<MailEntry[]> {
    return await this.#open.look(
      localKey(address),
      (folders, arrivals) => listMail(folders, arrivals, options),
    );
  }

  /** All of INBOX as it is now, oldest first, in little memory. */
  async snapshot(address: Mailbox): Promise<MailList> {
    const list = new MailList();
    await this.#open.look(localKey(address), async (folders, arrivals) => {
      if (folders) await listInbox(folders, list);
      for (const entry of arrivals) if ((entry.folder ?? INBOX) === INBOX) list.push(entry);
    });
    return list;
  }

  /** One entry, or undefined. */
  async get(address: Mailbox, uid: string): Promise<MailEntry | undefined> {
    const key = localKey(address);
    const { value } = await this.#store.kv.get<MailEntry>(keys.mail(key, uid));
    if (value) return value;
    return await this.#open.use(key, async (folders) => {
      const found = await findMail(folders, uid);
      if (!found) return undefined;
      const { folder, index, place } = found;
      return (await entriesAt(folders, folder, { index, places: [place] }))[0];
    });
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
    const seen = { mode: "add", flags: SEEN, keywords: [] } as const;
    return await this.change(mailbox, [uid], { flags: [seen] }) > 0;
  }

  /**
   * Changes the flags of messages, and moves them into another folder; each as a whole. Answers how many are there.
   * Rejects with a `FolderError` when there is no such folder.
   */
  async change(mailbox: Mailbox, uids: readonly string[], change: NamedChange): Promise<number> {
    const done = await this.#open.use(localKey(mailbox), async (folders) => {
      const changed = await changeNamed(folders, uids, change);
      await this.#teller(folders).settled();
      return changed;
    });
    return done ?? 0;
  }

  /**
   * Removes messages, all of them or none; uids that are gone already don't matter. When it resolves, the removal
   * has happened: it survives a crash, though its last bytes may be freed when the mailbox is opened next. When it
   * rejects, nothing was removed.
   */
  async remove(address: Mailbox, uids: readonly string[]): Promise<void> {
    if (uids.length === 0) return;
    const key = localKey(address);
    await this.#open.use(key, async (folders) => {
      if (await takeOutAtOnce(folders, uids)) {
        await this.#teller(folders).settled();
        await folders.release().catch(() => {}); // it has happened: who opens the mailbox next carries it out
        return;
      }
      await this.#removals.announce(key, [...new Set(uids)]);
      await this.#removals.finish(key).catch(() => {}); // it has happened, too
      await this.#teller(folders).settled();
    });
  }

  /**
   * What makes a mailbox go with all that is in it, to be in one commit with the end of its account: from then on it
   * counts as empty. {@linkcode finishRemovals} carries it out.
   */
  endWrite(address: Mailbox): Write {
    const key = localKey(address);
    const committed = () => this.#open.end(key);
    return together(this.#removals.wholeWrite(key), {
      mutations: unlocking(this.#store, key),
      size: 100,
      committed,
    });
  }

  /** Carries out what {@linkcode endWrite} began; who has the mailbox locked loses the lock. */
  async finishEnd(address: Mailbox): Promise<void> {
    const key = localKey(address);
    loseLock(this.#store, key);
    await this.#removals.finish(key);
  }

  /** Carries out what was begun and is not done, by this process or one that is no more, in all mailboxes. */
  async finishRemovals(): Promise<void> {
    await this.#removals.finishEverywhere();
    const left = new Set<string>();
    for await (const { key } of this.#store.kv.list(keys.deadObjectsAll, { batchSize: 8 })) {
      left.add(key[1] as string);
    }
    for (const address of left) await this.#open.use(address, (folders) => folders.release());
    await this.#open.settle();
  }

  /** Gives mail its place in folders where much of it waits and nobody looks. Rejects when the store fails. */
  sweepArrivals(): Promise<void> {
    return this.#open.sweepArrivals();
  }

  /**
   * Gives all mail of a store of an older format its place in folders; does nothing where that is done. It may be
   * stopped anywhere, and goes on the next time. Tells after each mailbox how many messages that were, of how many.
   */
  async bringOver(progress: (done: number, all: number) => void): Promise<void> {
    const { kv } = this.#store;
    if ((await kv.get(keys.formatBefore)).versionstamp === null) return;
    await this.#removals.finishEverywhere();
    const mailboxes = await Array.fromAsync(this.mailboxes());
    const all = mailboxes.reduce((sum, { messages }) => sum + messages, 0);
    let done = 0;
    for (const { address, messages } of mailboxes) {
      if (messages > 0) await this.#open.use(address, () => Promise.resolve());
      progress(done += messages, all);
    }
    await this.#store.write({ mutations: [{ type: "delete", key: keys.formatBefore }], size: 50 });
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
      const wanted = [keys.mailboxRemoval(key), keys.mailCount(key), keys.mailbox(key)];
      const rows = await this.#store.kv.getMany(wanted);
      const checks = rows.map(({ key, versionstamp }) => ({ key, versionstamp }));
      const empty: Write = { checks, mutations: [], size: 100 };
      if (checks[0]!.versionstamp !== null) continue;
      if (checks.every(({ versionstamp }) => versionstamp === null)) {
        if (!(await hasArrivals(this.#store.kv, key))) return empty;
      }
      const ended = await this.#store.write(
        together({ ...empty, checks: [...checks, noAccount] }, this.endWrite(key)),
      );
      // somebody made the account, or mail came: then the caller's write fails too, and it asks again
      if (!ended.ok) return empty;
    }
  }

  /** Locks the mailbox for `owner` (a session's id); undefined when another session has it. */
  lock(address: Mailbox, owner: string): Promise<MailLock | undefined> {
    const leaseMs = this.#leaseMs;
    return lockMailbox(this.#store, { clock: this.#clock, address: localKey(address), owner, leaseMs });
  }

  #teller(folders: StoredFolders): MailTeller {
    let teller = this.#tellers.get(folders);
    if (!teller) this.#tellers.set(folders, teller = new MailTeller(folders, (change) => this.emit(change)));
    return teller;
  }
}

async function listInbox(folders: StoredFolders, list: MailList): Promise<void> {
  const { state: index } = await folders.live(INBOX_ID);
  for (let from = 0; from < index.length; from += LISTED_AT_ONCE) {
    const length = Math.min(LISTED_AT_ONCE, index.length - from);
    const places = Uint32Array.from({ length }, (_, i) => from + i);
    for (const entry of await entriesAt(folders, INBOX_ID, { index, places })) if (entry) list.push(entry);
  }
}
