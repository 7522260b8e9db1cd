/** In charge of where the copies of an accepted message go, and of what is said when a mailbox is full. */

import type { Clock } from "../base/clock.ts";
import { encodeXtext } from "../mail/xtext.ts";
import type { Envelope, EnvelopeRecipient, Mailbox } from "../mail/envelope.ts";
import type { Account, Accounts } from "../mailbox/accounts.ts";
import type { MailStore } from "../mailbox/mail_store.ts";
import type { Destination } from "../queue/enlist.ts";
import type { Leaf, Router } from "../routing/router.ts";
import { reply } from "../smtp/reply.ts";

/** A full mailbox among several recipients gets its copy later: tried again after this. */
const FULL_PAUSE_MS = 15 * 60_000;

/** The answer for a mailbox that is over its quota. */
export const MAILBOX_FULL = reply(452, "4.2.2", "The mailbox is full; try again later");

/** Where a message goes. */
export interface Dispatch {
  readonly destinations: readonly Destination[];
  /** The recipients whose mailbox is full and who get no copy. */
  readonly full: ReadonlySet<Mailbox>;
}

/** Finds destinations. */
export class Destinations {
  constructor(
    private readonly options: { router: Router; accounts: Accounts; mailStore: MailStore; clock: Clock },
  ) {}

  /** Has the mailbox room for `size` more bytes? At once for accounts without a quota, which is the common case. */
  hasRoom(address: Mailbox, size: number): boolean | Promise<boolean> {
    const { accounts, mailStore } = this.options;
    const check = (account: Account | undefined): boolean | Promise<boolean> => {
      const quota = account?.quota;
      return quota === undefined || mailStore.usage(address).then(({ bytes }) => bytes + size <= quota);
    };
    const account = accounts.get(address);
    return account instanceof Promise ? account.then(check) : check(account);
  }

  /**
   * The ways of all recipients of an envelope, for a text of that size. With one answer for all (SMTP) a full
   * mailbox must not hold up the others: its copy waits in the queue, unless nobody else gets the message. With an
   * answer for each (LMTP) its recipient is refused for now.
   */
  async of(envelope: Envelope, options: { size: number; oneAnswer: boolean }): Promise<Dispatch> {
    const destinations: Destination[] = [];
    const full: { recipient: EnvelopeRecipient; way: Destination; only: boolean }[] = [];
    for (const recipient of envelope.recipients) {
      const leaves = this.#leaves(recipient);
      for (const leaf of leaves) {
        const way = wayOf(leaf, recipient);
        const room = way.kind === "queue" || this.hasRoom(leaf.address, options.size);
        if (room === true || await room) destinations.push(way);
        else full.push({ recipient, way, only: leaves.length === 1 });
      }
    }
    const refused = new Set<Mailbox>();
    const others = destinations.length > 0;
    for (const { recipient, way, only } of full) {
      if (others && (options.oneAnswer || !only)) destinations.push(this.#later(way));
      else refused.add(recipient.address);
    }
    return { destinations, full: refused };
  }

  #leaves(recipient: EnvelopeRecipient): readonly Leaf[] {
    const found = this.options.router.resolve(recipient.address);
    if (found.kind === "remote") return [{ kind: "remote", address: recipient.address }];
    return found.kind === "local" ? found.leaves : [];
  }

  #later(way: Destination): Destination {
    const until = this.options.clock.now() + FULL_PAUSE_MS;
    const { address, recipient } = way;
    return { kind: "queue", address, recipient, waits: { reason: "The mailbox is full", until } };
  }
}

/**
 * What a leaf gets of the sender's wishes (RFC 3461 5.2.7): a member of a list gets none, since the list's owner is
 * the sender from there on; the target of an alias gets all, and the name the sender used.
 */
function wayOf(leaf: Leaf, recipient: EnvelopeRecipient): Destination {
  if (leaf.kind === "mailbox") return { kind: "mailbox", address: leaf.address, recipient };
  const via = leaf.via === undefined ? {} : { via: leaf.via };
  if (leaf.owner !== undefined) {
    return {
      kind: "queue",
      address: leaf.address,
      recipient: { address: leaf.address },
      owner: leaf.owner,
      ...via,
    };
  }
  if (leaf.via === undefined) return { kind: "queue", address: leaf.address, recipient };
  const orcpt = recipient.orcpt ?? `rfc822;${encodeXtext(recipient.address)}`;
  return { kind: "queue", address: leaf.address, recipient: { ...recipient, orcpt }, ...via };
}
