/** Accounts with a guard and an authenticator before them, for tests of logins. */

import { assert, assertEquals } from "@std/assert";
import { encode } from "../../src/base/bytes.ts";
import { ManualClock } from "../../src/base/manual_clock.ts";
import { seededRandom } from "../../src/base/random.ts";
import { Accounts } from "../../src/auth/accounts.ts";
import { Authenticator } from "../../src/auth/authenticator.ts";
import { LoginGuard } from "../../src/auth/login_guard.ts";
import { ScramExchange } from "../../src/auth/scram.ts";
import { MailStore } from "../../src/mailbox/mail_store.ts";
import { scramClient } from "../pop3/scram_client.ts";
import { CHEAP, memoryStore } from "../mailbox/helpers.ts";

export const BRAIN = "brain@howstuffworks.com";
export const OFFICE = { address: "192.0.2.1" };

/** Accounts with the password `narf` each; the clock stands still, so whoever has to wait is not answered. */
export class LoginFixture implements AsyncDisposable {
  private constructor(
    private readonly store: AsyncDisposable,
    readonly clock: ManualClock,
    readonly accounts: Accounts,
    readonly guard: LoginGuard,
    readonly authenticator: Authenticator,
  ) {}

  static async open(users = 0): Promise<LoginFixture> {
    const store = await memoryStore();
    const clock = new ManualClock();
    const accounts = new Accounts(store, {
      clock,
      random: seededRandom(1),
      domains: ["howstuffworks.com"],
      mailStore: new MailStore(store, { clock }),
      ...CHEAP,
    });
    await accounts.load();
    for (const name of ["brain", ...Array.from({ length: users }, (_, i) => `user${i}`)]) {
      await accounts.add({ address: `${name}@howstuffworks.com`, password: "narf" });
    }
    const guard = new LoginGuard({ clock });
    return new LoginFixture(
      store,
      clock,
      accounts,
      guard,
      new Authenticator({ accounts, guard, random: seededRandom(3) }),
    );
  }

  /** The whole of a SCRAM login. */
  async scram(name: string, password: string, endPoint?: Uint8Array): Promise<unknown> {
    const { exchange, challenge } = await this.challenge(name, password, endPoint);
    return await this.authenticator.scram(OFFICE, exchange, challenge());
  }

  /** The first half of it. */
  async challenge(name: string, password: string, endPoint?: Uint8Array) {
    const client = scramClient(name, password, endPoint);
    const exchange = new ScramExchange({
      random: seededRandom(2),
      find: (who) => this.accounts.scramVerifier(who),
      ...(endPoint && { binding: { type: "tls-server-end-point", data: encode("ours"), chosen: true } }),
    });
    const begun = await exchange.first(Uint8Array.fromBase64(client.first()));
    assert(begun.ok);
    return {
      exchange,
      challenge: () => Uint8Array.fromBase64(client.final(encode(begun.reply).toBase64()).final),
    };
  }

  /** How long the next attempt would wait. */
  get waitMs(): number {
    const attempt = this.guard.begin(OFFICE.address, BRAIN);
    const { waitMs } = attempt;
    attempt.ended();
    return waitMs;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    assertEquals(this.clock.timers, 0);
    await this.store[Symbol.asyncDispose]();
  }
}
