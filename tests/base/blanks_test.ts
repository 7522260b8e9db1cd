import { assertEquals } from "@std/assert";
import { parseDmarcRecord } from "../../src/authentication/dmarc_record.ts";
import { parseTags } from "../../src/authentication/dkim_tags.ts";
import { trimBlanks, trimBlanksEnd } from "../../src/base/blanks.ts";
import { foldAtBlanks } from "../../src/mail/folding.ts";
import { announcedPolicy, parsePolicy } from "../../src/transport/sts_policy.ts";
import { reportAddresses } from "../../src/transport/tls_report.ts";

Deno.test("trimBlanks() takes off what lines are folded by, and nothing else", () => {
  assertEquals(trimBlanks(" \t\r\n a b\u00a0 \n"), "a b\u00a0");
  assertEquals(trimBlanks(" \n ", " "), "\n");
  assertEquals(trimBlanks("   "), "");
  assertEquals(trimBlanksEnd(" a \t"), " a");
});

const BLANKS = " ".repeat(60_000);
/** Each of these held the process for minutes or hours. */
const readers: [string, (text: string) => unknown][] = [
  ["a DMARC record", (text) => parseDmarcRecord(`v=DMARC1; p=${text}`)],
  ["a DKIM key", (text) => parseTags(`v=DKIM1; p=${text}`)],
  ["a policy of MTA-STS", (text) => parsePolicy(`version: STSv1\nmx:${text}`)],
  ["a record of MTA-STS", (text) => announcedPolicy([`v=STSv1; id=${text}`])],
  ["a record of TLS-RPT", (text) => reportAddresses([`v=TLSRPTv1; rua=${text}`])],
  ["a line that is folded", (text) => foldAtBlanks(`Subject: ${text}\r\n`, true)],
];
for (const [name, read] of readers) {
  Deno.test(`${name} is read in no time, whatever blanks are in it`, () => {
    const start = performance.now();
    for (const text of [BLANKS, `${BLANKS}x`, `x${BLANKS}x`, `${BLANKS}\nx`, `${BLANKS}\rx`]) read(text);
    const took = performance.now() - start;
    assertEquals(took < 1000, true, `${took} ms`);
  });
}
