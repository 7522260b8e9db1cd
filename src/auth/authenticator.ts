/** The check of names and passwords for all protocols: passwords and SCRAM, slowed down for those who guess. */

import type { Account, Accounts } from "../auth/accounts.ts";
import type { LoginGuard } from "../auth/login_guard.ts";
import type { ScramExchange } from "../auth/scram.ts";

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

  constructor(options: { readonly accounts: Accounts; readonly guard: LoginGuard }) {
    this.#accounts = options.accounts;
    this.#guard = options.guard;
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
      const account = await accounts.verify(name, password);
      if (account) attempt.right();
      else attempt.wrong();
      return account ?? "wrong";
    } finally {
      attempt.ended();
    }
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
      if (ended.ok && account) {
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
