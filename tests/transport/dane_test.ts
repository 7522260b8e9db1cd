import { assertEquals, assertMatch } from "@std/assert";
import { createHash, X509Certificate } from "node:crypto";
import { LoopbackInternet } from "../../src/testing/loopback_internet.ts";
import type { PeerScript } from "../../src/testing/peer_script.ts";
import type { ZoneEntry } from "../../src/testing/dns_server.ts";
import type { TlsMaterial } from "../../src/wire/tls.ts";
import { Authority, PolicyHost } from "./authority.ts";

const root = await Authority.make();
const own = await root.issue(["mx.far.test"]);
const elsewhere = await root.issue(["mx.elsewhere.test"]);
const TLS: PeerScript = { tls: own };

/** `3 1 1` of a certificate's key. */
function tlsa(of: Pick<TlsMaterial, "cert">, usage = 3): [number, number, number, string] {
  const key = new X509Certificate(of.cert).publicKey.export({ type: "spki", format: "der" });
  return [usage, 1, 1, createHash("sha256").update(key).digest("hex")];
}

type Attempted = { kind: string; status: string; text: string; tls?: string; host?: string };

/** What becomes of a letter to jsmith@far.test, whose peer and zones are given. */
async function attempt(
  script: PeerScript,
  zones: (smtp: number, address: string) => Record<string, ZoneEntry>,
  more: { fail?: string; config?: Record<string, unknown>; dnssec?: boolean } = {},
): Promise<Attempted & { sessions: number; clear: number }> {
  await using internet = await LoopbackInternet.start({ dnssec: more.dnssec ?? true, ca: [] });
  const near = await internet.host("near.test", { accounts: { jo: "x" }, config: more.config ?? {} });
  const peer = internet.peer("far.test", script);
  const made = zones(internet.smtpPort, peer.address.hostname);
  for (const [name, entry] of Object.entries(made)) internet.zone(name, entry);
  if (more.fail) internet.dns.fail(`_${internet.smtpPort}._tcp.${more.fail}`, "servfail");
  const reply = await near.send({ from: "jo@near.test", to: "jsmith@far.test", text: "Subject: Hi\r\n\r\n" });
  await internet.settled();
  const attempts = await near.server.queue.attempts(/queued as (\S+)/.exec(reply)![1]!);
  const clear = peer.sessions.filter(({ tls, messages }) => !tls && messages.length > 0).length;
  return { ...attempts[0]!.outcome, sessions: peer.sessions.length, clear };
}

const at = (smtp: number, host = "mx.far.test") => `_${smtp}._tcp.${host}`;
const byOwn = (smtp: number) => ({ [at(smtp)]: { TLSA: [tlsa(own)] } });
const byOther = (smtp: number) => ({ [at(smtp)]: { TLSA: [tlsa(elsewhere)] } });

Deno.test("DANE: a certificate that the TLSA records name is enough, whoever vouches for it", async () => {
  const { kind, tls } = await attempt(TLS, byOwn);
  assertEquals(kind, "delivered");
  assertMatch(tls!, /^TLSv1\.3 \S+ \(dane\)$/);
  const below = await attempt({ tls: { ...own, cert: own.cert + root.cert } }, (smtp) => ({
    [at(smtp)]: { TLSA: [tlsa(root, 2)] },
  }));
  assertMatch(below.tls!, /\(dane\)$/);
});

Deno.test("DANE: another certificate, no STARTTLS and a look-up that fails defer, and nothing goes in clear", async () => {
  const rows: [string, PeerScript, (smtp: number) => Record<string, ZoneEntry>, RegExp, string?][] = [
    [
      "another key",
      TLS,
      byOther,
      /\(DANE\) demand verified TLS, but its TLSA records name other certificates$/,
    ],
    ["no STARTTLS", {}, byOwn, /\(DANE\) demand verified TLS, but mx\.far\.test doesn't offer STARTTLS$/],
    [
      "SERVFAIL",
      TLS,
      byOwn,
      /^The TLSA records of mx\.far\.test can't be looked up now: .*SERVFAIL/,
      "mx.far.test",
    ],
    [
      "none usable, no STARTTLS",
      {},
      (smtp) => ({ [at(smtp)]: { TLSA: [tlsa(own, 1)] } }),
      /demand TLS, but mx/,
    ],
  ];
  for (const [name, script, zones, why, fail] of rows) {
    const outcome = await attempt(script, zones, fail === undefined ? {} : { fail });
    assertEquals([name, outcome.kind, outcome.clear], [name, "deferred", 0]);
    assertMatch(outcome.text, why);
    assertEquals(outcome.sessions, name === "SERVFAIL" ? 0 : 1);
  }
});

Deno.test("DANE: records of no use demand TLS with any certificate, but take nothing from `require`", async () => {
  const zones = (smtp: number) => ({ [at(smtp)]: { TLSA: [tlsa(own, 1), tlsa(own, 0)] } });
  const { kind, tls } = await attempt(TLS, zones);
  assertEquals(kind, "delivered");
  assertMatch(tls!, /\(encrypted\)$/);
  const port = 0;
  const outbound = { port, allowPrivate: true, domains: { "far.test": { tls: "require" } } };
  await using internet = await LoopbackInternet.start({ dnssec: true, ca: [] });
  outbound.port = internet.smtpPort;
  const near = await internet.host("near.test", { accounts: { jo: "x" }, config: { outbound } });
  internet.peer("far.test", TLS);
  internet.zone(at(internet.smtpPort), { TLSA: [tlsa(own, 1)] });
  const reply = await near.send({ from: "jo@near.test", to: "jsmith@far.test", text: "Subject: Hi\r\n\r\n" });
  await internet.settled();
  const [made] = await near.server.queue.attempts(/queued as (\S+)/.exec(reply)![1]!);
  assertEquals([made!.outcome.kind, made!.outcome.status], ["deferred", "4.7.5"]);
});

Deno.test("DANE: what is not signed, and a DNS that nobody validates, demands nothing", async () => {
  const rows: [string, (smtp: number, ip: string) => Record<string, ZoneEntry>][] = [
    ["no TLSA", () => ({})],
    ["host unsigned", (smtp, ip) => ({ ...byOther(smtp), "mx.far.test": { A: [ip], insecure: true } })],
    ["TLSA unsigned", (smtp) => ({ [at(smtp)]: { TLSA: [tlsa(elsewhere)], insecure: true } })],
    ["another port", () => ({ "_25._tcp.mx.far.test": { TLSA: [tlsa(elsewhere)] } })],
  ];
  for (const [name, zones] of rows) {
    for (const script of [TLS, {}]) assertEquals((await attempt(script, zones)).kind, "delivered", name);
  }
  assertEquals((await attempt(TLS, byOther, { dnssec: false })).kind, "delivered");
});

Deno.test("DANE: an MX that is not signed counts all the same; a domain without MX is its own host", async () => {
  const unsigned = (smtp: number) => ({
    "far.test": { MX: [[10, "mx.far.test"]], insecure: true } as ZoneEntry,
    ...byOwn(smtp),
  });
  assertMatch((await attempt(TLS, unsigned)).tls!, /\(dane\)$/);
  const wrong = (smtp: number) => ({ ...unsigned(smtp), ...byOther(smtp) });
  assertEquals((await attempt(TLS, wrong)).kind, "deferred");
  const implicit = (smtp: number, ip: string) => ({
    "far.test": { A: [ip] },
    [at(smtp, "far.test")]: { TLSA: [tlsa(own)] },
  });
  assertMatch((await attempt(TLS, implicit)).tls!, /\(dane\)$/);
});

Deno.test("DANE: records stand below what the host is an alias of, else below the host", async () => {
  const target = (ip: string, insecure = false): Record<string, ZoneEntry> => ({
    "mx.far.test": { CNAME: "real.elsewhere.test" },
    "real.elsewhere.test": { A: [ip], insecure },
  });
  const rows: [string, (smtp: number, ip: string) => Record<string, ZoneEntry>, string][] = [
    ["at the target", (smtp, ip) => ({
      ...target(ip),
      [at(smtp, "real.elsewhere.test")]: { TLSA: [tlsa(own)] },
      ...byOther(smtp),
    }), "dane"],
    ["at the alias alone", (smtp, ip) => ({ ...target(ip), ...byOwn(smtp) }), "dane"],
    ["at the alias, the target not signed", (smtp, ip) => ({ ...target(ip, true), ...byOwn(smtp) }), "dane"],
    ["at a target that is not signed", (smtp, ip) => ({
      ...target(ip, true),
      [at(smtp, "real.elsewhere.test")]: { TLSA: [tlsa(elsewhere)] },
    }), "encrypted"],
    ["behind an alias of its own", (smtp) => ({
      [at(smtp)]: { CNAME: "keys.far.test" },
      "keys.far.test": { TLSA: [tlsa(own)] },
    }), "dane"],
  ];
  for (const [name, zones, level] of rows) {
    const { kind, tls = "" } = await attempt(TLS, zones);
    assertEquals([name, kind, /\((\w+)\)$/.exec(tls)?.[1]], [name, "delivered", level]);
  }
});

Deno.test("DANE: whether a host is a signed alias must be known, or the records could be kept from being found", async () => {
  await using internet = await LoopbackInternet.start({ dnssec: true, ca: [] });
  const near = await internet.host("near.test", { accounts: { jo: "x" } });
  const peer = internet.peer("far.test", TLS);
  internet.zone("mx.far.test", { CNAME: "real.elsewhere.test" });
  internet.zone("real.elsewhere.test", { A: [peer.address.hostname], insecure: true });
  internet.zone(at(internet.smtpPort), { TLSA: [tlsa(elsewhere)] });
  internet.dns.fail("mx.far.test", "servfail", "CNAME");
  const reply = await near.send({ from: "jo@near.test", to: "jsmith@far.test", text: "Subject: Hi\r\n\r\n" });
  await internet.settled();
  const [made] = await near.server.queue.attempts(/queued as (\S+)/.exec(reply)![1]!);
  assertEquals([made!.outcome.kind, peer.sessions.length], ["deferred", 0]);
  assertMatch(
    made!.outcome.text,
    /^Whether mx\.far\.test is a signed alias can't be looked up now: .*SERVFAIL/,
  );
});

Deno.test("DANE goes before MTA-STS, and another host is tried where one is wrong", async () => {
  const ca = await Authority.make();
  await using internet = await LoopbackInternet.start({ dnssec: true, ca: [ca.cert] });
  const near = await internet.host("near.test", { accounts: { jo: "x" } });
  const policy = "version: STSv1\nmode: enforce\nmx: other.far.test\nmax_age: 86400\n";
  const address = internet.address();
  await using _ = await new PolicyHost(policy, await ca.issue(["mta-sts.far.test"])).listen(
    address,
    internet.policyPort,
  );
  internet.zone("mta-sts.far.test", { A: [address] });
  internet.zone("_mta-sts.far.test", { TXT: ["v=STSv1; id=1;"] });
  const peer = internet.peer("far.test", TLS);
  const wrong = internet.peer("wrong.test", TLS);
  const smtp = internet.smtpPort;
  internet.zone("far.test", { MX: [[5, "mx.wrong.test"], [10, "mx.far.test"]] });
  internet.zone(at(smtp), { TLSA: [tlsa(own)] });
  internet.zone(at(smtp, "mx.wrong.test"), { TLSA: [tlsa(elsewhere)] });
  const reply = await near.send({ from: "jo@near.test", to: "jsmith@far.test", text: "Subject: Hi\r\n\r\n" });
  await internet.settled();
  const [made] = await near.server.queue.attempts(/queued as (\S+)/.exec(reply)![1]!);
  assertEquals([made!.outcome.kind, made!.outcome.host], ["delivered", "mx.far.test"]);
  assertMatch(made!.outcome.tls!, /\(dane\)$/);
  assertEquals([peer.messages.length, wrong.sessions.length, wrong.messages.length], [1, 1, 0]);
  const answer = await near.server.fetch(new Request("http://localhost/metrics"));
  assertMatch(await answer.text(), /^dinopost_delivery_security_total\{level="dane"\} 1$/m);
});
