/** The mailboxes of a server that captures: views of the captured messages, each of which is kept once. */

import { encode } from "../base/bytes.ts";
import type { Clock } from "../base/clock.ts";
import { localKey } from "../mail/address.ts";
import type { Mailbox } from "../mail/envelope.ts";
import { prefixOf } from "../mailbox/delivery_entry.ts";
import { SEEN } from "../mailbox/flags.ts";
import { INBOX, normalName } from "../mailbox/folder_names.ts";
import { FolderError } from "../mailbox/folders.ts";
import { type MailEntry, mailEntry, type MailRef } from "../mailbox/mail_entry.ts";
import { MailList } from "../mailbox/mail_list.ts";
import { type MailListOptions, MailStore, type MailUsage } from "../mailbox/mail_store.ts";
import type { NamedChange } from "../mailbox/named_changes.ts";
import { readBody } from "../storage/bodies/bodies.ts";
import type { Kv } from "../storage/port.ts";
import type { Store } from "../storage/store.ts";
import type { Write } from "../storage/write.ts";
import type { CaptureChange, Captured } from "./captured.ts";
import type { Kept } from "./kept.ts";
import type { CapturedMail } from "./captured_mail.ts";

/** A mailbox for every address. */
export class CapturedMailboxes extends MailStore {
  readonly #mail: CapturedMail;

  /** Over the captured messages of that store. */
  constructor(store: Store, { clock, mail }: { clock: Clock; mail: CapturedMail }) {
    super(store, { clock });
    this.#mail = mail;
    mail.on((change) => this.#tell(change));
  }

  override get kv(): Kv {
    return this.#mail.kv;
  }

  override deliveryWrite(address: Mailbox, entry: MailEntry): Write {
    const { uid: id, sender, receivedAt, recipient, body } = entry;
    return this.#mail.deliveryWrite({ id, sender, receivedAt, recipient }, { box: localKey(address), body });
  }

  override usage(address: Mailbox): Promise<MailUsage> {
    const box = localKey(address);
    const all = this.#mail.mailbox(box);
    // few senders write most messages, and this is asked with every page of a list
    const prefixes = new Map<Mailbox, number>();
    let bytes = 0;
    for (const { sender, size } of all) {
      let prefix = prefixes.get(sender);
      if (prefix === undefined) prefixes.set(sender, prefix = encode(prefixOf(sender, box)).length);
      bytes += size + prefix;
    }
    return Promise.resolve({ messages: all.length, bytes });
  }

  override async *mailboxes(): AsyncGenerator<{ address: Mailbox; messages: number }> {
    yield* this.#mail.mailboxes();
  }

  override holders(id: string): Promise<{ address: Mailbox; entry: MailEntry }[]> {
    const kept = this.#mail.get(id) as Kept | undefined;
    const boxes = kept?.boxes ?? [];
    return Promise.resolve(boxes.map((address) => ({ address, entry: entryOf(kept!, address) })));
  }

  override list(address: Mailbox, options: MailListOptions = {}): Promise<MailEntry[]> {
    const { after, limit = Infinity, reverse = false, folder = INBOX } = options;
    if (normalName(folder) !== INBOX) return Promise.resolve([]);
    const box = localKey(address);
    const all = this.#mail.mailbox(box);
    const chosen = reverse
      ? all.slice(0, after === undefined ? all.length : placeOf(all, after, 0)).slice(-limit).reverse()
      : all.slice(after === undefined ? 0 : placeOf(all, after, 1)).slice(0, limit);
    return Promise.resolve(limit === 0 ? [] : chosen.map((kept) => entryOf(kept, box)));
  }

  override snapshot(address: Mailbox): Promise<MailList> {
    const box = localKey(address);
    const list = new MailList();
    for (const kept of this.#mail.mailbox(box)) list.push(entryOf(kept, box));
    return Promise.resolve(list);
  }

  override get(address: Mailbox, uid: string): Promise<MailEntry | undefined> {
    const box = localKey(address);
    const kept = this.#mail.get(uid) as Kept | undefined;
    return Promise.resolve(kept?.recipientOf(box) !== undefined ? entryOf(kept, box) : undefined);
  }

  override async *read(entry: MailRef): AsyncGenerator<Uint8Array> {
    if (entry.prefix !== "") yield encode(entry.prefix);
    yield* readBody(this.kv, entry.body);
  }

  override async markSeen(address: Mailbox, uid: string): Promise<boolean> {
    if (!await this.get(address, uid)) return false;
    await this.#mail.markSeen([uid]);
    return true;
  }

  /** They are read or not; they have no other flags, and stay where they are. */
  override async change(address: Mailbox, uids: readonly string[], change: NamedChange): Promise<number> {
    const { flags = [], to = INBOX } = change;
    if (normalName(to) !== INBOX) {
      throw new FolderError("cannot", "Captured messages are in INBOX, and can't be moved");
    }
    if (flags.some((one) => (one.flags & ~SEEN) !== 0 || one.keywords.length > 0)) {
      throw new FolderError("cannot", "Captured messages have no flag but \\Seen");
    }
    const there = (await Promise.all(uids.map((uid) => this.get(address, uid))))
      .flatMap((entry) => entry?.uid ?? []);
    for (const { mode, flags: bits } of flags) {
      if (mode === "set" || bits !== 0) await this.#mail.markSeen(there, bits !== 0 && mode !== "remove");
    }
    return there.length;
  }

  override remove(address: Mailbox, uids: readonly string[]): Promise<void> {
    return this.#removeFrom(localKey(address), uids);
  }

  override endWrite(): Write {
    return NOTHING;
  }

  /** An account goes with the mail of its address, here too. */
  override finishEnd(address: Mailbox): Promise<void> {
    const box = localKey(address);
    return this.#removeFrom(box, this.#mail.mailbox(box).map(({ id }) => id));
  }

  /** Memory has it all, and tells of every change. */
  override version(): Promise<undefined> {
    return Promise.resolve(undefined);
  }

  override finishRemovals(): Promise<void> {
    return Promise.resolve();
  }

  /** There are no folders here. */
  override open(): Promise<never> {
    return Promise.reject(new FolderError("cannot", "A server that captures mail has no folders"));
  }

  async #removeFrom(address: string, went: readonly string[]): Promise<void> {
    const removed = this.#mail.removeFrom(address, went);
    this.emit({ address, went });
    await removed;
  }

  /** A change of a message is one in every mailbox that shows it. */
  #tell(change: CaptureChange): void {
    if (!this.isHeard) return;
    const messages = change.kind === "removed" ? change.messages : [change.message];
    for (const message of messages as readonly Kept[]) {
      for (const address of message.boxes) {
        this.emit(
          change.kind === "removed"
            ? { address, went: [message.id] }
            : { address, came: entryOf(message, address) },
        );
      }
    }
  }

  /** What was captured was there before any account: who makes one of its address finds it. */
  override emptied(): Promise<Write> {
    return Promise.resolve(NOTHING);
  }
}

const NOTHING: Write = { mutations: [], size: 0 };

function entryOf(message: Captured, box: string): MailEntry {
  const kept = message as Kept;
  const { id: uid, sender, receivedAt, body, seen, tags } = kept;
  const recipient = kept.recipientOf(box)!;
  const entry = mailEntry({ uid, sender, receivedAt, body, recipient, prefix: prefixOf(sender, box) });
  return { ...entry, tags, ...(seen && { seen }) };
}

/** How many of them have an id before that one, and with `or` 1 that one too. */
function placeOf(all: readonly Captured[], id: string, or: 0 | 1): number {
  let [low, high] = [0, all.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    const before = or === 1 ? all[middle]!.id <= id : all[middle]!.id < id;
    if (before) low = middle + 1;
    else high = middle;
  }
  return low;
}
