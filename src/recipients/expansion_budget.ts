/** The limit on what one message may become: what its recipients stand for has to fit one commit. */

import type { EnvelopeRecipient } from "../mail/envelope.ts";
import type { Resolution } from "./router.ts";

/**
 * Bytes of all copies of one message: KV takes 800 KiB in a commit, and the text and reports have a share in that. A
 * thousand of the longest addresses are less.
 */
const MAX_BYTES = 600_000;
/** Copies in the name of a list's owner have records of their own. */
const OWNER_BYTES = 1_300;

/** Adds up what the recipients of each transaction come to. */
export class ExpansionBudget {
  /** By the list of recipients that the transaction keeps. */
  readonly #used = new WeakMap<readonly EnvelopeRecipient[], number>();

  /** Is there room for one more? Then it is counted. */
  takes(recipient: EnvelopeRecipient, found: Resolution, soFar: readonly EnvelopeRecipient[]): boolean {
    const bytes = cost(recipient, found);
    const used = this.#used.get(soFar);
    // A recipient that was refused for another reason counts too: that harms nobody.
    const before = soFar.length === 0 ? 0 : used ?? 0;
    if (soFar.length > 0 && before + bytes > MAX_BYTES) return false;
    this.#used.set(soFar, before + bytes);
    return true;
  }
}

/** As `limits.ts` counts: texts with two bytes a character. */
function cost({ address, orcpt, notify }: EnvelopeRecipient, found: Resolution): number {
  const own = 90 + (orcpt === undefined ? 0 : 30 + 2 * orcpt.length) + (notify === undefined ? 0 : 90);
  if (found.kind !== "local") return own + 2 * address.length;
  let bytes = 0;
  let before: string | undefined;
  for (const { address, via, owner } of found.recipients) {
    bytes += own + 2 * address.length + (via === undefined ? 0 : 30 + 2 * via.length);
    if (owner !== undefined && owner !== before) bytes += OWNER_BYTES + 2 * owner.length;
    before = owner;
  }
  return bytes;
}
