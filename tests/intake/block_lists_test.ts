import { assertEquals } from "@std/assert";
import { ManualClock } from "../../src/base/manual_clock.ts";
import { BlockLists } from "../../src/intake/block_lists.ts";
import { Strangers } from "../../src/intake/strangers.ts";
import type { Zones } from "../../src/testing/dns_zones.ts";
import { ZoneResolver } from "../authentication/zone_resolver.ts";
import { Door, line, session } from "./support.ts";

const SIX = `0.0.0.0.f.7.f.f.f.f${".0".repeat(20)}`;
/** A list as it should be, with some addresses on it (reversed). */
function list(zone: string, entries: Zones = {}): Zones {
  return {
    [`2.0.0.127.${zone}`]: { A: ["127.0.0.2"] },
    [`2.0.${SIX}.${zone}`]: { A: ["127.0.0.2"] },
    ...Object.fromEntries(Object.entries(entries).map(([ip, entry]) => [`${ip}.${zone}`, entry])),
  };
}

interface Scene {
  readonly zones: readonly string[];
  readonly data: Zones;
  readonly failing?: readonly string[];
}

function scene({ zones, data, failing = [] }: Scene) {
  const resolver = new ZoneResolver(data, new Set(failing));
  const clock = new ManualClock();
  const answers: string[] = [];
  const problem: { text?: string | undefined } = {};
  const lists = new BlockLists({
    zones,
    resolver,
    clock,
    health: { set: (_code, text) => void (problem.text = text) },
    onAnswer: (zone, result) => void answers.push(`${zone} ${result}`),
  });
  return { resolver, clock, answers, problem, lists };
}

Deno.test("an address on a list is found with what the list says, IPv4 and IPv6", async () => {
  const v6 = `1${".0".repeat(23)}.8.b.d.0.1.0.0.2`;
  const data = list("bl.test", {
    "9.2.0.192": { A: ["127.0.0.4"], TXT: ["see http://bl.test/192.0.2.9\r\n250 ok é"] },
    [v6]: { A: ["127.0.0.2"] },
  });
  const { lists, answers, problem } = scene({
    zones: ["no.test", "bl.test"],
    data: { ...data, ...list("no.test") },
  });
  assertEquals(await lists.find("192.0.2.9"), {
    zone: "bl.test",
    text: "see http://bl.test/192.0.2.9??250 ok ?",
  });
  assertEquals(await lists.find("::ffff:192.0.2.9"), {
    zone: "bl.test",
    text: "see http://bl.test/192.0.2.9??250 ok ?",
  });
  assertEquals(await lists.find("2001:db8::1"), { zone: "bl.test", text: "" });
  assertEquals(await lists.find("192.0.2.8"), undefined);
  assertEquals(answers.slice(-2).sort(), ["bl.test clear", "no.test clear"]);
  assertEquals(problem.text, undefined);
});

/** What a list has beside the client, and what is said of it then. */
const broken: [what: string, data: Zones, problem: RegExp][] = [
  [
    "lacks its test entry",
    { "9.2.0.192.bl.test": { A: ["127.0.0.2"] } },
    /lacks its test entry, 127\.0\.0\.2/,
  ],
  [
    "has everybody",
    { ...list("bl.test", { "9.2.0.192": { A: ["127.0.0.2"] } }), "1.0.0.127.bl.test": { A: ["127.0.0.2"] } },
    /has 127\.0\.0\.1, so it has everybody/,
  ],
  [
    "refuses our name server",
    list("bl.test", { "9.2.0.192": { A: ["127.255.255.254"] } }),
    /refuses the questions of our name server/,
  ],
];
for (const [what, data, wanted] of broken) {
  Deno.test(`a list that ${what} lists nobody, and is told as a problem until it is mended`, async () => {
    const { lists, problem, clock, resolver, answers } = scene({ zones: ["bl.test"], data });
    assertEquals(await lists.find("192.0.2.9"), undefined);
    assertEquals(wanted.test(problem.text ?? ""), true, problem.text);
    assertEquals(answers, ["bl.test failed"]);
    for (const name of Object.keys(data)) delete data[name];
    Object.assign(data, list("bl.test", { "9.2.0.192": { A: ["127.0.0.2"] } }));
    clock.advance(3600_000);
    assertEquals((await lists.find("192.0.2.9"))?.zone, "bl.test");
    assertEquals(problem.text, undefined);
    // the tests hold for an hour
    const before = resolver.questions.length;
    await lists.find("192.0.2.7");
    assertEquals(resolver.questions.length - before, 1);
  });
}

Deno.test("a list whose zone answers with another address than 127.0.0.0/8 lists nobody", async () => {
  const { lists } = scene({
    zones: ["bl.test"],
    data: list("bl.test", { "9.2.0.192": { A: ["203.0.113.1"] } }),
  });
  assertEquals(await lists.find("192.0.2.9"), undefined);
});

Deno.test("where the DNS can't be asked nobody is listed, and the list is not blamed", async () => {
  for (const failing of ["9.2.0.192.bl.test", "2.0.0.127.bl.test"]) {
    const data = list("bl.test", { "9.2.0.192": { A: ["127.0.0.2"] } });
    const { lists, problem } = scene({ zones: ["bl.test"], data, failing: [failing] });
    assertEquals(await lists.find("192.0.2.9"), undefined);
    assertEquals(problem.text, undefined);
  }
});

Deno.test("nobody waits for a list longer than two seconds, nor for what it says", async () => {
  for (const silent of ["A", "TXT"]) {
    const data = list("bl.test", { "9.2.0.192": { A: ["127.0.0.2"], TXT: ["spam"] } });
    const { resolver, clock } = scene({ zones: [], data });
    const never = new Promise<never>(() => {});
    const lists = new BlockLists({
      zones: ["bl.test"],
      clock,
      health: { set: () => {} },
      resolver: {
        addresses: (name, family) => silent === "A" ? never : resolver.addresses(name, family),
        txt: () => never,
      },
    });
    const finding = lists.find("192.0.2.9");
    for (let i = 0; i < 20; i++) await Promise.resolve();
    await clock.advance(1999);
    let ended = false;
    finding.then(() => ended = true);
    await Promise.resolve();
    assertEquals(ended, false);
    await clock.advance(1);
    assertEquals(await finding, silent === "A" ? undefined : { zone: "bl.test", text: "" });
    assertEquals(clock.timers, 0);
  }
});

Deno.test("who is listed is refused at RCPT, but for postmaster and abuse; others and trusted clients are not asked for", async () => {
  const data = list("bl.test", { "9.2.0.192": { A: ["127.0.0.2"], TXT: ["spam source"] } });
  const { lists, resolver } = scene({ zones: ["bl.test"], data });
  await using door = await Door.open({
    aliases: { "abuse@here.example": { targets: ["brain@here.example"] } },
  }, {
    strangers: new Strangers({ lists }),
  });
  const bad = session({ remote: { hostname: "192.0.2.9", port: 1 } });
  assertEquals(line(await door.policy.sender(bad, "x@there.example")), undefined);
  const answer = async (address: string, facts = bad) =>
    line(await door.policy.recipient(facts, { address }));
  assertEquals(await answer("brain@here.example"), "550 5.7.1 192.0.2.9 is listed by bl.test: spam source");
  assertEquals((await answer("nobody@here.example"))?.slice(0, 9), "550 5.1.1");
  assertEquals(await answer("postmaster"), undefined);
  assertEquals(await answer("abuse@here.example"), undefined);
  const asked = resolver.questions.length;
  await door.policy.sender(bad, "y@there.example");
  assertEquals(resolver.questions.length, asked, "once a session");
  const trusted = session({ remote: { hostname: "10.0.0.9", port: 1 } });
  await door.policy.sender(trusted, "x@there.example");
  assertEquals(await answer("brain@here.example", trusted), undefined);
  assertEquals(resolver.questions.length, asked);
});
