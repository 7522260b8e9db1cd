/** What a report is made of (RFC 3464). */

import type { Mailbox } from "../mail/envelope.ts";
import type { EnhancedStatus } from "../mail/outcome.ts";

/** What became of a message for one recipient (RFC 3464 2.3.3). */
export type Action = "failed" | "delayed" | "delivered" | "relayed" | "expanded";

/** What matters most first. */
export const ORDER: readonly Action[] = ["failed", "delayed", "delivered", "relayed", "expanded"];

/** What a report says of one recipient. */
export interface ReportRecipient {
  /** The address that was tried. */
  readonly address: Mailbox;
  /** The original recipient as RCPT gave it: `rfc822;xtext` or `utf-8;…`. */
  readonly orcpt?: string;
  /** What became of the message. */
  readonly action: Action;
  /** Why, as a code. */
  readonly status: EnhancedStatus;
  /** Why, in words: the peer's reply text, or our own. Anything; it is cleaned. */
  readonly text: string;
  /** What we have to add, in words: that the time is over. */
  readonly note?: string;
  /** The peer's reply code; absent when the text is our own. */
  readonly code?: number;
  /** The host that answered, or that was asked last. */
  readonly remoteMta?: string;
  /** When it was tried last: milliseconds since 1970. */
  readonly lastAttempt: number;
  /** Until when it will be tried: milliseconds since 1970; for `delayed` only. */
  readonly willRetryUntil?: number;
}

/** All that a report is made of. Two equal requests give two equal reports. */
export interface ReportRequest {
  /** What the report is about, for its subject; each recipient's own action is said beside it. */
  readonly kind: Action;
  /** Our name. */
  readonly reportingMta: string;
  /** Who gets the report: the reverse-path of the message. */
  readonly to: Mailbox;
  /** When the message came: milliseconds since 1970. */
  readonly arrival: number;
  /** The date of the report: milliseconds since 1970. */
  readonly now: number;
  /** The sender's name for the transaction, in xtext as MAIL gave it. */
  readonly envid?: string;
  /** Who it is about; one at least. */
  readonly recipients: readonly ReportRecipient[];
  /** The message that the report is about. */
  readonly original: {
    /** Its head, with or without the blank line. */
    readonly head: Uint8Array;
    /** All of it, when RET=FULL was given; used only when a recipient failed (RFC 3461 4.3). */
    readonly full?: Uint8Array;
  };
  /** The report's own id, for its Message-ID. */
  readonly id: string;
  /** The sender can take SMTPUTF8 messages (RFC 6533), since that is what was sent. */
  readonly utf8?: boolean;
}
