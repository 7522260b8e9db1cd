/** The check of names and passwords for all protocols: passwords and SCRAM, slowed down for those who guess. */

import { type Random, systemRandom } from "../base/random.ts";
import type { Account, Accounts } from "./accounts.ts";
import type { AppPasswords } from "./app_passwords.ts";
import type { LoginGuard } from "./login_guard.ts";
import { ScramExchange } from "./scram.ts";

/** What logins need. */
export interface LoginOptions {
  /** Who may log in. */
  readonly accounts: Accounts;
  /** Slows down who guesses. */
  readonly guard: LoginGuard;
  /** Further passwords of theirs; absent: there are none. */
  readonly appPasswords?: Pick<AppPasswords, "verify">;
  /** For SCRAM's nonces. */
  readonly random?: Random;
}

/** Who asks. */
export interface LoginClient {
  /** Its IP address. */
  readonly address: string;
  /** Aborted when nobody waits for the answer any more. */
  readonly closing?: AbortSignal;
}

/** Why somebody is not logged in; `refused`: there were too many wrong ones, it was not looked at. */
export type LoginFailure = "wrong" | "refused";

/** Checks who somebody is. Rejects when the store fails. */
export class Authenticator {
  readonly #accounts: Accounts;
  readonly #guard: LoginGuard;
  readonly #random: Random;
  readonly #appPasswords: Pick<AppPasswords, "verify"> | undefined;

  constructor({ accounts, guard, appPasswords, random = systemRandom }: LoginOptions) {
    this.#appPasswords = appPasswords;
    this.#accounts = accounts;
    this.#guard = guard;
    this.#random = random;
  }

  /**
   * A name and a password (undefined: one that nobody has). What was verified a moment ago is known at once; the
   * others take the same time for a wrong password and an unknown name.
   */
  async password(
    { address, closing }: LoginClient,
    name: string,
    password: string | undefined,
  ): Promise<Account | LoginFailure> {
    const accounts = this.#accounts;
    const { account: known, guess } = accounts.recall(name, password);
    if (known && (await accounts.isCurrent(known))) {
      this.#guard.recognized(address, accounts.loginMailbox(name)!);
      return known;
    }
    const attempt = this.#guard.begin(address, accounts.loginMailbox(name), guess);
    try {
      if (!await attempt.admitted(closing)) return "refused";
      const account = await this.#byAppPassword(name, password) ?? await accounts.verify(name, password);
      if (account) attempt.right();
      else attempt.wrong();
      return account ?? "wrong";
    } finally {
      attempt.ended();
    }
  }

  async #byAppPassword(name: string, password: string | undefined): Promise<Account | undefined> {
    const account = password === undefined ? undefined : this.#accounts.byName(name);
    const isRight = account && await this.#appPasswords?.verify(account, password!);
    return isRight && await this.#accounts.isCurrent(account) ? account : undefined;
  }

  /** May who logged in act as that one? As itself only, however it writes its name; empty: it did not ask. */
  isSelf(account: Account, actAs: string): boolean {
    return actAs === "" || this.#accounts.byName(actAs)?.address === account.address;
  }

  /** True while everybody who can log in can do it by SCRAM. */
  get scramReady(): boolean {
    return this.#accounts.scramReady;
  }

  /** Begins an exchange of SCRAM-SHA-256; bound to `endPoint` it is one of SCRAM-SHA-256-PLUS. */
  scramExchange(endPoint?: Uint8Array): ScramExchange {
    return new ScramExchange({
      random: this.#random,
      ...(endPoint && { binding: { type: "tls-server-end-point", data: endPoint, chosen: true } }),
      find: (name) => this.#accounts.scramVerifier(name),
    });
  }

  /** The last message of a SCRAM client: only now it has guessed. The answer holds the server's own proof. */
  async scram(
    { address, closing }: LoginClient,
    exchange: ScramExchange,
    final: Uint8Array,
  ): Promise<{ readonly account: Account; readonly proof: string } | LoginFailure> {
    const { name } = exchange;
    const attempt = this.#guard.begin(address, this.#accounts.loginMailbox(name));
    try {
      if (!await attempt.admitted(closing)) return "refused";
      const ended = await exchange.final(final);
      const account = this.#accounts.byName(name);
      if (ended.ok && account && await this.#accounts.isCurrent(account)) {
        attempt.right();
        return { account, proof: ended.reply };
      }
      // a message that can't be read, or is bound to another connection, proves nothing, right or wrong
      if (ended.ok || ended.guessed) attempt.wrong();
      return "wrong";
    } finally {
      attempt.ended();
    }
  }
}
