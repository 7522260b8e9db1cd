/** The options of the SMTP client: where to connect, how to speak, what to send. */

import type { Clock } from "../../base/clock.ts";
import type { Random } from "../../base/random.ts";
import type { EnvelopeRecipient, Mailbox, SenderParameters } from "../../mail/envelope.ts";
import type { FaultRules } from "../../faults/rules.ts";
import type { TlsDemand } from "../../transport/demand.ts";
import type { ByteConn } from "../../wire/byte_conn.ts";
import type { PeerExtensions } from "./extensions.ts";

/** A message on its way out. */
export interface OutgoingMessage {
  /** The reverse-path; empty for reports. */
  readonly sender: Mailbox;
  /** Who it goes to, in one transaction. */
  readonly recipients: readonly EnvelopeRecipient[];
  /** How many bytes {@linkcode text} gives, exactly: a message of another length is not ended. */
  readonly size: number;
  /** What MAIL said to us. */
  readonly parameters: SenderParameters;
  /** The content goes as it is, also to a peer that doesn't say that it can take it. */
  readonly asIs?: boolean;
  /** The content, CRLF line ends, not dot-stuffed. Called again when it is needed again. */
  readonly text: () => AsyncIterable<Uint8Array> | Iterable<Uint8Array>;
  /** The same without our signature, for a peer that can't take it as it was signed. */
  readonly unsigned?: Pick<OutgoingMessage, "size" | "text"> | undefined;
  /**
   * Asked just before the end of the content is sent: false drops the connection without ending it, because
   * somebody else has the message by now (the lease was lost).
   */
  readonly mayEnd?: () => boolean | Promise<boolean>;
}

/**
 * When a connection is encrypted. `never`: stays in clear. `opportunistic`: STARTTLS when it is offered, any
 * certificate, and in clear when TLS breaks before MAIL. `require`: STARTTLS with a trusted certificate or nothing.
 * `implicit`: TLS from the first byte (RFC 8314) with a trusted certificate or nothing.
 */
export type ClientTlsPolicy = "never" | "opportunistic" | "require" | "implicit";

/** How long is waited for each step, in milliseconds (RFC 5321 4.5.3.2). */
export interface ClientTimeouts {
  /** TCP: 30 s. */
  readonly connect: number;
  /** The TLS handshake: 1 min. */
  readonly tls: number;
  /** The first 220: 5 min. */
  readonly greeting: number;
  /** EHLO, HELO, LHLO, STARTTLS, AUTH, RSET: 5 min. */
  readonly hello: number;
  /** MAIL: 5 min. */
  readonly mail: number;
  /** RCPT: 5 min. */
  readonly rcpt: number;
  /** DATA's 354: 2 min. */
  readonly data: number;
  /** Each block of content: 3 min. */
  readonly block: number;
  /** The answer to the end of the content: 10 min. */
  readonly end: number;
  /** QUIT's 221: 5 s; nothing depends on it. */
  readonly quit: number;
}

/** The times of RFC 5321 4.5.3.2. */
export const DEFAULT_TIMEOUTS: ClientTimeouts = {
  connect: 30_000,
  tls: 60_000,
  greeting: 300_000,
  hello: 300_000,
  mail: 300_000,
  rcpt: 300_000,
  data: 120_000,
  block: 180_000,
  end: 600_000,
  quit: 5_000,
};

/** Opens a TCP connection; rejects when that fails or the signal is aborted. */
export type Dial = (address: string, port: number, signal: AbortSignal) => Promise<ByteConn>;

/** How a client speaks. */
export interface ClientOptions {
  /** Our name in EHLO. */
  readonly hostname: string;
  /** Measures the time-outs. */
  readonly clock: Clock;
  /** When to encrypt. */
  readonly tls: ClientTlsPolicy;
  /** What the host's domain demands: TLS is then required, whatever {@linkcode ClientOptions.tls} says. */
  readonly demand?: TlsDemand | undefined;
  /** Whether the certificate is trusted matters for a report, though it is not demanded. */
  readonly judged?: boolean;
  /** Other times than the default ones. */
  readonly timeouts?: Partial<ClientTimeouts>;
  /** Told each line as `> MAIL …` or `< 250 …`; never the content of a message, never a password. */
  readonly trace?: (line: string) => void;
  /**
   * Why a connection stays in clear where TLS is `opportunistic`: it broke on the one before. Told in each outcome.
   */
  readonly inClear?: string;
  /**
   * Logs in (RFC 4954). Only within TLS whose certificate is trusted, unless the server is on loopback or `tls` is
   * `never`.
   */
  readonly auth?: { readonly user: string; readonly password: string };
  /** For the nonce of SCRAM; default: the system's. */
  readonly random?: Random;
  /** Speaks LMTP (RFC 2033): LHLO, and one reply per recipient after the content. */
  readonly lmtp?: boolean;
  /** Whether BDAT is used with peers that offer CHUNKING; default true. */
  readonly chunking?: boolean;
  /** Certificates to trust instead of the built-in ones, PEM. */
  readonly ca?: readonly string[];
  /** Ends the attempt to connect. */
  readonly signal?: AbortSignal;
  /** How to connect; default: `Deno.connect`. */
  readonly dial?: Dial;
  /** Rules that stand for the server's answers; absent: none. */
  readonly faults?: FaultRules;
}

/** Where to connect. */
export interface ClientTarget {
  /** The host's name: for TLS, logs and outcomes. */
  readonly host: string;
  /** The address to connect to. */
  readonly address: string;
  /** The port. */
  readonly port: number;
}

/** What a transaction is told beside its message. */
export interface ClientTransactionOptions {
  readonly peer: PeerExtensions;
  readonly lmtp: boolean;
  readonly chunking: boolean;
  /** The transaction before this one did not end with 2xx: RSET comes first. */
  readonly reset: boolean;
  /** The commands go out behind the end of another transaction's content: resolves when that is over, true when it was taken. */
  readonly behind?: Promise<boolean> | undefined;
  /** Told each line. */
  readonly trace?: ((line: string) => void) | undefined;
  /** Asked when the end of the content was put, for all recipients at once; true: the next transaction may come behind it. */
  readonly ended?: (() => boolean) | undefined;
}
