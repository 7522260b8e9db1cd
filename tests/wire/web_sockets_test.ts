import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { decode, encode } from "../../src/base/bytes.ts";
import { eventTurn } from "../../src/base/clock.ts";
import { ManualClock } from "../../src/base/manual_clock.ts";
import { HttpServer } from "../../src/wire/http_server.ts";
import type { TextSocket } from "../../src/wire/web_sockets.ts";

const WISH = "GET /up HTTP/1.1\r\nHost: example.org\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
  "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

/** A server that gives a socket at `/up`, and a client that says what it likes. */
class Bench implements AsyncDisposable {
  readonly clock = new ManualClock();
  readonly errors: unknown[] = [];
  readonly given = Promise.withResolvers<TextSocket>();
  readonly server = new HttpServer({
    fetch: (request, _, upgrade) => {
      if (upgrade && new URL(request.url).pathname === "/up") return upgrade(this.given.resolve);
      return new Response(`plain ${upgrade ? "without a socket" : "answer"}`, { status: 418 });
    },
    clock: this.clock,
    onError: (error) => this.errors.push(error),
  });
  readonly #port = this.server.listen({ hostname: "127.0.0.1", port: 0 }).port;
  #conn: Deno.TcpConn | undefined;

  async dial(text: string): Promise<Deno.TcpConn> {
    this.#conn = await Deno.connect({ hostname: "127.0.0.1", port: this.#port });
    await this.#conn.write(encode(text));
    return this.#conn;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#conn?.close();
    await this.server.stop(0);
    assertEquals(this.errors, []);
  }
}

async function read(conn: Deno.TcpConn): Promise<Uint8Array> {
  const buffer = new Uint8Array(4096);
  return buffer.subarray(0, await conn.read(buffer) ?? 0);
}

Deno.test("A socket is given where it is asked for, and its client hears texts", async () => {
  await using bench = new Bench();
  const conn = await bench.dial(WISH);
  // the key of RFC 6455 1.3, and its answer
  assertStringIncludes(decode(await read(conn)), "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n");
  (await bench.given.promise).send("hi");
  assertEquals([...await read(conn)], [0x81, 2, 104, 105]);
});

Deno.test("Another answer to such a request is given as it is, and the connection ends", async () => {
  await using bench = new Bench();
  const conn = await bench.dial(WISH.replace("/up", "/else"));
  const answer = decode(await read(conn));
  assertMatch(answer, /^HTTP\/1\.1 418 [^]*\r\nConnection: close\r\n[^]*plain without a socket$/i);
  assertEquals((await read(conn)).length, 0);
});

Deno.test("Who would rather speak something else is answered in HTTP/1.1", async () => {
  await using bench = new Bench();
  const conn = await bench.dial(WISH.replace("Upgrade: websocket", "Upgrade: h2c"));
  assertMatch(decode(await read(conn)), /^HTTP\/1\.1 418 [^]*plain answer$/);
});

Deno.test("A client that does not answer a ping has gone; one that waits is not idle", async () => {
  await using bench = new Bench();
  const conn = await bench.dial(WISH);
  await read(conn);
  const socket = await bench.given.promise;
  let over = false;
  socket.closed.then(() => over = true);
  for (let i = 0; i < 5; i++) {
    bench.clock.advance(30_000);
    assertEquals([...await read(conn)], [0x89, 0], "a ping");
    const mask = [1, 2, 3, 4];
    await conn.write(new Uint8Array([0x8a, 0x80, ...mask]));
    for (let turns = 0; turns < 20; turns++) await eventTurn();
    assertEquals(over, false);
  }
  bench.clock.advance(30_000);
  await read(conn);
  bench.clock.advance(30_000);
  await socket.closed;
});

Deno.test("A client that takes nothing is let go", async () => {
  await using bench = new Bench();
  const conn = await bench.dial(WISH);
  await read(conn);
  const socket = await bench.given.promise;
  let over = false;
  socket.closed.then(() => over = true);
  const text = "x".repeat(64 * 1024);
  for (let i = 0; i < 2000 && !over; i++) {
    socket.send(text);
    await eventTurn();
  }
  assertEquals(over, true);
});
