/**
 * The room in mailboxes that have a quota: it is taken before a message is written and given back when it
 * is there, so that many who deliver at once don't all see the same room. Servers on a shared store don't know of
 * each other's: there the quota may be passed by what each of them is about to write.
 */

import type { Mailbox } from "../mail/envelope.ts";
import { localKey } from "../mail/address.ts";
import type { Account, Accounts } from "../auth/accounts.ts";
import type { MailStore } from "./mail_store.ts";

/** Room that was taken. To be called once, when the message is in the mailbox, or won't be. */
export type Release = () => void;

/** How much was ever taken and given back of one mailbox: bytes. */
interface Room {
  taken: number;
  released: number;
}

const unlimited: Release = () => {};
/** A look at the usage that was overtaken is repeated so often; then the mailbox counts as full for now. */
const MAX_LOOKS = 10;

/** The room in all mailboxes. */
export class Quotas {
  readonly #accounts: Pick<Accounts, "get">;
  readonly #mailStore: MailStore;
  /** Only of accounts with a quota. */
  readonly #rooms = new Map<Mailbox, Room>();

  /** Looks at the accounts and their usage anew for each question. */
  constructor(of: { accounts: Pick<Accounts, "get">; mailStore: MailStore }) {
    this.#accounts = of.accounts;
    this.#mailStore = of.mailStore;
  }

  /** Is the mailbox full already? At once for accounts without a quota, which is the common case. */
  isFull(address: Mailbox): boolean | Promise<boolean> {
    const quota = this.#accounts.get(address)?.quota;
    return quota !== undefined && this.#mailStore.usage(address).then(({ bytes }) => bytes >= quota);
  }

  /**
   * Takes room for `size()` bytes; undefined: there is not so much. `account` is whose mailbox it is, when that is known
   * better than from memory.
   */
  take(
    address: Mailbox,
    size: () => number,
    account: Account | undefined = this.#accounts.get(address),
  ): Release | Promise<Release | undefined> {
    const quota = account?.quota;
    return quota === undefined ? unlimited : this.#take(localKey(address), size(), quota);
  }

  async #take(key: Mailbox, size: number, quota: number): Promise<Release | undefined> {
    let room = this.#rooms.get(key);
    if (!room) this.#rooms.set(key, room = { taken: 0, released: 0 });
    for (let looks = 0; looks < MAX_LOOKS; looks++) {
      const { released } = room;
      const { bytes } = await this.#mailStore.usage(key);
      // What was released before the look is in the usage, if it was written at all. All else may not be.
      if (bytes + (room.taken - released) + size <= quota) {
        room.taken += size;
        return () => void (room.released += size);
      }
      // What was released meanwhile may have been counted twice.
      if (released === room.released) return undefined;
    }
    return undefined;
  }
}
