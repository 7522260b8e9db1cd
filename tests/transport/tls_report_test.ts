import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { createServer } from "node:https";
import { gunzipSync } from "node:zlib";
import { concat } from "../../src/base/bytes.ts";
import { systemClock } from "../../src/base/clock.ts";
import { ManualClock } from "../../src/base/manual_clock.ts";
import { Journal } from "../../src/observe/journal.ts";
import { TlsReports } from "../../src/server/tls_reports.ts";
import { openStore } from "../../src/storage/store.ts";
import { TlsSessions } from "../../src/transport/tls_sessions.ts";
import { FakeResolver } from "../dns/fake_resolver.ts";
import { LoopbackInternet } from "../../src/testing/loopback_internet.ts";
import type { PeerScript } from "../../src/testing/peer_script.ts";
import { reportAddresses } from "../../src/transport/tls_report.ts";
import { Authority, PolicyHost } from "./authority.ts";

const ca = await Authority.make();
const peerCertificate = await ca.issue(["mx.far.test"]);
const TLS: PeerScript = { tls: peerCertificate };

Deno.test("reportAddresses() reads the record of `_smtp._tls` (RFC 8460 3)", () => {
  const rows: [string[], string[]][] = [
    [["v=TLSRPTv1;rua=mailto:reports@example.com"], ["mailto:reports@example.com"]],
    [["v=TLSRPTv1; rua=mailto:a@b.test, https://c.test/d;"], ["mailto:a@b.test", "https://c.test/d"]],
    [["v=TLSRPTv1; rua=http://c.test/d"], []],
    [["v=TLSRPTv1; x=y"], []],
    [["v=TLSRPTv2; rua=mailto:a@b.test"], []],
    [["v=TLSRPTv1; rua=mailto:a@b.test", "v=TLSRPTv1; rua=mailto:a@b.test"], []],
    [["v=spf1 -all", "v=TLSRPTv1; rua=mailto:a@b.test"], ["mailto:a@b.test"]],
  ];
  for (const [texts, uris] of rows) assertEquals(reportAddresses(texts), uris, texts.join());
});

/** Three letters go from near.test to far.test, of which two meet a peer that is wrong; then the next day comes. */
async function aDay(internet: LoopbackInternet, rua: string): Promise<AsyncDisposable> {
  const config = { queue: { retry: "7d", warnAfter: "6d" } };
  const near = await internet.host("near.test", { accounts: { jo: "x" }, config });
  const policy = "version: STSv1\nmode: enforce\nmx: mx.far.test\nmax_age: 864000\n";
  const address = internet.address();
  const host = new PolicyHost(policy, await ca.issue(["mta-sts.far.test"]));
  await host.listen(address, internet.policyPort);
  internet.zone("mta-sts.far.test", { A: [address] });
  internet.zone("_mta-sts.far.test", { TXT: ["v=STSv1; id=1;"] });
  internet.zone("_smtp._tls.far.test", { TXT: [`v=TLSRPTv1; rua=${rua}`] });
  const peer = internet.peer("far.test", TLS);
  const stranger = await (await Authority.make("Other Root")).issue(["mx.far.test"]);
  for (const script of [TLS, {}, { tls: stranger }]) {
    peer.script = script;
    await near.send({ from: "jo@near.test", to: "jsmith@far.test", text: "Subject: Hello\r\n\r\n" });
    await internet.pass("10m");
  }
  await internet.pass("20h");
  return host;
}

// deno-lint-ignore no-explicit-any
function check(packed: Uint8Array): any {
  const report = JSON.parse(new TextDecoder().decode(gunzipSync(packed)));
  const [policy] = report.policies;
  assertEquals(report["organization-name"], "mail.near.test");
  assertEquals(report["contact-info"], "postmaster@near.test");
  assertEquals(report["date-range"], {
    "start-datetime": "2026-01-05T00:00:00Z",
    "end-datetime": "2026-01-05T23:59:59Z",
  });
  assertEquals(report.policies.length, 1);
  assertEquals(policy.policy, {
    "policy-type": "sts",
    "policy-string": ["version: STSv1", "mode: enforce", "mx: mx.far.test", "max_age: 864000"],
    "policy-domain": "far.test",
    "mx-host": ["mx.far.test"],
  });
  assertEquals(policy.summary, { "total-successful-session-count": 1, "total-failure-session-count": 2 });
  const types = policy["failure-details"].map((one: Record<string, unknown>) => one["result-type"]);
  assertEquals(types, ["starttls-not-supported", "certificate-not-trusted"]);
  const [first] = policy["failure-details"];
  assertMatch(first["receiving-ip"], /^127\./);
  assertMatch(first["sending-mta-ip"], /^127\./);
  assertEquals([first["receiving-mx-hostname"], first["failed-session-count"]], ["mx.far.test", 1]);
  return report;
}

Deno.test("a domain that asks for reports of TLS gets one a day by mail, whatever TLS is like there", async () => {
  await using internet = await LoopbackInternet.start({ ca: [ca.cert] });
  const reports = await internet.host("reports.test", { accounts: { tls: "x" } });
  await using _ = await aDay(internet, "mailto:tls@reports.test");
  await internet.pass("24h");
  const [letter, ...others] = await reports.mailbox("tls");
  assertEquals(others, []);
  const subject =
    "Subject: Report Domain: far.test\r\n Submitter: mail.near.test\r\n Report-ID: <2026-01-05.far.test@mail.near.test>";
  assertStringIncludes(letter!, subject);
  assertStringIncludes(
    letter!,
    "TLS-Report-Domain: far.test\r\nTLS-Report-Submitter: mail.near.test\r\nTLS-Required: No\r\n",
  );
  assertMatch(letter!, /^Content-Type: multipart\/report; report-type="tlsrpt";/m);
  assertMatch(letter!, /filename="mail\.near\.test!far\.test!1767571200!1767657599\.json\.gz"/);
  const encoded = /Content-Transfer-Encoding: base64\r\n\r\n([A-Za-z0-9+/=\r\n]+)\r\n--/.exec(letter!)![1]!;
  check(Uint8Array.fromBase64(encoded.replace(/\s/g, "")));
});

Deno.test("a report goes by HTTPS, too, whatever the certificate, and once", async () => {
  const posts: { path: string; type: string | undefined; body: Uint8Array }[] = [];
  const odd = await (await Authority.make("Odd Root")).issue(["other.test"]);
  const server = createServer(odd, async (request, response) => {
    const pieces: Uint8Array[] = [];
    for await (const piece of request) pieces.push(piece);
    posts.push({ path: request.url!, type: request.headers["content-type"], body: concat(pieces) });
    response.writeHead(201).end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  const clock = new ManualClock("2026-01-05T09:00:00Z");
  const store = await openStore({ location: ":memory:", clock });
  const journal = new Journal();
  const sessions = new TlsSessions(store, { clock, journal });
  const text = ["version: STSv1", "mode: enforce", "mx: mx.far.test", "max_age: 864000"];
  const policy = { type: "sts", domain: "far.test", text, mx: ["mx.far.test"] } as const;
  const [host, address, local] = ["mx.far.test", "127.0.2.1", "127.0.0.1"];
  sessions.count("far.test", { policy, verdict: { local }, host, address });
  await sessions.write();
  sessions.count("far.test", {
    policy,
    verdict: { failure: "starttls-not-supported", local },
    host,
    address,
  });
  sessions.count("far.test", { policy, verdict: { untrusted: "SELF_SIGNED", local }, host, address });
  const reports = new TlsReports({
    sessions,
    journal,
    clock: systemClock,
    hostname: "mail.near.test",
    contact: "postmaster@near.test",
    allowPrivate: true,
    resolver: new FakeResolver({
      "_smtp._tls.far.test": { txt: [`v=TLSRPTv1; rua=https://web.test:${port}/tls?of=x`] },
      "web.test": { a: ["127.0.0.1"] },
    }),
    submission: { submit: () => Promise.reject(new Error("Not asked here")) },
  });
  await reports.sendAll();
  assertEquals(posts.length, 0, "the day is not over");
  clock.advance(24 * 60 * 60_000);
  await reports.sendAll();
  await reports.sendAll();
  server.close();
  server.closeAllConnections();
  assertEquals(posts.map(({ path, type }) => [path, type]), [["/tls?of=x", "application/tlsrpt+gzip"]]);
  check(posts[0]!.body);
  await store.close();
});

Deno.test("the worst that a domain can make us count fits a row of the store", async () => {
  const clock = new ManualClock("2026-01-05T09:00:00Z");
  const store = await openStore({ location: ":memory:", clock });
  const sessions = new TlsSessions(store, { clock, journal: new Journal() });
  const label = "x".repeat(60);
  const address = Array(8).fill("2001").join(":");
  for (let id = 0; id < 10; id++) {
    const mx = Array.from(
      { length: 12 },
      (_, i) => `${id}-${i}.${[label, label, label, label].join(".")}.test`,
    );
    const text = ["version: STSv1", "mode: testing", ...mx.map((host) => `mx: ${host}`)];
    const policy = { type: "sts", domain: "far.test", text, mx } as const;
    for (const host of mx) {
      const verdict = {
        failure: "starttls-not-supported",
        reason: `454 ${"日".repeat(300)}`,
        local: address,
      } as const;
      sessions.count("far.test", { policy, verdict, host, address });
    }
  }
  await sessions.write();
  assertEquals(sessions.waiting, 0);
  await store.close();
});

Deno.test("a record can't make us write to many", async () => {
  const clock = new ManualClock("2026-01-05T09:00:00Z");
  const store = await openStore({ location: ":memory:", clock });
  const journal = new Journal();
  const sessions = new TlsSessions(store, { clock, journal });
  const policy = { type: "no-policy-found", domain: "far.test", text: [], mx: [] } as const;
  sessions.count("far.test", { policy, verdict: {} });
  await sessions.write();
  clock.advance(24 * 60 * 60_000);
  const rua = Array.from({ length: 500 }, (_, i) => `mailto:victim${i}@other.test`).join();
  const asked: string[] = [];
  const reports = new TlsReports({
    sessions,
    journal,
    clock: systemClock,
    hostname: "mail.near.test",
    contact: "postmaster@near.test",
    allowPrivate: true,
    resolver: new FakeResolver({ "_smtp._tls.far.test": { txt: [`v=TLSRPTv1; rua=${rua}`] } }),
    submission: {
      submit: ({ to }) => {
        asked.push(...to);
        return Promise.resolve({ ok: true, id: "1", refused: [] });
      },
    },
  });
  await reports.sendAll();
  await store.close();
  assertEquals(asked, [0, 1, 2, 3, 4].map((i) => `victim${i}@other.test`));
});
