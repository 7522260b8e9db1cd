import { assert, assertEquals, assertMatch } from "@std/assert";
import type { Host } from "../../src/testing/host.ts";
import { LoopbackInternet } from "../../src/testing/loopback_internet.ts";
import type { PeerScript } from "../../src/testing/peer_script.ts";
import { Authority, PolicyHost } from "./authority.ts";

const ca = await Authority.make();
const peerCertificate = await ca.issue(["mx.far.test"]);
const hostCertificate = await ca.issue(["mta-sts.far.test"]);
const TLS: PeerScript = { tls: peerCertificate };

interface World extends AsyncDisposable {
  readonly internet: LoopbackInternet;
  readonly near: Host;
  readonly policy: PolicyHost;
  /** Announces a policy, and has its host say it. */
  announce(id: string, text: string): void;
  /** Sends a letter and answers the one attempt made for it. */
  attempt(): Promise<{ kind: string; status: string; host?: string; text: string; tls?: string }>;
}

/** near.test, and far.test whose policy is announced. */
async function world(text: string, config: Record<string, unknown> = {}): Promise<World> {
  const internet = await LoopbackInternet.start({ ca: [ca.cert] });
  const near = await internet.host("near.test", { accounts: { jo: "x" }, config });
  const policy = new PolicyHost(text, hostCertificate);
  const address = internet.address();
  await policy.listen(address, internet.policyPort);
  internet.zone("mta-sts.far.test", { A: [address] });
  const announce = (id: string, said: string) => {
    policy.answer = said;
    internet.zone("_mta-sts.far.test", { TXT: [`v=STSv1; id=${id};`] });
  };
  announce("1", text);
  return {
    internet,
    near,
    policy,
    announce,
    async attempt() {
      const reply = await near.send({
        from: "jo@near.test",
        to: "jsmith@far.test",
        text: "Subject: Hello\r\n\r\n",
      });
      await internet.settled();
      const attempts = await near.server.queue.attempts(/queued as (\S+)/.exec(reply)![1]!);
      return attempts[0]!.outcome;
    },
    async [Symbol.asyncDispose]() {
      await policy[Symbol.asyncDispose]();
      await internet[Symbol.asyncDispose]();
    },
  };
}

function policyOf(mode: string, mx = "mx.far.test", maxAge = 7 * 86_400): string {
  return `version: STSv1\nmode: ${mode}\nmx: ${mx}\nmax_age: ${maxAge}\n`;
}

Deno.test("a policy at enforce lets mail through to a host that is right, and says so", async () => {
  for (const mx of ["mx.far.test", "*.far.test"]) {
    await using w = await world(policyOf("enforce", mx));
    const peer = w.internet.peer("far.test", TLS);
    const { kind, tls } = await w.attempt();
    assertEquals(kind, "delivered");
    assertMatch(tls!, /^TLSv1\.3 \S+ \(sts\)$/);
    assertEquals(peer.messages.length, 1);
    assertEquals(w.policy.asked, ["mta-sts.far.test/.well-known/mta-sts.txt"]);
  }
});

Deno.test("a policy at enforce defers where the peer is wrong; at testing and none it is delivered", async () => {
  const hello = "250-peer\r\n250-STARTTLS\r\n250 PIPELINING";
  const demands = /^The policy of far\.test \(MTA-STS\) demands verified TLS, but /;
  const stranger = await (await Authority.make("Other Root")).issue(["mx.far.test"]);
  const other = await ca.issue(["mail.far.test"]);
  const rows: [string, PeerScript, string, RegExp][] = [
    ["no STARTTLS", {}, "4.7.10", /mx\.far\.test doesn't offer STARTTLS$/],
    [
      "STARTTLS refused",
      { ...TLS, starttls: "454 4.7.0 Later" },
      "4.7.10",
      /refused STARTTLS with 454 Later$/,
    ],
    ["unknown issuer", { tls: stranger }, "4.7.5", /certificate of mx\.far\.test is not trusted: \w+/],
    ["another name", { tls: other }, "4.7.5", /certificate of mx\.far\.test is not trusted: .*ALTNAME/],
    ["TLS breaks", { ...TLS, ehlo: [hello, { drop: true }] }, "4.4.2", /closed the connection/],
  ];
  for (const [name, script, status, why] of rows) {
    await using w = await world(policyOf("enforce"));
    const peer = w.internet.peer("far.test", script);
    const outcome = await w.attempt();
    assertEquals([name, outcome.kind, outcome.status], [name, "deferred", status]);
    assertMatch(outcome.text, why);
    if (status !== "4.4.2") assertMatch(outcome.text, demands);
    assertEquals(peer.messages.length, 0);
    assertEquals(peer.sessions.length, 1, "never again in clear");
    if (name !== "TLS breaks") {
      for (const [i, mode] of ["testing", "none"].entries()) {
        w.announce(`later${i}`, policyOf(mode));
        await w.internet.pass("1m"); // what the DNS said is over
        assertEquals((await w.attempt()).kind, "delivered", `${name} at ${mode}`);
      }
    }
  }
});

Deno.test("a host that the policy does not name is left out, and others are tried", async () => {
  await using w = await world(policyOf("enforce"));
  const peer = w.internet.peer("far.test", TLS);
  const evil = w.internet.peer("evil.test", TLS);
  w.internet.zone("far.test", { MX: [[1, "mx.evil.test"], [10, "mx.far.test"]] });
  assertEquals((await w.attempt()).kind, "delivered");
  assertEquals([peer.messages.length, evil.sessions.length], [1, 0]);

  w.internet.zone("far.test", { MX: [[1, "mx.evil.test"]] });
  await w.internet.pass("1m");
  const outcome = await w.attempt();
  assertEquals([outcome.kind, outcome.status], ["deferred", "4.7.0"]);
  assertEquals(
    outcome.text,
    "The policy of far.test (MTA-STS) names none of its mail servers: mx.evil.test",
  );
  assertEquals(evil.sessions.length, 0);
});

Deno.test("a policy once seen holds until it ends, whatever becomes of the DNS, its host and the server", async () => {
  await using w = await world(policyOf("enforce", "mx.far.test", 86_400), { queue: { retry: "1d" } });
  const peer = w.internet.peer("far.test", TLS);
  assertEquals((await w.attempt()).kind, "delivered");
  peer.script = {};
  const refused = async (what: string) => {
    await w.internet.pass("2m");
    assertEquals((await w.attempt()).kind, "deferred", what);
  };
  w.internet.zone("_mta-sts.far.test", { TXT: [] });
  await refused("the record is gone");
  w.internet.dns.fail("_mta-sts.far.test", "servfail");
  await refused("the DNS fails");
  w.internet.dns.fail("_mta-sts.far.test", null);
  w.announce("2", "nonsense");
  await refused("the policy is broken");
  w.policy.answer = { status: 500 };
  await w.near.down();
  await w.internet.pass("1s");
  await w.near.up();
  await refused("a start later");
  await w.internet.pass("1d");
  assertEquals((await w.attempt()).kind, "delivered", "it has ended");
});

Deno.test("a policy is fetched when its id changes, before it ends, and not every minute where that fails", async () => {
  await using w = await world(policyOf("testing"));
  w.internet.peer("far.test", TLS);
  const fetches = async (pass: string) => {
    const before = w.policy.asked.length;
    await w.internet.pass(pass);
    await w.attempt();
    return w.policy.asked.length - before;
  };
  assertEquals(await fetches("0s"), 1);
  assertEquals(await fetches("2m"), 0);
  w.announce("2", policyOf("testing"));
  assertEquals(await fetches("2m"), 1);
  assertEquals(await fetches("23h"), 0);
  assertEquals(await fetches("1h"), 1, "a day old");
  w.announce("3", "nonsense");
  assertEquals(await fetches("2m"), 1);
  assertEquals(await fetches("2m"), 0);
  assertEquals(await fetches("3m"), 1);
});

Deno.test("the route tells of the policy, and a domain with tls never is not asked for one", async () => {
  await using w = await world(policyOf("enforce"), {
    outbound: { allowPrivate: true, domains: { "clear.test": { tls: "never" } } },
  });
  w.internet.peer("far.test", TLS);
  const route = async (domain: string): Promise<{ hosts: unknown[]; steps: string[] }> => {
    const { fetch, adminToken } = w.near.server;
    const headers = { authorization: `Bearer ${adminToken}`, host: "localhost" };
    const answer = await fetch(new Request(`http://localhost/api/v1/domains/${domain}/route`, { headers }));
    const text = await answer.text();
    assertEquals(answer.status, 200, text);
    return JSON.parse(text);
  };
  const { hosts, steps } = await route("far.test");
  assertEquals(Object.keys(hosts[0] as object), ["preference", "host", "addresses"]);
  assertMatch(
    steps.at(-1)!,
    /^MTA-STS: the policy of far\.test is at enforce for mx\.far\.test \(id 1, until 2026-01-12T09:00:00\.000Z\)\.$/,
  );
  await route("clear.test");
  assert(!w.internet.dns.queries.some(({ name }) => name === "_mta-sts.clear.test"));
});
