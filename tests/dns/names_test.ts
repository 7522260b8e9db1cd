import { assertEquals } from "@std/assert";
import { canonicalIp, canonicalName, isAskable, isDnsName, isIp, reverseName } from "../../src/dns/names.ts";

Deno.test("canonicalName() lowers the case and takes the last dot off", () => {
  assertEquals(canonicalName("Mail.Test."), "mail.test");
  assertEquals(canonicalName("mail.test"), "mail.test");
  assertEquals(canonicalName("."), "");
});

const names: [string, boolean][] = [
  ["mail.test", true],
  ["test", true],
  ["_25._tcp.mail.test", true],
  ["xn--bcher-kva.test", true],
  ["a".repeat(63) + ".test", true],
  [("a".repeat(49) + ".").repeat(5) + "abc", true],
  ["a".repeat(64) + ".test", false],
  [("a".repeat(49) + ".").repeat(5) + "abcd", false],
  ["", false],
  [".", false],
  ["a..test", false],
  ["-a.test", false],
  ["a b.test", false],
  ["ä.test", false],
  ["a\n.test", false],
];
for (const [name, valid] of names) {
  Deno.test(`isDnsName() ${valid ? "takes" : "refuses"} ${JSON.stringify(name.slice(0, 30))} of ${name.length}`, () => {
    assertEquals(isDnsName(name), valid);
  });
}

Deno.test("isAskable() takes what macros of SPF make, and nothing that a packet can't hold", () => {
  for (const name of ["mail.test", "a+b.test", "a b.test", "-a.test", "=.test", "a".repeat(63)]) {
    assertEquals(isAskable(name), true, name);
  }
  for (
    const name of [
      "",
      ".",
      "a..test",
      "a.",
      "é.test",
      "a\n.test",
      "a".repeat(64),
      ("a".repeat(49) + ".").repeat(5) + "abcd",
    ]
  ) {
    assertEquals(isAskable(name), false, name);
  }
});

Deno.test("isIp() tells addresses from names", () => {
  for (const ip of ["127.0.0.1", "::1", "2001:db8::1", "::ffff:1.2.3.4"]) assertEquals(isIp(ip), true, ip);
  for (const text of ["1.2.3", "127.1", "0x7f.0.0.1", "1", "mail.test", "1.2.3.4.5", "", ":"]) {
    assertEquals(isIp(text), false, text);
  }
});

Deno.test("canonicalIp() gives equal addresses equal texts", () => {
  assertEquals(canonicalIp("2001:DB8:0::1"), "2001:db8::1");
  assertEquals(canonicalIp("::FFFF:1.2.3.4"), "1.2.3.4");
  assertEquals(canonicalIp("1.2.3.4"), "1.2.3.4");
  assertEquals(canonicalIp("mail.test"), undefined);
});

Deno.test("reverseName() is the name in the reverse zone", () => {
  assertEquals(reverseName("192.0.2.10"), "10.2.0.192.in-addr.arpa");
  assertEquals(reverseName("::ffff:192.0.2.10"), "10.2.0.192.in-addr.arpa");
  assertEquals(
    reverseName("2001:db8::567:89ab"),
    "b.a.9.8.7.6.5.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa",
  );
  assertEquals(reverseName("mail.test"), undefined);
});
