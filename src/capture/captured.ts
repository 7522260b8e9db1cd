/** A captured message: one SMTP transaction, whatever the number of mailboxes that show it. */

import type { Mailbox } from "../mail/envelope.ts";

/** One captured message. The same object stands for it as long as it is there. */
export interface Captured {
  /** Its id, which is its uid in every mailbox too. */
  readonly id: string;
  /** When it came: milliseconds since 1970. */
  readonly receivedAt: number;
  /** The reverse-path; empty for reports. */
  readonly sender: Mailbox;
  /** The recipients of the envelope, as they were named, each mailbox once; those in no header field are hidden ones. */
  readonly recipients: readonly Mailbox[];
  /** Octets of its content: our Received field, and what was sent. */
  readonly size: number;
  /** Somebody looked at it. */
  readonly seen: boolean;
  /** Its tags, in the order they were given. */
  readonly tags: readonly string[];
  /** Whose name its client logged in with; absent: nobody's. */
  readonly username?: string | undefined;
}

/** Why messages were removed: somebody asked for it, or for all to go; they were too many, too large together or too old. */
export type RemovedBecause = "asked" | "all" | "limit";

/** A change of what is captured. */
export type CaptureChange =
  | { readonly kind: "captured"; readonly message: Captured }
  /** Whether it was looked at, its tags, or the mailboxes that show it. */
  | {
    readonly kind: "changed";
    readonly what: "seen" | "tags" | "boxes" | "recipients";
    readonly message: Captured;
  }
  | { readonly kind: "removed"; readonly messages: readonly Captured[]; readonly why: RemovedBecause };

/** A message that is about to be captured. */
export interface NewCaptured {
  /** Its id. */
  readonly id: string;
  /** When it came: milliseconds since 1970. */
  readonly receivedAt: number;
  /** The reverse-path; empty for reports. */
  readonly sender: Mailbox;
  /** As they were named. */
  readonly recipients: readonly Mailbox[];
  /** Its tags. Default: none. */
  readonly tags?: readonly string[];
  /** Whose name its client logged in with. */
  readonly username?: string | undefined;
}
