import { assert, assertEquals, assertRejects } from "@std/assert";
import { decode, encode } from "../../src/base/bytes.ts";
import { ManualClock } from "../../src/base/manual_clock.ts";
import { seededRandom } from "../../src/base/random.ts";
import { Accounts } from "../../src/auth/accounts.ts";
import { Authenticator } from "../../src/auth/authenticator.ts";
import { LoginGuard } from "../../src/auth/login_guard.ts";
import { ScramExchange } from "../../src/auth/scram.ts";
import { MailStore } from "../../src/mailbox/mail_store.ts";
import { scramClient } from "../pop3/scram_client.ts";
import { CHEAP, memoryStore } from "../mailbox/helpers.ts";

const BRAIN = "brain@howstuffworks.com";
const OFFICE = { address: "192.0.2.1" };

/** Accounts with the password `narf` each; the clock stands still, so whoever has to wait is not answered. */
class Desk implements AsyncDisposable {
  private constructor(
    private readonly store: AsyncDisposable,
    readonly clock: ManualClock,
    readonly accounts: Accounts,
    readonly guard: LoginGuard,
    readonly authenticator: Authenticator,
  ) {}

  static async open(users = 0): Promise<Desk> {
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
    return new Desk(store, clock, accounts, guard, new Authenticator({ accounts, guard }));
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

Deno.test("Authenticator: 200 logins at once with the right password wait for no time, also behind typos", async () => {
  await using desk = await Desk.open();
  for (let i = 0; i < 4; i++) {
    assertEquals(await desk.authenticator.password(OFFICE, BRAIN, `typo${i}`), "wrong");
  }
  const all = await Promise.all(
    Array.from({ length: 200 }, () => desk.authenticator.password(OFFICE, "brain", "narf")),
  );
  assertEquals(all.filter((one) => typeof one === "object").length, 200);
});

Deno.test("Authenticator: 25 users behind one address log in at once, by password and by SCRAM", async () => {
  await using desk = await Desk.open(25);
  const users = Array.from({ length: 25 }, (_, i) => `user${i}`);
  const all = await Promise.all([
    ...users.map((name) => desk.authenticator.password(OFFICE, name, "narf")),
    ...users.map((name) => desk.scram(name, "narf")),
  ]);
  assertEquals(all.filter((one) => typeof one === "object").length, 50);
});

Deno.test("Authenticator: a password verified a moment ago is right also where guesses are refused", async () => {
  await using desk = await Desk.open();
  await desk.authenticator.password({ address: "198.51.100.7" }, BRAIN, "narf");
  for (let i = 0; i < 20; i++) desk.guard.begin(OFFICE.address, `user${i}`).wrong();
  assertEquals(await desk.authenticator.password(OFFICE, BRAIN, "zort"), "refused");
  assertEquals(
    (await desk.authenticator.password(OFFICE, BRAIN, "narf") as { address: string }).address,
    BRAIN,
  );
  // and from then on it has a count of its own there
  assertEquals(await desk.authenticator.password(OFFICE, BRAIN, "zort"), "wrong");
});

for (const name of ["brain", "nobody"]) {
  Deno.test(`Authenticator: of a thousand wrong passwords at once five are looked at before time passes (${name})`, async () => {
    await using desk = await Desk.open();
    const answers: Record<string, number> = {};
    const all = Array.from(
      { length: 1000 },
      (_, i) =>
        desk.authenticator.password(OFFICE, name, `guess${i}`).then((answer) => {
          answers[String(answer)] = (answers[String(answer)] ?? 0) + 1;
        }),
    );
    await Promise.all(all.slice(0, 5));
    for (let i = 0; i < 50; i++) await Promise.resolve();
    assertEquals(answers, { wrong: 5 });
    for (let second = 0; second < 31; second++) {
      desk.clock.advance(1000);
      const due = { 1: 6, 2: 7, 4: 8, 8: 9, 16: 10, 30: 20 }[second + 1];
      if (due) await Promise.all(all.slice(due - 1, due));
    }
    await Promise.all(all);
    assertEquals(answers, { wrong: 20, refused: 980 });
  });
}

Deno.test("Authenticator: SCRAM counts wrong proofs, and nothing that proves nothing", async () => {
  await using desk = await Desk.open();
  for (let i = 0; i < 10; i++) {
    await desk.challenge(BRAIN, "narf"); // and the client goes
    const { exchange } = await desk.challenge(BRAIN, "narf");
    assertEquals(await desk.authenticator.scram(OFFICE, exchange, encode("no message")), "wrong");
    assertEquals(
      await desk.scram(BRAIN, "narf", encode("another's")),
      "wrong",
      "bound to another connection",
    );
  }
  assertEquals(desk.waitMs, 0);
  for (const name of [BRAIN, "nobody", BRAIN, BRAIN, BRAIN]) {
    assertEquals(await desk.scram(name, "zort"), "wrong");
  }
  assertEquals(desk.waitMs, 1000, "five wrong proofs from this address");
});

Deno.test("Authenticator: SCRAM's answer is the server's proof and who it is", async () => {
  await using desk = await Desk.open();
  const { account, proof } = await desk.scram("brain", "narf") as {
    account: { address: string };
    proof: string;
  };
  assertEquals(account.address, BRAIN);
  assert(proof.startsWith("v="), decode(encode(proof)));
});

Deno.test("Authenticator: a store that fails is no wrong password", async () => {
  await using desk = await Desk.open();
  desk.accounts.verify = () => Promise.reject(new Error("disk I/O error"));
  for (let i = 0; i < 20; i++) await assertRejects(() => desk.authenticator.password(OFFICE, BRAIN, "narf"));
  assertEquals(desk.waitMs, 0);
});

Deno.test("Authenticator: whoever waits when the server goes down is refused", async () => {
  await using desk = await Desk.open();
  for (let i = 0; i < 5; i++) await desk.authenticator.password(OFFICE, BRAIN, `guess${i}`);
  const closing = new AbortController();
  const waiting = desk.authenticator.password({ ...OFFICE, closing: closing.signal }, BRAIN, "narf");
  closing.abort();
  assertEquals(await waiting, "refused");
});
