import { assert, assertEquals } from "@std/assert";
import { withoutResultsOf } from "../../src/authentication/authentication_results.ts";
import { MessageCheck } from "../../src/authentication/checks.ts";
import { systemClock } from "../../src/base/clock.ts";
import { decode, encode } from "../../src/base/bytes.ts";
import type { Zones } from "../../src/testing/dns_zones.ts";
import { ZoneResolver } from "../authentication/zone_resolver.ts";
import { cpuMs } from "../support/cpu_time.ts";

const policies = { spf: "mark", dkim: "mark", dmarc: "mark", arc: "mark" } as const;

/** What the checks of a message say, and what they cost: milliseconds of CPU, and questions. */
async function check(zones: Zones, header = "From: jo@bad.test\r\n") {
  const resolver = new ZoneResolver(zones);
  const client = { ip: "192.0.2.1", helo: "bad.test", sender: "jo@bad.test" };
  let words: Readonly<Record<string, string>> = {};
  const ms = await cpuMs(async () => {
    const one = new MessageCheck(client, { resolver, clock: systemClock, hostname: "mx.test", policies });
    one.header(encode(`${header}\r\n`));
    one.body(encode("Hi\r\n"));
    ({ words } = await one.finish());
  });
  return { ms, words, questions: resolver.questions.length };
}

Deno.test("SPF records that lead on and on end after ten terms, whatever they are made of", async () => {
  const spf = (terms: string): Zones => ({ "bad.test": { TXT: [`v=spf1 ${terms} -all`] } });
  const wide = Array.from({ length: 200 }, (_, i) => `include:i${i}.bad.test`).join(" ");
  const tree: Zones = Object.fromEntries(
    Array.from({ length: 200 }, (_, i) => [`i${i}.bad.test`, { TXT: [`v=spf1 ${wide} ?all`] }]),
  );
  const names = Array.from({ length: 5000 }, (_, i) => `n${i}.bad.test`);
  const records: [what: string, zones: Zones][] = [
    ["itself", spf("include:bad.test")],
    ["a tree", { ...tree, ...spf(wide) }],
    ["macros", spf(Array.from({ length: 10 }, () => `exists:${"%{l9r+-.}".repeat(60)}.bad.test`).join(" "))],
    ["many names", { ...spf("ptr ptr ptr mx mx"), "1.2.0.192.in-addr.arpa": { PTR: names } }],
    ["many exchangers", { "bad.test": { TXT: ["v=spf1 mx -all"], MX: names.map((name) => [1, name]) } }],
    ["many networks", spf(Array.from({ length: 5000 }, (_, i) => `ip4:10.0.${i >> 8}.${i & 255}`).join(" "))],
  ];
  for (const [what, zones] of records) {
    const { ms, questions } = await check(zones);
    assert(ms < 100, `${what}: ${ms} ms`);
    assert(questions < 50, `${what}: ${questions} questions`);
  }
});

Deno.test("more domains in From than anybody means are no work, and no way around a policy", async () => {
  const from = Array.from({ length: 4000 }, (_, i) => `a@d${i}.test`).join(",\r\n ");
  const { ms, words, questions } = await check({}, `From: ${from}\r\n`);
  assertEquals(words["dmarc"], "permerror");
  assert(ms < 200, `${ms} ms`);
  assert(questions < 10, `${questions}`);
});

Deno.test("no field that claims our results is left, however many and however written", async () => {
  const forms = [
    "Authentication-Results: mx.test; spf=pass",
    "AUTHENTICATION-RESULTS:\r\n (x)\r\n mx.TEST 1; dmarc=pass",
    'Authentication-Results : "mx.test"; arc=pass',
    "Authentication-Results: (((mx.test; dkim=pass",
  ];
  const header = encode(
    `${Array.from({ length: 700 }, () => forms.join("\r\n")).join("\r\n")}\r\nFrom: a@b.test\r\n\r\n`,
  );
  let left = header;
  const ms = await cpuMs(() => left = withoutResultsOf(header, "mx.test") as typeof left);
  assertEquals(decode(left), "From: a@b.test\r\n\r\n");
  assert(ms < 200, `${ms} ms`);
});
