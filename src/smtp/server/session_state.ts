/** The state of one receiving session: phase, transaction, facts, and the one way to answer. */

import { encode } from "../../base/bytes.ts";
import type { ByteConn } from "../../wire/byte_conn.ts";
import type { Deadline } from "../../wire/deadlines.ts";
import type { LineConn } from "../../wire/line_conn.ts";
import type { KnownVerb } from "../protocol/command.ts";
import type { Phase } from "../protocol/phase.ts";
import { type FixedReply, TOO_MANY_ERRORS, TOO_MUCH_JUNK } from "../protocol/replies.ts";
import { formatReply, type Reply } from "../protocol/reply.ts";
import { ErrorBudget } from "./error_budget.ts";
import type { MessageSink, Reception, SessionFacts } from "./reception.ts";
import type { ClosedBecause } from "./session_event.ts";
import type { SmtpSessionOptions } from "./session_options.ts";
import type { Transaction } from "./transaction.ts";

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
  /** False while a message is under way, which a shutdown lets end. */
  readonly interruptible: boolean;
}

/** How long a client that was sent away may take to notice. */
export const PARTING_MS = 1_000;

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
  readonly budget: ErrorBudget;
  /** Is this one of our own clients? */
  readonly trusts = (): boolean => this.reception.trusts(this.facts);
  #phase: Phase = "greeted";
  #transaction: Transaction | undefined;
  #aborting: Promise<void> | undefined;
  /** So many octets of the next answer go out, and the session ends. */
  #cut: number | undefined;

  constructor(line: LineConn, options: SmtpSessionOptions, onLate: () => void) {
    this.options = options;
    this.reception = options.reception;
    this.line = line;
    this.deadline = options.deadlines.watch(onLate);
    this.facts = factsOf(line.conn, options);
    this.budget = new ErrorBudget(options.clock, options.limits);
  }

  /** Where the session stands. */
  get phase(): Phase {
    return this.#phase;
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

  /** Lets go of the sink of the open transaction: its content will not be completed. */
  abandonContent(): void {
    const sink = this.#transaction?.takeSink();
    if (sink) this.#abort(sink);
  }

  /** A chunk was refused: its content won't be completed, and the chunks behind it get the same reply. */
  failBdat(why: Reply): void {
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
    this.#sayUnless(of.code >= 500 && this.budget.addError(), of);
  }

  /** Puts a reply that says no to a sender, a recipient or a message: forgotten when a message is accepted. */
  refuse(of: Reply): void {
    this.#sayUnless(of.code >= 500 && this.budget.addRefusal(), of);
  }

  /** Puts a 503 to a command that was sent before its sender could know that it would be in vain. */
  forgive(of: Reply): void {
    this.#sayUnless(this.budget.addForgiven(), of);
  }

  /** Puts what is said, or so much of it as {@linkcode cutNext} has left. */
  put(text: string | Uint8Array): void {
    if (this.#cut === undefined) return this.line.put(text);
    const bytes = typeof text === "string" ? encode(text) : text;
    this.line.put(bytes.subarray(0, this.#cut));
    this.#cut = 0;
    this.end("fault");
  }

  /** Puts a reply without counting it. */
  say(of: Reply): void {
    const { wire } = of as Partial<FixedReply>;
    if (wire && this.#cut === undefined) this.line.putLasting(wire);
    else this.put(wire ?? formatReply(of));
    if (of.close) this.end("refused");
    this.options.onEvent?.({ kind: "command", verb: this.verb, code: of.code }, this.facts);
  }

  /** Of the next answer go out so many octets, nothing behind them, and the session ends. */
  cutNext(octets: number): void {
    this.#cut = octets;
  }

  /** A message was accepted: junk and refusals are forgotten. */
  accepted(): void {
    this.messages++;
    this.budget.refill();
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
      this.deadline.set(options.limits.commandTimeoutMs);
      await line.flush();
      line.discardInput();
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

  /** Logs what should not have happened. */
  logError(error: unknown): void {
    this.options.onEvent?.({ kind: "error", error }, this.facts);
  }

  /** Waits until every message that was given up is cleared away. */
  async settled(): Promise<void> {
    await this.#aborting;
  }

  #sayUnless(tooMany: boolean, of: Reply): void {
    if (!tooMany || of.close) return this.say(of);
    this.end("abuse");
    this.say(TOO_MANY_ERRORS);
  }

  #abort(sink: MessageSink): void {
    try {
      const aborting = sink.abort();
      if (aborting === undefined) return;
      const done = aborting.catch((error) => this.logError(error));
      this.#aborting = this.#aborting ? Promise.all([this.#aborting, done]).then(() => {}) : done;
    } catch (error) {
      this.logError(error);
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
