/** In charge of where the copies of an accepted message go, and of what is said when a mailbox is full. */

import type { Clock } from "../base/clock.ts";
import type { Envelope, EnvelopeRecipient, Mailbox } from "../mail/envelope.ts";
import type { Quotas, Release } from "../mailbox/quotas.ts";
import { senderFor } from "../queue/enqueue.ts";
import { mailboxSize } from "../mailbox/delivery_entry.ts";
import { FULL_PAUSE_MS } from "../queue/split.ts";
import { type DeliveryTarget, type Success, successOf } from "../recipients/expand.ts";
import { currentTargets } from "../recipients/route.ts";
import type { Router } from "../recipients/router.ts";
import { type Reply, reply } from "../smtp/protocol/reply.ts";

/** The answer for a mailbox that is over its quota. */
export const MAILBOX_FULL = reply(452, "4.2.2", "The mailbox is full; try again later");
/** The answer for a recipient that was there at RCPT and is no more. */
export const GONE = reply(550, "5.1.1", "No such user here any more");

/** Where a message goes. */
export interface Dispatch {
  readonly destinations: readonly DeliveryTarget[];
  /** Which recipients get no copy, by address, and what they are answered. */
  readonly refused: ReadonlyMap<Mailbox, Reply>;
  /** What the sender asked to hear of and what is done when the message is accepted. */
  readonly successes: readonly Success[];
  /** To be called when the message is written, or won't be: gives back the room that was taken in mailboxes. */
  readonly release: Release;
}

/** A way of one recipient that is blocked for now. */
interface Blocked {
  readonly recipient: EnvelopeRecipient;
  readonly way: DeliveryTarget;
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
    const destinations: DeliveryTarget[] = [];
    const blocked: Blocked[] = [];
    const successes: Success[] = [];
    for (const recipient of envelope.recipients) {
      const targets = currentTargets(recipient, this.options.router);
      const alone = targets.length === 1;
      for (const way of targets) {
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
      const action = successOf(targets, recipient);
      if (action) successes.push({ recipient, action });
    }
    const refused = new Map<Mailbox, Reply>();
    const others = destinations.length > 0;
    for (const { recipient, way, alone, why } of blocked) {
      if (others && (options.oneAnswer || !alone)) destinations.push(way);
      else refused.set(recipient.address, why);
    }
    const isTold = ({ recipient }: Success) => !blocked.some((b) => b.recipient === recipient);
    return { destinations, refused, successes: successes.filter(isTold) };
  }

  #room(
    { address, owner }: DeliveryTarget,
    recipient: EnvelopeRecipient,
    { size, sender }: { size: number; sender: Mailbox },
  ): Release | Promise<Release | undefined> {
    const { router, quotas } = this.options;
    if (router.isRole(recipient.address)) return () => {};
    return quotas.take(address, () => mailboxSize(size, { sender: senderFor(sender, owner), address }));
  }

  #later(way: DeliveryTarget): DeliveryTarget {
    const until = this.options.clock.now() + FULL_PAUSE_MS;
    return { ...way, kind: "queue", waits: { reason: "The mailbox is full", until } };
  }
}
