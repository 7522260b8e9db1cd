import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import { systemClock } from "../../src/base/clock.ts";
import { ManualClock } from "../../src/base/manual_clock.ts";
import { seededRandom, systemRandom } from "../../src/base/random.ts";
import { findMailHosts } from "../../src/dns/mail_hosts.ts";
import { type DnsResult, SystemResolver, type SystemResolverOptions } from "../../src/dns/resolver.ts";
import { type DnsFault, DnsServer, type DnsServerOptions, type Zones } from "../../src/testing/dns_server.ts";

const zones: Zones = {
  "mx.test": { MX: [[10, "Mail1.mx.test"], [5, "mail0.mx.test"]] },
  "mail0.mx.test": {
    A: ["127.0.2.1", "127.0.2.2"],
    AAAA: ["2001:DB8::1"],
    TXT: ["v=spf1 é -all", "x".repeat(600)],
  },
  "nullmx.test": { MX: [[0, "."]] },
  "alias.test": { CNAME: "mx.test" },
  "idn.test": { MX: [[1, "MX1.xn--bcher-kva.test"], [2, "mail0.mx.test"]] },
  "dangling.test": { CNAME: "gone.test" },
  "loop.test": { CNAME: "loop.test" },
  "big.test": {
    MX: Array.from({ length: 60 }, (_, i): [number, string] => [i, `a-rather-long-name-${i}.example`]),
  },
  "1.2.0.127.in-addr.arpa": { PTR: ["Mail0.mx.test"] },
};

async function setUp(
  more: Partial<SystemResolverOptions> = {},
  server: DnsServerOptions = {},
): Promise<{ server: DnsServer; resolver: SystemResolver } & AsyncDisposable> {
  const dns = await DnsServer.start({ zones, ...server });
  const resolver = new SystemResolver({
    nameServer: dns.address,
    timeoutMs: 5000,
    clock: systemClock,
    random: systemRandom,
    ...more,
  });
  async function dispose(): Promise<void> {
    resolver.close();
    await dns.close();
  }
  return { server: dns, resolver, [Symbol.asyncDispose]: dispose };
}

function brief(result: DnsResult<unknown>): string {
  return result.kind === "temporaryFailure"
    ? `temporaryFailure: ${result.why.replace(/127.0.0.1:\d+/, "NS")}`
    : result.kind;
}

/** What the DNS answers, and what that means to us: the table of the ways in which a question can end. */
const table: { name: string; fault?: DnsFault; dnssec: string; plain?: string; timeoutMs?: number }[] = [
  // answers
  { name: "mx.test", dnssec: "found" },
  { name: "nullmx.test", dnssec: "found" },
  { name: "alias.test", dnssec: "found" },
  { name: "big.test", dnssec: "found" },
  { name: "mail0.mx.test", dnssec: "none" },
  { name: "test", dnssec: "none" },
  { name: "nowhere.test", dnssec: "nxdomain" },
  { name: "dangling.test", dnssec: "nxdomain" },
  { name: "f.test", fault: "nxdomain", dnssec: "nxdomain" },
  // no answers
  { name: "f.test", fault: "servfail", dnssec: "temporaryFailure: Name server NS answered SERVFAIL" },
  { name: "f.test", fault: "refused", dnssec: "temporaryFailure: Name server NS answered REFUSED" },
  { name: "f.test", fault: "formerr", dnssec: "temporaryFailure: Name server NS answered FORMERR" },
  { name: "f.test", fault: "notimp", dnssec: "temporaryFailure: Name server NS answered NOTIMP" },
  {
    name: "f.test",
    fault: "silent",
    timeoutMs: 200,
    dnssec: "temporaryFailure: Name server NS didn't answer in time",
  },
  {
    name: "f.test",
    fault: "garbage",
    timeoutMs: 200,
    dnssec: "temporaryFailure: Name server NS answered something unreadable",
  },
  { name: "loop.test", dnssec: "temporaryFailure: The aliases of loop.test lead in a circle or too far" },
  { name: "a..test", dnssec: 'temporaryFailure: "a..test" is not a name of the DNS' },
];

for (const row of table) {
  for (const trustAd of [false, true]) {
    const what = row.fault ? `with ${row.fault}` : `for ${row.name}`;
    Deno.test(`SystemResolver.mx() ${what}${trustAd ? ", DNSSEC" : ""}: ${row.dnssec}`, async () => {
      await using net = await setUp({ trustAd, timeoutMs: row.timeoutMs ?? 5000 });
      if (row.fault) net.server.fail(row.name, row.fault);
      assertEquals(brief(await net.resolver.mx(row.name)), row.dnssec);
    });
  }
}

Deno.test("SystemResolver tells a closed port as a temporary failure, within its time", async () => {
  const dead = await DnsServer.start();
  await dead.close();
  let late = 0;
  const options = { timeoutMs: 200, clock: systemClock, random: systemRandom, onTimeout: () => late++ };
  const resolver = new SystemResolver({ ...options, nameServer: dead.address });
  const start = systemClock.monotonic();
  assertEquals((await resolver.mx("mx.test")).kind, "temporaryFailure");
  assert(systemClock.monotonic() - start < 1000, "took too long");
  assertEquals(late, 3); // the platform's try, and two of our own
  resolver.close();
});

for (const trustAd of [false, true]) {
  Deno.test(`SystemResolver answers in canonical form${trustAd ? ", DNSSEC" : ""}`, async () => {
    await using net = await setUp({ trustAd });
    const { resolver } = net;
    const secure = trustAd ? { secure: false } : {};
    const found = (records: unknown[]) => ({ kind: "found", records, ...secure });
    assertEquals(
      await resolver.mx("MX.test."),
      found([{ preference: 10, exchange: "mail1.mx.test" }, {
        preference: 5,
        exchange: "mail0.mx.test",
      }]) as never,
    );
    assertEquals(await resolver.mx("nullmx.test"), found([{ preference: 0, exchange: "" }]) as never);
    assertEquals(await resolver.addresses("mail0.mx.test", 4), found(["127.0.2.1", "127.0.2.2"]) as never);
    assertEquals(await resolver.addresses("mail0.mx.test", 6), found(["2001:db8::1"]) as never);
    assertEquals(await resolver.txt("mail0.mx.test"), found(["v=spf1 é -all", "x".repeat(600)]) as never);
    assertEquals(await resolver.ptr("127.0.2.1"), found(["mail0.mx.test"]) as never);
    assertEquals((await resolver.ptr("127.0.2.9")).kind, "nxdomain");
    assertEquals((await resolver.ptr("mail.test")).kind, "temporaryFailure");
  });
}

Deno.test("SystemResolver asks for names that no host has, as macros of SPF make them", async () => {
  await using net = await setUp();
  net.server.zones = { ...net.server.zones, "a+b c._spf.test": { A: ["127.0.0.2"], TXT: ["v=spf1"] } };
  const found = await net.resolver.addresses("A+b c._spf.test", 4);
  assertEquals(found, { kind: "found", records: ["127.0.0.2"] });
  assertEquals(await net.resolver.txt("a+b c._spf.test"), { kind: "found", records: ["v=spf1"] });
  assertEquals((await net.resolver.addresses("x+y._spf.test", 4)).kind, "nxdomain");
  assertEquals(net.server.queries.length, 3);
});

Deno.test("SystemResolver gives names with A-labels as they are, not as what they stand for", async () => {
  await using net = await setUp();
  assertEquals(await net.resolver.mx("idn.test"), {
    kind: "found",
    records: [{ preference: 1, exchange: "mx1.xn--bcher-kva.test" }, {
      preference: 2,
      exchange: "mail0.mx.test",
    }],
  });
});

Deno.test("SystemResolver with trustAd tells the AD bit, and asks only by itself", async () => {
  await using net = await setUp({ trustAd: true }, { authentic: true });
  const result = await net.resolver.mx("mx.test");
  assertEquals(result.kind === "found" && result.secure, true);
  assertEquals(net.server.queries.length, 1);
});

Deno.test("SystemResolver takes a truncated answer over TCP", async () => {
  await using net = await setUp({ trustAd: true });
  const result = await net.resolver.mx("big.test");
  assertEquals(result.kind === "found" && result.records.length, 60);
  assertEquals(net.server.queries.map(({ over }) => over), ["udp", "tcp"]);
});

Deno.test("SystemResolver asks the platform first and its own client for a second opinion on a no", async () => {
  await using net = await setUp();
  await net.resolver.mx("mx.test");
  assertEquals(net.server.queries.length, 1);
  await net.resolver.mx("nowhere.test");
  assertEquals(net.server.queries.length, 3);
});

Deno.test("SystemResolver asks once for MX records, there or not, where it asks for them itself", async () => {
  const clock = new ManualClock();
  await using net = await setUp({ clock, ownMx: true });
  for (const advance of [0, 30_000]) {
    clock.advance(advance);
    assertEquals((await net.resolver.mx("mx.test")).kind, "found");
    assertEquals((await net.resolver.mx("nowhere.test")).kind, "nxdomain");
  }
  assertEquals(net.server.queries.length, 2);
});

Deno.test("SystemResolver asks once for an AAAA that is not there, and once for one that is", async () => {
  for (const trustAd of [false, true]) {
    const clock = new ManualClock();
    await using net = await setUp({ clock, trustAd }, {
      zones: { "four.test": { A: ["192.0.2.1"] }, "six.test": { AAAA: ["2001:db8::6"], TTL: 300 } },
      negativeTtl: 60,
    });
    const { resolver, server } = net;
    const asked = () => server.queries.splice(0).map(({ name, type }) => `${type} ${name}`);
    for (const advance of [0, 59_999]) {
      clock.advance(advance);
      assertEquals((await resolver.addresses("four.test", 6)).kind, "none");
    }
    assertEquals(asked(), ["AAAA four.test"]);
    for (const advance of [0, 100_000]) {
      clock.advance(advance);
      assertEquals((await resolver.addresses("six.test", 6)).kind, "found");
    }
    assertEquals(asked(), ["AAAA six.test"]);
  }
});

Deno.test("SystemResolver keeps for five seconds what the DNS would have kept for less", async () => {
  const clock = new ManualClock();
  await using net = await setUp({ clock, trustAd: true }, {
    zones: { "brief.test": { MX: [[1, "a.test"]], TTL: 1 }, "none.test": { A: ["192.0.2.1"] } },
    negativeTtl: 0,
  });
  const { resolver, server } = net;
  for (const name of ["brief.test", "none.test", "nowhere.test"]) {
    for (const [advance, queries] of [[0, 1], [4_999, 0], [1, 1]] as const) {
      clock.advance(advance);
      await resolver.mx(name);
      assertEquals(server.queries.splice(0).length, queries, `${name}, ${advance} ms on`);
    }
  }
});

Deno.test("SystemResolver keeps answers for their time", async () => {
  const clock = new ManualClock();
  await using net = await setUp({ clock, trustAd: true }, {
    zones: { "mx.test": { MX: [[1, "a.test"]], TTL: 100 }, "none.test": { TTL: 1 } },
    negativeTtl: 1000,
  });
  const { resolver, server } = net;
  const asked = () => server.queries.splice(0).length;
  // a positive answer for its TTL
  for (const [advance, queries] of [[0, 1], [99_999, 0], [1, 1]] as const) {
    clock.advance(advance);
    await resolver.mx("mx.test");
    assertEquals(asked(), queries, `mx.test, ${advance} ms on`);
  }
  // a negative one for the SOA's, five minutes at most
  for (const name of ["none.test", "nowhere.test"]) {
    for (const [advance, queries] of [[0, 1], [299_999, 0], [1, 1]] as const) {
      clock.advance(advance);
      await resolver.mx(name);
      assertEquals(asked(), queries, `${name}, ${advance} ms on`);
    }
  }
  // a temporary failure is kept for five seconds
  server.fail("f.test", "servfail");
  for (const [advance, queries] of [[0, 1], [4999, 0], [1, 1]] as const) {
    clock.advance(advance);
    await resolver.mx("f.test");
    assertEquals(asked(), queries, `f.test, ${advance} ms on`);
  }
});

Deno.test("SystemResolver keeps the platform's answers for five seconds, and each type apart", async () => {
  const clock = new ManualClock();
  await using net = await setUp({ clock });
  const { resolver, server } = net;
  for (const advance of [0, 4_999, 1]) {
    clock.advance(advance);
    await resolver.addresses("mail0.mx.test", 4);
  }
  await resolver.addresses("mail0.mx.test", 6);
  assertEquals(server.queries.map(({ type }) => type), ["A", "A", "AAAA"]);
});

Deno.test("SystemResolver shares one query between equal questions", async () => {
  await using net = await setUp();
  const results = await Promise.all(["mx.test", "MX.test", "mx.test."].map((name) => net.resolver.mx(name)));
  assertEquals(results.map(({ kind }) => kind), ["found", "found", "found"]);
  assertEquals(net.server.queries.length, 1);
});

Deno.test("SystemResolver manages many questions at once", async () => {
  await using net = await setUp();
  const names = Array.from({ length: 300 }, (_, i) => `n${i}.test`);
  const results = await Promise.all(names.map((name) => net.resolver.mx(name)));
  assertEquals(new Set(results.map(({ kind }) => kind)), new Set(["nxdomain"]));
});

Deno.test("SystemResolver.close() ends questions under way and refuses later ones", async () => {
  for (const trustAd of [false, true]) {
    await using net = await setUp({ trustAd });
    net.server.fail("f.test", "silent");
    const running = net.resolver.mx("f.test");
    await net.resolver.mx("mx.test"); // by now the other one is on its way
    net.resolver.close();
    assertEquals(brief(await running), "temporaryFailure: The resolver is closed");
    assertEquals(brief(await net.resolver.mx("mx.test")), "temporaryFailure: The resolver is closed");
  }
});

Deno.test("SystemResolver refuses a name server that is none", () => {
  assertThrows(
    () =>
      new SystemResolver({ nameServer: "dns.test", timeoutMs: 1, clock: systemClock, random: systemRandom }),
    TypeError,
    'Not a name server: "dns.test"; expected "ip" or "ip:port"',
  );
});

Deno.test("findMailHosts() over a real DNS: found, implicit, null MX, no domain, temporary failure", async () => {
  await using net = await setUp({}, {
    zones: {
      "howstuffworks.com": { MX: [[10, "mail.howstuffworks.com"]] },
      "mail.howstuffworks.com": { CNAME: "host.howstuffworks.com" },
      "host.howstuffworks.com": { A: ["127.0.2.1"] },
      "mindspring.com": { A: ["127.0.2.2"] },
      "null.com": { MX: [[0, "."]], A: ["127.0.2.3"] },
    },
  });
  net.server.fail("ill.com", "servfail");
  const options = {
    resolver: net.resolver,
    random: seededRandom(1),
    ownNames: ["us.test"],
    family: "any",
    allowPrivate: true,
  } as const;
  const results = await Promise.all(
    ["howstuffworks.com", "mindspring.com", "null.com", "gone.com", "ill.com"].map((d) =>
      findMailHosts(d, options)
    ),
  );
  assertEquals(results.map((r) => r.kind === "hosts" ? [r.how, r.hosts[0]?.addresses] : [r.kind, r.status]), [
    ["mx", ["127.0.2.1"]],
    ["implicit", ["127.0.2.2"]],
    ["failed", "5.1.10"],
    ["failed", "5.1.2"],
    ["deferred", "4.4.3"],
  ]);
  const ill = results[4]!;
  assertMatch(
    ill.kind === "hosts" ? "" : ill.text,
    /^The MX records of ill\.com can't .* answered SERVFAIL$/,
  );
});
