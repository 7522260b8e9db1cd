import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { gunzipSync } from "node:zlib";
import type { DmarcVerdict } from "../../src/authentication/dmarc.ts";
import { parseDmarcRecord } from "../../src/authentication/dmarc_record.ts";
import { ManualClock } from "../../src/base/manual_clock.ts";
import { Journal } from "../../src/observe/journal.ts";
import { DmarcCounts } from "../../src/reports/dmarc_counts.ts";
import { dmarcReport } from "../../src/reports/dmarc_report.ts";
import { parseReport } from "../../src/reports/report.ts";
import { unpacked } from "../../src/reports/unpack.ts";
import { LoopbackInternet } from "../../src/testing/loopback_internet.ts";
import { memoryStore } from "../mailbox/helpers.ts";

const TEXT = "From: jsmith@far.test\r\nSubject: Hello\r\n\r\nHello\r\n";

/** A day on which strangers bring three letters in the name of far.test, whose record wants reports there. */
async function aDay(
  rua: string,
  checks: Record<string, unknown>,
  zones: Record<string, { TXT: string[] }> = {},
) {
  const internet = await LoopbackInternet.start();
  const config = { relay: { networks: [] }, checks };
  const near = await internet.host("near.test", { accounts: { jo: "x" }, config });
  const far = await internet.host("far.test", { accounts: { dmarc: "x" } });
  const third = await internet.host("third.test", { accounts: { r: "x" } });
  internet.zone("far.test", { MX: [[10, "mail.far.test"]], TXT: ["v=spf1 ip4:127.0.0.1 -all"] });
  internet.zone("forger.test", { TXT: ["v=spf1 +all"] });
  internet.zone("_dmarc.far.test", { TXT: [`v=DMARC1; p=reject; sp=none; rua=${rua}`] });
  for (const [name, entry] of Object.entries(zones)) internet.zone(name, entry);
  for (const from of ["jsmith@far.test", "jsmith@far.test", "evil@forger.test"]) {
    await near.send({ from, to: "jo@near.test", text: TEXT }).catch(() => {});
  }
  // the report, then its way
  await internet.pass("28h");
  await internet.pass("12h");
  return { internet, far, third };
}

Deno.test("a domain that asks for reports of DMARC gets one a day (RFC 9990)", async () => {
  const { internet, far } = await aDay("mailto:dmarc@far.test", { dmarc: "mark" });
  await using _ = internet;
  const [letter, ...others] = await far.mailbox("dmarc");
  assertEquals(others, []);
  assertStringIncludes(
    letter!,
    "Subject: Report Domain: far.test\r\n Submitter: mail.near.test\r\n Report-ID: <2026-01-05.far.test@mail.near.test>",
  );
  assertMatch(letter!, /filename="mail\.near\.test!far\.test!1767571200!1767657599\.xml\.gz"/);
  const encoded = /Content-Transfer-Encoding: base64\r\n\r\n([A-Za-z0-9+/=\r\n]+)\r\n--/.exec(letter!)![1]!;
  const packed = Uint8Array.fromBase64(encoded.replace(/\s/g, ""));
  const xml = new TextDecoder().decode(gunzipSync(packed));
  const flat = xml.replace(/\n/g, "");
  assertStringIncludes(flat, '<feedback xmlns="urn:ietf:params:xml:ns:dmarc-2.0"><version>1.0</version>');
  assertStringIncludes(
    flat,
    "<policy_published><domain>far.test</domain><discovery_method>treewalk</discovery_method><p>reject</p><sp>none</sp><adkim>r</adkim>",
  );
  assertStringIncludes(
    flat,
    "<row><source_ip>127.0.0.1</source_ip><count>2</count><policy_evaluated><disposition>pass</disposition><dkim>fail</dkim><spf>pass</spf></policy_evaluated></row><identifiers><header_from>far.test</header_from><envelope_from>far.test</envelope_from>",
  );
  assertStringIncludes(
    flat,
    "<count>1</count><policy_evaluated><disposition>none</disposition><dkim>fail</dkim><spf>fail</spf><reason><type>local_policy</type>",
  );
  assertStringIncludes(
    flat,
    "<auth_results><spf><domain>forger.test</domain><scope>mfrom</scope><result>pass</result></spf></auth_results>",
  );
  const { kind, reporter, domain, good, bad } = parseReport(unpacked(packed)!)!;
  assertEquals([kind, reporter, domain, good, bad], ["dmarc", "mail.near.test", "far.test", 2, 1]);
});

/** A report of one message, as flat XML, and the id of its letter. */
async function reportOf(policy: string, verdict: Partial<DmarcVerdict>, isRefused = false) {
  await using store = await memoryStore();
  const clock = new ManualClock(Date.UTC(2026, 0, 5, 12));
  const counts = new DmarcCounts(store, { clock, journal: new Journal() });
  const results = {
    iprev: { result: "none", ip: "192.0.2.1" } as never,
    spf: { result: "pass", identity: "helo", domain: "mail.far.test", reason: "" },
    dmarc: {
      result: "fail",
      domain: "far.test",
      record: parseDmarcRecord(`v=DMARC1; ${policy}; rua=mailto:dmarc@far.test`)!,
      recordDomain: "far.test",
      disposition: "none",
      aligned: { spf: false, dkim: false },
      ...verdict,
    },
  } as const;
  counts.count(results, { ip: "192.0.2.1", sender: "", isRefused });
  await counts.write();
  clock.advance(24 * 3600_000);
  const rows = (await Array.fromAsync(counts.past())).map(({ value }) => value);
  const by = { hostname: "mail.near.test", contact: "postmaster@near.test", version: "0.1.0" };
  const { id, content } = dmarcReport(rows, by);
  return { id, flat: new TextDecoder().decode(gunzipSync(content)).replace(/\n/g, "") };
}

Deno.test("a row tells by the words of RFC 9990 what was done with the mail, and why not more", async () => {
  const passed = { result: "pass", aligned: { spf: false, dkim: true } } as const;
  const local = "none: local_policy";
  const test = "none: policy_test_mode";
  const table: [string, Partial<DmarcVerdict>, string, boolean?][] = [
    ["p=reject", { ...passed, policy: "reject" }, "pass: "],
    ["p=quarantine; t=y", { ...passed, policy: "quarantine" }, "pass: "],
    ["p=none", { ...passed, policy: "none" }, "none: "],
    ["p=none", { policy: "none" }, "none: "],
    ["p=reject", { policy: "reject", disposition: "reject" }, local],
    ["p=reject", { policy: "reject", disposition: "reject" }, "reject: ", true],
    ["p=reject; t=y", { policy: "reject", disposition: "quarantine" }, local],
    ["p=quarantine; t=y", { policy: "quarantine", disposition: "none" }, test],
  ];
  for (const [record, verdict, expected, isRefused] of table) {
    const { flat } = await reportOf(record, verdict, isRefused);
    const disposition = /<disposition>(\w+)</.exec(flat)?.[1];
    const reason = /<reason><type>(\w+)</.exec(flat)?.[1] ?? "";
    assertEquals(`${disposition}: ${reason}`, expected, record);
  }
});

Deno.test("a report has its letter's id, and no scope of SPF but mfrom, also of mail without a sender", async () => {
  const { id, flat } = await reportOf("p=none", { policy: "none" });
  assertEquals(id, "2026-01-05.far.test@mail.near.test");
  assertStringIncludes(flat, `<report_id>${id}</report_id>`);
  assertStringIncludes(
    flat,
    "<spf><domain>mail.far.test</domain><scope>mfrom</scope><result>pass</result></spf>",
  );
});

Deno.test("what was refused by DMARC is reported as that; who is elsewhere must want the reports", async () => {
  const wanted = { "far.test._report._dmarc.third.test": { TXT: ["v=DMARC1"] } };
  for (const [zones, letters] of [[wanted, 1], [{}, 0]] as const) {
    const { internet, third } = await aDay(
      "mailto:r@third.test,https://far.test/x",
      { dmarc: "enforce" },
      zones,
    );
    await using _ = internet;
    const found = await third.mailbox("r");
    assertEquals(found.length, letters);
    if (letters === 0) continue;
    const encoded = /base64\r\n\r\n([A-Za-z0-9+/=\r\n]+)\r\n--/.exec(found[0]!)![1]!;
    const xml = new TextDecoder().decode(gunzipSync(Uint8Array.fromBase64(encoded.replace(/\s/g, ""))));
    assertMatch(xml, /<count>1<\/count>\s*<policy_evaluated>\s*<disposition>reject</);
  }
});

Deno.test("a record with thousands of addresses costs no more than one with few, and gets its report", async () => {
  const many = "mailto:dmarc@far.test" + ",mailto:a@far.test".repeat(3590);
  const { internet, far } = await aDay(many, { dmarc: "mark" });
  await using _ = internet;
  assertEquals((await far.mailbox("dmarc")).length, 1);
});
