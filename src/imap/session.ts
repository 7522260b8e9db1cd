/** One IMAP session (RFC 9051, RFC 3501), from the greeting to the end of the connection. */

import { AccountSasl } from "../auth/sasl.ts";
import { Authenticator, type LoginClient } from "../auth/authenticator.ts";
import { isLoopbackPeer } from "../base/ip.ts";
import type { ByteConn } from "../wire/byte_conn.ts";
import type { Deadline } from "../wire/deadlines.ts";
import { looksForeign } from "../wire/foreign.ts";
import { LineConn } from "../wire/line_conn.ts";
import { isConnectionError } from "../wire/peer.ts";
import { append } from "./append_command.ts";
import { capabilities } from "./capabilities.ts";
import { isOutside } from "./command.ts";
import { parseCommand, type Parsed } from "./command_parser.ts";
import { CommandReader, type Received } from "./command_reader.ts";
import { CutLiteral } from "./fetch_output.ts";
import { HANDLERS } from "./handlers.ts";
import { LoginCommands } from "./login_commands.ts";
import type { CommandOf } from "./message_commands.ts";
import { LIMITS_OF_STRANGERS, limitsOfUsers } from "./reader_limits.ts";
import type { Notifier } from "./notify.ts";
import { Output } from "./output.ts";
import type { SessionActions } from "./session_actions.ts";
import { lineText, no, Refusal, SessionState } from "./session_state.ts";
import { Teller } from "./teller.ts";
import type { ImapEvent, ImapSessionOptions } from "./session_options.ts";

export type { ImapEvent, ImapSessionOptions };

/** RFC 9051 5.4. */
const IDLE_MS = 30 * 60_000;
const LOGIN_MS = 60_000;
const HANDSHAKE_MS = 60_000;
/** How long a client may take to send more of a command, or to read more of an answer. */
const PATIENCE_MS = 5 * 60_000;
/** How long a client may take to read the last answer. */
const GOODBYE_MS = 5_000;
/** While idle a session holds this much for what comes. */
const IDLE_BUFFER = 1024;

/** Serves IMAP on a connection until it ends. Never rejects; the mailbox is always given back. */
export async function serveImap(conn: ByteConn, options: ImapSessionOptions): Promise<void> {
  await new Session(conn, options).run();
}

type How = Extract<ImapEvent, { kind: "ended" }>["how"];

class Session implements SessionActions {
  readonly #options: ImapSessionOptions;
  readonly #lines: LineConn;
  readonly #deadline: Deadline;
  readonly #state: SessionState;
  readonly logins: LoginCommands;
  readonly #teller: Teller;
  isSecure = false;
  #waiting = false;
  #over: How | undefined;
  #late = false;
  #first = true;
  #unwatch: (() => void) | undefined;

  constructor(conn: ByteConn, options: ImapSessionOptions) {
    this.#options = options;
    this.#lines = new LineConn(conn, { bufferSize: IDLE_BUFFER });
    this.#deadline = options.deadlines.watch(() => {
      // not even the goodbye was taken
      if (this.#late) return this.#lines.close();
      this.#late = true;
      this.#sayGoodbye("Too long silent");
    });
    const patienceMs = Math.min(options.idleTimeoutMs ?? IDLE_MS, PATIENCE_MS);
    this.#state = new SessionState(options, {
      out: new Output(this.#lines, { deadline: this.#deadline, patienceMs, clock: options.clock }),
      reader: new CommandReader(this.#lines, LIMITS_OF_STRANGERS),
      fill: () => this.#fillForCommand(),
      isOver: () => this.#lines.closed,
    });
    const client: LoginClient = { address: conn.remote.hostname, closing: options.closing };
    const authenticator = new Authenticator(options);
    const sasl = new AccountSasl(authenticator);
    this.logins = new LoginCommands(this.#state, { client, authenticator, sasl, session: this });
    this.#teller = new Teller(this.#state, {
      lines: this.#lines,
      mayTell: () => this.#waiting && !this.#over,
    });
  }

  async run(): Promise<void> {
    const goDown = () => this.#goDown();
    const { closing, hostname } = this.#options;
    closing.addEventListener("abort", goDown, { once: true });
    if (closing.aborted) goDown();
    try {
      if (!this.#options.implicitTls || await this.startTls()) {
        this.#state.out.untagged(`OK [CAPABILITY ${this.capabilities()}] ${hostname} IMAP dinopost`);
        await this.#converse();
      }
    } catch (error) {
      // a broken connection is a client that has gone; anything else nobody expected
      if (!isConnectionError(error) && !this.#lines.closed) {
        this.#over = "error";
        this.#options.onEvent?.({ kind: "error", error });
      }
    } finally {
      closing.removeEventListener("abort", goDown);
      await this.#end();
    }
  }

  async #converse(): Promise<void> {
    const { reader, out } = this.#state;
    let moved = true;
    while (!this.#over) {
      const received = reader.take();
      if (received) {
        moved = true;
        const handled = this.#take(received);
        if (handled) await handled;
        const sent = out.flushIfMuch();
        if (sent) await sent;
        continue;
      }
      await out.flush();
      // the time of a client starts with its last whole command, not with half of one
      if (moved) out.expectClient(this.#patienceMs);
      moved = false;
      // the server may have gone down while that was sent
      if (this.#over) break;
      if (!await this.#fill()) return;
    }
    if (this.#over === "closing") out.untagged("BYE The server is shutting down");
    await out.flush();
  }

  get #patienceMs(): number {
    const { idleTimeoutMs = IDLE_MS, loginTimeoutMs = LOGIN_MS } = this.#options;
    return this.#state.loggedIn ? idleTimeoutMs : Math.min(idleTimeoutMs, loginTimeoutMs);
  }

  /** Waits for the client; false when nothing more will come. What is new is told meanwhile, to who wants that. */
  async #fill(): Promise<boolean> {
    this.#waiting = true;
    try {
      this.#teller.tell();
      return await this.#lines.fill();
    } finally {
      this.#waiting = false;
      if (this.#teller.telling) await this.#teller.telling;
    }
  }

  /** Waits for the rest of a command. */
  async #fillForCommand(): Promise<boolean> {
    await this.#state.out.flush();
    this.#deadline.set(Math.min(this.#patienceMs, PATIENCE_MS));
    return await this.#lines.fill();
  }

  #take(received: Received): void | Promise<void> {
    const state = this.#state;
    if (received.kind === "skipped") return;
    if (received.kind === "refused") {
      const { tag, code, text, last } = received;
      this.#endIdle(false);
      state.out.put(`${tag} BAD [${code}] ${text}\r\n`);
      if (last) this.#bye("refused", "What follows can't be told from what was too long");
      return this.#countError();
    }
    if (this.#first && looksForeign(received.bytes)) return this.#bye("refused", "This is an IMAP server");
    this.#first = false;
    if (this.#teller.idle && this.#endIdle(isDone(received.bytes))) return;
    const parsed = parseCommand(received.bytes, state.state);
    if (received.kind === "message") return this.#append(parsed, received);
    if (!parsed.ok) return this.#refuse(parsed);
    return this.#carryOut(parsed);
  }

  #carryOut({ command }: Extract<Parsed, { ok: true }>): void | Promise<void> {
    const state = this.#state;
    try {
      if (state.selected?.isGone && !isOutside(command.verb)) {
        throw no("The mailbox was deleted: select another one", "NONEXISTENT");
      }
      const handler = HANDLERS[command.verb] as (
        state: SessionState,
        it: typeof command,
        session: SessionActions,
      ) => void | Promise<void>;
      const done = handler(state, command, this);
      return done && done.catch((error) => this.#failed(command, error));
    } catch (error) {
      return this.#failed(command, error);
    }
  }

  #failed(command: Parameters<SessionState["answer"]>[0], error: unknown): void {
    if (isConnectionError(error) || this.#lines.closed) throw error;
    if (error instanceof CutLiteral) {
      // what was promised can't be sent, and nothing else may stand in its place
      this.#options.onEvent?.({ kind: "error", error });
      this.#over = "error";
      return this.#lines.close();
    }
    if (!(error instanceof Refusal)) this.#state.selected?.failed();
    const answer = this.#state.answerOf(error) ?? this.#state.unexpected(error);
    this.#state.answer(command, answer);
    if (answer.kind === "BAD") this.#countError();
  }

  async #append(parsed: Parsed, received: Extract<Received, { kind: "message" }>): Promise<void> {
    const state = this.#state;
    if (parsed.ok && parsed.command.verb === "APPEND") {
      const { literal } = received;
      try {
        const end = await append(state, parsed.command, { cursor: parsed.cursor, literal });
        if (end === "last") this.#bye("refused", "What follows can't be told from what was too long");
        if (end === "lost") this.#over ??= "lost";
      } catch (error) {
        this.#failed(parsed.command, error);
      }
      return;
    }
    // the message that can't be taken goes by first
    if (!state.reader.giveUpMessage()) {
      let skipped: Received | undefined;
      while (!(skipped = state.reader.take())) {
        if (!await this.#fillForCommand()) return void (this.#over ??= "lost");
      }
      if (skipped.kind === "refused") this.#bye("refused", skipped.text);
    }
    if (!parsed.ok) this.#refuse(parsed);
  }

  /** Answers a command that is not understood, or out of place. */
  #refuse({ tag, kind, code, text }: Extract<Parsed, { ok: false }>): void {
    // a name that is not known stands in it
    const words = lineText(text);
    this.#state.out.put(`${tag} ${kind} ${code === undefined ? "" : `[${code}] `}${words}\r\n`);
    if (kind === "BAD") this.#countError();
  }

  #countError(): void {
    if (++this.#state.errors < (this.#options.errorsPerSession ?? 20)) return;
    this.#bye("refused", "Too many errors");
  }

  #bye(how: How, text: string): void {
    if (this.#over) return;
    this.#over = how;
    this.#state.out.untagged(`BYE ${text}`);
  }

  // SessionActions

  get mayLogIn(): boolean {
    const { conn } = this.#lines;
    return this.isSecure || this.#options.allowInsecure === true || isLoopbackPeer(conn.remote.hostname);
  }

  get endPoint(): Uint8Array | undefined {
    return this.#lines.conn.tls?.endPoint;
  }

  get canStartTls(): boolean {
    return this.#options.tls !== undefined && !this.isSecure;
  }

  capabilities(): string {
    const { loggedIn, compressed } = this.#state;
    return capabilities({
      canStartTls: this.canStartTls && !loggedIn,
      canLogIn: this.mayLogIn,
      loggedIn: loggedIn !== undefined,
      canCompress: loggedIn !== undefined && !compressed,
      mechanisms: this.logins.mechanisms,
      messageSize: this.#options.messageSize,
    });
  }

  logOut(): void {
    this.#bye("logout", "Goodbye");
  }

  failedLogin(refused: boolean): void {
    if (refused) this.#bye("refused", "Too many failed logins");
    else this.#countError();
  }

  loggedIn(): void {
    const { reader, folders } = this.#state;
    reader.limits = limitsOfUsers(this.#options.messageSize);
    this.#unwatch = folders.on((change) => {
      if (change.kind === "ended") return this.#sayGoodbye("The account was removed");
      this.#teller.hear(change);
    });
  }

  idle(command: CommandOf<"IDLE">): void {
    this.#teller.idle = command;
    this.#state.out.put("+ Idling\r\n");
  }

  get notifier(): Notifier {
    return this.#teller.notifier;
  }

  async line(max: number): Promise<Uint8Array | undefined> {
    for (;;) {
      const line = this.#lines.line(max);
      if (line) return line.kind === "tooLong" ? undefined : line.bytes;
      if (!await this.#fillForCommand()) return undefined;
    }
  }

  async startTls(): Promise<boolean> {
    await this.#state.out.flush();
    // what came behind STARTTLS came in clear, from anybody
    this.#lines.discardInput();
    this.#deadline.set(HANDSHAKE_MS);
    try {
      const conn = await this.#options.tls!.upgrade(this.#lines.conn);
      this.#lines.replace(conn);
      this.isSecure = true;
      this.#first = true;
      if (conn.tls) {
        this.#options.onEvent?.({ kind: "tls", protocol: conn.tls.protocol, cipher: conn.tls.cipher });
      }
      return true;
    } catch {
      this.#over = "lost";
      this.#lines.close();
      return false;
    }
  }

  async replaceConn(make: (conn: ByteConn) => ByteConn): Promise<void> {
    await this.#state.out.flush();
    this.#lines.replace(make(this.#lines.conn));
  }

  // IDLE and NOTIFY

  /** Ends the IDLE that goes on; true when the line that ended it was DONE, else it is a command of its own. */
  #endIdle(isDone: boolean): boolean {
    const command = this.#teller.idle;
    this.#teller.idle = undefined;
    if (!command) return false;
    this.#state.answer(
      command,
      isDone ? { kind: "OK", text: "Done" } : { kind: "BAD", text: "Expected DONE" },
    );
    return isDone;
  }

  // the end

  /** The server goes down: told at once when the client has nothing to wait for, else after its command. */
  #goDown(): void {
    if (this.#over) return;
    if (this.#waiting) return this.#sayGoodbye("The server is shutting down", "closing");
    this.#over = "closing";
  }

  /** Ends the session from outside. */
  #sayGoodbye(text: string, how: How = "refused"): void {
    if (this.#lines.closed) return;
    this.#bye(how, text);
    this.#deadline.set(GOODBYE_MS);
    const close = () => this.#lines.close();
    this.#lines.flush().then(close, close);
  }

  async #end(): Promise<void> {
    const state = this.#state;
    this.#unwatch?.();
    state.unselect();
    state.loggedIn?.folders[Symbol.dispose]();
    this.#deadline.set(GOODBYE_MS);
    const how = this.#late ? "idle" : this.#over ?? "lost";
    await this.#lines.hangUp();
    this.#deadline.end();
    const account = state.loggedIn?.account.address;
    this.#options.onEvent?.({
      kind: "ended",
      how,
      ...(account === undefined ? {} : { account }),
      appended: state.appended,
      errors: state.errors,
    });
  }
}

function isDone(bytes: Uint8Array): boolean {
  return bytes.length === 4 && /^done$/i.test(String.fromCharCode(...bytes));
}
