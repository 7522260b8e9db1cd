/** One mail transaction: sender, recipients, and where the content goes (RFC 5321 3.3). */

import type { Envelope, EnvelopeRecipient, Mailbox, SenderParameters } from "../../mail/envelope.ts";
import type { FaultRules } from "../../faults/rules.ts";
import type { ChunkContent } from "./chunk_content.ts";
import type { MessageSink } from "./reception.ts";
import type { Reply } from "../protocol/reply.ts";

/** What is known of a message between MAIL and its end. */
export class Transaction {
  /** The reverse-path. */
  readonly sender: Mailbox;
  /** What MAIL said beside it. */
  parameters: SenderParameters;
  /** The accepted recipients, in the order of RCPT. */
  readonly recipients: EnvelopeRecipient[] = [];
  /** How many recipients were refused. */
  refused = 0;
  /** Octets of content so far, also of those that were not kept. */
  size = 0;
  /** When its content began, on the monotonic clock: all of it must not be a slow drip. */
  contentStartedAt: number | undefined;
  /** The check of a message that comes by BDAT, across its chunks. */
  chunks: ChunkContent | undefined;
  /** Where the content goes while it comes. */
  sink: MessageSink | undefined;
  /** The beginning of the content, where rules of faults ask for its subject. */
  head: Uint8Array[] | undefined;
  /** Why the content is refused, once that is sure. */
  failure: Reply | undefined;

  constructor(sender: Mailbox, parameters: SenderParameters) {
    this.sender = sender;
    this.parameters = parameters;
  }

  /** The envelope so far. */
  get envelope(): Envelope {
    return { sender: this.sender, recipients: this.recipients, ...this.parameters };
  }

  /** The content begins, and goes into that sink. */
  takeIn(sink: MessageSink, faults: FaultRules | undefined): void {
    this.sink = sink;
    if (faults?.wantsSubject) this.head = [];
  }

  /** The sink, which is not this transaction's any more: its user finishes or aborts it. */
  takeSink(): MessageSink | undefined {
    const sink = this.sink;
    this.sink = undefined;
    return sink;
  }
}
