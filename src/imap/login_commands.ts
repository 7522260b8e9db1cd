/** LOGIN, AUTHENTICATE and STARTTLS (RFC 9051 6.2). */

import type { Authenticator, LoginClient } from "../auth/authenticator.ts";
import { decodeSaslLine, type Sasl } from "../auth/sasl.ts";
import { decode } from "../base/bytes.ts";
import { type LoginResult, passwordResult, saslLogin } from "./login.ts";
import type { CommandOf } from "./message_commands.ts";
import type { LoginActions, SessionActions } from "./session_actions.ts";
import { bad, no, type SessionState } from "./session_state.ts";

/** The longest line of a SASL exchange, with CRLF. */
const MAX_AUTH_LINE = 12_288;

type LoginCommand = CommandOf<"LOGIN"> | CommandOf<"AUTHENTICATE">;

/** How clients of one session log in. */
export class LoginCommands implements LoginActions {
  readonly #state: SessionState;
  readonly #client: LoginClient;
  readonly #authenticator: Authenticator;
  readonly #sasl: Sasl;
  readonly #session: SessionActions;

  constructor(
    state: SessionState,
    by: { client: LoginClient; authenticator: Authenticator; sasl: Sasl; session: SessionActions },
  ) {
    this.#state = state;
    this.#client = by.client;
    this.#authenticator = by.authenticator;
    this.#sasl = by.sasl;
    this.#session = by.session;
  }

  /** Those to list. */
  get mechanisms(): readonly string[] {
    return this.#sasl.offered;
  }

  /** LOGIN. */
  async login(command: CommandOf<"LOGIN">): Promise<void> {
    const { name, password } = command.args;
    this.#mustBePrivate(name);
    await this.#logIn(
      command,
      "LOGIN",
      async () => passwordResult(name, await this.#authenticator.password(this.#client, name, password)),
    );
  }

  /** AUTHENTICATE. */
  async authenticate(command: CommandOf<"AUTHENTICATE">): Promise<void> {
    const { mechanism, initial } = command.args;
    this.#mustBePrivate(initial === undefined ? undefined : nameIn(initial));
    const { endPoint } = this.#session;
    const chosen = this.#sasl.begin(mechanism, { ...this.#client, endPoint });
    if (!chosen) {
      const text = mechanism.toUpperCase() === "SCRAM-SHA-256-PLUS"
        ? "SCRAM-SHA-256-PLUS needs a TLS connection that began here"
        : `There is no such mechanism; there are ${this.#sasl.offered.join(", ")}`;
      throw no(text, "CANNOT");
    }
    await this.#logIn(
      command,
      chosen.name,
      () => saslLogin(chosen, initial, (text) => this.#challenge(text)),
    );
  }

  /** What came in clear is told to the log: whoever listened has it, right or wrong as it may be. */
  #mustBePrivate(exposed: string | undefined): void {
    if (this.#session.mayLogIn) return;
    if (exposed !== undefined) this.#state.options.onEvent?.({ kind: "exposed", name: exposed });
    throw no("Passwords are only taken over TLS: send STARTTLS first", "PRIVACYREQUIRED");
  }

  /** Sends a challenge and waits for the line that answers it. */
  async #challenge(text: string): Promise<string | undefined> {
    this.#state.out.put(`+ ${text}\r\n`);
    const line = await this.#session.line(MAX_AUTH_LINE);
    return line && decode(line);
  }

  async #logIn(command: LoginCommand, mechanism: string, login: () => Promise<LoginResult>): Promise<void> {
    const { options } = this.#state;
    await this.#state.out.flush();
    const result = await login();
    if ("account" in result) return await this.#open(command, mechanism, result);
    const { kind, code, text, name, why } = result;
    // who had to wait is told that the server goes down, and nothing else
    if (why === "refused" && options.closing.aborted) return;
    if (why) options.onEvent?.({ kind: "login", ok: false, mechanism, name, why });
    this.#state.answer(command, { kind, code, text });
    this.#session.failedLogin(why === "refused");
  }

  async #open(
    command: LoginCommand,
    mechanism: string,
    { account, name }: Extract<LoginResult, { account: unknown }>,
  ): Promise<void> {
    const state = this.#state;
    const { accounts, mailStore, onEvent } = state.options;
    // the password was right, whatever becomes of the mailbox
    onEvent?.({ kind: "login", ok: true, mechanism, name, account: account.address });
    const folders = await mailStore.open(account.address);
    try {
      if (!await accounts.isCurrent(account)) throw no("The account was removed", "AUTHENTICATIONFAILED");
    } catch (error) {
      folders[Symbol.dispose]();
      throw error;
    }
    state.loggedIn = { account, folders };
    this.#session.loggedIn();
    state.ok(command, "Logged in", `CAPABILITY ${this.#session.capabilities()}`);
  }

  /** STARTTLS. */
  async startTls(command: CommandOf<"STARTTLS">): Promise<void> {
    if (this.#session.isSecure) throw bad("TLS is active already");
    if (!this.#session.canStartTls) throw bad("TLS is not offered");
    this.#state.ok(command, "Begin TLS");
    await this.#session.startTls();
  }
}

/** Who is named in an initial response of PLAIN (RFC 4616); empty: nobody. */
function nameIn(initial: string): string {
  const octets = decodeSaslLine(initial);
  return octets ? decode(octets).split("\0")[1] ?? "" : "";
}
