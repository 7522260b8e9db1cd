/** Messages that the queue takes, and what a write of one holds. */

import type { EnvelopeRecipient, Mailbox, SenderParameters } from "../mail/envelope.ts";
import type { BodyDraft } from "../storage/bodies/bodies.ts";
import type { Write } from "../storage/write.ts";
import type { QueueRecord, Source } from "./record.ts";

/** Where a copy of the message goes. */
export interface Destination {
  /** At once into a mailbox here, or over the queue. */
  readonly kind: "mailbox" | "queue";
  /** The account's address, or the remote one. */
  readonly address: Mailbox;
  /** The recipient that the sender named, with what holds for this copy of the sender's wishes. */
  readonly recipient: EnvelopeRecipient;
  /** The alias or list it came through. */
  readonly via?: Mailbox;
  /** The list's owner: the envelope sender of this copy. */
  readonly owner?: Mailbox;
  /** Of the queue only: a mailbox here that can't take it yet. Until then the copy waits, for that reason. */
  readonly waits?: { readonly reason: string; readonly until: number };
}

/** A message that is about to be accepted. */
export interface NewMessage {
  /** Its name in the queue and the logs. */
  readonly id: string;
  /** The reverse-path. */
  readonly sender: Mailbox;
  /** What MAIL said beside it. */
  readonly parameters: SenderParameters;
  /** The text. */
  readonly body: BodyDraft;
  /** Milliseconds since 1970. */
  readonly receivedAt: number;
  /** Who made it. */
  readonly source: Source;
  /** Who was logged in. */
  readonly authenticatedAs?: Mailbox;
  /** One at least. */
  readonly destinations: readonly Destination[];
}

/** What {@linkcode enlist} made. */
export interface EnqueuePlan {
  /** Message, recipients and due times: all of it, or nothing. */
  readonly write: Write;
  /** The queue records. */
  readonly records: readonly QueueRecord[];
  /** The mailboxes that have it when the write is durable. */
  readonly mailboxes: readonly Mailbox[];
}
