import { assert, assertEquals } from "@std/assert";
import { checkSpf, type SpfRequest } from "../../src/authentication/spf.ts";
import { ManualClock } from "../../src/base/manual_clock.ts";
import type { Zones } from "../../src/testing/dns_zones.ts";
import { ZoneResolver } from "./zone_resolver.ts";

/** What stands in RFC 7208 appendix A, with other records for the domain. */
const hosts: Zones = {
  "example.com": {
    MX: [[10, "mail-a.example.com"], [20, "mail-b.example.com"]],
    A: ["192.0.2.10", "192.0.2.11"],
  },
  "amy.example.com": { A: ["192.0.2.65"] },
  "bob.example.com": { A: ["192.0.2.66"] },
  "mail-a.example.com": { A: ["192.0.2.129"] },
  "mail-b.example.com": { A: ["192.0.2.130"] },
  "example.org": { MX: [[10, "mail-c.example.org"]] },
  "mail-c.example.org": { A: ["192.0.2.140"] },
  "10.2.0.192.in-addr.arpa": { PTR: ["example.com"] },
  "65.2.0.192.in-addr.arpa": { PTR: ["amy.example.com"] },
  "140.2.0.192.in-addr.arpa": { PTR: ["mail-c.example.org"] },
  "6.0.0.10.in-addr.arpa": { PTR: ["joe.example.com"] },
};

function check(zones: Zones, request: Partial<SpfRequest> = {}, failing: string[] = []) {
  const resolver = new ZoneResolver(zones, new Set(failing));
  const whole = {
    ip: "192.0.2.65",
    helo: "amy.example.com",
    sender: "a@example.com",
    receiver: "mx.test",
    ...request,
  };
  return { resolver, verdict: checkSpf(whole, { resolver, clock: new ManualClock() }) };
}

async function resultOf(record: string, ip: string, others: Zones = {}): Promise<string> {
  const zones = { ...hosts, ...others, "example.com": { ...hosts["example.com"], TXT: [record] } };
  return (await check(zones, { ip }).verdict).result;
}

const examples: [record: string, passing: string[], failing: string[]][] = [
  ["v=spf1 +all", ["192.0.2.129", "2001:db8::1"], []],
  ["v=spf1 a -all", ["192.0.2.10", "192.0.2.11"], ["192.0.2.65"]],
  ["v=spf1 a:example.org -all", [], ["192.0.2.10", "192.0.2.140"]],
  ["v=spf1 mx -all", ["192.0.2.129", "192.0.2.130"], ["192.0.2.10", "192.0.2.140"]],
  ["v=spf1 mx:example.org -all", ["192.0.2.140"], ["192.0.2.129"]],
  ["v=spf1 mx mx:example.org -all", ["192.0.2.129", "192.0.2.130", "192.0.2.140"], ["192.0.2.10"]],
  ["v=spf1 mx/30 mx:example.org/30 -all", ["192.0.2.131", "192.0.2.143"], ["192.0.2.132"]],
  ["v=spf1 ptr -all", ["192.0.2.10", "192.0.2.65"], ["192.0.2.140", "10.0.0.6"]],
  ["v=spf1 ip4:192.0.2.128/28 -all", ["192.0.2.129", "192.0.2.140"], ["192.0.2.65"]],
  ["v=spf1 ip6:2001:db8::/33 -all", ["2001:db8:7fff::1"], ["2001:db8:8000::1", "192.0.2.65"]],
];
for (const [record, passing, failing] of examples) {
  Deno.test(`"${record}" lets in who it names`, async () => {
    for (const ip of passing) assertEquals(await resultOf(record, ip), "pass", ip);
    for (const ip of failing) assertEquals(await resultOf(record, ip), "fail", ip);
  });
}

Deno.test("a report's client is checked by the name it gives itself, as postmaster", async () => {
  const zones = { "amy.example.com": { TXT: ["v=spf1 exists:%{l}.%{o}.ok.test -all"] } };
  const { verdict, resolver } = check(zones, { sender: "" });
  const { result, identity, domain } = await verdict;
  assertEquals({ result, identity, domain }, { result: "fail", identity: "helo", domain: "amy.example.com" });
  assert(resolver.questions.includes("A postmaster.amy.example.com.ok.test"));
});

Deno.test("a domain that has none, and a name that is none, have no result; nothing is asked about the latter", async () => {
  assertEquals((await check({}).verdict).result, "none");
  for (const helo of ["localhost", "[192.0.2.65]", "a..b", "", "x".repeat(64) + ".test", "é.test"]) {
    const { verdict, resolver } = check({}, { sender: "", helo });
    assertEquals((await verdict).result, "none", helo);
    assertEquals(resolver.questions, []);
  }
});

Deno.test("ten terms may ask the DNS, an eleventh is an error, wherever it stands", async () => {
  const terms = (n: number) => Array.from({ length: n }, (_, i) => `a:h${i}.test`).join(" ");
  const found: Zones = Object.fromEntries(
    Array.from({ length: 12 }, (_, i) => [`h${i}.test`, { A: ["198.51.100.1"] }]),
  );
  assertEquals(await resultOf(`v=spf1 ${terms(10)} -all`, "192.0.2.65", found), "fail");
  assertEquals(await resultOf(`v=spf1 ${terms(11)} -all`, "192.0.2.65", found), "permerror");
  const included = { ...found, "in.test": { TXT: [`v=spf1 ${terms(5)} -all`] } };
  assertEquals(
    await resultOf(`v=spf1 include:in.test ${terms(5)} -all`, "192.0.2.65", included),
    "permerror",
  );
  assertEquals(await resultOf("v=spf1 include:example.com -all", "192.0.2.65"), "permerror");
  assertEquals(await resultOf("v=spf1 redirect=example.com", "192.0.2.65"), "permerror");
});

Deno.test("two questions may find nothing, a third is an error", async () => {
  assertEquals(await resultOf("v=spf1 a:n1.test a:n2.test -all", "192.0.2.65"), "fail");
  assertEquals(await resultOf("v=spf1 a:n1.test a:n2.test a:n3.test -all", "192.0.2.65"), "permerror");
});

Deno.test("ten hosts of an MX are looked up, eleven are an error; of an address's names ten count", async () => {
  const many = (n: number): Zones => {
    const names = Array.from({ length: n }, (_, i) => `m${i}.names.test`);
    return {
      "many.test": { MX: names.map((name) => [10, name]) },
      "65.2.0.192.in-addr.arpa": { PTR: names },
      ...Object.fromEntries(
        names.map((name, i) => [name, { A: [i === n - 1 ? "192.0.2.65" : "198.51.100.1"] }]),
      ),
    };
  };
  assertEquals(await resultOf("v=spf1 mx:many.test -all", "192.0.2.65", many(10)), "pass");
  assertEquals(await resultOf("v=spf1 mx:many.test -all", "192.0.2.65", many(11)), "permerror");
  assertEquals(await resultOf("v=spf1 ptr:names.test -all", "192.0.2.65", many(10)), "pass");
  assertEquals(await resultOf("v=spf1 ptr:names.test -all", "192.0.2.65", many(11)), "fail");
});

Deno.test("where the DNS can't be asked the result is temporary, but for names of the address", async () => {
  const zones = { ...hosts, "example.com": { TXT: ["v=spf1 a -all"] } };
  assertEquals((await check(zones, {}, ["TXT example.com"]).verdict).result, "temperror");
  assertEquals((await check(zones, {}, ["A example.com"]).verdict).result, "temperror");
  const ptr = { ...hosts, "example.com": { TXT: ["v=spf1 ptr -all"] } };
  assertEquals((await check(ptr, {}, ["PTR 65.2.0.192.in-addr.arpa"]).verdict).result, "fail");
});

Deno.test("a check asks nothing more after 20 s", async () => {
  const clock = new ManualClock();
  const zones = {
    "example.com": { TXT: ["v=spf1 a:a.test a:b.test -all"] },
    "a.test": { A: ["198.51.100.1"] },
  };
  const resolver = new ZoneResolver(zones);
  const slow = {
    txt: (name: string) => resolver.txt(name),
    mx: (name: string) => resolver.mx(name),
    ptr: (ip: string) => resolver.ptr(ip),
    addresses: async (name: string, family: 4 | 6) => {
      const answer = await resolver.addresses(name, family);
      await clock.advance(21_000);
      return answer;
    },
  };
  const request = { ip: "192.0.2.65", helo: "x.test", sender: "a@example.com", receiver: "mx.test" };
  assertEquals((await checkSpf(request, { resolver: slow, clock })).result, "temperror");
  assertEquals(resolver.questions, ["TXT example.com", "A a.test"]);
});

Deno.test("a refusal bears the domain's explanation, unless it can't be had or printed", async () => {
  const zones: Zones = {
    "example.com": { TXT: ["v=spf1 -all exp=why.example.com"] },
    "why.example.com": { TXT: ["%{i} is not one of %{d}'s hosts"] },
  };
  const { verdict } = check(zones);
  assertEquals((await verdict).explanation, "192.0.2.65 is not one of example.com's hosts");
  for (const TXT of [[], ["one", "two"], ["%{"], ["line\r\n250 ok"], ["é"]]) {
    const other = check({ ...zones, "why.example.com": { TXT } });
    const { result, explanation } = await other.verdict;
    assertEquals({ result, explanation }, { result: "fail", explanation: undefined });
  }
});

Deno.test("the reason is the mechanism that matched, or what is wrong", async () => {
  const reasons: [record: string, reason: string][] = [
    ["v=spf1 ~all", "~all"],
    ["v=spf1 include:in.test -all", "include:in.test"],
    ["v=spf1 ?ip4:10.0.0.1", "no mechanism matches"],
    ["v=spf1 ip4:10.0.0.300", 'SPF record of example.com: "ip4:10.0.0.300" can\'t be read'],
    ["v=spf1 exp=a.test exp=b.test", 'SPF record of example.com: "exp=" stands there twice'],
  ];
  for (const [TXT, reason] of reasons) {
    const zones = { "example.com": { TXT: [TXT] }, "in.test": { TXT: ["v=spf1 all"] } };
    assertEquals((await check(zones).verdict).reason, reason);
  }
});
