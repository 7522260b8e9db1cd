import { assert, assertEquals, assertRejects } from "@std/assert";
import { createSocket } from "node:dgram";
import { decodePacket, type DnsPacket, encodePacket, FLAGS, framed } from "../../src/dns/packet.ts";
import { DnsServer } from "../../src/testing/dns_server.ts";

function addressOf(server: DnsServer): { hostname: string; port: number } {
  const { hostname, port } = new URL(`http://${server.address}`);
  return { hostname, port: Number(port) };
}

function query(name: string, type: string, edns?: number): Uint8Array<ArrayBuffer> {
  return encodePacket({
    type: "query",
    id: 7,
    flags: FLAGS.recursionDesired,
    questions: [{ name, type }],
    ...(edns && { additionals: [{ type: "OPT", name: ".", udpPayloadSize: edns }] }),
  });
}

async function ask(server: DnsServer, bytes: Uint8Array): Promise<{ packet: DnsPacket; size: number }> {
  const { hostname, port } = addressOf(server);
  const socket = createSocket("udp4");
  const reply = new Promise<Uint8Array>((resolve) => socket.once("message", resolve));
  socket.send(bytes, port, hostname);
  const received = await reply;
  await new Promise<void>((resolve) => socket.close(() => resolve()));
  return { packet: decodePacket(received)!, size: received.length };
}

const zones = {
  "a.test": { MX: [[10, "mail.a.test"]] as [number, string][], TTL: 9 },
  "mail.a.test": { A: ["127.0.2.1"] },
  "www.test": { CNAME: "mail.a.test" },
  "wide.test": { A: Array.from({ length: 40 }, (_, i) => `127.0.3.${i}`) },
};

Deno.test("DnsServer answers with TTL, the question's own case, and what was asked", async () => {
  await using server = await DnsServer.start({ zones });
  const { packet } = await ask(server, query("A.test", "MX"));
  assertEquals(packet.questions[0]?.name, "A.test");
  assertEquals(packet.answers.map(({ name, type, ttl, data }) => ({ name, type, ttl, data })), [
    { name: "a.test", type: "MX", ttl: 9, data: { preference: 10, exchange: "mail.a.test" } },
  ]);
  assertEquals(server.queries, [{ name: "a.test", type: "MX", over: "udp" }]);
});

Deno.test("DnsServer follows a CNAME", async () => {
  await using server = await DnsServer.start({ zones });
  const { packet } = await ask(server, query("www.test", "A"));
  assertEquals(packet.answers.map(({ name, type }) => `${name} ${type}`), [
    "www.test CNAME",
    "mail.a.test A",
  ]);
});

Deno.test("DnsServer puts an SOA into both kinds of no", async () => {
  await using server = await DnsServer.start({ zones, negativeTtl: 17 });
  for (
    const [name, rcode] of [["a.test", "NOERROR"], ["gone.test", "NXDOMAIN"], ["test", "NOERROR"]] as const
  ) {
    const { packet } = await ask(server, query(name, "AAAA"));
    assertEquals([packet.rcode, packet.answers.length], [rcode, 0], name);
    const soa = packet.authorities[0];
    assertEquals(soa?.type === "SOA" && [soa.ttl, soa.data.minimum], [17, 17]);
  }
});

Deno.test("DnsServer cuts answers over 512 octets, or over what EDNS allows", async () => {
  await using server = await DnsServer.start({ zones });
  for (const [edns, truncated] of [[undefined, true], [600, true], [1232, false], [100, true]] as const) {
    const { packet, size } = await ask(server, query("wide.test", "A", edns));
    assertEquals(
      [packet.truncated, packet.answers.length],
      truncated ? [true, 0] : [false, 40],
      `EDNS ${edns}`,
    );
    assert(size <= (edns ?? 512));
  }
});

Deno.test("DnsServer answers several queries of one TCP connection, on UDP's port", async () => {
  await using server = await DnsServer.start({ zones });
  using conn = await Deno.connect(addressOf(server));
  for (let i = 0; i < 2; i++) {
    const bytes = framed(query("wide.test", "A"));
    await conn.write(bytes.subarray(0, 5));
    await conn.write(bytes.subarray(5));
    const into = new Uint8Array(2000);
    let got = 0;
    while (got < 2 || got < 2 + ((into[0]! << 8) | into[1]!)) {
      got += (await conn.read(into.subarray(got))) ?? 0;
    }
    assertEquals(decodePacket(into.subarray(2, got))?.answers.length, 40);
  }
  assertEquals(server.queries.map(({ over }) => over), ["tcp", "tcp"]);
});

Deno.test("DnsServer fails by name and type until it is healed", async () => {
  await using server = await DnsServer.start({ zones });
  const rcode = async (name: string, type: string) => (await ask(server, query(name, type))).packet.rcode;
  for (
    const [how, want] of [
      ["servfail", "SERVFAIL"],
      ["refused", "REFUSED"],
      ["nxdomain", "NXDOMAIN"],
      ["formerr", "FORMERR"],
      ["notimp", "NOTIMP"],
    ] as const
  ) {
    server.fail("A.test", how);
    assertEquals(await rcode("a.test", "MX"), want);
  }
  server.fail("a.test", null);
  assertEquals(await rcode("a.test", "MX"), "NOERROR");
  server.fail("a.test", "servfail", "AAAA");
  assertEquals([await rcode("a.test", "MX"), await rcode("a.test", "AAAA")], ["NOERROR", "SERVFAIL"]);
});

Deno.test("DnsServer answers SERVFAIL for records that are none", async () => {
  await using server = await DnsServer.start({ zones: { "a.test": { MX: [[99_999, "b.test"]] } } });
  assertEquals((await ask(server, query("a.test", "MX"))).packet.rcode, "SERVFAIL");
});

Deno.test("DnsServer takes new zones while it runs, and listens where it is told", async () => {
  await using server = await DnsServer.start({ hostname: "127.0.5.3" });
  assertEquals(addressOf(server).hostname, "127.0.5.3");
  assertEquals((await ask(server, query("mail.a.test", "A"))).packet.rcode, "NXDOMAIN");
  server.zones = zones;
  assertEquals((await ask(server, query("mail.a.test", "A"))).packet.answers.length, 1);
  await assertRejects(() => DnsServer.start(addressOf(server)), Deno.errors.AddrInUse);
});

Deno.test("DnsServer.close() ends open connections and may be called twice", async () => {
  const server = await DnsServer.start();
  using conn = await Deno.connect(addressOf(server));
  await conn.write(framed(query("a.test", "A")));
  assert(await conn.read(new Uint8Array(500)));
  await Promise.all([server.close(), server.close()]);
  const end = await conn.read(new Uint8Array(1)).catch(() => null);
  assertEquals(end, null);
});
