import { assertEquals, assertMatch } from "@std/assert";
import { systemClock } from "../../src/base/clock.ts";
import { ManualClock } from "../../src/base/manual_clock.ts";
import { fetchPolicy } from "../../src/transport/sts_fetch.ts";
import { FakeResolver } from "../dns/fake_resolver.ts";
import { Authority, type PolicyAnswer, PolicyHost } from "./authority.ts";

const POLICY = "version: STSv1\r\nmode: enforce\r\nmx: mx.far.test\r\nmax_age: 86400\r\n";
const HOST = "mta-sts.far.test";
const ca = await Authority.make();
const right = await ca.issue([HOST]);

function fetchFrom(host: PolicyHost, more: Partial<Parameters<typeof fetchPolicy>[1]> = {}) {
  const resolver = new FakeResolver({ [HOST]: { a: ["127.0.0.1"] } });
  const options = { resolver, clock: systemClock, allowPrivate: true, ca: [ca.cert], port: host.port };
  return fetchPolicy("far.test", { ...options, ...more });
}

Deno.test("fetchPolicy() asks the policy's host over TLS that is verified", async () => {
  await using host = await new PolicyHost(POLICY, right).listen("127.0.0.1", 0);
  assertEquals(await fetchFrom(host), {
    ok: true,
    policy: { mode: "enforce", mx: ["mx.far.test"], maxAge: 86_400 },
  });
  assertEquals(host.asked, [`${HOST}/.well-known/mta-sts.txt`]);
});

Deno.test("fetchPolicy() takes nothing else for a policy", async () => {
  const redirect = { status: 302, headers: { location: "/policy" } };
  const rows: [PolicyAnswer, string, RegExp][] = [
    [redirect, "sts-policy-fetch-error", /it answered 302$/],
    [{ status: 404, body: POLICY }, "sts-policy-fetch-error", /it answered 404$/],
    [{ headers: { "content-type": "text/html" }, body: POLICY }, "sts-policy-fetch-error", /text\/html/],
    [POLICY + "x: y\n".repeat(10_000), "sts-policy-fetch-error", /longer than 32768 octets$/],
    ["hello", "sts-policy-invalid", /malformed: "hello" is not "name: value"$/],
  ];
  await using host = await new PolicyHost(POLICY, right).listen("127.0.0.1", 0);
  for (const [answer, failure, why] of rows) {
    host.answer = answer;
    const fetched = await fetchFrom(host);
    assertEquals(fetched.ok ? "" : fetched.failure, failure);
    assertMatch(fetched.ok ? "" : fetched.why, why);
  }
  assertEquals(host.asked.length, rows.length);
});

Deno.test("fetchPolicy() believes no host whose certificate is wrong", async () => {
  const stranger = await (await Authority.make("Other Root")).issue([HOST]);
  const rows = [
    [await ca.issue(["www.far.test"]), /./],
    [await ca.issue(["*.test"]), /./],
    [await ca.issue([]), /./],
    [await ca.issue([HOST], { to: "2021-01-01" }), /./],
    [stranger, /./],
  ] as const;
  for (const [certificate, why] of rows) {
    await using host = await new PolicyHost(POLICY, certificate).listen("127.0.0.1", 0);
    const fetched = await fetchFrom(host);
    assertEquals(fetched.ok ? "" : fetched.failure, "sts-webpki-invalid");
    assertMatch(fetched.ok ? "" : fetched.why, why);
    assertEquals(host.asked.length <= 1, true);
  }
});

Deno.test("fetchPolicy() connects to no address that it must not reach, and tells a resolver that fails", async () => {
  await using host = await new PolicyHost(POLICY, right).listen("127.0.0.1", 0);
  const rows = [
    [{ allowPrivate: false }, /gave no policy: 127\.0\.0\.1 is loopback$/],
    [{ resolver: new FakeResolver({ [HOST]: { a: "SERVFAIL" } }) }, /gave no policy: SERVFAIL$/],
    [{ resolver: new FakeResolver({}) }, /gave no policy: it has no address$/],
  ] as const;
  for (const [options, why] of rows) {
    const fetched = await fetchFrom(host, options);
    assertEquals(fetched.ok ? "" : fetched.failure, "sts-policy-fetch-error");
    assertMatch(fetched.ok ? "" : fetched.why, why);
  }
  assertEquals(host.asked, []);
});

Deno.test("fetchPolicy() waits twenty seconds for a host that keeps silent", async () => {
  const clock = new ManualClock();
  using silent = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const accepted = silent.accept();
  const resolver = new FakeResolver({ [HOST]: { a: ["127.0.0.1"] } });
  const port = silent.addr.port;
  const fetching = fetchPolicy("far.test", { resolver, clock, allowPrivate: true, ca: [ca.cert], port });
  using _conn = await accepted;
  clock.advance(20_000);
  const fetched = await fetching;
  assertMatch(fetched.ok ? "" : fetched.why, /no answer within 20 seconds$/);
});
