/** In charge of logging in over SMTP: passwords and SCRAM, slowed down for those who guess. */

import { type Clock, sleep } from "../base/clock.ts";
import type { Random } from "../base/random.ts";
import type { Accounts } from "../auth/accounts.ts";
import type { LoginAttempt, LoginGuard } from "../auth/login_guard.ts";
import { ScramExchange } from "../auth/scram.ts";
import { closing, reply } from "../smtp/protocol/reply.ts";
import type { Login, LoginExchange, LoginStep, SessionFacts } from "../smtp/server/reception.ts";

/** What logins need. */
export interface LoginOptions {
  readonly accounts: Accounts;
  readonly guard: LoginGuard;
  readonly clock: Clock;
  readonly random: Random;
}

const WRONG = reply(535, "5.7.8", "Wrong user name or password");
const SLOW_DOWN = closing(reply(421, "4.7.0", "Too many failed logins; try again later"));
const OUT_OF_TURN = reply(501, "5.5.2", "Not a message of SCRAM-SHA-256 at this point");

/** Checks who somebody is. */
export class Logins {
  constructor(private readonly options: LoginOptions) {}

  /** A name and a password, the same time for a wrong one and an unknown user. */
  async password(session: SessionFacts, name: string, password: string): Promise<Login> {
    const attempt = await this.begin(session, name);
    if (!attempt) return { refused: SLOW_DOWN };
    const account = await this.options.accounts.verify(name, password);
    if (!account) return { refused: WRONG };
    attempt.succeeded();
    return { account: account.address };
  }

  /** An exchange of SCRAM-SHA-256, or of SCRAM-SHA-256-PLUS (RFC 5802, 7677). */
  scram(session: SessionFacts, bound: boolean): LoginExchange {
    return new ScramLogin({ session, bound }, this, this.options);
  }

  /** Counts an attempt and waits as long as it must; undefined: not now. */
  async begin(session: SessionFacts, name: string): Promise<LoginAttempt | undefined> {
    const { accounts, guard, clock } = this.options;
    const attempt = guard.begin(session.remote.hostname, accounts.loginMailbox(name));
    if (attempt.refused) return undefined;
    if (attempt.delayMs > 0) await sleep(clock, attempt.delayMs);
    return attempt;
  }
}

/** client-first, client-final, and the empty answer to our proof (RFC 4954 4). */
class ScramLogin implements LoginExchange {
  readonly #session: SessionFacts;
  readonly #exchange: ScramExchange;
  readonly #steps: ((message: Uint8Array) => Promise<LoginStep>)[];
  #attempt: LoginAttempt | undefined;
  #account = "";

  constructor(
    of: { session: SessionFacts; bound: boolean },
    private readonly logins: Logins,
    private readonly options: LoginOptions,
  ) {
    const { accounts, random } = options;
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
    if (!begun.ok) return { refused: reply(501, "5.5.2", begun.reason) };
    this.#attempt = await this.logins.begin(this.#session, this.#exchange.name);
    return this.#attempt ? { challenge: begun.reply } : { refused: SLOW_DOWN };
  }

  async #final(message: Uint8Array): Promise<LoginStep> {
    const ended = await this.#exchange.final(message);
    const { name } = this.#exchange;
    const account = this.options.accounts.byName(name);
    if (!ended.ok || !account) return { refused: WRONG };
    this.#account = account.address;
    return { challenge: ended.reply };
  }

  #last(message: Uint8Array): Promise<LoginStep> {
    if (message.length > 0) return Promise.resolve({ refused: OUT_OF_TURN });
    this.#attempt?.succeeded();
    return Promise.resolve({ account: this.#account });
  }
}
