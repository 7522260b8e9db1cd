/** Logins over SMTP: passwords and SCRAM as the session wants them. */

import type { Random } from "../base/random.ts";
import type { Accounts } from "../auth/accounts.ts";
import { Authenticator, type LoginFailure } from "../auth/authenticator.ts";
import type { LoginGuard } from "../auth/login_guard.ts";
import { ScramExchange } from "../auth/scram.ts";
import { closing, type Reply, reply } from "../smtp/protocol/reply.ts";
import type { Login, LoginExchange, LoginStep, SessionFacts } from "../smtp/server/reception.ts";

/** What logins need. */
export interface LoginOptions {
  readonly accounts: Accounts;
  readonly guard: LoginGuard;
  readonly random: Random;
}

const REFUSALS: Readonly<Record<LoginFailure, Reply>> = {
  wrong: reply(535, "5.7.8", "Wrong user name or password"),
  refused: closing(reply(421, "4.7.0", "Too many failed logins; try again later")),
};
const OUT_OF_TURN = reply(501, "5.5.2", "Not a message of SCRAM-SHA-256 at this point");

/** Checks who somebody is. */
export class Logins {
  readonly #authenticator: Authenticator;

  constructor(private readonly options: LoginOptions) {
    this.#authenticator = new Authenticator(options);
  }

  /** A name and a password. */
  async password(session: SessionFacts, name: string, password: string): Promise<Login> {
    const found = await this.#authenticator.password(clientOf(session), name, password);
    return typeof found === "string" ? { refused: REFUSALS[found] } : { account: found.address };
  }

  /** An exchange of SCRAM-SHA-256, or of SCRAM-SHA-256-PLUS (RFC 5802, 7677). */
  scram(session: SessionFacts, bound: boolean): LoginExchange {
    return new ScramLogin({ session, bound }, this.#authenticator, this.options);
  }
}

function clientOf({ remote }: SessionFacts) {
  return { address: remote.hostname };
}

/** client-first, client-final, and the empty answer to our proof (RFC 4954 4). */
class ScramLogin implements LoginExchange {
  readonly #session: SessionFacts;
  readonly #exchange: ScramExchange;
  readonly #steps: ((message: Uint8Array) => Promise<LoginStep>)[];
  #account = "";

  constructor(
    of: { session: SessionFacts; bound: boolean },
    private readonly authenticator: Authenticator,
    { accounts, random }: LoginOptions,
  ) {
    this.#session = of.session;
    const { endPoint } = of.session.tls ?? {};
    this.#exchange = new ScramExchange({
      random,
      // EHLO does not list the mechanism that binds, so a client that could bind is right not to ("y" in RFC 5802 6)
      ...(endPoint && of.bound &&
        { binding: { type: "tls-server-end-point", data: endPoint, chosen: true } }),
      find: (name) => accounts.scramVerifier(name),
    });
    this.#steps = [(m) => this.#first(m), (m) => this.#final(m), (m) => this.#last(m)];
  }

  get user(): string {
    return this.#exchange.name;
  }

  step(message: Uint8Array): Promise<LoginStep> {
    const next = this.#steps.shift();
    return next ? next(message) : Promise.resolve({ refused: OUT_OF_TURN });
  }

  async #first(message: Uint8Array): Promise<LoginStep> {
    const begun = await this.#exchange.first(message);
    return begun.ok ? { challenge: begun.reply } : { refused: reply(501, "5.5.2", begun.reason) };
  }

  async #final(message: Uint8Array): Promise<LoginStep> {
    const found = await this.authenticator.scram(clientOf(this.#session), this.#exchange, message);
    if (typeof found === "string") return { refused: REFUSALS[found] };
    this.#account = found.account.address;
    return { challenge: found.proof };
  }

  #last(message: Uint8Array): Promise<LoginStep> {
    if (message.length > 0) return Promise.resolve({ refused: OUT_OF_TURN });
    return Promise.resolve({ account: this.#account });
  }
}
