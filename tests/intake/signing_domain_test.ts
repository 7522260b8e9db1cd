import { assertEquals } from "@std/assert";
import { encode } from "../../src/base/bytes.ts";
import { signingDomain, type SigningFacts } from "../../src/intake/signing_domain.ts";

const NOBODY: SigningFacts = { source: "http", trust: "user", sender: "" };
const BRAIN: SigningFacts = {
  source: "submission",
  trust: "user",
  account: "brain@here.example",
  author: "brain@here.example",
  sender: "team@lists.example",
};

function domain(from: string | undefined, by: Partial<SigningFacts>, of = NOBODY): string | undefined {
  const header = from === undefined ? "Subject: x\r\n\r\n" : `Subject: x\r\nFrom: ${from}\r\n\r\n`;
  return signingDomain(encode(header), { ...of, ...by });
}

Deno.test("a message of our own is signed in the name of its author's domain", () => {
  const cases: [string, string | undefined][] = [
    ["jo@Here.Example", "here.example"],
    ['"Jo, at @x" <jo@here.example>', "here.example"],
    ["Jo <jo@bücher.example>", "xn--bcher-kva.example"],
    ["a@here.example,\r\n b@here.example", "here.example"],
    ["a@here.example, b@other.example", undefined],
    ["jo", undefined],
    ["Jo <>", undefined],
    ["<jo@here.example>", "here.example"],
    ["Jo =?utf-8?q?x?= <jo.x@sub.Here.Example>", "sub.here.example"],
    ["<jo@here.example> (at home)", "here.example"],
    ["Jo <jo@here.example", "here.example"],
    ["jo@here.example>", "here.example"],
    ["Jo <@relay.example:jo@here.example>", "here.example"],
    ["jo@here_.example.", "here_.example"],
    ["jo@-", undefined],
  ];
  for (const trust of ["user", "network"] as const) {
    for (const [from, expected] of cases) assertEquals([from, domain(from, { trust })], [from, expected]);
  }
});

Deno.test("nobody of ours speaks for a stranger's message, nor for a captured one", () => {
  for (const trust of ["stranger", "captured"] as const) {
    assertEquals(domain("jo@here.example", { trust }), undefined);
  }
  // what a server of ours hands on may come from anybody
  assertEquals(domain("jo@here.example", { source: "lmtp", trust: "network" }), undefined);
  assertEquals(domain("jo@here.example", { source: "smtp", trust: "network" }), "here.example");
});

Deno.test("an account speaks for its own domains, and signs as itself what names another author", () => {
  assertEquals(domain("jo@here.example", {}, BRAIN), "here.example");
  assertEquals(domain("jo@lists.example", {}, BRAIN), "lists.example");
  assertEquals(domain("boss@other.example", {}, BRAIN), "lists.example");
  assertEquals(domain("boss@other.example", { sender: "" }, BRAIN), "here.example");
});

Deno.test("a message without From gets its author's, and the name of that domain", () => {
  assertEquals(domain(undefined, {}, BRAIN), "here.example");
  assertEquals(domain(undefined, {}), undefined);
});
