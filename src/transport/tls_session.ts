/** What TLS came to on a connection to another server, and under which policy: what reports count (RFC 8460 4.3). */

import type { StsFailure } from "./sts_fetch.ts";

/** Why a session is not as a policy wants it (RFC 8460 4.3). */
export type TlsFailure =
  | "starttls-not-supported"
  | "certificate-host-mismatch"
  | "certificate-expired"
  | "certificate-not-trusted"
  | "validation-failure"
  | "dnssec-invalid"
  | StsFailure;

/** What TLS came to; nothing of it says who was spoken with. */
export interface TlsVerdict {
  /** Why there is no TLS, or none that is as it was demanded. */
  readonly failure?: TlsFailure;
  /** Why the certificate is not trusted, as a code of the TLS library; it need not have been demanded. */
  readonly untrusted?: string;
  /** What was wrong, in words. */
  readonly reason?: string;
  /** Our own address. */
  readonly local?: string;
}

/** A policy as reports name it (RFC 8460 4.4). */
export interface PolicySeen {
  readonly type: "sts" | "tlsa" | "no-policy-found";
  /** Whose it is. */
  readonly domain: string;
  /** Its lines, or records. */
  readonly text: readonly string[];
  /** The hosts that an MTA-STS policy names. */
  readonly mx: readonly string[];
}

/** One session, or what kept one from being begun. */
export interface TlsSession {
  readonly policy: PolicySeen;
  readonly verdict: TlsVerdict;
  readonly host?: string;
  readonly address?: string;
}

/** What a session counts as: undefined for a success. */
export function failureOf({ policy, verdict }: TlsSession): TlsFailure | undefined {
  const { failure, untrusted } = verdict;
  if (failure !== undefined || policy.type !== "sts" || untrusted === undefined) return failure;
  return certificateFailure(untrusted);
}

/** The name that reports have for what is wrong with a certificate. */
export function certificateFailure(code: string): TlsFailure {
  if (/ALTNAME/.test(code)) return "certificate-host-mismatch";
  return /EXPIRED/.test(code) ? "certificate-expired" : "certificate-not-trusted";
}
