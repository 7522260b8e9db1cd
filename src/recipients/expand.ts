/** The expansion of a recipient: from the answer of the router to the delivery targets of its copies. */

import { needsUtf8 } from "../mail/address.ts";
import type { EnvelopeRecipient, Mailbox, Notify } from "../mail/envelope.ts";
import { encodeUtf8Address, encodeXtext } from "../mail/xtext.ts";
import type { ExpandedRecipient, Resolution } from "./router.ts";

/** Where a copy of a message goes. */
export interface DeliveryTarget {
  /** At once into a mailbox here, or over the queue. */
  readonly kind: "mailbox" | "queue";
  /** The account's address, or the remote one. */
  readonly address: Mailbox;
  /** The recipient that the sender named, with those of its DSN parameters that hold for this copy. */
  readonly recipient: EnvelopeRecipient;
  /** The alias or list it came through. */
  readonly via?: Mailbox;
  /** The list's owner: the envelope sender of this copy. */
  readonly owner?: Mailbox;
  /** Of the queue only: a mailbox here that can't take it now, and why. Without a time the copy is due at once. */
  readonly waits?: { readonly reason: string; readonly until?: number };
}

/** Success that a sender asked to hear of, and hears of as soon as the copies are durable. */
export interface Success {
  /** The recipient as the sender named it. */
  readonly recipient: EnvelopeRecipient;
  /** In a mailbox, or handed to a list; or its alias has become several (RFC 3461 5.2.7). */
  readonly action: "delivered" | "expanded";
}

/** A longer one is refused by other servers (RFC 3461 4.2), and with it the recipient. */
const MAX_ORCPT = 500;
/** Due at once, to fail with a report: what is wrong with a name of ours is told like anything else. */
const NO_MAILBOX = { reason: "There is no such mailbox here" } as const;

/**
 * The targets of a recipient; one at least. Each has what holds for it of the sender's DSN parameters (RFC 3461
 * 5.2.7): a member of a list has none, since the list's owner is the sender from there on; the target of an alias has
 * all, and the name the sender used. Of an alias with several targets the sender hears that it was expanded, so that
 * success is not told once more for each.
 */
export function expand(found: Resolution, recipient: EnvelopeRecipient): readonly DeliveryTarget[] {
  const { address } = recipient;
  if (found.kind === "remote") return [{ kind: "queue", address, recipient }];
  if (found.kind !== "local") return [{ kind: "queue", address, recipient, waits: NO_MAILBOX }];
  const several = found.recipients.length > 1;
  return found.recipients.map((to) => targetOf(to, recipient, several));
}

function targetOf(
  { kind, address, via, owner }: ExpandedRecipient,
  recipient: EnvelopeRecipient,
  several: boolean,
): DeliveryTarget {
  return {
    kind: kind === "mailbox" ? "mailbox" : "queue",
    address,
    recipient: owner === undefined ? inherited(recipient, { via, several }) : { address: recipient.address },
    ...(via === undefined ? {} : { via }),
    ...(owner === undefined ? {} : { owner }),
    ...(kind === "nobody" ? { waits: NO_MAILBOX } : {}),
  };
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

/** What a sender who asked for it is told of these targets as soon as they are durable; undefined: nothing yet. */
export function successOf(
  targets: readonly DeliveryTarget[],
  { notify }: EnvelopeRecipient,
): Success["action"] | undefined {
  if (notify === undefined || notify === "never" || !notify.includes("success")) return undefined;
  // Handing a message to a list is its delivery (RFC 3461 5.2.7.2).
  if (targets[0]?.owner !== undefined) return "delivered";
  if (targets.length > 1) return "expanded";
  return targets[0]?.kind === "mailbox" ? "delivered" : undefined;
}
