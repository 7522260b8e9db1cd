/** One POP3 session (RFC 1939), from the greeting to the end of the connection. */

import { decode, decodeStrictly } from "../base/bytes.ts";
import { isLoopbackPeer } from "../base/ip.ts";
import { Authenticator, type LoginClient } from "../auth/authenticator.ts";
import { AnyLogin } from "../auth/any_login.ts";
import { AccountSasl, type Sasl } from "../auth/sasl.ts";
import type { Mailbox } from "../mail/envelope.ts";
import type { ByteConn } from "../wire/byte_conn.ts";
import type { Deadline } from "../wire/deadlines.ts";
import { looksForeign } from "../wire/foreign.ts";
import { type Line, LineConn } from "../wire/line_conn.ts";
import { isConnectionError } from "../wire/peer.ts";
import { capabilities, language, languages } from "./capabilities.ts";
import { type Command, parseCommand, type Verb } from "./command.ts";
import { type LoginResult, passwordResult, saslLogin } from "./login.ts";
import { Maildrop } from "./maildrop.ts";
import { Output } from "./output.ts";
import {
  ACCOUNT_GONE,
  err,
  IN_USE,
  LOCK_LOST,
  ok,
  SHUTTING_DOWN,
  STORAGE_ERROR,
  TLS_FIRST,
} from "./reply.ts";
import type { Pop3Event, Pop3SessionOptions } from "./session_options.ts";
import { MaildropTransaction } from "./maildrop_transaction.ts";

export type { Pop3Event, Pop3SessionOptions };

/** RFC 2449 4: the longest command, with CRLF. */
const MAX_COMMAND = 255;
/** The longest line of a SASL exchange, with CRLF (RFC 4954 4 has the same for SMTP). */
const MAX_AUTH_LINE = 12_288;
const IDLE_MS = 10 * 60_000;
const HANDSHAKE_MS = 60_000;
/** How long a client may take to read the last reply. */
const GOODBYE_MS = 5_000;

/** Serves POP3 on a connection until it ends. Never rejects; the maildrop is always unlocked. */
export async function servePop3(conn: ByteConn, options: Pop3SessionOptions): Promise<void> {
  await new Session(conn, options).run();
}

type How = Extract<Pop3Event, { kind: "ended" }>["how"];

class Session {
  readonly #options: Pop3SessionOptions;
  readonly #lines: LineConn;
  readonly #deadline: Deadline;
  readonly #out: Output;
  readonly #authenticator: Authenticator;
  readonly #sasl: Sasl;
  readonly #client: LoginClient;
  readonly #idleMs: number;
  #secure = false;
  #utf8 = false;
  #name: string | undefined;
  #transaction: MaildropTransaction | undefined;
  #account: Mailbox | undefined;
  #waiting = false;
  #over: How | undefined;
  #late = false;
  #errors = 0;
  #first = true;
  #removed = 0;

  constructor(conn: ByteConn, options: Pop3SessionOptions) {
    this.#options = options;
    this.#lines = new LineConn(conn);
    this.#idleMs = options.idleTimeoutMs ?? IDLE_MS;
    // RFC 1939 3: when the time is over the connection is closed without a word, and nothing is deleted
    this.#deadline = options.deadlines.watch(() => {
      this.#late = true;
      conn.close();
      this.#lines.close();
    });
    this.#out = new Output(this.#lines, { deadline: this.#deadline, idleMs: this.#idleMs });
    this.#authenticator = new Authenticator(options);
    const { anyLogin } = options;
    this.#sasl = anyLogin ? new AnyLogin(anyLogin, ["PLAIN", "LOGIN"]) : new AccountSasl(this.#authenticator);
    this.#client = { address: conn.remote.hostname, closing: options.closing };
  }

  async run(): Promise<void> {
    const goDown = () => this.#goDown();
    this.#options.closing.addEventListener("abort", goDown, { once: true });
    try {
      if (!this.#options.implicitTls || await this.#startTls()) {
        this.#put(ok(`${this.#options.hostname} POP3 dinopost`));
        await this.#converse();
      }
    } catch (error) {
      // a broken connection is a client that has gone; anything else nobody expected
      if (!isConnectionError(error) && !this.#lines.closed) {
        this.#over = "error";
        this.#options.onEvent?.({ kind: "error", error });
      }
    } finally {
      this.#options.closing.removeEventListener("abort", goDown);
      await this.#end();
    }
  }

  async #converse(): Promise<void> {
    let moved = true;
    while (!this.#over) {
      const line = this.#lines.line(MAX_AUTH_LINE);
      if (line) {
        moved = true;
        const done = this.#take(line);
        if (done) await done;
        const sent = this.#out.flushIfMuch();
        if (sent) await sent;
        continue;
      }
      await this.#out.flush();
      // not for each read: a client that sends an octet now and then is idle all the same
      if (moved) this.#deadline.set(this.#idleMs);
      moved = false;
      if (this.#over) break;
      if (!await this.#fill()) return;
    }
    if (this.#over === "closing") this.#put(SHUTTING_DOWN);
    await this.#out.flush();
  }

  /** Waits for the client; false when nothing more will come. */
  async #fill(): Promise<boolean> {
    this.#waiting = true;
    try {
      if (this.#options.closing.aborted) this.#goDown();
      return await this.#lines.fill();
    } finally {
      this.#waiting = false;
    }
  }

  #take(line: Line): void | Promise<void> {
    if (line.kind === "tooLong") return this.#refuse("Line too long");
    if (this.#first && looksForeign(line.bytes)) {
      this.#over = "refused";
      return this.#put(err("This is a POP3 server"));
    }
    this.#first = false;
    const text = decodeStrictly(line.bytes);
    const command = parseCommand(
      text ?? decode(line.bytes),
      this.#transaction ? "transaction" : "authorization",
    );
    if (line.bytes.length > MAX_COMMAND - 2 && !(command.ok && command.verb === "AUTH")) {
      return this.#refuse("Line too long");
    }
    if (!command.ok) return this.#refuse(command.reason);
    if (this.#transaction?.maildrop.held === false) {
      this.#over = "error";
      const { accounts, anyLogin } = this.#options;
      const there = anyLogin !== undefined || accounts.has(this.#account!);
      return this.#put(there ? LOCK_LOST : ACCOUNT_GONE);
    }
    if (text !== undefined) return this.#handlers[command.verb](command);
    return command.verb === "PASS" ? this.#pass(undefined) : this.#refuse("The line is not UTF-8");
  }

  readonly #handlers: Readonly<Record<Verb, (command: Understood) => void | Promise<void>>> = {
    QUIT: () => this.#quit(),
    USER: ({ text }) => this.#user(text),
    PASS: ({ text }) => this.#pass(text),
    APOP: () => this.#refuse("APOP is not offered: use AUTH SCRAM-SHA-256"),
    STAT: () => this.#transaction!.stat(),
    LIST: ({ numbers }) => this.#transaction!.list(numbers[0]),
    RETR: ({ numbers }) => this.#transaction!.send(numbers[0]!),
    TOP: ({ numbers }) => this.#transaction!.send(numbers[0]!, numbers[1]),
    DELE: ({ numbers }) => this.#transaction!.dele(numbers[0]!),
    NOOP: () => this.#put(ok()),
    RSET: () => this.#transaction!.rset(),
    UIDL: ({ numbers }) => this.#transaction!.uidl(numbers[0]),
    CAPA: () => this.#capa(),
    STLS: () => this.#stls(),
    AUTH: ({ words }) => this.#auth(words),
    UTF8: () => this.#enableUtf8(),
    LANG: ({ words }) => this.#lang(words[0]),
  };

  get #mayLogIn(): boolean {
    const { conn } = this.#lines;
    return this.#secure || this.#options.allowInsecure === true || isLoopbackPeer(conn.remote.hostname);
  }

  // AUTHORIZATION

  #user(name: string): void {
    if (!this.#mayLogIn) return this.#refuseWith(TLS_FIRST);
    this.#name = name;
    // the same for every name: whether there is such an account is nobody's business
    this.#put(ok("Send your password"));
  }

  /** Undefined: it was not UTF-8, so it is nobody's. */
  #pass(password: string | undefined): void | Promise<void> {
    if (!this.#mayLogIn) return this.#refuseWith(TLS_FIRST);
    const name = this.#name;
    this.#name = undefined;
    if (name === undefined) return this.#refuse("Send USER first");
    const { anyLogin } = this.#options;
    return this.#logIn("PASS", async () => {
      if (anyLogin) return { account: anyLogin(name), name };
      return passwordResult(name, await this.#authenticator.password(this.#client, name, password));
    });
  }

  #auth([mechanism, initial]: readonly string[]): void | Promise<void> {
    const { offered } = this.#sasl;
    if (mechanism === undefined) {
      return this.#multiLine("Mechanisms follow", this.#mayLogIn ? offered : []);
    }
    if (!this.#mayLogIn) return this.#refuseWith(TLS_FIRST);
    const { endPoint } = this.#lines.conn.tls ?? {};
    const chosen = this.#sasl.begin(mechanism, { ...this.#client, endPoint });
    if (chosen) {
      return this.#logIn(chosen.name, () => saslLogin(chosen, initial, (text) => this.#challenge(text)));
    }
    if (mechanism.toUpperCase() !== "SCRAM-SHA-256-PLUS") {
      return this.#refuse(`Unknown mechanism; there are ${offered.join(", ")}`);
    }
    this.#refuse("SCRAM-SHA-256-PLUS needs a TLS connection that began here");
  }

  /** Sends a challenge and waits for the line that answers it. */
  async #challenge(text: string): Promise<string | undefined> {
    this.#put(`+ ${text}\r\n`);
    await this.#out.flush();
    this.#deadline.set(this.#idleMs);
    for (;;) {
      const line = this.#lines.line(MAX_AUTH_LINE);
      if (line) return line.kind === "tooLong" ? undefined : decode(line.bytes);
      if (!await this.#fill()) return undefined;
    }
  }

  async #logIn(mechanism: string, login: () => Promise<LoginResult>): Promise<void> {
    await this.#out.flush();
    const { onEvent } = this.#options;
    try {
      const result = await login();
      if ("account" in result) return await this.#open(mechanism, result);
      const { name, why } = result;
      // who had to wait is told that the server goes down, and nothing else
      if (why === "refused" && this.#options.closing.aborted) return;
      if (why) onEvent?.({ kind: "login", ok: false, mechanism, name, why });
      this.#refuseWith(result.refused);
      if (why === "refused") this.#over = "refused";
    } catch (error) {
      if (isConnectionError(error) || this.#lines.closed) throw error;
      onEvent?.({ kind: "error", error });
      this.#put(STORAGE_ERROR);
    }
  }

  async #open(
    mechanism: string,
    { account, name }: Extract<LoginResult, { account: unknown }>,
  ): Promise<void> {
    const { accounts, mailStore, id, anyLogin, onEvent } = this.#options;
    // the password was right, whatever becomes of the maildrop
    onEvent?.({ kind: "login", ok: true, mechanism, name, account: account.address });
    const isThere = async () => anyLogin !== undefined || await accounts.isCurrent(account);
    const maildrop = await Maildrop.open(mailStore, { address: account.address, id, isThere });
    if (maildrop === "inUse") {
      onEvent?.({ kind: "in-use", account: account.address });
      return this.#put(IN_USE);
    }
    if (maildrop === "gone") {
      this.#over = "refused";
      return this.#put(ACCOUNT_GONE);
    }
    this.#transaction = new MaildropTransaction({
      maildrop,
      out: this.#out,
      onError: (error) => onEvent?.({ kind: "error", error }),
      onBroken: () => {
        this.#over = "error";
        this.#lines.close();
      },
    });
    this.#account = account.address;
    this.#put(ok(`${maildrop.count} messages, ${maildrop.octets} octets`));
  }

  async #stls(): Promise<void> {
    if (this.#secure) return this.#refuse("TLS is active already");
    if (!this.#options.tls) return this.#refuse("TLS is not offered");
    // RFC 6856 2.1
    if (this.#utf8) return this.#refuse("STLS has to come before UTF8");
    this.#put(ok("Begin TLS"));
    await this.#out.flush();
    // what came behind STLS came in clear, from anybody
    this.#lines.discardInput();
    if (!await this.#startTls()) return;
    this.#name = undefined;
  }

  /** False when the handshake failed; the connection is closed then. */
  async #startTls(): Promise<boolean> {
    this.#deadline.set(HANDSHAKE_MS);
    try {
      const conn = await this.#options.tls!.upgrade(this.#lines.conn);
      this.#lines.replace(conn);
      this.#secure = true;
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

  #enableUtf8(): void {
    this.#utf8 = true;
    // messages are sent as they came in any case: downgrading (RFC 6857) would change what was stored
    this.#put(ok("UTF-8 it is"));
  }

  // both

  #capa(): void | Promise<void> {
    const canStartTls = this.#options.tls !== undefined && !this.#secure;
    const facts = { canStartTls, canLogIn: this.#mayLogIn, mechanisms: this.#sasl.offered };
    return this.#multiLine("Capabilities follow", capabilities(facts));
  }

  #lang(wish: string | undefined): void | Promise<void> {
    if (wish === undefined) return this.#multiLine("Languages follow", languages());
    const tag = language(wish);
    if (tag === undefined) return this.#put(err("There is no such language here"));
    this.#put(ok(`${tag} Replies are in English`));
  }

  /** QUIT: in the TRANSACTION state the UPDATE state follows (RFC 1939 6). */
  async #quit(): Promise<void> {
    this.#over = "quit";
    if (!this.#transaction) return this.#put(ok("Goodbye"));
    // the replies so far don't have to wait for the store
    await this.#out.flush();
    this.#removed = await this.#transaction.update();
  }

  #multiLine(title: string, lines: readonly string[]): Promise<void> {
    return this.#out.multiLine(title, lines.map((line) => `${line}\r\n`));
  }

  #put(text: string): void {
    this.#out.put(text);
  }

  /** A reply to something that was wrong; too many of them end the session. */
  #refuse(text: string): void {
    this.#refuseWith(err(text));
  }

  #refuseWith(reply: string): void {
    this.#put(reply);
    if (++this.#errors >= (this.#options.errorsPerSession ?? 20)) this.#over = "refused";
  }

  /** The server goes down: told at once when the client has nothing to wait for, else after its command. */
  #goDown(): void {
    if (this.#over) return;
    this.#over = "closing";
    if (!this.#waiting) return;
    this.#put(SHUTTING_DOWN);
    this.#deadline.set(GOODBYE_MS);
    this.#lines.flush().catch(() => {}).then(() => this.#lines.close());
  }

  async #end(): Promise<void> {
    // after QUIT it is closed already; again does no harm
    await this.#transaction?.maildrop.close();
    this.#deadline.set(GOODBYE_MS);
    const how = this.#late ? "idle" : this.#over ?? "lost";
    await this.#lines.hangUp();
    this.#deadline.end();
    this.#options.onEvent?.({
      kind: "ended",
      how,
      ...(this.#account === undefined ? {} : { account: this.#account }),
      retrieved: this.#transaction?.retrieved ?? 0,
      removed: this.#removed,
    });
  }
}

type Understood = Extract<Command, { ok: true }>;
