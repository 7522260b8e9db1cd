/** A maildrop as one session sees it: the messages of the login's instant, numbered from 1. */

import type { Mailbox } from "../mail/envelope.ts";
import type { MailRef } from "../mailbox/mail_entry.ts";
import type { MailList } from "../mailbox/mail_list.ts";
import type { MailLock } from "../mailbox/mail_lock.ts";
import type { MailStore } from "../mailbox/mail_store.ts";
import { ReadAhead } from "../mailbox/read_ahead.ts";

/** How many lines of a listing are made at a time. */
const LINES_PER_PIECE = 1000;

/** A locked mailbox, its list, and what is marked as deleted. */
export class Maildrop {
  readonly #store: MailStore;
  readonly #address: Mailbox;
  readonly #lock: MailLock;
  readonly #mails: MailList;
  readonly #deleted = new Set<number>();
  readonly #ahead: ReadAhead;
  #octets = 0;

  private constructor(
    store: MailStore,
    options: { address: Mailbox; lock: MailLock; mails: MailList },
  ) {
    this.#store = store;
    this.#address = options.address;
    this.#lock = options.lock;
    this.#mails = options.mails;
    this.#ahead = new ReadAhead(store.kv, options.mails);
    this.reset();
  }

  /**
   * Locks and lists a mailbox for the session of that id; "inUse" when another session has it. `isThere` is asked behind
   * the lock, which the end of an account takes away, whether its account is still there; "gone" when it is not.
   */
  static async open(
    store: MailStore,
    { address, id, isThere }: { address: Mailbox; id: string; isThere: () => Promise<boolean> },
  ): Promise<Maildrop | "inUse" | "gone"> {
    const lock = await store.lock(address, id);
    if (!lock) return "inUse";
    try {
      const maildrop = new Maildrop(store, { address, lock, mails: await store.snapshot(address) });
      if (await isThere()) return maildrop;
    } catch (error) {
      await lock.release();
      throw error;
    }
    await lock.release();
    return "gone";
  }

  /** False when the lock was lost: the session has to end. */
  get held(): boolean {
    return this.#lock.held;
  }

  /** Messages that are not marked as deleted. */
  get count(): number {
    return this.#mails.length - this.#deleted.size;
  }

  /** Their octets. */
  get octets(): number {
    return this.#octets;
  }

  /** The highest message number. */
  get highest(): number {
    return this.#mails.length;
  }

  /** How many are marked as deleted. */
  get deleted(): number {
    return this.#deleted.size;
  }

  /** The message of that number; undefined when there is none or it is marked as deleted. */
  at(number: number): MailRef | undefined {
    return this.#deleted.has(number) ? undefined : this.#mails.at(number - 1);
  }

  /** Marks a message as deleted; false when {@linkcode at} has none. */
  delete(number: number): boolean {
    const mail = this.at(number);
    if (!mail) return false;
    this.#deleted.add(number);
    this.#octets -= mail.size;
    return true;
  }

  /** Takes all marks back. */
  reset(): void {
    this.#deleted.clear();
    this.#octets = 0;
    for (let i = 0; i < this.#mails.length; i++) this.#octets += this.#mails.size(i);
  }

  /** A line for each message that is not marked (its number, then its size or uid), in pieces of many lines. */
  *lines(what: "size" | "uid"): Generator<string> {
    let piece = "";
    for (let i = 0; i < this.#mails.length; i++) {
      if (!this.#deleted.has(i + 1)) piece += `${i + 1} ${this.#mails[what](i)}\r\n`;
      if (i % LINES_PER_PIECE === LINES_PER_PIECE - 1) {
        yield piece;
        piece = "";
      }
    }
    if (piece !== "") yield piece;
  }

  /** The body of a small message, at once when it was read ahead; undefined: read it by {@linkcode read}. */
  small(number: number): Uint8Array | undefined | Promise<Uint8Array | undefined> {
    return this.#ahead.take(number - 1);
  }

  /** A message in pieces, prefix first. */
  read(mail: MailRef): AsyncGenerator<Uint8Array> {
    return this.#store.read(mail);
  }

  /** Did reading a message fail because somebody else removed it during the session? */
  wasRemoved(mail: MailRef, error: unknown): Promise<boolean> {
    return this.#store.wasRemoved(this.#address, mail.uid, error);
  }

  /** Removes what is marked, all or nothing; rejects when nothing was removed. */
  async update(): Promise<void> {
    if (this.#deleted.size === 0) return;
    if (!this.#lock.held) throw new Error("The lock on the maildrop was lost");
    await this.#store.remove(this.#address, [...this.#deleted].map((number) => this.#mails.uid(number - 1)));
  }

  /** Gives the lock back. Never rejects. */
  async close(): Promise<void> {
    await this.#ahead.settle();
    await this.#lock.release();
  }
}
