/** The delivery targets of a message on its way in, with room for it in mailboxes, and who gets no copy. */

import type { Clock } from "../base/clock.ts";
import { splitMailbox } from "../mail/address.ts";
import type { Mailbox } from "../mail/envelope.ts";
import type { Srs } from "../mail/srs.ts";
import { mailboxSize } from "../mailbox/delivery_entry.ts";
import type { Quotas, Release } from "../mailbox/quotas.ts";
import { senderFor } from "../queue/enqueue.ts";
import { FULL_PAUSE_MS } from "../queue/split.ts";
import { type DeliveryTarget, type Success, successOf } from "../recipients/expand.ts";
import { currentTargets, type RoutedRecipient } from "../recipients/route.ts";
import type { Router } from "../recipients/router.ts";

/** Why a recipient gets no copy: its mailbox is full, or it was there when it was named and is no more. */
export type RecipientRefusal = "full" | "gone";

/** Where a message goes. */
export interface TargetPlan {
  readonly targets: readonly DeliveryTarget[];
  /** Which recipients get no copy, by address. */
  readonly refused: ReadonlyMap<Mailbox, RecipientRefusal>;
  /** What the sender asked to hear of and is done when the message is accepted. */
  readonly successes: readonly Success[];
  /** To be called once, when the message is written or won't be: gives back the room that was taken in mailboxes. */
  release(): void;
}

/** What {@linkcode planTargets} works with. */
export interface TargetPlanOptions {
  readonly router: Router;
  readonly quotas: Quotas;
  readonly clock: Clock;
  /** Rewrites the senders of what goes on to others; absent: they stay. */
  readonly srs?: Srs | undefined;
}

/** A target that can't be served now. */
interface Blocked {
  readonly recipient: RoutedRecipient;
  readonly target: DeliveryTarget;
  /** It is the recipient's only one. */
  readonly alone: boolean;
  readonly why: RecipientRefusal;
}

/**
 * Plans where the copies of a message of that size go. With one answer for all (SMTP) a full mailbox, or a user who has
 * just gone, must not hold up the others: its copy takes the way over the queue, unless nobody else gets the message.
 * With an answer for each (LMTP) its recipient is refused.
 */
export function planTargets(
  envelope: PlannedEnvelope,
  of: { size: number; oneAnswer: boolean },
  by: TargetPlanOptions,
): TargetPlan | Promise<TargetPlan> {
  return planOne(envelope, of.size, by) ?? planAll(envelope, of, by);
}

/** What of an envelope is looked at. */
interface PlannedEnvelope {
  readonly sender: Mailbox;
  readonly recipients: readonly RoutedRecipient[];
}

const NOBODY: ReadonlyMap<Mailbox, RecipientRefusal> = new Map();
const nothing = () => {};

/**
 * The same for one recipient with one target, who hears of no success: nearly all messages have no more. Undefined: it
 * is not so.
 */
function planOne(
  { sender, recipients }: PlannedEnvelope,
  size: number,
  by: TargetPlanOptions,
): TargetPlan | Promise<TargetPlan> | undefined {
  const recipient = recipients[0];
  if (recipients.length !== 1 || recipient === undefined || recipient.notify !== undefined) return undefined;
  const expanded = currentTargets(recipient, by.router);
  const target = expanded[0];
  if (expanded.length !== 1 || target === undefined || target.waits) return undefined;
  const planned = (targets: readonly DeliveryTarget[], release: () => void): TargetPlan => {
    return { targets, refused: NOBODY, successes: [], release };
  };
  if (target.kind === "queue") return planned([forwarded(target, sender, by)], nothing);
  if (by.router.isRole(recipient.address)) return planned([target], nothing);
  const taking = takeRoom(target, { sender, size }, by);
  if (!(taking instanceof Promise)) return planned([target], taking);
  return taking.then((taken) => {
    if (taken) return planned([target], taken);
    return { ...planned([], nothing), refused: new Map([[recipient.address, "full"]]) };
  });
}

function takeRoom(
  { address, owner }: DeliveryTarget,
  { sender, size }: { sender: Mailbox; size: number },
  { quotas }: TargetPlanOptions,
): Release | Promise<Release | undefined> {
  return quotas.take(address, () => mailboxSize(size, { sender: senderFor(sender, owner), address }));
}

async function planAll(
  { sender, recipients }: PlannedEnvelope,
  { size, oneAnswer }: { size: number; oneAnswer: boolean },
  by: TargetPlanOptions,
): Promise<TargetPlan> {
  const targets: DeliveryTarget[] = [];
  let blocked: Blocked[] = [];
  const successes: Success[] = [];
  // no DisposableStack: on the way of every message it costs more than all else here
  const room: Release[] = [];
  // a mailbox gets one copy, however many recipients lead to it
  const hasRoom = new Set<Mailbox>();
  const release = () => room.forEach((one) => one());
  try {
    for (const recipient of recipients) {
      const expanded = currentTargets(recipient, by.router);
      const alone = expanded.length === 1;
      for (const target of expanded) {
        if (target.waits) blocked.push({ recipient, target, alone, why: "gone" });
        else if (target.kind === "queue") targets.push(forwarded(target, sender, by));
        else if (by.router.isRole(recipient.address) || hasRoom.has(target.address)) {
          targets.push(target);
          hasRoom.add(target.address);
        } else {
          const taking = takeRoom(target, { sender, size }, by);
          const taken = taking instanceof Promise ? await taking : taking;
          if (taken) {
            targets.push(target);
            room.push(taken);
            hasRoom.add(target.address);
          } else blocked.push({ recipient, target: later(target, by.clock), alone, why: "full" });
        }
      }
      const action = successOf(expanded, recipient);
      if (action) successes.push({ recipient, action });
    }
  } catch (error) {
    release();
    throw error;
  }
  blocked = blocked.filter(({ why, target }) => why !== "full" || !hasRoom.has(target.address));
  const refused = new Map<Mailbox, RecipientRefusal>();
  const others = targets.length > 0;
  for (const { recipient, target, alone, why } of blocked) {
    if (others && (oneAnswer || !alone)) targets.push(target);
    else refused.set(recipient.address, why);
  }
  const isDone = ({ recipient }: Success) => !blocked.some((b) => b.recipient === recipient);
  return { targets, refused, successes: successes.filter(isDone), release };
}

/**
 * What one of our names leads to elsewhere goes on in a name of ours, as a list's copies do in that of its owner, unless
 * its sender is one of us.
 */
function forwarded(
  target: DeliveryTarget,
  sender: Mailbox,
  { router, srs }: TargetPlanOptions,
): DeliveryTarget {
  const { owner, recipient: { address } } = target;
  const isOurs = (mailbox: Mailbox) => router.isLocal(splitMailbox(mailbox).domain);
  if (!srs || owner !== undefined || sender === "" || isOurs(sender) || !isOurs(address)) return target;
  const rewritten = srs.forward(sender);
  return rewritten === undefined ? target : { ...target, owner: rewritten };
}

/** The mailbox is full now: the copy waits for room. */
function later(target: DeliveryTarget, clock: Clock): DeliveryTarget {
  const until = clock.now() + FULL_PAUSE_MS;
  return { ...target, kind: "queue", waits: { reason: "The mailbox is full", until } };
}
