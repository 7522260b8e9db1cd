import { assertEquals, assertRejects } from "@std/assert";
import { binaryString, encode } from "../../src/base/bytes.ts";
import { memoryPair } from "../../src/wire/memory_conn.ts";

Deno.test("memoryPair() carries bytes both ways and tells the addresses", async () => {
  const [client, server] = memoryPair();
  const buffer = new Uint8Array(10);
  await client.write(encode("hello"));
  await server.write(encode("world"));
  assertEquals(await server.read(buffer), 5);
  assertEquals(binaryString(buffer.subarray(0, 5)), "hello");
  assertEquals(await client.read(buffer), 5);
  assertEquals(binaryString(buffer.subarray(0, 5)), "world");
  assertEquals(client.remote, server.local);
  assertEquals("tls" in client, false);
});

Deno.test("memoryPair() holds a writer back when the reader does not read", async () => {
  const [client, server] = memoryPair({ capacity: 4 });
  let written = false;
  const writing = client.write(encode("123456789")).then(() => written = true);
  const buffer = new Uint8Array(100);
  assertEquals(await server.read(buffer), 4);
  assertEquals(written, false);
  assertEquals(await server.read(buffer), 4);
  assertEquals(await server.read(buffer), 1);
  await writing;
});

Deno.test("memoryPair() delivers byte by byte when asked", async () => {
  const [client, server] = memoryPair({ bytewise: true });
  await client.write(encode("ab"));
  const buffer = new Uint8Array(10);
  assertEquals([await server.read(buffer), await server.read(buffer)], [1, 1]);
  server.bytewise = false;
  await client.write(encode("cde"));
  assertEquals(await server.read(buffer), 3);
});

Deno.test("MemoryConn.close() ends both ends; what was written before still arrives", async () => {
  const [client, server] = memoryPair();
  const buffer = new Uint8Array(10);
  const waiting = client.read(buffer);
  await client.write(encode("bye"));
  client.close();
  client.close();
  assertEquals(await waiting, null);
  assertEquals(await server.read(buffer), 3);
  assertEquals(await server.read(buffer), null);
  await assertRejects(() => server.write(encode("x")), Deno.errors.BrokenPipe);
  await assertRejects(() => client.write(encode("x")), Deno.errors.BadResource);
});

Deno.test("MemoryConn.closeWrite() leaves the other direction open", async () => {
  const [client, server] = memoryPair();
  const buffer = new Uint8Array(10);
  await client.closeWrite();
  assertEquals(await server.read(buffer), null);
  await server.write(encode("late"));
  assertEquals(await client.read(buffer), 4);
});

Deno.test("MemoryConn.reset() breaks reads and writes of both ends", async () => {
  const [client, server] = memoryPair({ capacity: 2 });
  const writing = client.write(encode("12345"));
  const reading = client.read(new Uint8Array(1));
  server.reset();
  await assertRejects(() => writing, Deno.errors.ConnectionReset);
  await assertRejects(() => reading, Deno.errors.ConnectionReset);
  await assertRejects(() => server.read(new Uint8Array(1)), Deno.errors.ConnectionReset);
});
