/** In charge of how much one message may become: what its recipients stand for has to fit one commit. */

import type { EnvelopeRecipient } from "../mail/envelope.ts";
import type { Resolution } from "./router.ts";

/** Bytes of all copies of one message: KV takes 800 KiB in a commit, and the text has a share in that. */
const MAX_BYTES = 320 * 1024;

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

function cost(recipient: EnvelopeRecipient, found: Resolution): number {
  const own = 100 + (recipient.orcpt?.length ?? 0);
  if (found.kind !== "local") return own + 2 * recipient.address.length;
  let bytes = 0;
  for (const { address, via, owner } of found.leaves) {
    bytes += own + 2 * (address.length + (via?.length ?? 0) + (owner?.length ?? 0));
  }
  return bytes;
}
