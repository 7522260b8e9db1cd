/** The outcome of a delivery attempt, a closed union for queue, report, log, HTTP and VERB; enhanced status codes (RFC 3463). */

/** An enhanced status code (RFC 3463) without its surrounding text: `class.subject.detail`. */
export type EnhancedStatus = `${2 | 4 | 5}.${number}.${number}`;

/** Where in a conversation something ended. */
export type Stage =
  | "route"
  | "connect"
  | "tls"
  | "greeting"
  | "ehlo"
  | "auth"
  | "mail"
  | "rcpt"
  | "data"
  | "end"
  | "mailbox";

/** What every outcome has. */
export interface OutcomeFacts {
  /** The enhanced status, the peer's own when it gave one. */
  readonly status: EnhancedStatus;
  /** One line for people and logs: the peer's reply text, or our own words. Printable, without CR and LF. */
  readonly text: string;
  /** The reply code of the peer, when there was one. */
  readonly code?: number;
  /** The enhanced status as it stood in the reply, where {@linkcode OutcomeFacts.status} may be one of our own. */
  readonly peerStatus?: EnhancedStatus;
  /** What we have to add, in words: `Delivery time expired`. The text stays the peer's. */
  readonly note?: string;
  /** Where the attempt ended. */
  readonly stage?: Stage;
  /** The host that answered, or that was asked last. */
  readonly host?: string;
  /** Its address: `127.0.2.1` or `2001:db8::1`. */
  readonly address?: string;
  /**
   * Protocol, cipher and how sure it is who was spoken with, when the connection was encrypted:
   * `TLSv1.3 TLS_AES_256_GCM_SHA384 (verified)`; `dane`, `sts`, `verified` or `encrypted`.
   */
  readonly tls?: string;
  /** Why it was spoken with in clear, although it offers encryption: `The TLS handshake failed: …`. */
  readonly inClear?: string;
}

/** The next server (or the mailbox) has the message. */
export interface Delivered extends OutcomeFacts {
  /** The next host, or the mailbox, has it. */
  readonly kind: "delivered";
  /** True when the peer can't pass the sender's wish for a success report on (RFC 3461 5.2.7: we report "relayed"). */
  readonly relayedWithoutDsn?: boolean;
}
/** Not now: try again later. */
export interface Deferred extends OutcomeFacts {
  /** It is to be tried again. */
  readonly kind: "deferred";
}
/** Never: the sender gets a report. */
export interface Failed extends OutcomeFacts {
  /** It will never be delivered. */
  readonly kind: "failed";
}

/** What an attempt came to for one recipient. */
export type Outcome = Delivered | Deferred | Failed;

/** The text as the peer wrote it, its enhanced status in front: `4.2.2 Mailbox full`. */
export function peerText({ peerStatus, text }: OutcomeFacts): string {
  return peerStatus === undefined ? text : `${peerStatus} ${text}`;
}

/** All of it in words, what we have to add in front. */
export function localReason({ note, text }: OutcomeFacts): string {
  return note === undefined ? text : `${note}: ${text}`;
}

const LEADING_STATUS = /^\s*([245]\.\d{1,3}\.\d{1,3})(?=\s|$)/;

/** The enhanced status that a reply's text begins with; undefined when it begins with none. */
export function statusOf(text: string): EnhancedStatus | undefined {
  return LEADING_STATUS.exec(text)?.[1] as EnhancedStatus | undefined;
}

/** The status to take for a reply code that came without one; what is neither 2xx nor 5xx may be tried again. */
export function statusFor(code: number): EnhancedStatus {
  const first = Math.floor(code / 100);
  return first === 2 ? "2.0.0" : first === 5 ? "5.0.0" : "4.0.0";
}
