import { assertEquals } from "@std/assert";
import { isLoopback, isLoopbackPeer } from "../../src/base/ip.ts";

Deno.test("isLoopback() and isLoopbackPeer() differ in IPv4 peers that IPv6 sockets show", () => {
  const cases: readonly [string, boolean, boolean][] = [
    ["127.0.0.1", true, true],
    ["127.9.9.9", true, true],
    ["::1", true, true],
    ["::ffff:127.0.0.1", false, true],
    ["::FFFF:127.0.0.1", false, true],
    ["::ffff:192.0.2.1", false, false],
    ["192.0.2.1", false, false],
    ["::", false, false],
    ["::1:1", false, false],
    ["128.127.0.1", false, false],
    ["1127.0.0.1", false, false],
  ];
  for (const [address, own, peer] of cases) {
    assertEquals([isLoopback(address), isLoopbackPeer(address)], [own, peer], address);
  }
});
