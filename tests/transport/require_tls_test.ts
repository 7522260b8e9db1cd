import { assert, assertEquals, assertMatch } from "@std/assert";
import { createHash, X509Certificate } from "node:crypto";
import { systemClock } from "../../src/base/clock.ts";
import { encode } from "../../src/base/bytes.ts";
import type { SenderParameters } from "../../src/mail/envelope.ts";
import { SmtpClient } from "../../src/smtp/client/client.ts";
import type { ZoneEntry } from "../../src/testing/dns_server.ts";
import type { Host } from "../../src/testing/host.ts";
import { LoopbackInternet } from "../../src/testing/loopback_internet.ts";
import type { PeerScript } from "../../src/testing/peer_script.ts";
import { Authority, PolicyHost } from "./authority.ts";

const ca = await Authority.make();
const own = await ca.issue(["mx.far.test"]);
const stranger = await (await Authority.make("Other Root")).issue(["mx.far.test"]);
const nears = await ca.issue(["mail.near.test"]);
const OFFERED = ["PIPELINING", "8BITMIME", "SIZE", "DSN", "REQUIRETLS"];
const WILLING: PeerScript = { tls: own, extensions: OFFERED };

function tlsa({ cert }: { cert: string }): [number, number, number, string] {
  const key = new X509Certificate(cert).publicKey.export({ type: "spki", format: "der" });
  return [3, 1, 1, createHash("sha256").update(key).digest("hex")];
}

async function town(options: { dnssec?: boolean } = {}) {
  const internet = await LoopbackInternet.start({ dnssec: true, ca: [ca.cert], ...options });
  const near = await internet.host("near.test", { accounts: { jo: "x" }, certificate: nears });
  return { internet, near };
}

/** Submits within TLS; answers the message's id. */
async function submit(
  near: Host,
  parameters: SenderParameters,
  header = "",
  to = "jsmith@far.test",
): Promise<string> {
  const target = { host: near.name, address: near.smtp.hostname, port: near.smtp.port };
  const connected = await SmtpClient.connect(target, {
    hostname: "client.test",
    clock: systemClock,
    tls: "require",
    ca: [ca.cert],
  });
  assert(connected.ok, JSON.stringify(connected));
  const text = encode(`${header}Subject: Hello\r\n\r\nSecret words\r\n`);
  const [outcome] = await connected.client.send({
    sender: "jo@near.test",
    recipients: [{ address: to }],
    size: text.length,
    parameters,
    text: () => [text],
  });
  await connected.client.quit();
  assertEquals(outcome!.kind, "delivered", outcome!.text);
  return /queued as (\S+)/.exec(outcome!.text)![1]!;
}

async function lastOutcome(near: Host, id: string) {
  return (await near.server.queue.attempts(id)).at(-1)!.outcome;
}

Deno.test("REQUIRETLS goes on to a host that DNSSEC vouches for, has it, and whose certificate is right", async () => {
  const rows: [(smtp: number) => Record<string, ZoneEntry>, PeerScript, string][] = [
    [() => ({}), WILLING, "verified"],
    [
      (smtp) => ({ [`_${smtp}._tcp.mx.far.test`]: { TLSA: [tlsa(stranger)] } }),
      { ...WILLING, tls: stranger },
      "dane",
    ],
  ];
  for (const [zones, script, level] of rows) {
    const { internet, near } = await town();
    await using _ = internet;
    const peer = internet.peer("far.test", script);
    for (const [name, entry] of Object.entries(zones(internet.smtpPort))) internet.zone(name, entry);
    const id = await submit(near, { tls: "required" });
    await internet.settled();
    assertMatch((await lastOutcome(near, id)).tls!, new RegExp(`\\(${level}\\)$`));
    assertMatch(peer.messages[0]!.mail, / REQUIRETLS$/);
    // who didn't ask for it gets no connection of theirs, and no parameter
    await submit(near, {});
    await internet.settled();
    assertEquals(peer.messages[1]!.mail.includes("REQUIRETLS"), false);
    assertEquals(peer.sessions.length, 2);
  }
});

Deno.test("REQUIRETLS comes back where a next hop can't, with the header alone, and asks for it on the way back", async () => {
  const rows: [string, PeerScript, string, RegExp, { dnssec?: boolean }?][] = [
    [
      "no REQUIRETLS",
      { ...WILLING, extensions: ["SIZE"] },
      "5.7.30",
      /needs REQUIRETLS, which mx\.far\.test doesn't/,
    ],
    [
      "no STARTTLS",
      { extensions: OFFERED },
      "5.7.10",
      /\(REQUIRETLS\) demands verified TLS, but .* STARTTLS$/,
    ],
    ["another issuer", { ...WILLING, tls: stranger }, "5.7.10", /is not trusted/],
    ["nobody vouches", WILLING, "5.7.30", /^Neither DNSSEC nor MTA-STS vouches/, { dnssec: false }],
  ];
  for (const [name, script, status, text, options] of rows) {
    const { internet, near } = await town(options);
    await using _ = internet;
    const peer = internet.peer("far.test", script);
    const id = await submit(near, { tls: "required", ret: "full" });
    await internet.settled();
    const outcome = await lastOutcome(near, id);
    assertEquals([name, outcome.kind, outcome.status], [name, "failed", status]);
    assertMatch(outcome.text, text);
    assertEquals(peer.messages.length, 0);
    const [report] = await near.mailbox("jo");
    assertMatch(report!, /Subject: Hello/);
    assert(!report!.includes("Secret words"));
  }
});

Deno.test("REQUIRETLS stays with a report on its way to another server", async () => {
  const { internet, near } = await town();
  await using _ = internet;
  const peer = internet.peer("far.test", {
    ...WILLING,
    rcpt: (line) => line.includes("gone") ? "550 5.1.1 No" : "250 Ok",
  });
  const target = { host: near.name, address: near.smtp.hostname, port: near.smtp.port };
  const client = await SmtpClient.connect(target, {
    hostname: "x.test",
    clock: systemClock,
    tls: "require",
    ca: [ca.cert],
  });
  assert(client.ok);
  const text = encode("Subject: Hello\r\n\r\nSecret words\r\n");
  await client.client.send({
    sender: "jsmith@far.test",
    recipients: [{ address: "gone@far.test" }],
    size: text.length,
    parameters: { tls: "required" },
    text: () => [text],
  });
  await client.client.quit();
  await internet.settled();
  assertEquals(peer.messages.length, 1);
  assertMatch(peer.messages[0]!.mail, /^MAIL FROM:<> .*REQUIRETLS/);
});

Deno.test("TLS-Required: No lets mail through where policies would not, and nothing else", async () => {
  const { internet, near } = await town();
  await using _ = internet;
  const peer = internet.peer("far.test", { tls: stranger, extensions: OFFERED });
  internet.zone(`_${internet.smtpPort}._tcp.mx.far.test`, { TLSA: [tlsa(own)] });
  const optional = await submit(near, {}, "tls-required:\r\n NO\r\n");
  await internet.settled();
  const outcome = await lastOutcome(near, optional);
  assertEquals(outcome.kind, "delivered");
  assertMatch(outcome.tls!, /\(encrypted\)$/);
  for (const [header, parameters] of [["TLS-Required: Yes\r\n", {}], ["", {}]] as const) {
    const id = await submit(near, parameters, header);
    await internet.settled();
    assertEquals((await lastOutcome(near, id)).kind, "deferred", header);
  }
  const both = await submit(near, { tls: "required" }, "TLS-Required: No\r\n");
  await internet.settled();
  assertEquals((await lastOutcome(near, both)).status, "5.7.10");
  assertEquals(peer.messages.length, 1);

  peer.script = {};
  await internet.pass("10m");
  const clear = await submit(near, {}, "TLS-Required: No\r\n");
  await internet.settled();
  assertEquals((await lastOutcome(near, clear)).kind, "delivered");
});

Deno.test("REQUIRETLS waits for a policy that is announced and can't be had now", async () => {
  const { internet, near } = await town({ dnssec: false });
  await using _ = internet;
  const peer = internet.peer("far.test", WILLING);
  const address = internet.address();
  internet.zone("mta-sts.far.test", { A: [address] });
  internet.zone("_mta-sts.far.test", { TXT: ["v=STSv1; id=1;"] });
  const id = await submit(near, { tls: "required" });
  await internet.settled();
  const { kind, status, text } = await lastOutcome(near, id);
  assertEquals([kind, status], ["deferred", "4.7.0"]);
  assertMatch(text, /^Neither DNSSEC nor MTA-STS vouches .*: mta-sts\.far\.test gave no policy: /);
  const policy = "version: STSv1\nmode: enforce\nmx: mx.far.test\nmax_age: 86400\n";
  await using __ = await new PolicyHost(policy, await ca.issue(["mta-sts.far.test"]))
    .listen(address, internet.policyPort);
  await internet.pass("1h");
  assertEquals(peer.messages.length, 1);
});
