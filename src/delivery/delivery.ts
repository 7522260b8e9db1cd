/** The shape of a delivery: a job for one domain in, one outcome per recipient out. */

import type { EnvelopeRecipient, Mailbox, SenderParameters } from "../mail/envelope.ts";
import type { Outcome } from "../mail/outcome.ts";
import type { Transcript } from "../observe/transcripts.ts";

/** One message for one domain. */
export interface DeliveryJob {
  /** The message's id, for logs. */
  readonly id: string;
  /** The reverse-path; empty for reports. */
  readonly sender: Mailbox;
  /** Who is to be served, all of {@linkcode domain}. */
  readonly recipients: readonly EnvelopeRecipient[];
  /** The next hop's domain, or a literal such as `[192.0.2.1]`. */
  readonly domain: string;
  /** How many bytes {@linkcode text} gives, exactly. */
  readonly size: number;
  /** What MAIL said. */
  readonly parameters: SenderParameters;
  /** The text, CRLF line ends, not dot-stuffed; called once per transaction. */
  readonly text: () => AsyncIterable<Uint8Array> | Iterable<Uint8Array>;
  /** The same without our signature, for a peer that can't take it as it was signed. */
  readonly unsigned?: Pick<DeliveryJob, "size" | "text"> | undefined;
  /** False when the lease was lost: nothing more is sent then. */
  stillOurs(): boolean;
  /**
   * The end of the text is about to go out: another job for the same destination may be begun now, which goes over the
   * same connection without waiting for the answer. Answers whether one was.
   */
  next?(): boolean;
  /** Hears what happens. */
  readonly transcript?: Transcript;
  /** Its octets stay as they are: nothing is converted for a peer that can't take them. */
  readonly asIs?: boolean;
  /** What is remembered of dead hosts doesn't count: the attempt was asked for. */
  readonly ignoreHostCache?: boolean;
}

/** What a job came to for one recipient. */
export interface Attempt {
  /** Whom it was for. */
  readonly recipient: Mailbox;
  /** What came of it. */
  readonly outcome: Outcome;
  /** Milliseconds, without the time it waited for its turn. */
  readonly durationMs: number;
  /**
   * The protocol lines, `> ` ours and `< ` the peer's, and `* ` for each host that was tried, when not all recipients
   * were served; the same for all.
   */
  readonly dialogue?: readonly string[];
}

/** What delivers. */
export interface DeliveryAgent {
  /** Attempts a delivery: one answer per recipient, in their order. Never throws. */
  deliver(job: DeliveryJob): Promise<Attempt[]>;
  /** Takes no more jobs and ends what is idle. Jobs under way go on. */
  close(): Promise<void>;
  /** Ends every job under way at once, each with a deferral: for a shutdown that can't wait any longer. */
  abort?(): void;
}
