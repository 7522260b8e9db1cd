/** One receiving session from greeting to close, for SMTP, submission and LMTP (RFC 5321, 6409, 2033). */

import { onAbort } from "../../base/abort.ts";
import { eventTurn } from "../../base/clock.ts";
import type { ByteConn } from "../../wire/byte_conn.ts";
import type { IdleConnection } from "../../wire/connection_limiter.ts";
import { LineConn } from "../../wire/line_conn.ts";
import { looksForeign } from "../../wire/foreign.ts";
import { CommandMode } from "./command_mode.ts";
import { EARLY_TALKER, EVICTED, FOREIGN_PROTOCOL, IDLE, kept, SHUTTING_DOWN } from "../protocol/replies.ts";
import type { Reply } from "../protocol/reply.ts";
import type { ClosedBecause } from "./session_event.ts";
import type { SmtpSessionOptions } from "./session_options.ts";
import { greetWithFaults, handshakeWithFaults } from "./session_faults.ts";
import { PARTING_MS, type Progress, SessionState } from "./session_state.ts";

/** Greets, converses, closes. Never throws; a message that is not completed is dropped. */
export async function serveSmtp(conn: ByteConn, options: SmtpSessionOptions): Promise<void> {
  await new SmtpSession(conn, options).serve();
}

/** With more connections throughput matters more than how long one is looked at before its greeting. */
const FEW = 8;

class SmtpSession implements IdleConnection {
  readonly #state: SessionState;
  readonly #options: SmtpSessionOptions;
  readonly #commands = new CommandMode();
  /** True while the client is waited for: the only time when somebody else may speak. */
  #waiting = false;
  /** The read that was begun before the greeting. */
  #firstRead: Promise<boolean> | undefined;
  /** Since when the client is waited for. */
  #waitingSince = 0;

  constructor(conn: ByteConn, options: SmtpSessionOptions) {
    this.#options = options;
    const line = options.dialogues?.listen(conn) ?? new LineConn(conn);
    this.#state = new SessionState(line, options, () => this.#late());
  }

  async serve(): Promise<void> {
    const state = this.#state;
    const { closing, ending, onEvent, limiter } = this.#options;
    const onClosing = () => this.#shutDown();
    const ignoreClosing = onAbort(closing, onClosing);
    const ignoreEnding = ending && onAbort(ending, onClosing);
    const unwatch = limiter?.watch(this);
    try {
      onEvent?.({ kind: "connected" }, state.facts);
      if (this.#options.implicitTls && await handshakeWithFaults(state)) await state.encrypt();
      if (!state.over) await this.#greet();
      if (!state.over) await this.#converse();
      await this.#part();
      state.enter("greeted");
      await state.settled();
    } catch (error) {
      state.end("error");
      state.logError(error);
      state.enter("greeted");
    }
    ignoreClosing();
    ignoreEnding?.();
    unwatch?.();
    state.deadline.end();
    state.line.end();
    onEvent?.(
      { kind: "closed", why: state.why, messages: state.messages, errors: state.budget.errors },
      state.facts,
    );
  }

  /** For the connection limiter: a client that has sent no MAIL yet may be sent away while it is waited for. */
  get idleSince(): number | undefined {
    return this.#waiting && !this.#state.over && this.#isUnused() ? this.#waitingSince : undefined;
  }

  #isUnused(): boolean {
    const { phase, messages, facts } = this.#state;
    return messages === 0 && (phase === "greeted" || phase === "ready") && facts.account === undefined;
  }

  /** Sends an idle client away. */
  evict(): void {
    if (this.idleSince !== undefined) this.#interrupt(EVICTED, "evicted");
  }

  /** Who has sent something before the greeting talks before listening; our own clients are not made to wait for that. */
  async #greet(): Promise<void> {
    const { line } = this.#state;
    if (this.#options.closing.aborted) return this.#sayLast(SHUTTING_DOWN, "shutdown");
    if (!this.#state.trusts() && await this.#talksEarly()) {
      return this.#sayLast(looksForeign(line.buffered) ? FOREIGN_PROTOCOL : EARLY_TALKER, "refused");
    }
    if (this.#options.faults && !await greetWithFaults(this.#state)) return;
    const protocol = this.#options.service === "lmtp" ? "LMTP" : "ESMTP";
    this.#state.put(kept(220, undefined, `${this.#options.hostname} ${protocol} dinopost`).wire);
  }

  /** Tells whether input has arrived already, without waiting for any. */
  async #talksEarly(): Promise<boolean> {
    let early = false;
    this.#firstRead = this.#state.line.fill();
    this.#firstRead.then((more) => early = more, () => {});
    const { limiter } = this.#options;
    await eventTurn(limiter !== undefined && limiter.count > FEW);
    return early;
  }

  async #converse(): Promise<void> {
    const state = this.#state;
    const { line } = state;
    while (!state.over) {
      const progress = (state.mode ?? this.#commands).take(state);
      if (progress === "again") continue;
      if (progress !== "more") {
        await this.#wait(progress);
        continue;
      }
      if (!this.#expect()) continue;
      let more = false;
      try {
        // what was answered so far goes out in one write
        if (line.pending > 0) await line.flush();
        const reading = this.#firstRead ?? line.fill();
        this.#firstRead = undefined;
        more = await reading;
      } catch {
        // the connection broke: that ends the session and is nobody's fault
      }
      this.#waiting = false;
      if (!more) return state.end("gone");
    }
  }

  /** More input is waited for from now on. False: the session is over, since the server shuts down. */
  #expect(): boolean {
    const state = this.#state;
    const { closing, limiter, clock } = this.#options;
    if (closing.aborted && this.#mayInterrupt()) {
      this.#sayLast(SHUTTING_DOWN, "shutdown");
      return false;
    }
    const patience = (state.mode ?? this.#commands).patience(state);
    if (patience !== undefined) state.deadline.set(patience);
    this.#waiting = true;
    if (limiter && this.#isUnused()) this.#waitingSince = clock.monotonic();
    return true;
  }

  /**
   * Waits for somebody on our side; the client gets what was answered so far, and no time-out runs before it alone is
   * waited for: to read that.
   */
  #wait(progress: Promise<Progress>): Promise<unknown> {
    const { deadline, line } = this.#state;
    deadline.clear();
    if (line.pending === 0) return progress;
    const sent = line.flush().catch(() => this.#state.end("gone"));
    return progress.then(() => {
      deadline.set(this.#options.limits.commandTimeoutMs);
      return sent;
    });
  }

  #sayLast(last: Reply, why: ClosedBecause): void {
    this.#state.verb = "other";
    this.#state.end(why);
    this.#state.say(last);
  }

  /** A client that waits for us is told at once; a message on its way is taken first, as long as there is time. */
  #mayInterrupt(): boolean {
    if (this.#options.ending?.aborted) return true;
    const { mode, phase } = this.#state;
    return (mode ?? this.#commands).interruptible && phase !== "chunks";
  }

  #shutDown(): void {
    if (this.#waiting && !this.#state.over && this.#mayInterrupt()) {
      this.#interrupt(SHUTTING_DOWN, "shutdown");
    }
  }

  #late(): void {
    const { line, over, parting } = this.#state;
    if (this.#waiting && !over && !parting) return this.#interrupt(IDLE, "idle");
    if (parting) this.#state.end("refused");
    line.close();
  }

  /** Sends a last reply while a read is under way, and closes, which ends the read. */
  #interrupt(last: Reply, why: ClosedBecause): void {
    const { deadline, line } = this.#state;
    this.#sayLast(last, why);
    deadline.set(PARTING_MS);
    line.flush().catch(() => {}).then(() => line.close());
  }

  /** Lets the client have the last replies, also when it is still sending. */
  async #part(): Promise<void> {
    const { deadline, line, mode, why } = this.#state;
    if (line.closed || why === "gone" || why === "tls") return;
    if (mode) line.expectBulk(false);
    deadline.set(PARTING_MS);
    // Who said goodbye sends nothing more, so there is nothing to be read whose loss would reset the connection.
    if (why === "quit" && line.available === 0 && !line.conn.tls) return await line.flush().catch(() => {});
    await line.hangUp();
  }
}
