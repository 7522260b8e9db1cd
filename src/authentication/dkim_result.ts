/** What a check of a DKIM signature comes to, in the words of RFC 8601 2.7.1. */

import type { Mailbox } from "../mail/envelope.ts";

/**
 * `pass`; `fail`: the signature does not fit the message; `neutral`: it can't be read; `policy`: it is of a kind that
 * nobody should rely on (RFC 8301, `x=`, `l=`); `temperror`: the DNS could not be asked; `permerror`: there is no key
 * for it, or it may not be used so.
 */
export type DkimVerdict = "pass" | "fail" | "neutral" | "policy" | "temperror" | "permerror";

/** What one signature came to. */
export interface DkimResult {
  readonly result: DkimVerdict;
  /** Why, in a few words without quotes, for `reason=` (RFC 8601 2.2); absent for a pass. */
  readonly reason?: string;
  /** `header.d`: the signer's domain, in lower case, with A-labels; absent when it can't be read. */
  readonly domain?: string;
  /** `header.s`: the selector, with A-labels. */
  readonly selector?: string;
  /** `header.i`: on whose behalf; `@` and the domain where the signature doesn't say. */
  readonly identity?: Mailbox;
  /** `header.a`: such as `rsa-sha256`; of a signature that can't be read perhaps another one. */
  readonly algorithm?: string;
  /** `header.b`: how its base64 begins, which tells signatures apart (RFC 6008). */
  readonly start?: string;
  /** How long the key is, in bits; only where one was found. */
  readonly keyBits?: number;
  /** The key's owner tests only (`t=y`): as good as no signature (RFC 6376 3.6.1). */
  readonly testing?: true;
}

/** Why there is no pass. */
export interface Refusal {
  readonly result: Exclude<DkimVerdict, "pass">;
  readonly reason: string;
}

/** Makes a refusal. */
export function refusal(result: Refusal["result"], reason: string): Refusal {
  return { result, reason };
}
