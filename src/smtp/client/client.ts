/** SMTP and LMTP as a client: a connection to one server over which messages are sent. */

import type { Deferred, Failed, Outcome } from "../../mail/outcome.ts";
import type { ClientChannel } from "./channel.ts";
import type { PeerExtensions } from "./extensions.ts";
import { openConversation, type Opened } from "./hello.ts";
import type { ClientOptions, ClientTarget, OutgoingMessage } from "./options.ts";
import type { PeerFacts } from "./outcome.ts";
import { ClientTransaction } from "./client_transaction.ts";
import type { TlsVerdict } from "../../transport/tls_session.ts";

export type {
  ClientOptions,
  ClientTarget,
  ClientTimeouts,
  ClientTlsPolicy,
  Dial,
  OutgoingMessage,
} from "./options.ts";

/**
 * A client that is ready to send, or why there is none. The outcome's `stage` tells who refused: a 5xx at `greeting`
 * or `ehlo` speaks of the host, not of the message, and another host may be asked. `silent`: it was waited in vain for
 * a connection or a greeting, and the next one would wait as long. `tlsFailure`: why TLS was given up for a connection in
 * clear. `tls`: what TLS came to, for reports; absent where it did not come to that.
 */
export type ConnectResult =
  | {
    readonly ok: true;
    readonly client: SmtpClient;
    readonly tlsFailure?: string;
    readonly tls?: TlsVerdict | undefined;
  }
  | {
    readonly ok: false;
    readonly outcome: Deferred | Failed;
    readonly silent: boolean;
    readonly tls?: TlsVerdict | undefined;
  };

/** What a transaction came to. */
export interface Transacted {
  /** One per recipient, in their order. */
  readonly outcomes: readonly Outcome[];
  /** See {@linkcode SmtpClient.staleBeforeMail}. */
  readonly stale: boolean;
  /** See {@linkcode SmtpClient.fewer}. */
  readonly fewer: number | undefined;
  /** See {@linkcode SmtpClient.tlsError}. */
  readonly tlsError: string | undefined;
}

/** How to make a transaction. */
export interface TransactOptions {
  /** Told each line. */
  readonly trace?: (line: string) => void;
  /**
   * Called when the end of the content goes out for all recipients, and another message may be sent behind it at once, before
   * its answer is there: the peer pipelines, and took the last one promptly. Answers whether one is about to come.
   */
  readonly ended?: () => boolean;
}

/** Nobody waits behind a message of a peer that took the last one no sooner: milliseconds. */
const PROMPT_MS = 500;

/** A conversation with one server, for one message after the other. */
export class SmtpClient {
  /** What the server offers. */
  readonly extensions: PeerExtensions;
  readonly #channel: ClientChannel;
  readonly #options: ClientOptions;
  #sent = 0;
  /** The transaction that was begun last, until it is over. */
  #current: ClientTransaction | undefined;
  /** The same, when another one may be begun behind the end of its content. */
  #ending: ClientTransaction | undefined;
  #reset = false;
  /** The last message was taken promptly. */
  #prompt = false;
  #last: Transacted | undefined;

  private constructor(opened: Opened, options: ClientOptions) {
    this.#channel = opened.channel;
    this.extensions = opened.extensions;
    this.#options = options;
  }

  /**
   * Connects, waits for the greeting, says EHLO, encrypts and logs in as the options say. Doesn't throw.
   *
   * @example
   * ```ts ignore
   * const result = await SmtpClient.connect({ host: "mx.example.com", address: "192.0.2.1", port: 25 }, {
   *   hostname: "mail.example.org",
   *   clock: systemClock,
   *   tls: "opportunistic",
   * });
   * if (result.ok) console.log(await result.client.send(message));
   * ```
   */
  static async connect(target: ClientTarget, options: ClientOptions): Promise<ConnectResult> {
    const opened = await openConversation(target, options);
    const { tls } = opened;
    if (!("channel" in opened)) {
      return { ok: false, outcome: opened.outcome, silent: opened.silent === true, tls };
    }
    const { tlsFailure } = opened;
    return {
      ok: true,
      tls,
      client: new SmtpClient(opened, options),
      ...(tlsFailure !== undefined && { tlsFailure }),
    };
  }

  /** True while another message may be sent. */
  get usable(): boolean {
    return this.#current === undefined && this.#hasMore;
  }

  get #hasMore(): boolean {
    return !this.#channel.closed && this.#sent < (this.extensions.mailLimit ?? Infinity);
  }

  /**
   * True when the last {@linkcode send} came to nothing because a connection that had served before was gone: it
   * closed, broke, said 421 before MAIL had an answer, or 503 to MAIL since it is in another place than we. That says
   * nothing about the message: send it over a fresh connection at once.
   */
  get staleBeforeMail(): boolean {
    return this.#last?.stale ?? false;
  }

  /**
   * How many recipients at a time the peer seems to take, when the last {@linkcode send} showed that it takes fewer
   * than it was asked to: by 421 or by closing behind accepted ones, or by a refusal of them all. Those without a
   * refusal of their own may be sent to again at once, so many at a time.
   */
  get fewer(): number | undefined {
    return this.#last?.fewer;
  }

  /**
   * What went wrong in the first transaction of a connection within TLS, before the end of the content was sent, where
   * TLS itself may be the reason. A connection in clear may do better (RFC 7435).
   */
  get tlsError(): string | undefined {
    return this.#last?.tlsError;
  }

  /** Was TLS demanded by the host's domain? */
  get isDemanded(): boolean {
    return this.#options.demand !== undefined;
  }

  /** How many transactions were begun. */
  get transactions(): number {
    return this.#sent;
  }

  /** Who is at the other end. */
  get peer(): PeerFacts {
    return this.#channel.peer;
  }

  /** Told each line from now on. */
  set trace(trace: ((line: string) => void) | undefined) {
    this.#channel.trace = trace;
  }

  /**
   * Sends a message: one outcome per recipient, in their order. A 452 at RCPT behind accepted recipients defers that
   * recipient alone; it may be sent again over the same connection. Doesn't throw, except when a message is under way
   * already.
   */
  async send(message: OutgoingMessage): Promise<Outcome[]> {
    return [...(await this.transact(message)).outcomes];
  }

  /**
   * The same, with all that it came to; also behind a message whose content has ended (`ended`).
   * @internal
   */
  async transact(message: OutgoingMessage, options: TransactOptions = {}): Promise<Transacted> {
    const before = this.#ending;
    if (this.#current && !before) throw new Error("A message is under way already on this connection");
    const { clock, lmtp, chunking } = this.#options;
    const { trace, ended } = options;
    const behind = before?.over;
    const transaction: ClientTransaction = new ClientTransaction(this.#channel, message, {
      peer: this.extensions,
      lmtp: lmtp === true,
      chunking: chunking !== false,
      reset: !before && this.#reset,
      behind,
      trace,
      ended: ended && (() => {
        if (!this.#mayBeFollowed) return false;
        this.#ending = transaction;
        return ended();
      }),
    });
    const reused = this.#sent++ > 0;
    const from = clock.now();
    this.#current = transaction;
    this.#ending = undefined;
    try {
      const outcomes = await transaction.run();
      await behind; // where it had nothing to say
      const { fewer, tlsError, sound, answered, unfinished } = transaction;
      this.#prompt = sound && !unfinished && clock.now() - from < PROMPT_MS;
      const stale = reused && !sound && !answered;
      return this.#last = { outcomes, fewer, tlsError: reused ? undefined : tlsError, stale };
    } finally {
      transaction.end();
      if (this.#ending === transaction) this.#ending = undefined;
      if (this.#current === transaction) {
        this.#current = undefined;
        this.#reset = transaction.unfinished;
      }
    }
  }

  get #mayBeFollowed(): boolean {
    if (!this.#prompt || !this.#hasMore || this.#options.lmtp) return false;
    return this.extensions.pipelining && !this.#channel.mayFail();
  }

  /** Says goodbye and closes. Doesn't throw. */
  async quit(): Promise<void> {
    if (this.#current) this.#channel.close();
    else await this.#channel.quit();
  }

  /** Ends the connection at once; a message under way is deferred. */
  close(): void {
    this.#channel.close();
  }
}
