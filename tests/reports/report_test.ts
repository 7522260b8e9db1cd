import { assert, assertEquals } from "@std/assert";
import { deflateRawSync, gzipSync } from "node:zlib";
import { concat, decode, encode } from "../../src/base/bytes.ts";
import { parseReport } from "../../src/reports/report.ts";
import { unpacked } from "../../src/reports/unpack.ts";
import { parseXml, textAt } from "../../src/reports/xml.ts";

/** RFC 9990's form, with its namespace; two sources. */
const DMARC = `<?xml version="1.0" encoding="UTF-8"?>
<!-- a comment -->
<feedback xmlns="urn:ietf:params:xml:ns:dmarc-2.0">
  <version>1.0</version>
  <report_metadata>
    <org_name>Sample &amp; Sons</org_name>
    <email>report@example.net</email>
    <report_id>3v98abbp8ya9n3va8yr8oa3ya</report_id>
    <date_range><begin>1767571200</begin><end>1767657599</end></date_range>
  </report_metadata>
  <policy_published><domain>Near.test</domain><p>quarantine</p><np>none</np><testing>n</testing></policy_published>
  <record>
    <row><source_ip>192.0.2.123</source_ip><count>123</count>
      <policy_evaluated><disposition>pass</disposition><dkim>pass</dkim><spf>fail</spf></policy_evaluated></row>
    <identifiers><header_from>near.test</header_from></identifiers>
  </record>
  <record>
    <row><source_ip>2001:db8::1</source_ip><count>7</count>
      <policy_evaluated><disposition>quarantine</disposition><dkim>fail</dkim><spf>fail</spf></policy_evaluated></row>
    <identifiers><header_from>near.test</header_from></identifiers>
  </record>
</feedback>`;

const TLS = {
  "organization-name": "Company-X",
  "date-range": { "start-datetime": "2026-01-05T00:00:00Z", "end-datetime": "2026-01-05T23:59:59Z" },
  "contact-info": "sts-reporting@company-x.example",
  "report-id": "5065427c-23d3-47ca-b6e0-946ea0e8c4be",
  policies: [{
    policy: { "policy-type": "sts", "policy-domain": "near.test", "mx-host": ["*.mail.near.test"] },
    summary: { "total-successful-session-count": 5326, "total-failure-session-count": 303 },
    "failure-details": [
      {
        "result-type": "certificate-expired",
        "receiving-mx-hostname": "mx1.mail.near.test",
        "failed-session-count": 100,
      },
      {
        "result-type": "starttls-not-supported",
        "receiving-mx-hostname": "mx2.mail.near.test",
        "failed-session-count": 200,
      },
    ],
  }],
};

Deno.test("parseReport() reads DMARC's aggregate reports (RFC 9990)", () => {
  assertEquals(parseReport(encode(DMARC)), {
    kind: "dmarc",
    reporter: "Sample & Sons",
    id: "3v98abbp8ya9n3va8yr8oa3ya",
    domain: "near.test",
    begin: Date.parse("2026-01-05T00:00:00Z"),
    end: Date.parse("2026-01-05T23:59:59Z"),
    good: 123,
    bad: 7,
    rows: [
      { peer: "192.0.2.123", result: "dkim pass, spf fail, pass", isGood: true, count: 123 },
      { peer: "2001:db8::1", result: "dkim fail, spf fail, quarantine", isGood: false, count: 7 },
    ],
  });
});

Deno.test("parseReport() reads reports of TLS (RFC 8460), with mx-host in each of its forms", () => {
  for (
    const hosts of [{ "mx-host": ["*.mail.near.test"] }, { "mx-host": "*.mail.near.test" }, {
      "mx-host-pattern": "*.mail.near.test",
    }]
  ) {
    const [one] = TLS.policies;
    const policy = { "policy-type": "sts", "policy-domain": "near.test", ...hosts };
    assertEquals(parseReport(encode(JSON.stringify({ ...TLS, policies: [{ ...one, policy }] }))), {
      kind: "tls",
      reporter: "Company-X",
      id: "5065427c-23d3-47ca-b6e0-946ea0e8c4be",
      domain: "near.test",
      begin: Date.parse("2026-01-05T00:00:00Z"),
      end: Date.parse("2026-01-05T23:59:59Z"),
      good: 5326,
      bad: 303,
      rows: [
        { peer: "*.mail.near.test", result: "sts", isGood: true, count: 5326 },
        { peer: "mx2.mail.near.test", result: "starttls-not-supported", isGood: false, count: 200 },
        { peer: "mx1.mail.near.test", result: "certificate-expired", isGood: false, count: 100 },
        { peer: "*.mail.near.test", result: "sts: failed", isGood: false, count: 3 },
      ],
    });
  }
});

Deno.test("parseReport() takes nothing else for a report", () => {
  const texts = [
    "",
    "hello",
    "{}",
    "[]",
    '{"policies":[]}',
    '{"policies":[null]}',
    "{",
    "<feedback/>",
    "<html><body/></html>",
    DMARC.slice(0, -5),
    DMARC.replace("<begin>1767571200", "<begin>soon"),
    DMARC.replace("<domain>Near.test</domain>", ""),
    JSON.stringify({ ...TLS, "date-range": undefined }),
    // what takes a second and half a gigabyte to read
    JSON.stringify({ ...TLS, others: Array(600_000).fill(1) }),
  ];
  for (const text of texts) assertEquals(parseReport(encode(text)), undefined, text.slice(0, 40));
});

Deno.test("parseXml() reads elements and text, and nothing that a document defines", () => {
  const root = parseXml(
    "<a:x q=\"1>2\"><y z=''>&lt;1&#65;&#x42;&nope;</y><y/><![CDATA[<&]]> </a:x>".replace("1>2", "12"),
  );
  assertEquals([root?.name, textAt(root, "y"), root?.text], ["x", "<1AB&nope;", "<& "]);
  const bad = [
    "<a>",
    "<a></b>",
    "</a>",
    "<a/><b/>",
    '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>',
    "<a".repeat(9),
    "a",
  ];
  for (const text of bad) assertEquals(parseXml(text), undefined, text);
  assertEquals(parseXml("<a>".repeat(40) + "</a>".repeat(40)), undefined, "too deep");
});

Deno.test("parseXml() takes no longer for what has no end", () => {
  const endless = ["<!--", "<![CDATA[", "<?", "<", `<${"a".repeat(9)} `, "/"];
  for (const text of endless) assertEquals(parseXml(`<a>${text.repeat(300_000)}`), undefined, text);
  assertEquals(parseXml(`<${"a".repeat(1_000_000)}`), undefined);
});

/** A zip archive with one file. */
function zip(content: Uint8Array, method: 0 | 8): Uint8Array {
  const packed = method === 8 ? new Uint8Array(deflateRawSync(content)) : content;
  const name = encode("report.xml");
  const fields = (size: number, values: [number, number, 2 | 4][]) => {
    const view = new DataView(new ArrayBuffer(size));
    for (const [at, value, octets] of values) {
      if (octets === 2) view.setUint16(at, value, true);
      else view.setUint32(at, value, true);
    }
    return new Uint8Array(view.buffer);
  };
  const head = fields(30, [[0, 0x04034b50, 4], [6, 8, 2], [8, method, 2], [26, name.length, 2]]);
  const at = head.length + name.length + packed.length;
  const entry = fields(46, [
    [0, 0x02014b50, 4],
    [10, method, 2],
    [20, packed.length, 4],
    [24, content.length, 4],
    [28, name.length, 2],
  ]);
  const end = fields(22, [[0, 0x06054b50, 4], [8, 1, 2], [10, 1, 2], [12, entry.length + name.length, 4], [
    16,
    at,
    4,
  ]]);
  return concat([head, name, packed, entry, name, end]);
}

Deno.test("unpacked() goes by magic bytes: gzip, zip, or as it is", () => {
  const content = encode(DMARC);
  const files = [
    content,
    gzipSync(content),
    concat([gzipSync(content.subarray(0, 100)), gzipSync(content.subarray(100))]),
    zip(content, 0),
    zip(content, 8),
    concat([zip(content, 8), new Uint8Array(0)]),
  ];
  for (const file of files) assertEquals(decode(unpacked(new Uint8Array(file))!), DMARC);
});

Deno.test("unpacked() is bounded, and answers nothing for what is broken", () => {
  const huge = new Uint8Array(21 * 1024 * 1024);
  for (const file of [huge, gzipSync(huge), zip(huge, 8), zip(huge, 0)]) {
    assert(unpacked(new Uint8Array(file)) === undefined);
  }
  const packed = new Uint8Array(gzipSync(encode(DMARC)));
  const archive = zip(encode(DMARC), 8);
  for (let n = 2; n < archive.length; n += 7) assert(unpacked(archive.subarray(0, n)) === undefined, `${n}`);
  for (let n = 2; n < packed.length - 8; n += 7) {
    assert(unpacked(packed.subarray(0, n)) === undefined, `${n}`);
  }
});
