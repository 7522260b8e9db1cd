import { assertEquals } from "@std/assert";
import { interleaved, refusal } from "../../src/dns/addresses.ts";

/** Address, why it is refused, and why still with `allowPrivate`. */
const rows: [string, string | undefined, string?][] = [
  // public
  ["8.8.8.8", undefined],
  ["2600::1", undefined],
  ["192.0.2.1", undefined],
  ["2001:db8::1", undefined],
  // around us
  ["127.0.0.1", "loopback"],
  ["127.255.255.254", "loopback"],
  ["10.1.2.3", "private"],
  ["172.16.0.1", "private"],
  ["172.31.255.255", "private"],
  ["172.32.0.1", undefined],
  ["192.168.1.1", "private"],
  ["169.254.169.254", "link-local"],
  ["100.64.0.1", "carrier-grade NAT"],
  ["100.128.0.1", undefined],
  ["198.18.0.1", "reserved"],
  ["240.0.0.1", "reserved"],
  ["::1", "loopback"],
  ["fe80::1", "link-local"],
  ["fc00::1", "unique local"],
  ["fd12:3456::1", "unique local"],
  ["fec0::1", "site-local"],
  ["100::1", "reserved"],
  ["4000::1", "reserved"],
  // no host's address at all
  ["0.0.0.0", "unspecified", "unspecified"],
  ["0.1.2.3", "unspecified", "unspecified"],
  ["255.255.255.255", "broadcast", "broadcast"],
  ["224.0.0.1", "multicast", "multicast"],
  ["::", "unspecified", "unspecified"],
  ["ff02::1", "multicast", "multicast"],
  ["nonsense", "not an address", "not an address"],
  // IPv4 in other clothes
  ["::ffff:127.0.0.1", "loopback, IPv4-mapped"],
  ["::ffff:8.8.8.8", "IPv4-mapped"],
  ["::ffff:0.0.0.0", "unspecified, IPv4-mapped", "unspecified, IPv4-mapped"],
  ["::7f00:1", "loopback, IPv4-compatible"],
  ["::808:808", "IPv4-compatible"],
  // ipaddr.js reads the dotted form as a mapped one; it is refused all the same
  ["::127.0.0.1", "loopback, IPv4-mapped"],
  ["64:ff9b::10.0.0.1", "private, within NAT64"],
  ["64:ff9b::8.8.8.8", undefined],
  ["64:ff9b:1::8.8.8.8", "local NAT64"],
  ["2002:7f00:1::", "loopback, within 6to4"],
  ["2002:a9fe:a9fe::1", "link-local, within 6to4"],
  ["2002:808:808::1", undefined],
  ["2001:0:808:808:0:0:f5ff:fffe", "private, within Teredo"],
  ["::ffff:0:192.168.0.1", "private, within IPv4-translated"],
];

for (const [ip, why, still] of rows) {
  Deno.test(`refusal() of ${ip} is ${why ?? "none"}`, () => {
    assertEquals(refusal(ip, false), why);
    assertEquals(refusal(ip, true), still);
  });
}

Deno.test("interleaved() takes the families in turn, IPv4 first", () => {
  assertEquals(interleaved([], []), []);
  assertEquals(interleaved(["a", "b", "c"], ["x"]), ["a", "x", "b", "c"]);
  assertEquals(interleaved(["a"], ["x", "y", "z"]), ["a", "x", "y", "z"]);
  assertEquals(interleaved([], ["x", "y"]), ["x", "y"]);
});
