import { assert, assertEquals, assertRejects } from "@std/assert";
import { decode, encode } from "../../src/base/bytes.ts";
import { Authenticator } from "../../src/auth/authenticator.ts";
import { BRAIN, LoginFixture, OFFICE } from "./login_fixture.ts";

Deno.test("Authenticator: 200 logins at once with the right password wait for no time, also behind typos", async () => {
  await using logins = await LoginFixture.open();
  for (let i = 0; i < 4; i++) {
    assertEquals(await logins.authenticator.password(OFFICE, BRAIN, `typo${i}`), "wrong");
  }
  const all = await Promise.all(
    Array.from({ length: 200 }, () => logins.authenticator.password(OFFICE, "brain", "narf")),
  );
  assertEquals(all.filter((one) => typeof one === "object").length, 200);
});

Deno.test("Authenticator: 25 users behind one address log in at once, by password and by SCRAM", async () => {
  await using logins = await LoginFixture.open(25);
  const users = Array.from({ length: 25 }, (_, i) => `user${i}`);
  const all = await Promise.all([
    ...users.map((name) => logins.authenticator.password(OFFICE, name, "narf")),
    ...users.map((name) => logins.scram(name, "narf")),
  ]);
  assertEquals(all.filter((one) => typeof one === "object").length, 50);
});

Deno.test("Authenticator: a password verified a moment ago is right also where guesses are refused", async () => {
  await using logins = await LoginFixture.open();
  await logins.authenticator.password({ address: "198.51.100.7" }, BRAIN, "narf");
  for (let i = 0; i < 20; i++) logins.guard.begin(OFFICE.address, `user${i}`).wrong();
  assertEquals(await logins.authenticator.password(OFFICE, BRAIN, "zort"), "refused");
  assertEquals(
    (await logins.authenticator.password(OFFICE, BRAIN, "narf") as { address: string }).address,
    BRAIN,
  );
  // and from then on it has a count of its own there
  assertEquals(await logins.authenticator.password(OFFICE, BRAIN, "zort"), "wrong");
});

for (const name of ["brain", "nobody"]) {
  Deno.test(`Authenticator: of a thousand wrong passwords at once five are looked at before time passes (${name})`, async () => {
    await using logins = await LoginFixture.open();
    const answers: Record<string, number> = {};
    const all = Array.from(
      { length: 1000 },
      (_, i) =>
        logins.authenticator.password(OFFICE, name, `guess${i}`).then((answer) => {
          answers[String(answer)] = (answers[String(answer)] ?? 0) + 1;
        }),
    );
    await Promise.all(all.slice(0, 5));
    for (let i = 0; i < 50; i++) await Promise.resolve();
    assertEquals(answers, { wrong: 5 });
    for (let second = 0; second < 31; second++) {
      logins.clock.advance(1000);
      const due = { 1: 6, 2: 7, 4: 8, 8: 9, 16: 10, 30: 20 }[second + 1];
      if (due) await Promise.all(all.slice(due - 1, due));
    }
    await Promise.all(all);
    assertEquals(answers, { wrong: 20, refused: 980 });
  });
}

Deno.test("Authenticator: SCRAM counts wrong proofs, and nothing that proves nothing", async () => {
  await using logins = await LoginFixture.open();
  for (let i = 0; i < 10; i++) {
    await logins.challenge(BRAIN, "narf"); // and the client goes
    const { exchange } = await logins.challenge(BRAIN, "narf");
    assertEquals(await logins.authenticator.scram(OFFICE, exchange, encode("no message")), "wrong");
    assertEquals(
      await logins.scram(BRAIN, "narf", encode("another's")),
      "wrong",
      "bound to another connection",
    );
  }
  assertEquals(logins.waitMs, 0);
  for (const name of [BRAIN, "nobody", BRAIN, BRAIN, BRAIN]) {
    assertEquals(await logins.scram(name, "zort"), "wrong");
  }
  assertEquals(logins.waitMs, 1000, "five wrong proofs from this address");
});

Deno.test("Authenticator: SCRAM's answer is the server's proof and who it is", async () => {
  await using logins = await LoginFixture.open();
  const { account, proof } = await logins.scram("brain", "narf") as {
    account: { address: string };
    proof: string;
  };
  assertEquals(account.address, BRAIN);
  assert(proof.startsWith("v="), decode(encode(proof)));
});

Deno.test("Authenticator: a store that fails is no wrong password", async () => {
  await using logins = await LoginFixture.open();
  logins.accounts.verify = () => Promise.reject(new Error("disk I/O error"));
  for (let i = 0; i < 20; i++) {
    await assertRejects(() => logins.authenticator.password(OFFICE, BRAIN, "narf"));
  }
  assertEquals(logins.waitMs, 0);
});

Deno.test("Authenticator: whoever waits when the server goes down is refused", async () => {
  await using logins = await LoginFixture.open();
  for (let i = 0; i < 5; i++) await logins.authenticator.password(OFFICE, BRAIN, `guess${i}`);
  const closing = new AbortController();
  const waiting = logins.authenticator.password({ ...OFFICE, closing: closing.signal }, BRAIN, "narf");
  closing.abort();
  assertEquals(await waiting, "refused");
});

Deno.test("Authenticator: nobody logs in to an account that another server has removed, also who did a moment ago", async () => {
  await using logins = await LoginFixture.open();
  const { accounts, guard } = logins;
  const appPasswords = { verify: (_: unknown, password: string) => Promise.resolve(password === "app") };
  const authenticator = new Authenticator({ accounts, guard, appPasswords });
  const logIn = async () => [
    await authenticator.password(OFFICE, BRAIN, "narf"),
    await authenticator.password(OFFICE, BRAIN, "app"),
    await logins.scram(BRAIN, "narf"),
  ];
  assertEquals((await logIn()).map((found) => typeof found), ["object", "object", "object"]);
  // memory does not know yet what the shared store says
  accounts.isCurrent = () => Promise.resolve(false);
  assertEquals(await logIn(), ["wrong", "wrong", "wrong"]);
});
