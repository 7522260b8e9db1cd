/** Our reports of DMARC and TLS, read by parsedmarc. */

import { assertEquals } from "@std/assert";
import { concat, encode } from "../../src/base/bytes.ts";
import { dmarcReport } from "../../src/reports/dmarc_report.ts";
import type { DmarcSource } from "../../src/reports/dmarc_counts.ts";
import { dmarcLetterForm } from "../../src/server/dmarc_reports.ts";
import { type LetterForm, type PackedReport, reportLetter } from "../../src/transport/report_letter.ts";
import { tlsLetterForm, tlsReport } from "../../src/transport/tls_report.ts";
import { testIf } from "./support/post_office.ts";

const PYTHON = "/opt/dinopost-interop/reports/bin/python";
const PROGRAM = `
import json, parsedmarc, sys
report = parsedmarc.parse_report_file(sys.stdin.buffer.read(), offline=True)
print(json.dumps(report, default=str))
`;
const BY = { hostname: "mail.near.example", contact: "postmaster@near.example", version: "0.1.0" };

// deno-lint-ignore no-explicit-any
async function read(report: PackedReport, form: LetterForm): Promise<any> {
  const child = new Deno.Command(PYTHON, {
    args: ["-c", PROGRAM],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const head = encode("Date: Tue, 06 Jan 2026 00:10:00 +0000\r\nMessage-ID: <1@near.example>\r\n");
  const writer = child.stdin.getWriter();
  await writer.write(concat([head, reportLetter(report, BY, { ...form, to: "reports@far.example" })]));
  await writer.close();
  const { success, stdout, stderr } = await child.output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  return JSON.parse(new TextDecoder().decode(stdout));
}

testIf([PYTHON], "parsedmarc reads our report of DMARC", async () => {
  const policy = {
    domain: "far.example",
    ...{ p: "reject", sp: "none", np: "reject", adkim: "r", aspf: "s", fo: "1" } as const,
    testing: false,
    rua: [],
  };
  const passed: DmarcSource = {
    ip: "192.0.2.1",
    headerFrom: "far.example",
    envelopeFrom: "list.example",
    disposition: "pass",
    isOverridden: false,
    aligned: { dkim: true, spf: false },
    dkim: [{ domain: "far.example", selector: "s1", result: "pass" }],
    spf: { domain: "list.example", result: "softfail" },
  };
  const forged: DmarcSource = {
    ...passed,
    ip: "2001:db8::1",
    envelopeFrom: "",
    disposition: "none",
    isOverridden: true,
    aligned: { dkim: false, spf: false },
    dkim: [],
  };
  const rows = [{ source: passed, count: 3 }, { source: forged, count: 2 }];
  const packed = dmarcReport(rows.map((row) => ({ day: "2026-01-05", policy, ...row })), BY);
  const { report_type, report } = await read(packed, dmarcLetterForm);
  assertEquals(report_type, "aggregate");
  assertEquals(report.xml_namespace, "urn:ietf:params:xml:ns:dmarc-2.0");
  assertEquals(report.report_metadata.begin_date, "2026-01-05 00:00:00");
  assertEquals(report.report_metadata.errors, []);
  const { domain, p, sp, np, adkim, aspf, fo, testing, discovery_method } = report.policy_published;
  assertEquals(
    [domain, p, sp, np, adkim, aspf, fo, testing, discovery_method],
    ["far.example", "reject", "none", "reject", "r", "s", "1", "n", "treewalk"],
  );
  const [first, second] = report.records;
  assertEquals([first.source.ip_address, first.count, first.alignment.dmarc], ["192.0.2.1", 3, true]);
  assertEquals(first.policy_evaluated.disposition, "pass");
  assertEquals(first.auth_results.dkim[0].selector, "s1");
  assertEquals([second.source.ip_address, second.count, second.alignment.dmarc], ["2001:db8::1", 2, false]);
  assertEquals(second.policy_evaluated.policy_override_reasons[0].type, "local_policy");
});

testIf([PYTHON], "parsedmarc reads our report of TLS", async () => {
  const text = ["version: STSv1", "mode: enforce", "mx: *.far.example", "max_age: 86400"];
  const detail = {
    type: "certificate-expired",
    host: "mx.far.example",
    address: "192.0.2.9",
    local: "192.0.2.7",
    reason: "CERT_HAS_EXPIRED",
    count: 1,
  } as const;
  const packed = tlsReport({
    day: "2026-01-05",
    domain: "far.example",
    policies: [{
      policy: { type: "sts", domain: "far.example", text, mx: ["*.far.example"] },
      successes: 5,
      failures: 1,
      details: [detail],
    }],
  }, BY);
  const { report_type, report } = await read(packed, tlsLetterForm("far.example", BY));
  assertEquals(report_type, "smtp_tls");
  const [policy] = report.policies;
  assertEquals([policy.policy_domain, policy.policy_type, policy.policy_strings], [
    "far.example",
    "sts",
    text,
  ]);
  assertEquals([policy.successful_session_count, policy.failed_session_count], [5, 1]);
  assertEquals(policy.failure_details[0].result_type, "certificate-expired");
});
