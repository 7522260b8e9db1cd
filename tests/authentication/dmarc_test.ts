import { assertEquals } from "@std/assert";
import { checkDmarc, type DmarcRequest } from "../../src/authentication/dmarc.ts";
import { DmarcWalker } from "../../src/authentication/dmarc_walk.ts";
import type { Zones } from "../../src/testing/dns_zones.ts";
import { ZoneResolver } from "./zone_resolver.ts";

/** Zones with nothing but records of DMARC in them. */
function records(texts: Record<string, string>): Zones {
  return Object.fromEntries(
    Object.entries(texts).map(([domain, text]) => [`_dmarc.${domain}`, { TXT: [text] }]),
  );
}

const none: DmarcRequest = { from: ["example.com"], spf: undefined, dkim: [] };
const pass = (domain: string) => ({ domain, result: "pass" });

async function check(zones: Zones, request: Partial<DmarcRequest>, failing: string[] = []) {
  const resolver = new ZoneResolver(zones, new Set(failing));
  const verdict = await checkDmarc({ ...none, ...request }, resolver);
  return { ...verdict, questions: resolver.questions };
}

async function outcome(
  zones: Zones,
  request: Partial<DmarcRequest>,
  failing: string[] = [],
): Promise<string> {
  const { result, disposition, policy } = await check(zones, request, failing);
  return result === "fail" ? `fail ${policy} ${disposition}` : result;
}

const example = records({ "example.com": "v=DMARC1; p=reject" });

/** RFC 9989 B.1: the domains of From and of who is authenticated, and how close they are. */
const alignments: [what: string, from: string, other: string, relaxed: boolean, strict: boolean][] = [
  ["the same domain", "example.com", "example.com", true, true],
  ["From above the other", "example.com", "child.example.com", true, false],
  ["From below the other", "child.example.com", "example.com", true, false],
  ["another domain", "child.example.com", "example.net", false, false],
];
for (const [what, from, other, relaxed, strict] of alignments) {
  Deno.test(`alignment with ${what} (RFC 9989 B.1)`, async () => {
    const severe = records({ "example.com": "v=DMARC1; p=reject; adkim=s; aspf=s" });
    const word = (yes: boolean) => yes ? "pass" : "fail reject reject";
    for (const [zones, aligned] of [[example, relaxed], [severe, strict]] as const) {
      assertEquals(await outcome(zones, { from: [from], spf: pass(other) }), word(aligned));
      assertEquals(await outcome(zones, { from: [from], dkim: [pass(other)] }), word(aligned));
    }
  });
}

Deno.test("a receiver's example: SPF of a subdomain and DKIM of the domain pass (RFC 9989 B.3.1)", async () => {
  const zones = records({
    "example.com": "v=DMARC1; p=reject; aspf=r;  rua=mailto:dmarc-feedback@example.com",
  });
  const request = { spf: pass("mail.example.com"), dkim: [pass("example.com")] };
  assertEquals((await check(zones, request)).result, "pass");
  assertEquals(await outcome(zones, {}), "fail reject reject");
  assertEquals(await outcome(zones, {}, ["_dmarc.example.com"]), "temperror");
});

Deno.test("a walk asks for eight names at most (RFC 9989 4.10)", async () => {
  const resolver = new ZoneResolver({});
  await new DmarcWalker(resolver).walk("a.b.c.d.e.f.g.h.i.j.mail.example.com");
  const names = [
    "a.b.c.d.e.f.g.h.i.j.mail.example.com",
    "g.h.i.j.mail.example.com",
    "h.i.j.mail.example.com",
    "i.j.mail.example.com",
    "j.mail.example.com",
    "mail.example.com",
    "example.com",
    "com",
  ];
  assertEquals(resolver.questions, names.map((name) => `TXT _dmarc.${name}`));
  const eight = new ZoneResolver({});
  await new DmarcWalker(eight).walk("a.b.c.d.e.f.g.com");
  assertEquals(eight.questions.length, 8);
  assertEquals(eight.questions[1], "TXT _dmarc.b.c.d.e.f.g.com");
});

/** RFC 9989 4.10.2: what stands where, and whose domain a.mail.example.com is. */
const organizations: [texts: Record<string, string>, organization: string][] = [
  [{ "mail.example.com": "", "example.com": "" }, "example.com"],
  [{ "mail.example.com": "psd=n", "example.com": "" }, "mail.example.com"],
  [{ "com": "psd=y" }, "example.com"],
  [{ "com": "psd=y", "example.com": "" }, "example.com"],
  [{ "example.com": "psd=y" }, "mail.example.com"],
  [{ "com": "" }, "com"],
  [{ "a.mail.example.com": "psd=y", "example.com": "" }, "a.mail.example.com"],
  [{}, "a.mail.example.com"],
];
for (const [texts, organization] of organizations) {
  Deno.test(`with ${JSON.stringify(texts)} the organization is ${organization}`, async () => {
    const full = Object.entries(texts).map(([name, more]) => [name, `v=DMARC1; p=none; ${more}`]);
    const walker = new DmarcWalker(new ZoneResolver(records(Object.fromEntries(full))));
    assertEquals(await walker.organization("a.mail.example.com"), organization);
  });
}

/** What applies to a.example.com when it fails. */
const policies: [what: string, texts: Record<string, string>, wanted: string, exists?: true][] = [
  ["its own record, not the organization's", {
    "a.example.com": "p=quarantine; sp=none",
    "example.com": "p=reject",
  }, "fail quarantine quarantine"],
  ["the organization's, for subdomains", {
    "example.com": "p=reject; sp=quarantine",
  }, "fail quarantine quarantine"],
  ["the organization's, without one for subdomains", { "example.com": "p=reject" }, "fail reject reject"],
  ["that for what doesn't exist", {
    "example.com": "p=none; sp=quarantine; np=reject",
  }, "fail reject reject"],
  [
    "not that for what doesn't exist",
    { "example.com": "p=none; sp=quarantine; np=reject" },
    "fail quarantine quarantine",
    true,
  ],
  ["the public suffix's", { com: "p=none; np=reject; psd=y" }, "fail reject reject"],
  ["the organization's before the public suffix's", {
    com: "p=reject; psd=y",
    "example.com": "p=none",
  }, "fail none none"],
  ["a test: a step milder", { "example.com": "p=reject; t=y" }, "fail reject quarantine"],
  ["a test of quarantine", { "example.com": "p=quarantine; t=y" }, "fail quarantine none"],
  ["pct is no more", { "example.com": "p=reject; pct=0" }, "fail reject reject"],
  ["a record that can't be applied", { "a.example.com": "p=block", "example.com": "p=reject" }, "none"],
  ["no record", {}, "none"],
];
for (const [what, texts, wanted, exists] of policies) {
  Deno.test(`the policy that applies: ${what}`, async () => {
    const zones = records(
      Object.fromEntries(Object.entries(texts).map(([name, rest]) => [name, `v=DMARC1; ${rest}`])),
    );
    if (exists) zones["a.example.com"] = { A: ["192.0.2.1"] };
    assertEquals(await outcome(zones, { from: ["a.example.com"] }), wanted);
  });
}

Deno.test("two records at a name are none, other texts beside one are passed over", async () => {
  const two = { "_dmarc.example.com": { TXT: ["v=DMARC1; p=reject", "v=DMARC1; p=none"] } };
  assertEquals(await outcome(two, {}), "none");
  const beside = { "_dmarc.example.com": { TXT: ["v=spf1 -all", "v=DMARC1; p=reject"] } };
  assertEquals(await outcome(beside, {}), "fail reject reject");
});

Deno.test("what could not be asked is no failure, where it might have been a pass", async () => {
  const dkim = [{ domain: "example.com", result: "temperror" }];
  assertEquals(await outcome(example, { dkim }), "temperror");
  assertEquals(
    await outcome(example, { dkim: [{ domain: "example.net", result: "temperror" }] }),
    "fail reject reject",
  );
  assertEquals(await outcome(example, { dkim, spf: pass("example.com") }), "pass");
  const walk = ["_dmarc.child.example.com"];
  assertEquals(await outcome(example, { spf: pass("child.example.com") }, walk), "temperror");
  const np = records({ "example.com": "v=DMARC1; p=none; np=reject" });
  assertEquals(await outcome(np, { from: ["a.example.com"] }, ["a.example.com"]), "temperror");
});

Deno.test("fail, softfail and neutral authenticate nobody", async () => {
  for (const result of ["fail", "softfail", "neutral", "none", "policy", "permerror"]) {
    assertEquals(await outcome(example, { spf: { domain: "example.com", result } }), "fail reject reject");
    assertEquals(await outcome(example, { dkim: [{ domain: "example.com", result }] }), "fail reject reject");
  }
});

Deno.test("of several domains in From the strictest verdict counts, and too many are refused", async () => {
  const zones = { ...example, ...records({ "example.org": "v=DMARC1; p=none" }) };
  assertEquals(
    await outcome(zones, { from: ["example.org", "example.com"], spf: pass("example.org") }),
    "fail reject reject",
  );
  assertEquals(
    await outcome(zones, { from: ["example.org", "example.com"], spf: pass("example.com") }),
    "fail none none",
  );
  const many = await check(zones, { from: ["a.test", "b.test", "c.test", "d.test"] });
  assertEquals([many.result, many.disposition, many.questions], ["permerror", "reject", []]);
  const nobody = await check(zones, { from: [] });
  assertEquals([nobody.result, nobody.disposition], ["permerror", "none"]);
});

Deno.test("one question is enough where the domains are the same, or have nothing in common", async () => {
  const request = { spf: pass("example.com"), dkim: [pass("example.com")] };
  assertEquals((await check(example, request)).questions, ["TXT _dmarc.example.com"]);
  assertEquals((await check(example, { spf: pass("example.net") })).questions, ["TXT _dmarc.example.com"]);
  const both = await check(example, request);
  assertEquals(both.aligned, { spf: true, dkim: true });
});
