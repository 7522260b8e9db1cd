import { assert, assertEquals } from "@std/assert";
import { connect } from "node:tls";
import { encode } from "../../src/base/bytes.ts";
import { type ClientHello, peekClientHello } from "../../src/wire/client_hello.ts";
import { memoryPair } from "../../src/wire/memory_conn.ts";
import { TlsBase } from "../../src/wire/tls_conn.ts";

/** What a real client says first. */
async function record(): Promise<Uint8Array> {
  const [here, there] = memoryPair();
  const base = new TlsBase(here);
  const socket = connect({
    socket: base.stream,
    servername: "Mail.Example.ORG",
    ALPNProtocols: ["acme-tls/1", "http/1.1"],
  });
  socket.on("error", () => {});
  const buffer = new Uint8Array(8192);
  const count = await there.read(buffer);
  socket.destroy();
  there.close();
  return buffer.slice(0, count!);
}

const hello = await record();

async function peek(octets: Uint8Array, bytewise: boolean): Promise<ClientHello | undefined> {
  const [client, server] = memoryPair({ bytewise });
  await client.write(octets);
  await client.closeWrite();
  const { hello, conn } = await peekClientHello(server);
  const again = new Uint8Array(octets.length + 1);
  let at = 0;
  for (let count: number | null = 0; count !== null; count = await conn.read(again.subarray(at))) at += count;
  assertEquals(again.slice(0, at), octets, "it can be read once more");
  return hello;
}

Deno.test("peekClientHello() reads what a client asks for, however its octets come, and takes none away", async () => {
  for (const bytewise of [false, true]) {
    const found = await peek(hello, bytewise);
    assert(found);
    assertEquals(found.serverName, "mail.example.org");
    assertEquals(found.alpn, ["acme-tls/1", "http/1.1"]);
    assert(found.versions.includes(0x0304) && found.cipherSuites.includes(0x1301));
    assertEquals(found.keyShares.get(0x001d)?.length, 32);
    assertEquals(found.message, hello.subarray(5));
  }
});

Deno.test("peekClientHello() finds none in other things, and in halves of one", async () => {
  const cut = hello.slice();
  cut[8] = cut[8]! + 1; // a message longer than its record
  const inner = hello.slice();
  inner[43] = 255; // a session id longer than the message
  for (
    const octets of [encode("GET / HTTP/1.1\r\n\r\n"), hello.subarray(0, 100), hello.subarray(0, 3), cut]
  ) {
    assertEquals(await peek(octets, false), undefined);
  }
  assertEquals((await peek(inner, false))?.serverName, undefined);
  assertEquals(await peek(new Uint8Array(0), false), undefined);
  assertEquals(await peek(Uint8Array.of(22, 3, 1, 255, 255, 1), false), undefined);
});
