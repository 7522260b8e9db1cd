import { assert, assertEquals } from "@std/assert";
import { encode } from "../../src/base/bytes.ts";
import {
  AccountSasl,
  decodeSaslLine,
  passwordMechanism,
  type PlainCredentials,
  SaslExchange,
  type SaslMechanism,
  type SaslReply,
} from "../../src/auth/sasl.ts";
import { scramClient } from "../pop3/scram_client.ts";
import { BRAIN, LoginFixture, OFFICE } from "./login_fixture.ts";

/** A mechanism that takes no password for right, and what its check was asked. */
function asking(name: string): { mechanism: SaslMechanism; asked: PlainCredentials[] } {
  const asked: PlainCredentials[] = [];
  const mechanism = passwordMechanism(name, (credentials) => {
    asked.push(credentials);
    return Promise.resolve("wrong");
  })!;
  return { mechanism, asked };
}

Deno.test("PLAIN reads RFC 4616 messages; an empty name or password is nobody's, and is not checked", async () => {
  const cases: readonly [string | Uint8Array, PlainCredentials | "malformed" | "failed"][] = [
    ["\0tim\0tanstaaftanstaaf", { actAs: "", name: "tim", password: "tanstaaftanstaaf" }],
    ["Ursel\0Kurt\0xipj3plmq", { actAs: "Ursel", name: "Kurt", password: "xipj3plmq" }],
    ["\0müller\0grün ", { actAs: "", name: "müller", password: "grün " }],
    ["", "malformed"],
    ["tim", "malformed"],
    ["\0tim", "malformed"],
    ["\0tim\0a\0b", "malformed"],
    [Uint8Array.of(0, 0xff, 0, 0x61), "malformed"],
    ["\0\0secret", "failed"],
    ["\0tim\0", "failed"],
  ];
  for (const [message, expected] of cases) {
    const { mechanism, asked } = asking("PLAIN");
    const { kind } = await mechanism.step(typeof message === "string" ? encode(message) : message);
    const got = kind === "failed" && asked.length > 0 ? asked[0] : kind;
    assertEquals(got, expected, JSON.stringify(message));
  }
});

Deno.test("LOGIN asks for a name, then a password, and takes the name as initial response", async () => {
  const { mechanism, asked } = asking("LOGIN");
  const exchange = new SaslExchange(mechanism);
  assertEquals(exchange.opening, btoa("Username:"));
  assertEquals(await exchange.begin(btoa("brain")), { kind: "challenge", challenge: btoa("Password:") });
  assertEquals(mechanism.user, "brain");
  assertEquals(await exchange.respond(btoa("narf")), { kind: "failed", why: "wrong" });
  assertEquals(asked, [{ name: "brain", password: "narf", actAs: "" }]);
  for (const password of ["", "na\0rf"]) {
    const other = asking("LOGIN");
    await other.mechanism.step(encode("brain"));
    assertEquals(await other.mechanism.step(encode(password)), { kind: "failed", why: "wrong" });
    assertEquals(other.asked, []);
  }
});

Deno.test("SaslExchange cancels at a line of '*', which is no initial response, and refuses what is not base64", async () => {
  const exchange = () => new SaslExchange(asking("LOGIN").mechanism);
  assertEquals((await exchange().respond("*")).kind, "cancelled");
  assertEquals((await exchange().begin("*")).kind, "malformed");
  assertEquals((await exchange().respond("bm8")).kind, "malformed");
  assertEquals((await exchange().begin("=")).kind, "challenge");
});

Deno.test("AccountSasl offers LOGIN where it is wanted, and binds where the connection can be bound", async () => {
  await using logins = await LoginFixture.open(1);
  const { authenticator } = logins;
  const pop3 = new AccountSasl(authenticator);
  const smtp = new AccountSasl(authenticator, { passwords: ["PLAIN", "LOGIN"] });
  assertEquals(pop3.offered, ["SCRAM-SHA-256", "PLAIN"]);
  assertEquals(smtp.offered, ["SCRAM-SHA-256", "PLAIN", "LOGIN"]);
  assertEquals(pop3.begin("login", OFFICE), undefined);
  assertEquals(smtp.begin("login", OFFICE)?.name, "LOGIN");
  assertEquals(smtp.begin("CRAM-MD5", OFFICE), undefined);
  assertEquals(smtp.begin("SCRAM-SHA-256-PLUS", OFFICE), undefined);
  const bound = smtp.begin("scram-sha-256-plus", { ...OFFICE, endPoint: encode("ours") });
  assertEquals(bound?.name, "SCRAM-SHA-256-PLUS");
});

Deno.test("AccountSasl lets everybody act as itself, however the name is written, and as nobody else", async () => {
  await using logins = await LoginFixture.open(1);
  const sasl = new AccountSasl(logins.authenticator);
  const cases = [["", "success"], ["brain", "success"], ["Brain@HowStuffWorks.com", "success"], [
    "user0",
    "failed",
  ], ["nobody", "failed"]];
  for (const [actAs, kind] of cases) {
    const step = await sasl.begin("PLAIN", OFFICE)!.step(encode(`${actAs}\0brain\0narf`));
    assertEquals(step.kind, kind, actAs);
    if (step.kind === "success") assertEquals(step.account.address, BRAIN);
  }
});

Deno.test("A wrong password is a guess, also of who wants to act as somebody else", async () => {
  await using logins = await LoginFixture.open(1);
  const sasl = new AccountSasl(logins.authenticator);
  for (let i = 0; i < 5; i++) {
    assertEquals(logins.waitMs, 0);
    await sasl.begin("PLAIN", OFFICE)!.step(encode(`user0\0brain\0guess${i}`));
  }
  assertEquals(logins.waitMs, 1000);
});

Deno.test("SCRAM ends with the empty answer to the server's proof; anything else there is no login", async () => {
  await using logins = await LoginFixture.open(1);
  const sasl = new AccountSasl(logins.authenticator);
  for (
    const [last, kind] of [["", "success"], ["=", "success"], ["eA==", "malformed"], [
      "*",
      "cancelled",
    ]] as const
  ) {
    const mechanism = sasl.begin("SCRAM-SHA-256", OFFICE)!;
    const exchange = new SaslExchange(mechanism);
    const client = scramClient("brain", "narf");
    assertEquals(exchange.opening, "");
    const { final, proof } = client.final(challengeOf(await exchange.begin(client.first())));
    assertEquals(mechanism.user, "brain");
    assertEquals(challengeOf(await exchange.respond(final)), proof);
    assertEquals((await exchange.respond(last)).kind, kind, last);
  }
});

Deno.test("decodeSaslLine() is strict about base64", () => {
  const cases: readonly [string, string | undefined][] = [
    ["dGlt", "tim"],
    ["dGk=", "ti"],
    ["=", ""],
    ["", ""],
    ["dGk", undefined],
    ["dGl=", undefined],
    ["d!!=", undefined],
    ["*", undefined],
  ];
  for (const [line, expected] of cases) {
    assertEquals(decodeSaslLine(line), expected === undefined ? undefined : encode(expected), line);
  }
});

function challengeOf(step: SaslReply): string {
  assert(step.kind === "challenge");
  return step.challenge;
}
