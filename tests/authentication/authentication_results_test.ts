import { assert, assertEquals } from "@std/assert";
import {
  type MethodResult,
  readResults,
  resultsField,
  withoutResultsOf,
} from "../../src/authentication/authentication_results.ts";
import { decode, encode } from "../../src/base/bytes.ts";
import { cpuMs } from "../support/cpu_time.ts";

const results: MethodResult[] = [
  { method: "spf", result: "pass", properties: { "smtp.mailfrom": "example.com" } },
  {
    method: "dkim",
    result: "fail",
    reason: 'the "body" \\ é differs',
    properties: { "header.d": "example.com", "header.b": "a/b+c=" },
  },
  { method: "iprev", result: "pass", properties: { "policy.iprev": "2001:db8::1" } },
];

Deno.test("the field has a line for each result, quotes where they are needed, and no escapes", () => {
  assertEquals(
    resultsField("mx.example.org", results),
    "Authentication-Results: mx.example.org;\r\n" +
      "\tspf=pass smtp.mailfrom=example.com;\r\n" +
      '\tdkim=fail reason="the \'body\' \' ? differs" header.d=example.com header.b="a/b+c=";\r\n' +
      '\tiprev=pass policy.iprev="2001:db8::1"\r\n',
  );
  assertEquals(resultsField("mx.example.org", []), "Authentication-Results: mx.example.org;\r\n\tnone\r\n");
});

Deno.test("what was written is read", () => {
  const field = resultsField("mx.example.org", results);
  const read = readResults(field.slice(field.indexOf(":") + 1))!;
  assertEquals(read.host, "mx.example.org");
  assertEquals(read.results.map(({ method, result, properties }) => ({ method, result, properties })), [
    { method: "spf", result: "pass", properties: results[0]!.properties },
    { method: "dkim", result: "fail", properties: results[1]!.properties },
    { method: "iprev", result: "pass", properties: results[2]!.properties },
  ]);
  assertEquals(readResults(" mx.test 1; none")?.results, []);
});

Deno.test("others' forms are read: comments, versions, folds and quotes (RFC 8601 B)", () => {
  const read = readResults(
    ' (we) "foo.example" (foo) 1 (bar) ; \r\n dkim (Because I like it) = (now) PASS (good)\r\n' +
      ' reason = "it \\"fits\\"" policy (A dot can go here) = "x y" ; ;',
  );
  assertEquals(read, {
    host: "foo.example",
    results: [{ method: "dkim", result: "pass", reason: 'it "fits"', properties: { policy: "x y" } }],
  });
  for (const value of ["", " ;spf=pass", ' "x', " (x", " x; spf", " x; =pass"]) {
    assertEquals(readResults(value), undefined, value);
  }
});

/** Fields, and whether they claim to be of mx.example.org. */
const claims: [field: string, forged: boolean][] = [
  ["Authentication-Results: mx.example.org; spf=pass", true],
  ["authentication-RESULTS : MX.Example.ORG. 1; none", true],
  ["Authentication-Results:\r\n\t(hi (there)) mx.example.org\r\n\t; spf=pass", true],
  ['Authentication-Results: "mx.exa\\mple.org"; spf=pass', true],
  ["Authentication-Results: mx.example.org", true],
  ["Authentication-Results: mx.example.org(x;spf=pass", true],
  ["Authentication-Results: (mx.example.org; spf=pass", true],
  ['Authentication-Results: "mx.example.org; spf=pass', true],
  ["Authentication-Results: mx.example.com; spf=pass", false],
  ["Authentication-Results: other; spf=pass (mx.example.org)", false],
  ["Authentication-Results: not.mx.example.org; spf=pass", false],
  ["ARC-Authentication-Results: i=1; mx.example.org; spf=pass", false],
  ["X-Authentication-Results: mx.example.org; spf=pass", false],
  ["Author: mx.example.org", false],
];
for (const [field, forged] of claims) {
  Deno.test(`${JSON.stringify(field)} is ${forged ? "taken out" : "kept"}`, () => {
    const rest = "From: a@example.com\r\n";
    const header = encode(`${rest}${field}\r\nTo: b@example.org\r\n\r\n`);
    const wanted = `${rest}${forged ? "" : `${field}\r\n`}To: b@example.org\r\n\r\n`;
    assertEquals(decode(withoutResultsOf(header, "mx.example.org")), wanted);
  });
}

Deno.test("all of them go, from the first field to the last, and also with bare line ends", () => {
  const ours = "Authentication-Results: mx.test;\r\n spf=pass\r\n";
  assertEquals(
    decode(withoutResultsOf(encode(`${ours}A: b\r\n${ours}${ours}\r\n`), "mx.test")),
    "A: b\r\n\r\n",
  );
  assertEquals(decode(withoutResultsOf(encode(ours.trimEnd()), "mx.test")), "");
  assertEquals(
    decode(withoutResultsOf(encode("A: b\nAuthentication-Results: mx.test; x\n"), "mx.test")),
    "A: b\n",
  );
  const clean = encode("A: b\r\n\r\n");
  assert(withoutResultsOf(clean, "mx.test") === clean);
});

Deno.test("hostile fields take linear time", async () => {
  for (const filling of ["(", '"\\', "(a)", "\r\n ", "a=", ";"]) {
    const header = encode(`Authentication-Results: ${filling.repeat(30_000)}\r\n`);
    const ms = await cpuMs(() => withoutResultsOf(header, "mx.test"));
    assert(ms < 300, `${filling}: ${ms} ms`);
  }
});
