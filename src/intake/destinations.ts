/** In charge of where the copies of an accepted message go, and of what is said when a mailbox is full. */

import type { Clock } from "../base/clock.ts";
import { encodeUtf8Address, encodeXtext } from "../mail/xtext.ts";
import { needsUtf8 } from "../mail/address.ts";
import type { Envelope, EnvelopeRecipient, Mailbox, Notify } from "../mail/envelope.ts";
import type { Quotas, Release } from "../mailbox/quotas.ts";
import type { AcceptedSuccess } from "../queue/bounces.ts";
import { senderFor } from "../queue/enqueue.ts";
import type { Destination } from "../queue/message.ts";
import { mailboxSize } from "../mailbox/delivery_entry.ts";
import { FULL_PAUSE_MS } from "../queue/split.ts";
import type { ExpandedRecipient, Router } from "../recipients/router.ts";
import { type Reply, reply } from "../smtp/protocol/reply.ts";

/** The answer for a mailbox that is over its quota. */
export const MAILBOX_FULL = reply(452, "4.2.2", "The mailbox is full; try again later");
/** The answer for a recipient that was there at RCPT and is no more. */
export const GONE = reply(550, "5.1.1", "No such user here any more");

/** A longer one is refused by other servers (RFC 3461 4.2), and with it the recipient. */
const MAX_ORCPT = 500;

/** Where a message goes. */
export interface Dispatch {
  readonly destinations: readonly Destination[];
  /** Which recipients get no copy, by address, and what they are answered. */
  readonly refused: ReadonlyMap<Mailbox, Reply>;
  /** What the sender asked to hear of and what is done when the message is accepted. */
  readonly successes: readonly AcceptedSuccess[];
  /** To be called when the message is written, or won't be: gives back the room that was taken in mailboxes. */
  readonly release: Release;
}

/** A way of one recipient that is blocked for now. */
interface Blocked {
  readonly recipient: EnvelopeRecipient;
  readonly way: Destination;
  /** Nothing else of this recipient goes on. */
  readonly alone: boolean;
  readonly why: Reply;
}

/** Finds destinations. */
export class Destinations {
  constructor(
    private readonly options: { router: Router; quotas: Quotas; clock: Clock },
  ) {}

  /**
   * Has the mailbox of a recipient no room at all? At once for accounts without a quota, which is the common case. Names
   * that somebody must read are always taken.
   */
  isFull(recipient: Mailbox, mailbox: Mailbox): boolean | Promise<boolean> {
    const { router, quotas } = this.options;
    return !router.isRole(recipient) && quotas.isFull(mailbox);
  }

  /**
   * The ways of all recipients of an envelope, for a text of that size. With one answer for all (SMTP) a full
   * mailbox, or a user who has just gone, must not hold up the others: its copy takes the way over the queue, unless
   * nobody else gets the message. With an answer for each (LMTP) its recipient is refused.
   */
  async of(envelope: Envelope, options: { size: number; oneAnswer: boolean }): Promise<Dispatch> {
    const releases: Release[] = [];
    const release = () => releases.forEach((one) => one());
    try {
      return { ...await this.#of(envelope, { ...options, releases }), release };
    } catch (error) {
      release();
      throw error;
    }
  }

  async #of(
    envelope: Envelope,
    options: { size: number; oneAnswer: boolean; releases: Release[] },
  ): Promise<Omit<Dispatch, "release">> {
    const destinations: Destination[] = [];
    const blocked: Blocked[] = [];
    const successes: AcceptedSuccess[] = [];
    for (const recipient of envelope.recipients) {
      const leaves = this.#leaves(recipient);
      const alone = leaves.length === 1;
      for (const way of waysOf(leaves, recipient, this.options.clock.now())) {
        if (way.waits) blocked.push({ recipient, way, alone, why: GONE });
        else if (way.kind === "queue") destinations.push(way);
        else {
          const coming = this.#room(way, recipient, { size: options.size, sender: envelope.sender });
          const room = coming instanceof Promise ? await coming : coming;
          if (room) {
            destinations.push(way);
            options.releases.push(room);
          } else blocked.push({ recipient, way: this.#later(way), alone, why: MAILBOX_FULL });
        }
      }
      const action = successOf(leaves, recipient);
      if (action) successes.push({ recipient, action });
    }
    const refused = new Map<Mailbox, Reply>();
    const others = destinations.length > 0;
    for (const { recipient, way, alone, why } of blocked) {
      if (others && (options.oneAnswer || !alone)) destinations.push(way);
      else refused.set(recipient.address, why);
    }
    const isTold = ({ recipient }: AcceptedSuccess) => !blocked.some((b) => b.recipient === recipient);
    return { destinations, refused, successes: successes.filter(isTold) };
  }

  #leaves(recipient: EnvelopeRecipient): readonly ExpandedRecipient[] {
    const found = this.options.router.resolve(recipient.address);
    if (found.kind === "remote") return [{ kind: "remote", address: recipient.address }];
    return found.kind === "local" ? found.leaves : [{ kind: "nobody", address: recipient.address }];
  }

  #room(
    { address, owner }: Destination,
    recipient: EnvelopeRecipient,
    { size, sender }: { size: number; sender: Mailbox },
  ): Release | Promise<Release | undefined> {
    const { router, quotas } = this.options;
    if (router.isRole(recipient.address)) return () => {};
    return quotas.take(address, () => mailboxSize(size, { sender: senderFor(sender, owner), address }));
  }

  #later(way: Destination): Destination {
    const until = this.options.clock.now() + FULL_PAUSE_MS;
    return { ...way, kind: "queue", waits: { reason: "The mailbox is full", until } };
  }
}

/**
 * What each leaf gets of the sender's wishes (RFC 3461 5.2.7): a member of a list gets none, since the list's owner is
 * the sender from there on; the target of an alias gets all, and the name the sender used. Of an alias with several
 * targets the sender has heard that it was expanded, so that success is not told once more for each.
 */
function waysOf(
  leaves: readonly ExpandedRecipient[],
  recipient: EnvelopeRecipient,
  now: number,
): Destination[] {
  return leaves.map(({ kind, address, via, owner }): Destination => {
    const several = leaves.length > 1;
    const wishes = owner === undefined
      ? inherited(recipient, { via, several })
      : { address: recipient.address };
    return {
      kind: kind === "mailbox" ? "mailbox" : "queue",
      address,
      recipient: wishes,
      ...(via === undefined ? {} : { via }),
      ...(owner === undefined ? {} : { owner }),
      // Due at once, to fail with a report: what is wrong with a name of ours is told like anything else.
      ...(kind === "nobody" ? { waits: { reason: "There is no such mailbox here", until: now } } : {}),
    };
  });
}

function inherited(
  recipient: EnvelopeRecipient,
  { via, several }: { via: Mailbox | undefined; several: boolean },
): EnvelopeRecipient {
  if (via === undefined) return recipient;
  const { address, notify } = recipient;
  const named = needsUtf8(address) ? `utf-8;${encodeUtf8Address(address)}` : `rfc822;${encodeXtext(address)}`;
  const orcpt = recipient.orcpt ?? (named.length <= MAX_ORCPT ? named : undefined);
  return {
    ...recipient,
    ...(orcpt === undefined ? {} : { orcpt }),
    ...(several && notify !== undefined ? { notify: withoutSuccess(notify) } : {}),
  };
}

function withoutSuccess(notify: Notify): Notify {
  if (notify === "never") return notify;
  const rest = notify.filter((what) => what !== "success");
  return rest.length === 0 ? "never" : rest;
}

/** What a sender who asked for it is told as soon as the message is ours; undefined: nothing yet. */
function successOf(
  leaves: readonly ExpandedRecipient[],
  { notify }: EnvelopeRecipient,
): AcceptedSuccess["action"] | undefined {
  if (notify === undefined || notify === "never" || !notify.includes("success")) return undefined;
  // Handing a message to a list is its delivery (RFC 3461 5.2.7.2).
  if (leaves[0]?.owner !== undefined) return "delivered";
  if (leaves.length > 1) return "expanded";
  return leaves[0]?.kind === "mailbox" ? "delivered" : undefined;
}
