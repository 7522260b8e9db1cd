import { assertEquals } from "@std/assert";
import { parseNameServer, parseResolvConf, showNameServer } from "../../src/dns/name_servers.ts";

const rows: [string, string | undefined][] = [
  ["127.0.0.1:5353", "127.0.0.1:5353"],
  ["127.0.0.1", "127.0.0.1:53"],
  ["[::1]:5353", "[::1]:5353"],
  ["[::1]", "[::1]:53"],
  ["::1", "[::1]:53"],
  ["fe80::1%eth0", "[fe80::1%eth0]:53"],
  [" 10.0.0.1 ", "10.0.0.1:53"],
  ["127.0.0.1:0", undefined],
  ["127.0.0.1:65536", undefined],
  ["127.0.0.1:", undefined],
  ["127.1", undefined],
  ["[127.0.0.1]:53", undefined],
  ["dns.test:53", undefined],
  ["", undefined],
];
for (const [text, want] of rows) {
  Deno.test(`parseNameServer() reads "${text}" as ${want}`, () => {
    const server = parseNameServer(text);
    assertEquals(server && showNameServer(server), want);
  });
}

Deno.test("parseResolvConf() takes three name servers and leaves the rest", () => {
  const text =
    "# nameserver 9.9.9.9\nsearch corp.test\nnameserver 10.0.0.1\n nameserver\t::1\r\nnameserver nonsense\n" +
    "nameserver fe80::1%eth0\nnameserver 10.0.0.4\noptions ndots:5\n";
  assertEquals(parseResolvConf(text).map(showNameServer), ["10.0.0.1:53", "[::1]:53", "[fe80::1%eth0]:53"]);
});

Deno.test("parseResolvConf() falls back to this machine", () => {
  assertEquals(parseResolvConf("search corp.test\n"), [{ ip: "127.0.0.1", port: 53 }]);
});
