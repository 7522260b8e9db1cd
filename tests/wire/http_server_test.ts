import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { decode, encode } from "../../src/base/bytes.ts";
import { ManualClock } from "../../src/base/manual_clock.ts";
import { ConnectionLimiter } from "../../src/wire/connection_limiter.ts";
import { BodyAborted } from "../../src/wire/http_exchange.ts";
import { HttpServer, type HttpServerOptions } from "../../src/wire/http_server.ts";

const HEAD = "GET / HTTP/1.1\r\nHost: example.org\r\n\r\n";

/** A server whose time stands still, and clients that say what they like. */
class Bench implements AsyncDisposable {
  readonly clock = new ManualClock();
  readonly errors: unknown[] = [];
  readonly server: HttpServer;
  readonly port: number;
  readonly #clients: Deno.TcpConn[] = [];

  constructor(fetch: HttpServerOptions["fetch"], maxConnections = 100) {
    this.server = new HttpServer({
      fetch,
      clock: this.clock,
      limiter: new ConnectionLimiter({ maxConnections, maxPerAddress: Infinity, clock: this.clock }),
      onError: (error) => this.errors.push(error),
    });
    this.port = this.server.listen({ hostname: "127.0.0.1", port: 0 }).port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}/`;
  }

  async dial(text = ""): Promise<Client> {
    const conn = await Deno.connect({ hostname: "127.0.0.1", port: this.port });
    this.#clients.push(conn);
    const client = new Client(conn);
    await client.send(text);
    return client;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const conn of this.#clients) {
      try {
        conn.close();
      } catch {
        // the test closed it
      }
    }
    await this.server.stop(0);
    assertEquals(this.errors, []);
  }
}

class Client {
  #text = "";

  constructor(readonly conn: Deno.TcpConn) {}

  async send(text: string): Promise<void> {
    if (text !== "") await this.conn.write(encode(text));
  }

  /** Reads until `end` was received, or the server closes; answers all since the last call. */
  async until(end: string | RegExp): Promise<string> {
    const buffer = new Uint8Array(16384);
    while (typeof end === "string" ? !this.#text.includes(end) : !end.test(this.#text)) {
      const count = await this.conn.read(buffer).catch(() => null);
      if (count === null) {
        this.#text += "(closed)";
        break;
      }
      this.#text += decode(buffer.subarray(0, count));
    }
    const text = this.#text;
    this.#text = "";
    return text;
  }

  closed(): Promise<string> {
    return this.until(/(?!)/);
  }
}

/** Lets what was sent arrive, and what it sets off. */
async function turns(): Promise<void> {
  for (let i = 0; i < 20; i++) await new Promise((resolve) => setTimeout(resolve, 0));
}

const ok = () => new Response("fine");

Deno.test("HttpServer serves several requests of a connection, also pipelined, each with its length", async () => {
  await using bench = new Bench((request, remote) =>
    new Response(`${request.method} ${request.url} ${request.headers.get("x")} ${remote}`)
  );
  const client = await bench.dial(
    "GET /a?b=c HTTP/1.1\r\nHost: h:1\r\nX: 1\r\nX: 2\r\n\r\nDELETE http://other/d HTTP/1.1\r\nHost: h\r\n\r\n",
  );
  const text = await client.until("other/d null 127.0.0.1");
  assertMatch(
    text,
    /^HTTP\/1\.1 200 OK\r\n[^]*Content-Length: 35\r\n\r\nGET http:\/\/h:1\/a\?b=c 1, 2 127\.0\.0\.1HTTP/,
  );
  assertStringIncludes(text, "\r\n\r\nDELETE http://other/d null 127.0.0.1");
  await client.send("OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n");
  assertStringIncludes(await client.until("127.0.0.1"), "OPTIONS http://h/* null");
  await client.send("HEAD /h HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  assertMatch(await client.closed(), /^HTTP\/1\.1 200 OK\r\n[^]*\r\n\r\n\(closed\)$/);
});

Deno.test("HttpServer reads bodies with a length, in chunks, and behind 100-continue", async () => {
  await using bench = new Bench(async (request) => Response.json({ got: await request.text() }));
  const client = await bench.dial("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhel");
  await turns();
  await client.send("lo");
  assertStringIncludes(await client.until("}"), '{"got":"hello"}');
  await client.send(
    "PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n",
  );
  assertStringIncludes(await client.until("}"), '{"got":"hello"}');
  await client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n");
  assertEquals(await client.until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  await client.send("ok");
  assertStringIncludes(await client.until("}"), '{"got":"ok"}');
});

Deno.test("HttpServer hands on methods that a Request can't be made with", async () => {
  await using bench = new Bench((request) =>
    new Response(null, { status: request.method === "TRACE" ? 405 : 200 })
  );
  const client = await bench.dial("TRACE / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\nx");
  assertMatch(await client.until("\r\n\r\n"), /^HTTP\/1\.1 405 /);
});

Deno.test("HttpServer refuses what is no request, and goes on", async () => {
  await using bench = new Bench(ok);
  for (
    const [request, status] of [
      ["NONSENSE\r\n\r\n", 400],
      ["GET / HTTP/1.1\r\n\r\n", 400],
      ["GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400],
      ["GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400],
      ["GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400],
      [`GET / HTTP/1.1\r\nHost: h\r\nX: ${"x".repeat(20_000)}\r\n\r\n`, 431],
    ] as const
  ) {
    const client = await bench.dial(request);
    assertMatch(await client.until("\r\n\r\n"), new RegExp(`^HTTP/1\\.1 ${status} `), request.slice(0, 60));
  }
  const response = await fetch(bench.url);
  assertEquals([response.status, await response.text()], [200, "fine"]);
});

Deno.test("HttpServer closes a connection whose head is not whole after 30 s, with 408", async () => {
  await using bench = new Bench(ok);
  for (const before of ["", HEAD]) {
    const client = await bench.dial(before);
    if (before !== "") await client.until("fine");
    await client.send("GET / HTTP/1.1\r\nHost:");
    await turns();
    bench.clock.advance(20_000);
    // an octet now and then wins no time
    await client.send(" h\r\nX: 1\r\n");
    await turns();
    bench.clock.advance(9_000);
    await turns();
    assertEquals(bench.server.addresses.length, 1);
    bench.clock.advance(2_000);
    assertMatch(await client.closed(), /^HTTP\/1\.1 408 Request Timeout\r\n[^]*\(closed\)$/);
  }
});

Deno.test("HttpServer closes a connection that is idle for a minute, a new one too, and none before", async () => {
  await using bench = new Bench(ok);
  const silent = await bench.dial();
  const used = await bench.dial(HEAD);
  await used.until("fine");
  bench.clock.advance(58_000);
  await used.send(HEAD);
  await used.until("fine");
  bench.clock.advance(3_000);
  assertEquals(await silent.closed(), "(closed)");
  await used.send(HEAD);
  await used.until("fine");
  bench.clock.advance(61_000);
  assertEquals(await used.closed(), "(closed)");
});

Deno.test("HttpServer closes a connection whose body stops for a minute, and not one that goes on", async () => {
  const bodies: string[] = [];
  await using bench = new Bench(async (request) => {
    bodies.push(await request.text().catch((error) => error.name));
    return ok();
  });
  const client = await bench.dial("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\na");
  for (const piece of ["b", ""]) {
    await turns();
    bench.clock.advance(50_000);
    await client.send(piece);
  }
  await turns();
  bench.clock.advance(11_000);
  assertEquals(await client.closed(), "(closed)");
  await turns();
  assertEquals(bodies, ["BodyAborted"]);
});

Deno.test("HttpServer lets an answer take its time: waiting for it is not idle", async () => {
  const answer = Promise.withResolvers<Response>();
  await using bench = new Bench(() => answer.promise);
  const client = await bench.dial(HEAD);
  await turns();
  for (let i = 0; i < 10; i++) bench.clock.advance(60_000);
  answer.resolve(ok());
  assertStringIncludes(await client.until("fine"), "200 OK");
});

Deno.test("HttpServer keeps a stream open, gives each piece at once, and cancels it when the client goes", async () => {
  const cancelled = Promise.withResolvers<void>();
  let push: (text: string) => void = () => {};
  let signal: AbortSignal | undefined;
  await using bench = new Bench((request) => {
    signal = request.signal;
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        push = (text) => controller.enqueue(encode(text));
      },
      cancel: () => cancelled.resolve(),
    });
    return new Response(body, { headers: { "content-type": "text/event-stream" } });
  });
  const client = await bench.dial(HEAD);
  await turns();
  for (const piece of ["data: 1\n\n", "data: 2\n\n"]) {
    push(piece);
    assertStringIncludes(await client.until(piece), piece);
    bench.clock.advance(300_000);
    await turns();
  }
  assertEquals(signal?.aborted, false);
  client.conn.close();
  await cancelled.promise;
  assertEquals(signal?.aborted, true);
});

Deno.test("HttpServer tells a handler by its request's signal that the client has gone", async () => {
  const gone = Promise.withResolvers<void>();
  await using bench = new Bench(async (request) => {
    request.signal.addEventListener("abort", () => gone.resolve());
    await gone.promise;
    return ok();
  });
  const client = await bench.dial(HEAD);
  await turns();
  client.conn.close();
  await gone.promise;
});

Deno.test("HttpServer closes a connection that takes nothing of its answer for a minute", async () => {
  const cancelled = Promise.withResolvers<void>();
  await using bench = new Bench(() =>
    new Response(
      new ReadableStream<Uint8Array>({
        pull: (controller) => controller.enqueue(new Uint8Array(1 << 20)),
        cancel: () => cancelled.resolve(),
      }),
    )
  );
  await bench.dial(HEAD);
  // until the system's buffers are full
  for (let i = 0; i < 20; i++) await turns();
  bench.clock.advance(61_000);
  await cancelled.promise;
});

Deno.test("HttpServer gives its answer to a client that still sends a body that nobody wants, then closes", async () => {
  await using bench = new Bench(() => new Response("no", { status: 413 }));
  const client = await bench.dial("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 100000000\r\n\r\n");
  const chunk = "x".repeat(65536);
  const sending = (async () => {
    for (let i = 0; i < 200; i++) await client.send(chunk);
  })().catch(() => {});
  assertMatch(await client.until("\r\n\r\nno"), /^HTTP\/1\.1 413 [^]*\r\nconnection: close\r\n/);
  await sending;
  // one that stops sending is not waited for
  const lazy = await bench.dial("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nx");
  assertStringIncludes(await lazy.until("\r\n\r\nno"), "413");
  await turns();
  bench.clock.advance(3_000);
  assertEquals(await lazy.closed(), "(closed)");
});

Deno.test("HttpServer refuses connections over its limit; the one that is idle longest makes room", async () => {
  const answer = Promise.withResolvers<Response>();
  await using bench = new Bench((request) => request.url.endsWith("/wait") ? answer.promise : ok(), 2);
  const busy = await bench.dial("GET /wait HTTP/1.1\r\nHost: h\r\n\r\n");
  const idle = await bench.dial(HEAD);
  await idle.until("fine");
  // it may just be far from here
  assertMatch(
    await (await bench.dial(HEAD)).closed(),
    /^HTTP\/1\.1 503 Service Unavailable\r\n[^]*\(closed\)$/,
  );
  bench.clock.advance(6_000);
  const next = await bench.dial(HEAD);
  assertEquals(await idle.closed(), "(closed)");
  await next.until("fine");
  answer.resolve(ok());
  await busy.until("fine");
});

Deno.test("HttpServer.stop() closes idle connections, and lets what is under way end", async () => {
  const answer = Promise.withResolvers<Response>();
  await using bench = new Bench(() => answer.promise);
  const idle = await bench.dial();
  const busy = await bench.dial(HEAD);
  await turns();
  const stopped = bench.server.stop(5_000);
  assertEquals(await idle.closed(), "(closed)");
  answer.resolve(ok());
  assertMatch(await busy.closed(), /200 OK[^]*fine\(closed\)$/);
  await stopped;
});

Deno.test("HttpServer.stop() ends what does not end by itself", async () => {
  await using bench = new Bench(() => new Promise(() => {}));
  const busy = await bench.dial(HEAD);
  await turns();
  const stopped = bench.server.stop(5_000);
  await turns();
  bench.clock.advance(5_000);
  assertEquals(await busy.closed(), "(closed)");
  await stopped;
});

Deno.test("HttpServer breaks an answer off whose source has gone, and says nothing of it", async () => {
  await using bench = new Bench(() => {
    const body = async function* () {
      yield encode("begun");
      await Promise.resolve();
      throw new BodyAborted("It was removed meanwhile");
    };
    return new Response(ReadableStream.from(body()), { headers: { "content-length": "100" } });
  });
  const client = await bench.dial(HEAD);
  assertMatch(await client.closed(), /\(closed\)$/);
});

Deno.test("HttpServer tells what answering threw, and ends only that connection", async () => {
  await using bench = new Bench((request) => {
    if (request.url.endsWith("/bad")) throw new Error("Broken on purpose");
    const body = async function* () {
      yield encode("begun");
      await Promise.resolve();
      throw new Error("Broken in the middle");
    };
    return request.url.endsWith("/half") ? new Response(ReadableStream.from(body())) : ok();
  });
  for (const path of ["/bad", "/half"]) {
    const client = await bench.dial(`GET ${path} HTTP/1.1\r\nHost: h\r\n\r\n`);
    assert(!(await client.closed()).includes("0\r\n\r\n"));
  }
  assertEquals(bench.errors.splice(0).map((error) => (error as Error).message), [
    "Broken on purpose",
    "Broken in the middle",
  ]);
  assertEquals(await (await fetch(bench.url)).text(), "fine");
});
