import { assert, assertEquals } from "@std/assert";
import { ManualClock } from "../../src/base/manual_clock.ts";
import { HostGroups } from "../../src/delivery/host_groups.ts";
import type { Route, RouteHost } from "../../src/delivery/secured_route.ts";
import { brief, Fixture, ZONES } from "./fixture.ts";

const MX1 = "127.0.2.1";
const MX2 = "127.0.2.2";
const DOMAINS = Array.from({ length: 40 }, (_, n) => `d${n}.example`);
/** Forty domains more with the hosts of far.example. */
const SHARED = {
  ...ZONES,
  ...Object.fromEntries(DOMAINS.map((domain) => [domain, ZONES["far.example"]!])),
  "other.example": { mx: [[10, "mx1.far.example"]] },
} as typeof ZONES;

function route(hosts: readonly Partial<RouteHost>[], how: "mx" | "implicit" = "mx"): Route {
  return {
    kind: "hosts",
    how,
    steps: [],
    hosts: hosts.map((of) => ({ host: "mx.example", addresses: [MX1], preference: 10, ...of })),
  };
}

Deno.test("domains with the same hosts share turns and connections, whoever is first", async () => {
  const slow = { end: { delayMs: 5, then: "250 2.0.0 Ok" } };
  await using fixture = new Fixture({ [MX1]: slow }, { maxConnectionsPerDomain: 3 }, SHARED);
  const send = (domain: string) => fixture.deliver({ domain, to: [`jsmith@${domain}`] });
  const joined: string[] = [];
  fixture.agent.onJoin((domain, first) => joined.push(`${domain} ${first}`));
  const outcomes = await Promise.all([...DOMAINS, ...DOMAINS].map(send));
  assert(outcomes.every(([attempt]) => attempt!.outcome.kind === "delivered"));
  const peer = fixture.peers[MX1]!;
  assertEquals(fixture.dialed.length, 3);
  assertEquals(peer.messages.length, 80);
  assertEquals(new Set(peer.messages.flatMap(({ rcpts }) => rcpts)).size, 40);
  assertEquals(joined.length, 39);
  // with other hosts, or one less, it is another destination
  await send("other.example");
  assertEquals(fixture.agent.destinationOf("other.example"), "other.example");
  assertEquals(fixture.dialed.length, 4);
});

Deno.test("a domain with rules of its own, and a sender who wants another TLS, share no connection", async () => {
  await using fixture = new Fixture({ [MX1]: {} }, { perDomain: { "d1.example": { tls: "never" } } }, SHARED);
  for (const domain of ["d0.example", "d1.example", "d2.example"]) await fixture.deliver({ domain });
  assertEquals(fixture.dialed.length, 2, "one for d0 and d2, one for d1");
  for (const domain of ["d0.example", "d2.example"]) {
    await fixture.deliver({ domain, parameters: { tls: "optional" } });
    await fixture.deliver({ domain, parameters: { tls: "optional" } });
  }
  assertEquals(
    fixture.dialed.length,
    4,
    "one for each domain whose sender asks for delivery rather than TLS",
  );
});

Deno.test("nobody is sent to the hosts that the first domain has had since", async () => {
  const zones = structuredClone(SHARED);
  await using fixture = new Fixture({ [MX1]: {}, [MX2]: {} }, {}, zones);
  const send = async (domain: string) => brief(await fixture.deliver({ domain }))[0]!.split(" ").at(-1);
  for (const domain of ["d0.example", "d1.example"]) assertEquals(await send(domain), "mx1.far.example");
  fixture.clock.advance(10_000);
  zones["d0.example"] = { mx: [[10, "mx2.far.example"]] };
  assertEquals(await send("d0.example"), "mx2.far.example");
  assertEquals(await send("d1.example"), "mx1.far.example");
  assertEquals(await send("d0.example"), "mx2.far.example");
  assertEquals(fixture.agent.destinationOf("d1.example"), "d1.example");
});

Deno.test("the first domain is looked up again, too, while the others keep its connections warm", async () => {
  const zones = structuredClone(SHARED);
  await using fixture = new Fixture({ [MX1]: {}, [MX2]: {} }, {}, zones);
  const send = async (domain: string) => brief(await fixture.deliver({ domain }))[0]!.split(" ").at(-1);
  for (const domain of ["d0.example", "d1.example"]) await send(domain);
  // a minute later the same hosts are found, and the same connection is used
  for (let seconds = 0; seconds < 62; seconds += 2) {
    fixture.clock.advance(2_000);
    await send("d1.example");
  }
  assertEquals(await send("d0.example"), "mx1.far.example");
  assertEquals(fixture.dialed, [MX1]);
  zones["d0.example"] = { mx: [[10, "mx2.far.example"]] };
  for (let seconds = 0; seconds < 62; seconds += 2) {
    fixture.clock.advance(2_000);
    await send("d1.example");
  }
  assertEquals(await send("d0.example"), "mx2.far.example");
  assertEquals(await send("d1.example"), "mx1.far.example");
  assertEquals(await send("d0.example"), "mx2.far.example");
});

Deno.test("only routes on which nothing is demanded make a group", () => {
  const sts = { demand: { by: "sts", why: "The policy demands verified TLS" } } as const;
  const dane = { demand: { by: "dane", why: "TLSA", base: "mx.example", records: [], names: [] } } as const;
  const testing = { policy: { type: "sts", domain: "x.example", text: [], mx: [] } } as const;
  for (
    const [shared, of] of [
      [true, route([{}])],
      [true, route([{ host: "b.example", preference: 20 }, { host: "a.example" }])],
      [false, route([{}], "implicit")],
      [false, route([sts as unknown as RouteHost])],
      [false, route([{}, dane as unknown as RouteHost])],
      [false, route([testing])],
      [false, route([{ barred: "the TLSA records can't be had" }])],
      [false, { kind: "failed", status: "5.1.2", text: "", steps: [] }],
    ] as const satisfies [boolean, Route][]
  ) {
    const groups = new HostGroups(new ManualClock());
    for (const domain of ["one.example", "two.example"]) groups.learn(domain, of);
    assertEquals(groups.firstOf("two.example"), shared ? "one.example" : "two.example", JSON.stringify(of));
  }
});

Deno.test("who is in a group is looked up again after a minute, and leaves it with other terms", () => {
  const clock = new ManualClock();
  const groups = new HostGroups(clock);
  const names = () => ["one", "two", "three"].map((name) => groups.firstOf(name)).join(" ");
  for (const name of ["one", "two", "three"]) groups.learn(name, route([{}]));
  assertEquals(names(), "one one one");
  clock.advance(59_999);
  groups.learn("three", route([{}]));
  clock.advance(1);
  assertEquals(names(), "one two one");
  groups.learn("two", route([{}]));
  groups.learn("three", route([{ demand: { by: "sts", why: "" } } as unknown as RouteHost]));
  assertEquals(names(), "one one three");
  groups.learn("one", route([{ host: "new.example" }]));
  assertEquals(names(), "one two three");
});
