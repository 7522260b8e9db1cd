/** In charge of what an SMTP session asks of the outside: protocol asks here, policy answers (see `intake/`). */

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
  /** VERB was given: deliveries are told as `050` lines. */
  verbose: boolean;
}

/** A yes, or the reply that says no. */
export type Verdict = Reply | undefined;

/** Where the bytes of one message go. */
export interface MessageSink {
  /**
   * Takes a piece of the text, dot-unstuffed and with CRLF line ends. The bytes may be reused by the caller after
   * the call returns (or its promise resolves), so a sink that keeps them copies them. A returned promise is
   * back-pressure: the caller waits before it reads on. The sink remembers its own troubles (size, storage, hops)
   * and tells them in {@linkcode finish}.
   */
  write(piece: Uint8Array): void | Promise<void>;
  /**
   * The text is complete: takes responsibility, or says why not. One reply for SMTP; for LMTP one reply per
   * recipient in their order. `tell` takes the `050` lines of VERB, without code and CRLF.
   */
  finish(tell?: (line: string) => void): Promise<Reply | Reply[]>;
  /** The text will not be completed: everything that was written ahead is dropped. */
  abort(): void | Promise<void>;
}

/** A SASL mechanism's verdict (RFC 4954): the account that is now logged in, or the reply. */
export type Login = { readonly account: Mailbox } | { readonly refused: Reply };

/**
 * A step of a login that takes several messages: the next challenge, or how it ended. Bytes, not base64: the
 * coding belongs to the protocol.
 */
export type LoginStep = { readonly challenge: string | Uint8Array } | Login;

/** A login that takes several messages, such as SCRAM-SHA-256 (RFC 5802, 7677). */
export interface LoginExchange {
  /** Who the client says it is, once it said so; for the logs. */
  readonly user: string;
  /**
   * Takes the client's next message. For SCRAM: client-first, client-final, and the empty message that answers the
   * server's proof (RFC 4954 4), after which the account is told.
   */
  step(message: Uint8Array): Promise<LoginStep>;
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
  /** RCPT: do we take mail for this recipient? `soFar` are the accepted ones. */
  recipient(
    session: SessionFacts,
    recipient: EnvelopeRecipient,
    soFar: readonly EnvelopeRecipient[],
    sender: Mailbox,
  ): Verdict | Promise<Verdict>;
  /** DATA or the first BDAT: where does the text go? A reply refuses it. */
  open(session: SessionFacts, envelope: Envelope): MessageSink | Reply | Promise<MessageSink | Reply>;
  /** VRFY, when allowed: the reply (RFC 5321 3.5). `text` is the argument as given. */
  verify(session: SessionFacts, text: string): Reply | Promise<Reply>;
  /** EXPN, when allowed. */
  expand(session: SessionFacts, text: string): Reply | Promise<Reply>;
  /** AUTH PLAIN and LOGIN: checks a name and a password. */
  authenticate(session: SessionFacts, name: string, password: string): Promise<Login>;
  /**
   * AUTH SCRAM-SHA-256, or SCRAM-SHA-256-PLUS (`bound`, only when `session.tls.endPoint` is there): begins an
   * exchange. Absent: neither is offered.
   */
  scram?(session: SessionFacts, bound: boolean): LoginExchange;
  /** False: EHLO does not list SCRAM for now, since it would fail for somebody; who uses it all the same may. */
  readonly scramReady?: boolean;
}
