import { assertEquals, assertMatch, assertNotEquals } from "@std/assert";
import { ownPolicy, ownPolicyId } from "../../src/deliverability/own_mta_sts.ts";
import { publishedRecords } from "../../src/deliverability/published_records.ts";
import { characterStrings, zoneLine } from "../../src/deliverability/zone_file.ts";

const HOST = "mail.example.org";
const key = { selector: "r20261130", record: `v=DKIM1; k=rsa; p=${"A".repeat(392)}` };

Deno.test("publishedRecords() are all that a domain needs, as lines of a zone file", () => {
  const lines = publishedRecords({
    domain: "example.org",
    hostname: HOST,
    signs: true,
    dkimKeys: [key],
    keyDomain: "example.org",
  }).map(zoneLine);
  assertEquals(lines.map((line) => line.replaceAll("\t", " ")), [
    "example.org. 3600 IN MX 10 mail.example.org.",
    'example.org. 3600 IN TXT "v=spf1 mx ~all"',
    `r20261130._domainkey.example.org. 3600 IN TXT "v=DKIM1; k=rsa; p=${"A".repeat(237)}" "${
      "A".repeat(155)
    }"`,
    '_dmarc.example.org. 3600 IN TXT "v=DMARC1; p=quarantine; rua=mailto:postmaster@example.org"',
    `_mta-sts.example.org. 3600 IN TXT "v=STSv1; id=${ownPolicyId(HOST)};"`,
    "mta-sts.example.org. 3600 IN CNAME mail.example.org.",
    '_smtp._tls.example.org. 3600 IN TXT "v=TLSRPTv1; rua=mailto:postmaster@example.org"',
  ]);
});

Deno.test("the SPF record names a smart host, which sends the mail on", () => {
  const records = publishedRecords({
    domain: "example.org",
    hostname: HOST,
    signs: true,
    dkimKeys: [],
    keyDomain: "example.org",
    smartHost: "smtp.isp.example",
  });
  assertEquals(records[1]!.data, "v=spf1 mx a:smtp.isp.example ~all");
});

Deno.test("characterStrings() cuts at 255 octets and quotes as RFC 1035 5.1 wants it", () => {
  assertEquals(characterStrings(""), '""');
  assertEquals(characterStrings('a "b" \\ c;'), '"a \\"b\\" \\\\ c;"');
  assertEquals(characterStrings("ü\n"), '"\\195\\188\\010"');
  assertEquals(characterStrings("x".repeat(255)), `"${"x".repeat(255)}"`);
  assertEquals(characterStrings("x".repeat(511)), `"${"x".repeat(255)}" "${"x".repeat(255)}" "x"`);
});

Deno.test("the policy's id is one of RFC 8461 3.1, and another one for another host", () => {
  assertMatch(ownPolicyId(HOST), /^[A-Za-z0-9]{1,32}$/);
  assertNotEquals(ownPolicyId(HOST), ownPolicyId("mx.example.org"));
  assertEquals(
    ownPolicy(HOST, "enforce"),
    "version: STSv1\r\nmode: enforce\r\nmx: mail.example.org\r\nmax_age: 1209600\r\n",
  );
});
