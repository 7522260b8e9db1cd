import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { binaryString, encode } from "../../src/base/bytes.ts";
import { ManualClock } from "../../src/base/manual_clock.ts";
import type { ByteConn } from "../../src/wire/byte_conn.ts";
import { Crowd, type CrowdLimits } from "../../src/wire/connection_limiter.ts";
import { type ListenOptions, TcpListener } from "../../src/wire/listener.ts";
import { plainAddress, tcpConn } from "../../src/wire/tcp_conn.ts";

type Options = Partial<ListenOptions & CrowdLimits> & Pick<ListenOptions, "onConnection">;

function listen({ maxConnections = 100, maxPerAddress = 100, ...options }: Options): TcpListener {
  return TcpListener.listen({
    hostname: "127.0.0.1",
    port: 0,
    crowd: new Crowd({ maxConnections, maxPerAddress }),
    onError: (error) => {
      throw error;
    },
    ...options,
  });
}

async function dial(listener: TcpListener, hostname = "127.0.0.1"): Promise<ByteConn> {
  return tcpConn(await Deno.connect({ hostname, port: listener.address.port }));
}

async function text(conn: ByteConn): Promise<string | null> {
  const buffer = new Uint8Array(100);
  const count = await conn.read(buffer);
  return count === null ? null : binaryString(buffer.subarray(0, count));
}

/** Greets and serves until the peer closes. */
async function greet(conn: ByteConn): Promise<void> {
  await conn.write(encode("220 hello\r\n"));
  while (await text(conn) !== null);
}

async function end(listener: TcpListener): Promise<void> {
  listener.close();
  listener.closeConnections();
  await listener.idle();
}

Deno.test("TcpListener serves connections and counts them", async () => {
  const listener = listen({ onConnection: greet });
  assert(listener.address.port > 0);
  assertEquals(listener.address.hostname, "127.0.0.1");
  await listener.idle();
  const [a, b] = [await dial(listener), await dial(listener)];
  assertEquals([await text(a), await text(b)], ["220 hello\r\n", "220 hello\r\n"]);
  assertEquals(listener.active, 2);
  a.close();
  b.close();
  await listener.idle();
  assertEquals(listener.active, 0);
  await end(listener);
});

Deno.test("TcpListener closes a connection whose task ends or fails, and tells the failure", async () => {
  const errors: unknown[] = [];
  const listener = listen({
    onConnection: async (conn) => {
      if (await text(conn) === "fail") throw new Error("Broken on purpose");
    },
    onError: (error) => errors.push((error as Error).message),
  });
  for (const word of ["fail", "end"]) {
    const conn = await dial(listener);
    await conn.write(encode(word));
    assertEquals(await text(conn), null);
    conn.close();
  }
  assertEquals(errors, ["Broken on purpose"]);
  await end(listener);
});

Deno.test("TcpListener refuses connections over its limits", async () => {
  const listener = listen({
    maxConnections: 3,
    maxPerAddress: 2,
    onConnection: greet,
    onRefused: (conn, why) => conn.write(encode(`421 ${why}\r\n`)),
  });
  const first = await dial(listener);
  const second = await dial(listener);
  assertEquals([await text(first), await text(second)], ["220 hello\r\n", "220 hello\r\n"]);
  const third = await dial(listener);
  assertEquals([await text(third), await text(third)], ["421 perAddress\r\n", null]);
  first.close();
  let again = await dial(listener);
  while (await text(again) !== "220 hello\r\n") {
    again.close();
    again = await dial(listener);
  }
  for (const conn of [second, third, again]) conn.close();
  await end(listener);
});

Deno.test("TcpListener refuses connections over the limit in all, also without a word", async () => {
  const listener = listen({ maxConnections: 1, onConnection: greet });
  const first = await dial(listener);
  assertEquals(await text(first), "220 hello\r\n");
  const second = await dial(listener);
  assertEquals(await text(second), null);
  first.close();
  second.close();
  await end(listener);
});

Deno.test("TcpListener survives a refusal that fails", async () => {
  const listener = listen({
    maxConnections: 0,
    onConnection: greet,
    onRefused: () => Promise.reject(new Error("Refused to refuse")),
  });
  const conn = await dial(listener);
  assertEquals(await text(conn), null);
  conn.close();
  await end(listener);
});

Deno.test("TcpListener.close() stops accepting but lets connections go on", async () => {
  const listener = listen({ onConnection: greet });
  const port = listener.address.port;
  const conn = await dial(listener);
  assertEquals(await text(conn), "220 hello\r\n");
  listener.close();
  listener.close();
  // refused, or reset when the system had taken it already
  await assertRejects(async () => {
    const late = await Deno.connect({ hostname: "127.0.0.1", port });
    try {
      assertEquals(await late.read(new Uint8Array(1)), 1);
    } finally {
      late.close();
    }
  });
  assertEquals(listener.active, 1);
  let idle = false;
  const waiting = listener.idle().then(() => idle = true);
  await conn.write(encode("still here\r\n"));
  assertEquals(idle, false);
  listener.closeConnections();
  await waiting;
  assertEquals(await text(conn).catch(() => null), null);
  conn.close();
});

Deno.test("TcpListener.closeConnections() ends a write to a peer that never reads", async () => {
  const errors: unknown[] = [];
  const listener = listen({
    onConnection: (conn) => conn.write(new Uint8Array(64 * 1024 * 1024)),
    onError: (error) => errors.push(error),
  });
  const conn = await dial(listener);
  await text(conn);
  await end(listener);
  assertEquals(errors.length, 1);
  conn.close();
});

Deno.test("TcpListener goes on after errors of accept, with pauses that grow", async () => {
  const clock = new ManualClock();
  const errors: unknown[] = [];
  const realListen = Deno.listen;
  let failures = 3;
  Deno.listen = ((options: Deno.TcpListenOptions) => {
    const real = realListen(options);
    const realAccept = real.accept.bind(real);
    real.accept = () =>
      failures-- > 0 ? Promise.reject(new Error("Too many open files (os error 24)")) : realAccept();
    return real;
  }) as typeof Deno.listen;
  try {
    const listener = listen({ onConnection: greet, onError: (error) => errors.push(error), clock });
    const pauses: (number | undefined)[] = [];
    while (pauses.length < 3) {
      while (clock.timers === 0) await Promise.resolve();
      pauses.push(clock.untilNext);
      clock.advance(clock.untilNext!);
    }
    assertEquals(pauses, [25, 50, 100]);
    const conn = await dial(listener);
    assertEquals(await text(conn), "220 hello\r\n");
    assertEquals(errors.length, 3);
    conn.close();
    await listener.idle();
    // closing during a pause ends the pause
    await end(listener);
    failures = 1;
    const other = listen({ onConnection: greet, onError: () => {}, clock });
    while (clock.timers === 0) await Promise.resolve();
    other.close();
    assertEquals(clock.timers, 0);
  } finally {
    Deno.listen = realListen;
  }
});

Deno.test("TcpListener.listen() throws when the address is taken", async () => {
  const listener = listen({ onConnection: greet });
  assertThrows(() => listen({ onConnection: greet, port: listener.address.port }), Deno.errors.AddrInUse);
  await end(listener);
});

Deno.test("TcpListener tells an IPv4 peer of an IPv6 socket as IPv4", async () => {
  const remotes: string[] = [];
  const listener = listen({
    hostname: "::",
    onConnection: (conn) => {
      remotes.push(conn.remote.hostname, conn.local.hostname);
      return greet(conn);
    },
  });
  const conn = await dial(listener);
  await text(conn);
  assertEquals(remotes, ["127.0.0.1", "127.0.0.1"]);
  conn.close();
  await end(listener);
});

Deno.test("plainAddress() takes only the mapping off", () => {
  assertEquals(plainAddress("::ffff:192.0.2.1"), "192.0.2.1");
  assertEquals(plainAddress("::FFFF:192.0.2.1"), "192.0.2.1");
  assertEquals(plainAddress("2001:db8::1"), "2001:db8::1");
  assertEquals(plainAddress("::1"), "::1");
  assertEquals(plainAddress("192.0.2.1"), "192.0.2.1");
});

Deno.test("tcpConn() writes all of it, and may be closed twice", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const dialing = Deno.connect({ hostname: "127.0.0.1", port: listener.addr.port });
  const server = tcpConn(await listener.accept());
  const client = tcpConn(await dialing);
  listener.close();
  const size = 32 * 1024 * 1024;
  const writing = server.write(new Uint8Array(size)).then(() => server.closeWrite());
  const buffer = new Uint8Array(1024 * 1024);
  let total = 0;
  for (let n = await client.read(buffer); n !== null; n = await client.read(buffer)) total += n;
  await writing;
  assertEquals(total, size);
  server.close();
  server.close();
  client.close();
  await client.closeWrite();
});
