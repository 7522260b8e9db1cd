import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { gzipSync } from "node:zlib";
import { encode } from "../../src/base/bytes.ts";
import { ManualClock } from "../../src/base/manual_clock.ts";
import type { MailEntry } from "../../src/mailbox/mail_entry.ts";
import { Journal } from "../../src/observe/journal.ts";
import { ReceivedReports } from "../../src/reports/received_reports.ts";
import * as keys from "../../src/storage/keys.ts";
import { openStore } from "../../src/storage/store.ts";
import { LoopbackInternet } from "../../src/testing/loopback_internet.ts";

const DMARC = `<feedback><report_metadata><org_name>Far &lt;Away&gt;</org_name><report_id>1</report_id>
<date_range><begin>1767571200</begin><end>1767657599</end></date_range></report_metadata>
<policy_published><domain>DOMAIN</domain></policy_published>
<record><row><source_ip>192.0.2.1</source_ip><count>41</count><policy_evaluated><dkim>pass</dkim><spf>pass</spf>
</policy_evaluated></row></record><record><row><source_ip>192.0.2.66</source_ip><count>9</count><policy_evaluated>
<disposition>reject</disposition><dkim>fail</dkim><spf>fail</spf></policy_evaluated></row></record></feedback>`;

Deno.test("reports that arrive by mail are kept once, and shown with a chart", async () => {
  await using internet = await LoopbackInternet.start();
  const near = await internet.host("near.test", { accounts: { postmaster: "x" } });
  const report = async (domain: string, subject = `Report Domain: ${domain} Submitter: far.test`) => {
    const content = gzipSync(encode(DMARC.replace("DOMAIN", domain)));
    await near.send({
      from: "dmarc@far.test",
      to: "postmaster@near.test",
      subject,
      text: "A report",
      // names and types say nothing
      attachments: [{
        filename: "x.bin",
        contentType: "application/octet-stream",
        content: content.toString("base64"),
      }],
    });
  };
  await report("near.test");
  await report("near.test");
  await report("other.test");
  await report("near.test", "Hello");
  await internet.pass("1d");
  const { fetch, adminToken } = near.server;
  const session = await fetch(
    new Request("http://localhost/api/v1/session", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ token: adminToken }),
    }),
  );
  assertEquals(session.status, 204);
  const cookie = session.headers.get("set-cookie")!.split(";")[0]!;
  const page = await (await fetch(new Request("http://localhost/reports", { headers: { cookie } }))).text();
  assertStringIncludes(page, "In 30 days: 41 passed, 9 failed.");
  assertMatch(page, /<svg class="spark"[^>]*role="img"[^>]*aria-label="In 30 days: 41 passed, 9 failed\."/);
  assertEquals(page.match(/class="b-(?:delivered|bounced)"/g)?.length, 2);
  assertStringIncludes(page, "Far &lt;Away&gt;");
  assertStringIncludes(page, "192.0.2.66");
  assertEquals(page.includes("other.test"), false);
  assertStringIncludes(page, "No report of TLS has come");
});

Deno.test("of reports that anybody can write so many are kept a day, and the log says so", async () => {
  const clock = new ManualClock("2026-01-06T09:00:00Z");
  const store = await openStore({ location: ":memory:", clock });
  const journal = new Journal();
  const notes: string[] = [];
  journal.on((event) => void (event.type === "note" && notes.push(event.what)));
  const mailStore = {
    get: (_mailbox: string, uid: string) => Promise.resolve({ id: uid, size: 100 } as unknown as MailEntry),
    async *read(entry: { readonly id?: string }) {
      const xml = DMARC.replace("DOMAIN", "near.test").replace("<report_id>1", `<report_id>${entry.id}`);
      const when = entry.id === "of the future" ? xml.replace("<begin>17", "<begin>97") : xml;
      yield encode(`Content-Type: application/xml\r\n\r\n${when}`);
    },
  };
  const reports = new ReceivedReports(store, {
    mailStore: mailStore as unknown as ConstructorParameters<typeof ReceivedReports>[1]["mailStore"],
    clock,
    journal,
    router: { domains: ["near.test"] },
    perDay: 2,
  });
  for (const id of ["of the future", "a", "b", "c", "d"]) reports.came(id, "postmaster@near.test");
  await reports.settle();
  assertEquals((await reports.list()).map(({ id }) => id).sort(), ["a", "b"]);
  assertEquals(notes, ["more reports came than are kept of a day"]);
  clock.advance(24 * 60 * 60_000);
  reports.came("e", "postmaster@near.test");
  await reports.settle();
  assertEquals((await reports.list()).length, 3);
  await store.close();
});

Deno.test("of very many reports the newest are listed, of each kind and domain", async () => {
  const clock = new ManualClock("2026-01-06T09:00:00Z");
  const store = await openStore({ location: ":memory:", clock });
  const until = clock.now() + 1;
  for (
    const [kind, domain, count] of [["dmarc", "a.test", 6_000], ["dmarc", "b.test", 1], ["tls", "a.test", 1]]
  ) {
    for (let at = 0; at < Number(count); at += 500) {
      const mutations = Array.from({ length: Math.min(500, Number(count)) }, (_, i) => {
        const report = { kind, domain, begin: at + i, reporter: "far.test", id: "1", until, rows: [] };
        return { type: "set", key: keys.receivedReport(report as never), value: report } as const;
      });
      await store.write({ mutations, size: 200 * mutations.length });
    }
  }
  const reports = new ReceivedReports(store, {
    mailStore: {} as never,
    clock,
    journal: new Journal(),
    router: { domains: ["a.test", "b.test"] },
  });
  const listed = await reports.list();
  assertEquals([listed[0]!.begin, listed.length], [5_999, 1_252]);
  assertEquals(new Set(listed.map(({ kind, domain }) => `${kind} ${domain}`)).size, 3);
  await store.close();
});
