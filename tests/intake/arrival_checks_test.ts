import { assert, assertEquals, assertMatch } from "@std/assert";
import { Journal, type JournalEvent } from "../../src/observe/journal.ts";
import { type Host, LoopbackInternet, type ZoneEntry } from "../../src/testing/mod.ts";
import { bodyHash, ed25519Pair, signedWith } from "../authentication/signed.ts";
import { SmtpTalk } from "../e2e/support/smtp_talk.ts";

const HERE = "here.example";
const FROM = "jo@sender.example";
const TO = `ann@${HERE}`;
const pair = ed25519Pair();
const BODY = "Hello\r\n";

/** A domain that does everything right, for clients on this machine. */
const RIGHT: Record<string, ZoneEntry> = {
  "sender.example": { MX: [[10, "mail.sender.example"]], TXT: ["v=spf1 ip4:127.0.0.1 -all"] },
  "mail.sender.example": { A: ["127.0.0.1"] },
  "1.0.0.127.in-addr.arpa": { PTR: ["mail.sender.example"] },
  "s._domainkey.sender.example": { TXT: [pair.record] },
  "_dmarc.sender.example": { TXT: ["v=DMARC1; p=reject"] },
};
/** The same, whose records name another client. */
const FORGED: Record<string, ZoneEntry> = {
  ...RIGHT,
  "sender.example": { MX: [[10, "mail.sender.example"]], TXT: ["v=spf1 ip4:192.0.2.1 -all"] },
};

function signed(body = BODY): string {
  const tags = `v=1; a=ed25519-sha256; c=relaxed/relaxed; d=sender.example; s=s; h=from:to; bh=${
    bodyHash(body)
  }`;
  return `${signedWith(pair, tags, { header: `From: Jo <${FROM}>\r\nTo: ${TO}\r\n` })}\r\n${body}`;
}
const UNSIGNED = `From: Jo <${FROM}>\r\nTo: ${TO}\r\n\r\n${BODY}`;

interface Scene extends AsyncDisposable {
  readonly internet: LoopbackInternet;
  readonly host: Host;
  readonly events: JournalEvent[];
  /** Brings a message; answers the last reply. */
  bring(text: string, from?: string): Promise<string>;
  /** The text of the one message that came, without what final delivery put on top. */
  only(): Promise<string>;
  metrics(): Promise<string>;
  /** What the API or the page answers. */
  get(path: string): Promise<string>;
}

async function scene(
  { zones = RIGHT, checks = {}, config = {} }: {
    zones?: Record<string, ZoneEntry>;
    checks?: Record<string, unknown>;
    config?: Record<string, unknown>;
  } = {},
): Promise<Scene> {
  const internet = await LoopbackInternet.start({ seed: 1, zones });
  const journal = new Journal(undefined);
  const events: JournalEvent[] = [];
  journal.on((event) => events.push(event));
  const host = await internet.host(HERE, {
    accounts: { ann: "secret" },
    journal,
    config: { relay: { networks: [] }, checks, admin: { token: "sesame" }, ...config },
  });
  const get = async (path: string) => {
    const request = new Request(`http://localhost${path}`, { headers: { authorization: "Bearer sesame" } });
    return await (await host.server.fetch(request, "127.0.0.1")).text();
  };
  return {
    internet,
    host,
    events,
    async bring(text, from = FROM) {
      using talk = await SmtpTalk.connect(host.smtp, "mail.sender.example");
      return await talk.send({ from, to: [TO], text });
    },
    async only() {
      const texts = await host.mailbox("ann");
      assertEquals(texts.length, 1);
      return texts[0]!.replace(/^Return-Path: .*\r\nDelivered-To: .*\r\n/, "");
    },
    metrics: () => get("/metrics"),
    get,
    [Symbol.asyncDispose]: () => internet[Symbol.asyncDispose](),
  };
}

/** The value of the field on top, in one line. */
function resultsIn(text: string): string {
  const field = /^Authentication-Results: (.*(?:\r\n\t.*)*)\r\nReceived: /.exec(text)?.[1];
  assert(field !== undefined, text);
  return field.replaceAll("\r\n\t", " ").replace(/ header\.b="?[^" ;]*"?/, "");
}

const PASSED = "mail.here.example; spf=pass smtp.mailfrom=sender.example; " +
  "dkim=pass header.d=sender.example header.s=s header.a=ed25519-sha256; " +
  "dmarc=pass header.from=sender.example policy.dmarc=none; arc=none; iprev=pass policy.iprev=127.0.0.1";

Deno.test("a stranger's message bears its results on top, and is as it came below the trace", async () => {
  await using mail = await scene();
  const text = signed();
  assertMatch(await mail.bring(text), /^250 2\.0\.0 /);
  const kept = await mail.only();
  assertEquals(resultsIn(kept), PASSED);
  assert(kept.endsWith(`\r\n${text}`), kept);
  const accepted = mail.events.find(({ type }) => type === "accepted");
  assertEquals(accepted?.type === "accepted" && accepted.checks, {
    spf: "pass",
    dkim: "pass",
    dmarc: "pass",
    arc: "none",
    iprev: "pass",
  });
  const metrics = await mail.metrics();
  for (const check of ["spf", "dkim", "dmarc", "iprev"]) {
    assert(metrics.includes(`dinopost_checks_total{check="${check}",result="pass"} 1`), metrics);
  }
});

Deno.test("a message takes six questions to the DNS, and none while the answers hold", async () => {
  await using mail = await scene();
  await mail.bring(signed());
  const asked = mail.internet.dns.queries.map(({ type, name }) => `${type} ${name}`).sort();
  assertEquals(asked, [
    "A mail.sender.example",
    "MX sender.example",
    "PTR 1.0.0.127.in-addr.arpa",
    "TXT _dmarc.sender.example",
    "TXT s._domainkey.sender.example",
    "TXT sender.example",
  ]);
  await mail.bring(signed());
  assertEquals(mail.internet.dns.queries.length, 6);
});

Deno.test("a sender without MX records takes no question more", async () => {
  const { MX: _, ...alone } = RIGHT["sender.example"]!;
  await using mail = await scene({ zones: { ...RIGHT, "sender.example": alone } });
  await mail.bring(signed());
  assertEquals(mail.internet.dns.queries.length, 6);
});

for (
  const [what, body] of [["a large message", "x".repeat(997) + "\r\n"], ["a small message", ""]] as const
) {
  Deno.test(`${what} has them on top, too, in the size that POP3 tells`, async () => {
    await using mail = await scene();
    const long = body.repeat(500);
    assertMatch(await mail.bring(signed(long)), /^250 /);
    const kept = await mail.only();
    assertEquals(resultsIn(kept), PASSED);
    assert(kept.endsWith(`\r\n\r\n${long}`));
    const [entry] = await mail.host.server.mailStore.list(TO);
    assertEquals(entry!.size, (await mail.host.mailbox("ann"))[0]!.length);
  });
}

Deno.test("results that claim to be ours are taken out, others' stay, and both are no part of what is checked", async () => {
  await using mail = await scene();
  const others = "Authentication-Results: mail.other.example; spf=pass\r\n";
  const ours = "Authentication-Results: MAIL.here.example 1;\r\n\tspf=pass (trust me)\r\n";
  await mail.bring(`${ours}${others}${ours}${signed()}`);
  const kept = await mail.only();
  assertEquals(resultsIn(kept), PASSED);
  assert(kept.endsWith(`\r\n${others}${signed()}`), kept);
  assertEquals(kept.split("Authentication-Results:").length, 3);
});

interface Refused {
  readonly what: string;
  readonly checks: Record<string, string>;
  readonly zones?: Record<string, ZoneEntry>;
  readonly text?: string;
  /** Names of which the DNS says nothing. */
  readonly failing?: string[];
  readonly reply: RegExp;
}

const forSigned = (name: string) => ["spf", "dkim", "dmarc", "arc"].filter((check) => check !== name);
const only = (name: string) => ({
  ...Object.fromEntries(forSigned(name).map((n) => [n, "off"])),
  [name]: "enforce",
});
const TAMPERED = signed().replace(/Hello\r\n$/, "Hullo\r\n");
const CHAIN = signed().replace(/^/, "ARC-Seal: i=1; cv=none; a=rsa-sha256; d=x.test; s=s; b=AAAA\r\n");

const refusals: Refused[] = [
  {
    what: "SPF fails",
    checks: only("spf"),
    zones: FORGED,
    reply:
      /^550 5\.7\.23 SPF: sender\.example does not let 127\.0\.0\.1 send its mail by its record \(-all\)$/,
  },
  {
    what: "SPF fails with an explanation",
    checks: only("spf"),
    zones: {
      ...FORGED,
      "sender.example": { TXT: ["v=spf1 -all exp=why.sender.example"] },
      "why.sender.example": { TXT: ["%{i} is no host of ours"] },
    },
    reply: /^550 5\.7\.23 .*; it says: 127\.0\.0\.1 is no host of ours$/,
  },
  { what: "SPF can't be asked", checks: only("spf"), failing: ["sender.example"], reply: /^451 4\.7\.24 / },
  { what: "no signature passes", checks: only("dkim"), text: TAMPERED, reply: /^550 5\.7\.20 / },
  {
    what: "a key can't be asked for",
    checks: only("dkim"),
    text: signed(),
    failing: ["s._domainkey.sender.example"],
    reply: /^451 4\.7\.20 /,
  },
  { what: "an ARC chain fails", checks: only("arc"), text: CHAIN, reply: /^550 5\.7\.29 / },
  {
    what: "DMARC fails with p=reject",
    checks: only("dmarc"),
    zones: FORGED,
    reply: /^550 5\.7\.26 DMARC: sender\.example /,
  },
  {
    what: "DMARC can't be asked",
    checks: only("dmarc"),
    zones: FORGED,
    failing: ["_dmarc.sender.example"],
    reply: /^451 4\.7\.26 /,
  },
  {
    what: "SPF, on which DMARC stands, can't be asked",
    checks: only("dmarc"),
    failing: ["sender.example"],
    reply: /^451 4\.7\.26 /,
  },
];
for (const { what, checks, zones, text = UNSIGNED, failing = [], reply } of refusals) {
  Deno.test(`enforce refuses where ${what}; mark refuses nobody`, async () => {
    {
      await using mail = await scene({ checks, ...(zones && { zones }) });
      for (const name of failing) mail.internet.dns.fail(name, "servfail");
      assertMatch(await mail.bring(text), reply);
      assertEquals(await mail.host.mailbox("ann"), []);
      const check = Object.keys(checks).find((name) => checks[name] === "enforce");
      assert((await mail.metrics()).includes(`dinopost_checks_refused_total{check="${check}"} 1`));
      const note = mail.events.find((event) => event.type === "note" && event.what === "message refused");
      assertEquals(note?.type === "note" && note.fields?.["check"], check);
    }
    await using mail = await scene(zones && { zones });
    for (const name of failing) mail.internet.dns.fail(name, "servfail");
    assertMatch(await mail.bring(text), /^250 /);
    resultsIn(await mail.only());
  });
}

Deno.test("enforce lets pass what passes, what says nothing, and what its owner only tests", async () => {
  const checks = { spf: "enforce", dkim: "enforce", dmarc: "enforce", arc: "enforce" };
  const milder = (record: string): Record<string, ZoneEntry> => ({
    "sender.example": { MX: [[1, "mail.sender.example"]], TXT: ["v=spf1 ~all"] },
    "_dmarc.sender.example": { TXT: [record] },
  });
  const cases: [zones: Record<string, ZoneEntry>, text: string][] = [
    [RIGHT, signed()],
    [RIGHT, UNSIGNED],
    [{}, UNSIGNED],
    [milder("v=DMARC1; p=quarantine"), UNSIGNED],
    [milder("v=DMARC1; p=reject; t=y"), UNSIGNED],
  ];
  for (const [zones, text] of cases) {
    await using mail = await scene({ checks, zones });
    assertMatch(await mail.bring(text), /^250 /);
  }
});

Deno.test("a sender whose domain has a null MX is refused at MAIL, unless all checks are off", async () => {
  const zones: Record<string, ZoneEntry> = { "sender.example": { MX: [[0, "."]] } };
  const off = { spf: "off", dkim: "off", dmarc: "off", arc: "off" };
  for (const [checks, reply] of [[{}, /^550 5\.7\.27 /], [off, /^250 /]] as const) {
    await using mail = await scene({ zones, checks });
    using talk = await SmtpTalk.connect(mail.host.smtp);
    assertMatch(await talk.ask(`MAIL FROM:<${FROM}>`, ""), reply);
  }
  await using mail = await scene();
  mail.internet.dns.fail("sender.example", "servfail");
  using talk = await SmtpTalk.connect(mail.host.smtp);
  await talk.ask(`MAIL FROM:<${FROM}>`, "250");
});

Deno.test("a report's client is checked by its name in EHLO", async () => {
  await using mail = await scene({
    zones: { "mail.sender.example": { A: ["127.0.0.1"], TXT: ["v=spf1 a -all"] } },
  });
  assertMatch(await mail.bring(UNSIGNED, ""), /^250 /);
  assertMatch(resultsIn(await mail.only()), /; spf=pass smtp\.helo=mail\.sender\.example; /);
});

Deno.test("nothing is checked of trusted networks, of those who log in, and where all checks are off", async () => {
  const off = { spf: "off", dkim: "off", dmarc: "off", arc: "off" };
  const claimed = "Authentication-Results: mail.here.example; none\r\n";
  const text = `${claimed}Date: Mon, 5 Jan 2026 09:00:00 +0000\r\nMessage-ID: <1@x>\r\n${UNSIGNED}`;
  for (const config of [{ relay: { networks: ["127.0.0.0/8"] } }, { checks: off }]) {
    await using mail = await scene({ zones: FORGED, config });
    await mail.bring(text);
    assertMatch(await mail.only(), /^Received: /);
    assert((await mail.only()).includes(claimed));
    assertEquals(mail.internet.dns.queries, []);
  }
  await using mail = await scene({ zones: FORGED, checks: { spf: "enforce", dmarc: "enforce" } });
  await mail.host.send({ from: TO, to: TO, text, login: { user: TO, password: "secret" } });
  assertMatch(await mail.only(), /^Received: /);
  assertEquals(mail.internet.dns.queries, []);
});

Deno.test("a check that is off is not told, and DMARC stands on it all the same", async () => {
  await using mail = await scene({ checks: { spf: "off", dkim: "off", arc: "off" } });
  await mail.bring(UNSIGNED);
  assertEquals(
    resultsIn(await mail.only()),
    "mail.here.example; dmarc=pass header.from=sender.example policy.dmarc=none; iprev=pass policy.iprev=127.0.0.1",
  );
});

Deno.test("the results are told by the message, its history and the page", async () => {
  await using mail = await scene({ zones: FORGED });
  await mail.bring(UNSIGNED);
  const [{ uid }] = JSON.parse(await mail.get(`/api/v1/mailboxes/${TO}/messages`)).items;
  const { authentication } = JSON.parse(await mail.get(`/api/v1/mailboxes/${TO}/messages/${uid}`));
  assertEquals(authentication[0], {
    method: "spf",
    result: "fail",
    reason: "-all",
    properties: { "smtp.mailfrom": "sender.example" },
  });
  assertEquals(authentication.map((one: { method: string }) => one.method), [
    "spf",
    "dkim",
    "dmarc",
    "arc",
    "iprev",
  ]);
  const { events } = JSON.parse(await mail.get(`/api/v1/messages/${uid}`));
  assertEquals(events[0].type, "accepted");
  assertEquals(events[0].authentication, authentication);
  const page = await mail.get(`/mailboxes/${TO}/${uid}`);
  assertMatch(page, /<span class="badge s-failed" title="-all">SPF fail sender\.example<\/span>/);
});

Deno.test("a field that somebody else put on top of what was not checked is no result of ours", async () => {
  await using mail = await scene({ config: { relay: { networks: ["127.0.0.0/8"] } } });
  await mail.bring(`Authentication-Results: mail.here.example; spf=pass\r\n${UNSIGNED}`);
  const [{ uid }] = JSON.parse(await mail.get(`/api/v1/mailboxes/${TO}/messages`)).items;
  assertEquals(JSON.parse(await mail.get(`/api/v1/mailboxes/${TO}/messages/${uid}`)).authentication, null);
});
