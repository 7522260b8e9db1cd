/** Messages that the queue takes, and what a write of one holds. */

import type { Mailbox, SenderParameters } from "../mail/envelope.ts";
import type { DeliveryTarget } from "../recipients/expand.ts";
import type { BodyDraft } from "../storage/bodies/bodies.ts";
import type { Write } from "../storage/write.ts";
import type { QueueRecord, Source } from "./record.ts";

/** A message that is about to be accepted. */
export interface NewMessage {
  /** Its name in the queue and the logs. */
  readonly id: string;
  /** The reverse-path. */
  readonly sender: Mailbox;
  /** What MAIL said beside it. */
  readonly parameters: SenderParameters;
  /** The content. */
  readonly body: BodyDraft;
  /** Milliseconds since 1970. */
  readonly receivedAt: number;
  /** Who made it. */
  readonly source: Source;
  /** As people read it, cut; absent when it has none, or nobody asks for it. */
  readonly subject?: string | undefined;
  /** Who was logged in. */
  readonly authenticatedAs?: Mailbox | undefined;
  /** The domain in whose name it is signed on its way out; absent: it is nobody's of ours. */
  readonly signFor?: string | undefined;
  /** One at least. */
  readonly targets: readonly DeliveryTarget[];
}

/** What becomes of a message when it is written. */
export interface EnqueuePlan {
  /** Message, recipients and due times: all of it, or nothing. */
  readonly write: Write;
  /** The queue records. */
  readonly records: readonly QueueRecord[];
  /** The mailboxes that have it when the write is durable. */
  readonly mailboxes: readonly Mailbox[];
}
