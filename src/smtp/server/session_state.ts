/** What one receiving session knows: phase, transaction, counters, and the one way to answer. */

import type { Clock } from "../../base/clock.ts";
import type { Mailbox } from "../../mail/envelope.ts";
import type { ByteConn } from "../../wire/byte_conn.ts";
import type { ConnectionLimiter } from "../../wire/connection_limiter.ts";
import type { Deadline, Deadlines } from "../../wire/deadlines.ts";
import type { LineConn } from "../../wire/line_conn.ts";
import type { ServerTls } from "../../wire/tls.ts";
import type { KnownVerb } from "../protocol/command.ts";
import { CommandRateLimiter } from "./rate_limiter.ts";
import type { Phase } from "../protocol/phase.ts";
import type { MessageSink, Reception, Service, SessionFacts } from "./reception.ts";
import { type FixedReply, TOO_MANY_ERRORS, TOO_MUCH_JUNK } from "../protocol/replies.ts";
import { formatReply, type Reply } from "../protocol/reply.ts";
import type { Transaction } from "./transaction.ts";

/** What bounds a session. */
export interface SmtpLimits {
  /** The largest message, in octets (RFC 1870). */
  messageSize: number;
  /** The most recipients of one message. */
  recipients: number;
  /** How long a command line may take, from the reply before it to its CRLF. */
  commandTimeoutMs: number;
  /** How long the text may stand still. */
  dataTimeoutMs: number;
  /** More errors than this end the session. */
  errorsPerSession: number;
  /**
   * How many commands a client may send in a second, over time and beyond a first burst, before it is slowed down to
   * that. Commands that lead to an accepted message don't count. Default: no bound.
   */
  commandsPerSecond?: number;
}

/** What a session is made of. */
export interface SmtpSessionOptions {
  /** Answers everything that is not protocol. */
  reception: Reception;
  /** Our name in the greeting and after EHLO. */
  hostname: string;
  /** Which listener the connection came through. */
  service: Service;
  /** Time. */
  clock: Clock;
  /** The sweep that watches time-outs. */
  deadlines: Deadlines;
  /** Bounds. */
  limits: SmtpLimits;
  /** Makes STARTTLS available; absent: it is not offered. */
  tls?: ServerTls;
  /** The connection begins with a TLS handshake (RFC 8314); needs `tls`. */
  implicitTls?: boolean;
  /**
   * When AUTH is offered. `overTls`: encrypted, or from a loopback address. On submission and submissions MAIL
   * needs a login, unless it is `never`.
   */
  auth: "never" | "overTls" | "always";
  /** A name for the logs, unique in this process. */
  id: string;
  /** Whoever has sent no MAIL yet and is idle may have to make room for others in it. */
  limiter?: ConnectionLimiter;
  /** Is told what happens; must not throw. */
  onEvent?(event: SessionEvent, session: SessionFacts): void;
  /** Aborted when the server shuts down: `421 4.3.2` between commands. */
  closing: AbortSignal;
  /** Aborted when what is under way has had its time: a text that is not complete is dropped, and 421 says so. */
  ending?: AbortSignal;
}

/** Why a session ended. */
export type ClosedBecause =
  /** QUIT. */
  | "quit"
  /** The client closed, or the connection broke. */
  | "gone"
  /** A time-out. */
  | "idle"
  /** Idle while others waited for a place. */
  | "evicted"
  /** The server shuts down. */
  | "shutdown"
  /** Too many errors or too much junk. */
  | "abuse"
  /** A reply after which the connection closes. */
  | "refused"
  /** The TLS handshake failed. */
  | "tls"
  /** An error of our own. */
  | "trouble";

/** What logs and metrics are told of a session. */
export type SessionEvent =
  | { readonly kind: "connected" }
  /** A command was answered; for DATA there are two: 354 and the reply to the text. */
  | { readonly kind: "command"; readonly verb: KnownVerb; readonly code: number }
  /** A handshake was completed; protocol and cipher are in the session's facts. */
  | { readonly kind: "tls" }
  | { readonly kind: "login"; readonly ok: true; readonly account: Mailbox; readonly mechanism: string }
  /** `name` is what the client gave, as far as it is known here. */
  | { readonly kind: "login"; readonly ok: false; readonly name: string; readonly mechanism: string }
  /** Something threw that should not have. */
  | { readonly kind: "trouble"; readonly error: unknown }
  | {
    readonly kind: "closed";
    readonly why: ClosedBecause;
    /** How many messages were accepted. */
    readonly messages: number;
    /** How many errors were counted. */
    readonly errors: number;
  };

/**
 * How far a reading mode came: `again`: call it again; `more`: it needs more input. A promise: the same, later.
 */
export type Progress = "again" | "more";

/** A way to read the input; each owns its decoder. */
export interface ReadingMode {
  /** Takes what it can from the buffer. */
  take(session: SessionState): Progress | Promise<Progress>;
  /** How long the next read may take, in ms; undefined: the time that was set before goes on. */
  patience(session: SessionState): number | undefined;
  /** False while a text is under way, which a shutdown lets end. */
  readonly interruptible: boolean;
}

/** How long a client that was sent away may take to notice. */
export const PARTING_MS = 1_000;

/** Replies to misplaced commands that are not held against a client whose MAIL or RCPTs were just refused. */
const MAX_FORGIVEN = 10_000;
/** NOOP, RSET and their like between two messages. */
const MAX_JUNK = 100;

/** Everything one session knows. Commands and modes work on it; only {@linkcode enter} changes the phase. */
export class SessionState {
  readonly options: SmtpSessionOptions;
  readonly reception: Reception;
  readonly line: LineConn;
  readonly facts: SessionFacts;
  readonly deadline: Deadline;
  /** What reads the input; undefined: commands. */
  mode: ReadingMode | undefined;
  /** True once nothing more is read. */
  over = false;
  /** Why it ended. */
  why: ClosedBecause = "gone";
  /** The verb that is being answered. */
  verb: KnownVerb = "other";
  /** The connection is about to close: only chunks that were sent ahead are still answered. */
  parting = false;
  /** MAIL was refused: commands that the client had already sent for that message are no errors. */
  mailRefused = false;
  messages = 0;
  /** Slows down who sends commands and no mail. */
  readonly commandRate: CommandRateLimiter;
  /** Is this one of our own clients? */
  readonly trusts = (): boolean => this.reception.trusts(this.facts);
  #phase: Phase = "greeted";
  #transaction: Transaction | undefined;
  #errors = 0;
  #refusals = 0;
  #forgiven = 0;
  #junk = 0;
  #aborting: Promise<void> | undefined;

  constructor(line: LineConn, options: SmtpSessionOptions, onLate: () => void) {
    this.options = options;
    this.reception = options.reception;
    this.line = line;
    this.deadline = options.deadlines.watch(onLate);
    this.facts = factsOf(line.conn, options);
    this.commandRate = new CommandRateLimiter(options.clock, options.limits);
  }

  /** Where the session stands. */
  get phase(): Phase {
    return this.#phase;
  }

  /** How many errors were counted. */
  get errors(): number {
    return this.#errors + this.#refusals;
  }

  /** The open transaction; there is one in every phase behind `ready`. */
  get transaction(): Transaction | undefined {
    return this.#transaction;
  }

  /** The one place where the phase changes. Going back to `ready` or `greeted` ends the transaction. */
  enter(phase: Phase): void {
    this.#phase = phase;
    if (phase === "ready" || phase === "greeted") {
      const sink = this.#transaction?.sink;
      this.#transaction = undefined;
      if (sink) this.#abort(sink);
    }
  }

  /** MAIL was accepted. */
  begin(transaction: Transaction): void {
    this.#transaction = transaction;
    this.mailRefused = false;
    this.enter("mail");
  }

  /** Lets go of the sink of the open transaction: its text will not be completed. */
  abandonContent(): void {
    const sink = this.#transaction?.takeSink();
    if (sink) this.#abort(sink);
  }

  /** A chunk was refused: its text won't be completed, and the chunks behind it get the same reply. */
  spoil(why: Reply): void {
    this.abandonContent();
    this.#transaction!.failure ??= why;
    this.enter("bdatFailed");
  }

  /** RSET, HELO and STARTTLS end what was begun; before HELO there is nothing to end. */
  reset(): void {
    this.mailRefused = false;
    if (this.#phase !== "greeted") this.enter("ready");
  }

  /** Puts a reply. Replies that are errors (5xx) are counted, and too many of them end the session. */
  answer(of: Reply): void {
    const tooMany = of.code >= 500 && ++this.#errors + this.#refusals > this.#limit;
    this.say(tooMany && !of.close ? this.#abused() : of);
  }

  /** Puts a reply that says no to a sender, a recipient or a text: forgotten when a message is accepted. */
  refuse(of: Reply): void {
    const tooMany = of.code >= 500 && this.#errors + ++this.#refusals > this.#limit;
    this.say(tooMany && !of.close ? this.#abused() : of);
  }

  /** Puts a 503 to a command that was sent before its sender could know that it would be in vain. */
  forgive(of: Reply): void {
    this.say(++this.#forgiven > MAX_FORGIVEN ? this.#abused() : of);
  }

  /** Puts a reply without counting it. */
  say(of: Reply): void {
    const { wire } = of as Partial<FixedReply>;
    this.line.put(wire ?? formatReply(of));
    if (of.close) this.end("refused");
    this.options.onEvent?.({ kind: "command", verb: this.verb, code: of.code }, this.facts);
  }

  /** Counts a command that moves no mail; true when there were too many. */
  isTooMuchJunk(): boolean {
    return ++this.#junk > MAX_JUNK;
  }

  /** A message was accepted: junk and refusals are forgotten. */
  accepted(): void {
    this.messages++;
    this.#junk = this.#refusals = this.#forgiven = 0;
    this.commandRate.refill();
  }

  /** Nothing more is read. The first reason counts. */
  end(why: ClosedBecause): void {
    if (this.over) return;
    this.over = true;
    this.why = why;
  }

  /** Too much junk: says so and ends. */
  endAsAbuse(): void {
    this.end("abuse");
    this.say(TOO_MUCH_JUNK);
  }

  /**
   * Makes the connection an encrypted one. What the client has sent before the handshake is thrown away, and what
   * the session knew is forgotten (RFC 3207 4.2).
   */
  async encrypt(): Promise<void> {
    const { line, options } = this;
    try {
      await line.flush();
      line.discardInput();
      this.deadline.set(options.limits.commandTimeoutMs);
      const conn = await options.tls!.upgrade(line.conn);
      line.replace(conn);
      this.facts.tls = conn.tls;
    } catch {
      return this.end("tls");
    } finally {
      this.deadline.clear();
    }
    this.enter("greeted");
    this.mailRefused = false;
    this.facts.helo = "";
    this.facts.extended = this.facts.verbose = false;
    this.options.onEvent?.({ kind: "tls" }, this.facts);
  }

  /** Tells something that should not have happened. */
  trouble(error: unknown): void {
    this.options.onEvent?.({ kind: "trouble", error }, this.facts);
  }

  /** Waits until every text that was given up is cleared away. */
  async settled(): Promise<void> {
    await this.#aborting;
  }

  get #limit(): number {
    return this.options.limits.errorsPerSession;
  }

  #abused(): Reply {
    this.end("abuse");
    return TOO_MANY_ERRORS;
  }

  #abort(sink: MessageSink): void {
    try {
      const aborting = sink.abort();
      if (aborting === undefined) return;
      const done = aborting.catch((error) => this.trouble(error));
      this.#aborting = this.#aborting ? Promise.all([this.#aborting, done]).then(() => {}) : done;
    } catch (error) {
      this.trouble(error);
    }
  }
}

function factsOf(conn: ByteConn, options: SmtpSessionOptions): SessionFacts {
  return {
    id: options.id,
    service: options.service,
    remote: conn.remote,
    local: conn.local,
    helo: "",
    extended: false,
    tls: conn.tls,
    account: undefined,
    verbose: false,
  };
}
