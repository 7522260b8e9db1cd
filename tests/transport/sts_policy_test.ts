import { assertEquals } from "@std/assert";
import { announcedPolicy, isInPolicy, parsePolicy, type StsPolicy } from "../../src/transport/sts_policy.ts";

Deno.test("announcedPolicy() finds the id of the one record that is right (RFC 8461 3.1)", () => {
  const rows: [string[], string | undefined][] = [
    [["v=STSv1; id=20160831085700Z;"], "20160831085700Z"],
    [["v=STSv1;id=1"], "1"],
    [["v=STSv1 ; \tid=1 ; x-y_z.9=a,b"], "1"],
    [["v=STSv1; id=1; id=2;"], "1"],
    [["v=spf1 -all", "v=STSv1; id=1;"], "1"],
    [["v=STSv1; id=1;", "v=STSv1; id=1;"], undefined],
    [["v=STSv1; id=1;", "v=STSv1; broken"], undefined],
    [["v=STSv1;"], undefined],
    [["v=STSv1"], undefined],
    [["v=STSv2; id=1;"], undefined],
    [["V=STSv1; id=1;"], undefined],
    [["id=1; v=STSv1;"], undefined],
    [["v=STSv1; id=1-2;"], undefined],
    [[`v=STSv1; id=${"1".repeat(33)};`], undefined],
    [["v=STSv1; id=1; =x;"], undefined],
    [["v=STSv1; id=1;; x=y"], undefined],
    [["v=STSv1; Id=1;"], undefined],
    [[], undefined],
  ];
  for (const [texts, id] of rows) assertEquals(announcedPolicy(texts), id, JSON.stringify(texts));
});

Deno.test("parsePolicy() reads what RFC 8461 3.2 allows", () => {
  const full: StsPolicy = {
    mode: "enforce",
    mx: ["mail.example.com", "*.example.net"],
    maxAge: 123_456,
  };
  const lines = [
    "version: STSv1",
    "mode: enforce",
    "mx: Mail.example.com",
    "mx: *.example.net.",
    "max_age: 123456",
  ];
  for (const end of ["\r\n", "\n"]) {
    assertEquals(parsePolicy(lines.join(end)), full);
    assertEquals(parsePolicy(lines.join(end) + end + end), full);
    assertEquals(parsePolicy(lines.toReversed().join(end)), { ...full, mx: full.mx.toReversed() });
    assertEquals(parsePolicy(lines.map((line) => `${line} \t`).join(end)), full);
    assertEquals(parsePolicy(lines.map((line) => line.replace(": ", ":")).join(end)), full);
    // doubled fields but mx count by the first one, what is unknown is passed over
    const more = [...lines, "version: STSv9", "mode: none", "max_age: 1", "x-later: 1: ü"];
    assertEquals(parsePolicy(more.join(end)), full);
  }
  const none = "version: STSv1\nmode: none\nmax_age: 99999999999".replace("99999999999", "9999999999");
  assertEquals(parsePolicy(none), { mode: "none", mx: [], maxAge: 31_557_600 });
});

Deno.test("parsePolicy() says what is wrong", () => {
  const right = "version: STSv1\nmode: testing\nmx: a.example\nmax_age: 60";
  const rows: [string, string][] = [
    [right.replace("STSv1", "STSv2"), 'version is "STSv2" instead of "STSv1"'],
    [right.replace("version: STSv1\n", ""), 'version is missing instead of "STSv1"'],
    [right.replace("testing", "Enforce"), 'mode is "Enforce" instead of "enforce", "testing" or "none"'],
    [right.replace("60", "1d"), 'max_age is "1d" instead of a number of seconds'],
    [right.replace("60", "-1"), 'max_age is "-1" instead of a number of seconds'],
    [right.replace("60", "12345678901"), 'max_age is "12345678901" instead of a number of seconds'],
    [right.replace("mx: a.example\n", ""), 'mx is missing, and mode is "testing"'],
    [
      right.replace("a.example", "a*.example"),
      'mx is "a*.example", which is neither a host\'s name nor "*." and a domain',
    ],
    [right.replace("a.example", "*"), 'mx is "*", which is neither a host\'s name nor "*." and a domain'],
    [`${right}\nhello`, '"hello" is not "name: value"'],
    ["<!DOCTYPE html>", '"<!DOCTYPE html>" is not "name: value"'],
    ["", 'version is missing instead of "STSv1"'],
  ];
  for (const [text, why] of rows) assertEquals(parsePolicy(text), why, text);
});

Deno.test("isInPolicy() lets `*.` stand for one label (RFC 8461 4.1)", () => {
  const policy = { mx: ["mail.example.com", "*.example.net"] };
  for (const host of ["mail.example.com", "a.example.net", "xn--bcher-kva.example.net"]) {
    assertEquals(isInPolicy(policy, host), true, host);
  }
  for (const host of ["example.com", "x.mail.example.com", "example.net", "a.b.example.net", "net"]) {
    assertEquals(isInPolicy(policy, host), false, host);
  }
});
