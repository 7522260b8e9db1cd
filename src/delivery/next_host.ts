/** The meaning of an outcome for going on: to another host, or over the same connection again. Pure. */

import type { Deferred, Failed, Outcome } from "../mail/outcome.ts";

/**
 * Does this outcome speak of the host, so that the next one may be asked (RFC 5321 5.1, 3.1, 3.8)? It does when no
 * connection came about, when it was lost or closed with 421 before the end of the text, and after a refusal before
 * RCPT that isn't final for the message. It doesn't once the content was ended: the peer may have the message.
 */
export function shouldTryNextHost(outcome: Outcome): outcome is Deferred | Failed {
  const { kind, stage, code } = outcome;
  if (kind === "failed") return stage === "greeting" || stage === "ehlo" || stage === "tls";
  if (kind === "delivered" || stage === undefined) return false;
  switch (stage) {
    case "connect":
    case "tls":
    case "greeting":
    case "ehlo":
      return true;
    case "auth":
      return code === undefined || code === 421;
    case "mail":
      // 4.3.0 without a code is an error of our own, such as content that can't be read
      return code !== undefined || outcome.status !== "4.3.0";
    case "rcpt":
    case "data":
      return code === undefined || code === 421;
    default:
      return false;
  }
}

/** Did the peer take some recipients and no more for now (RFC 5321 4.5.3.1.10)? The rest may follow at once. */
export function isTooMany(outcome: Outcome): boolean {
  const { kind, stage, status, code } = outcome;
  if (kind !== "deferred") return false;
  if (stage === "rcpt") return status === "4.5.3" || (code === 452 && status === "4.0.0");
  return status === "4.5.3" && (stage === "data" || stage === "end");
}

/**
 * Of two refusals by hosts of one domain the one that counts: a host that may still take the message outweighs one
 * that never will, and what a peer said outweighs our own words.
 */
export function preferOutcome<T extends Deferred | Failed>(before: T | undefined, now: T): T {
  if (before === undefined) return now;
  if (before.kind !== now.kind) return before.kind === "deferred" ? before : now;
  return before.code !== undefined && now.code === undefined ? before : now;
}
