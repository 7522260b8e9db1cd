/** The questions of an SMTP session to the outside: protocol asks here, policy answers (see `intake/`). */

import type { Sasl } from "../../auth/sasl.ts";
import type { Envelope, EnvelopeRecipient, Mailbox, SenderParameters } from "../../mail/envelope.ts";
import type { TlsFacts } from "../../wire/byte_conn.ts";
import type { Reply } from "../protocol/reply.ts";

/** Which kind of listener a session came through. */
export type Service = "smtp" | "submission" | "submissions" | "lmtp";

/** What is known of a connection; the session keeps it up to date. */
export interface SessionFacts {
  /** A name for the logs, unique in this process. */
  readonly id: string;
  /** The listener. */
  readonly service: Service;
  /** The client's address and port. */
  readonly remote: { readonly hostname: string; readonly port: number };
  /** Our address and port. */
  readonly local: { readonly hostname: string; readonly port: number };
  /** What the client called itself in HELO, EHLO or LHLO; empty before. */
  helo: string;
  /** True after EHLO (or LHLO): ESMTP. */
  extended: boolean;
  /** Set when encrypted. */
  tls: TlsFacts | undefined;
  /** The account that is logged in. */
  account: Mailbox | undefined;
  /** When that account was made, in milliseconds since 1970: another one of its address was made at another time. */
  accountMadeAt?: number;
  /** VERB was given: deliveries are told as `050` lines. */
  verbose: boolean;
}

/** A yes, or the reply that says no. */
export type Verdict = Reply | undefined;

/** Where the bytes of one message go. */
export interface MessageSink {
  /**
   * Takes a piece of the content, dot-unstuffed and with CRLF line ends. The bytes may be reused by the caller after
   * the call returns (or its promise resolves), so a sink that keeps them copies them. A returned promise is
   * back-pressure: the caller waits before it reads on. The sink remembers its own errors (size, storage, hops)
   * and tells them in {@linkcode finish}.
   */
  write(piece: Uint8Array): void | Promise<void>;
  /**
   * The content is complete: takes responsibility, or says why not. One reply for SMTP; for LMTP one reply per
   * recipient in their order. `onProgress` takes the `050` lines of VERB, without code and CRLF. Once `ending` is aborted
   * nobody else is waited for: the server stops.
   */
  finish(onProgress?: (line: string) => void, ending?: AbortSignal): Promise<Reply | Reply[]>;
  /** The reply of {@linkcode finish} is on its way to the client: what may follow it is done now. */
  answered?(): void;
  /** The content will not be completed: everything that was written ahead is dropped. */
  abort(): void | Promise<void>;
}

/** What a session asks of the outside. Answers may come at once or later; at once is quicker. */
export interface Reception {
  /**
   * Is this one of our own clients (submission, trusted networks)? Programs, RAID controllers and phones have habits
   * that are forgiven them: addresses without angle brackets, any name in EHLO, UTF-8 in an address without SMTPUTF8,
   * bare line ends.
   */
  trusts(session: SessionFacts): boolean;
  /** May this client use VRFY, EXPN, VERB? Also decides what EHLO lists. */
  may(verb: "VRFY" | "EXPN" | "VERB", session: SessionFacts): boolean;
  /** MAIL: is this sender welcome? */
  sender(session: SessionFacts, sender: Mailbox, parameters: SenderParameters): Verdict | Promise<Verdict>;
  /**
   * RCPT: do we take mail for this recipient? Answers it as it is kept for {@linkcode open}, with what was found out
   * about it, or the reply that says no. `soFar` are the accepted ones, each as it was answered.
   */
  recipient(
    session: SessionFacts,
    recipient: EnvelopeRecipient,
    soFar: readonly EnvelopeRecipient[],
    sender: Mailbox,
  ): EnvelopeRecipient | Reply | Promise<EnvelopeRecipient | Reply>;
  /** DATA or the first BDAT: where does the content go? A reply refuses it. */
  open(session: SessionFacts, envelope: Envelope): MessageSink | Reply | Promise<MessageSink | Reply>;
  /** VRFY, when allowed: the reply (RFC 5321 3.5). `text` is the argument as given. */
  verify(session: SessionFacts, text: string): Reply | Promise<Reply>;
  /** EXPN, when allowed. */
  expand(session: SessionFacts, text: string): Reply | Promise<Reply>;
  /** The logins of AUTH; absent: it is not offered. */
  readonly sasl?: Sasl;
}
