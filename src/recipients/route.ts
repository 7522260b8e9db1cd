/** The route of a recipient: its delivery targets, found at RCPT, and kept as long as no name changes. */

import type { EnvelopeRecipient } from "../mail/envelope.ts";
import { type DeliveryTarget, expand } from "./expand.ts";
import type { Resolution, Router } from "./router.ts";

/** Where the copies for a recipient go. */
export interface Route {
  readonly targets: readonly DeliveryTarget[];
  /** Of the names, when the route was found: it holds as long as they stay as they are. */
  readonly revision: unknown;
  /** About what the targets take in a commit, with those of all recipients before. */
  readonly bytes: number;
}

/** A recipient that may have its route already. */
export interface RoutedRecipient extends EnvelopeRecipient {
  readonly route?: Route;
}

/**
 * Bytes of all copies of one message: KV takes 800 KiB in a commit, and the content and reports have a share in that. A
 * thousand of the longest addresses are less.
 */
const MAX_BYTES = 600_000;
/** Copies in the name of a list's owner have records of their own. */
const OWNER_BYTES = 1_300;

/**
 * The recipient with its route; undefined when it stands for so many that they don't fit one commit together with those
 * `before` it. A single one always does.
 */
export function routed(
  recipient: EnvelopeRecipient,
  found: Resolution,
  { before, router }: { before: readonly RoutedRecipient[]; router: Router },
): RoutedRecipient | undefined {
  const targets = expand(found, recipient);
  const bytes = (before.at(-1)?.route?.bytes ?? 0) + costOf(targets);
  if (before.length > 0 && bytes > MAX_BYTES) return undefined;
  return { ...recipient, route: { targets, revision: router.revision, bytes } };
}

/**
 * The targets of a recipient as the names are now: those of its route, unless a name was made, changed or taken away
 * since it was found. So a message goes where its recipients lead at the instant it is accepted, not minutes before.
 */
export function currentTargets(recipient: RoutedRecipient, router: Router): readonly DeliveryTarget[] {
  const known = recipient.route;
  if (known !== undefined && known.revision === router.revision) return known.targets;
  const { route: _, ...named } = recipient;
  return expand(router.resolve(named.address), named);
}

/** As `storage/limits.ts` counts: texts with two bytes a character. */
function costOf(targets: readonly DeliveryTarget[]): number {
  let bytes = 0;
  let before: string | undefined;
  for (const { address, via, owner, recipient: { orcpt, notify } } of targets) {
    bytes += 90 + 2 * address.length + (via === undefined ? 0 : 30 + 2 * via.length) +
      (orcpt === undefined ? 0 : 30 + 2 * orcpt.length) + (notify === undefined ? 0 : 90);
    if (owner !== undefined && owner !== before) bytes += OWNER_BYTES + 2 * owner.length;
    before = owner;
  }
  return bytes;
}
