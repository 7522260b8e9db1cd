import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { binaryString, encode } from "../../src/base/bytes.ts";
import { ManualClock } from "../../src/base/manual_clock.ts";
import type { ByteConn } from "../../src/wire/byte_conn.ts";
import { ConnectionLimiter, type ConnectionLimits } from "../../src/wire/connection_limiter.ts";
import { type ListenOptions, TcpListener } from "../../src/wire/listener.ts";
import { plainAddress, tcpConn } from "../../src/wire/tcp_conn.ts";

type Options = Partial<ListenOptions & ConnectionLimits> & Pick<ListenOptions, "onConnection">;

function listen({ maxConnections = 100, maxPerAddress = 100, ...options }: Options): TcpListener {
  return TcpListener.listen({
    hostname: "127.0.0.1",
    port: 0,
    limiter: new ConnectionLimiter({ maxConnections, maxPerAddress }),
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

Deno.test("TcpListener gives its port back by the time it is idle", async () => {
  let port = 0;
  for (let n = 0; n < 20; n++) {
    const listener = listen({ port, onConnection: greet });
    port = listener.address.port;
    await end(listener);
  }
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

/** The next listeners get what `fail` answers in place of a connection, as long as it answers something. */
async function withFailingAccept(fail: () => Error | undefined, test: () => Promise<void>): Promise<void> {
  const realListen = Deno.listen;
  Deno.listen = ((options: Deno.TcpListenOptions) => {
    const real = realListen(options);
    const realAccept = real.accept.bind(real);
    real.accept = () => {
      const error = fail();
      return error ? Promise.reject(error) : realAccept();
    };
    return real;
  }) as typeof Deno.listen;
  try {
    await test();
  } finally {
    Deno.listen = realListen;
  }
}

function systemError(code: string, text: string): Error {
  return Object.assign(new Error(text), { code });
}

for (const code of ["EMFILE", "ENFILE", "ENOBUFS", "ENOMEM"]) {
  Deno.test(`TcpListener pauses after ${code}, longer and longer up to a second, and tells it once`, async () => {
    const clock = new ManualClock();
    const errors: string[] = [];
    let failures = 8;
    const fail = () => failures-- > 0 ? systemError(code, `${code} (os error 1)`) : undefined;
    await withFailingAccept(fail, async () => {
      const onError = (error: unknown) => void errors.push((error as Error).message);
      const listener = listen({ onConnection: greet, onError, clock });
      const pauses: (number | undefined)[] = [];
      while (pauses.length < 8) {
        while (clock.timers === 0) await Promise.resolve();
        pauses.push(clock.untilNext);
        clock.advance(clock.untilNext!);
      }
      assertEquals(pauses, [25, 50, 100, 200, 400, 800, 1000, 1000]);
      const conn = await dial(listener);
      assertEquals(await text(conn), "220 hello\r\n");
      const { port } = listener.address;
      const told = `No connection can be accepted on port ${port} of 127.0.0.1 for now: ${code} (os error 1)`;
      assertEquals(errors, [told]);
      conn.close();
      await listener.idle();
      // it happens again within the minute, then after it
      for (const [wait, lines] of [[0, 1], [60_000, 2]] as const) {
        clock.advance(wait);
        failures = 1;
        const poke = await dial(listener);
        while (clock.timers === 0) await new Promise((resolve) => setTimeout(resolve, 0));
        assertEquals([clock.untilNext, errors.length], [25, lines]);
        clock.advance(25);
        poke.close();
        await text(poke).catch(() => {});
      }
      await end(listener);
    });
  });
}

Deno.test("TcpListener.close() during a pause ends the pause", async () => {
  const clock = new ManualClock();
  await withFailingAccept(() => systemError("EMFILE", "Too many"), async () => {
    const listener = listen({ onConnection: greet, onError: () => {}, clock });
    while (clock.timers === 0) await Promise.resolve();
    listener.close();
    assertEquals(clock.timers, 0);
    await listener.idle();
  });
});

Deno.test("TcpListener takes the next connection at once, without a word, after one whose accept failed", async () => {
  const clock = new ManualClock(); // any pause would last for ever
  const errors: unknown[] = [];
  const codes = ["ENOTCONN", "ECONNABORTED", "ECONNRESET", "EPROTO", "EPERM", "EHOSTUNREACH", "ENETDOWN"];
  const failing = codes.map((code) => systemError(code, "It went away"));
  await withFailingAccept(() => failing.shift(), async () => {
    const listener = listen({ onConnection: greet, onError: (error) => errors.push(error), clock });
    const conn = await dial(listener);
    assertEquals(await text(conn), "220 hello\r\n");
    assertEquals([failing.length, clock.timers, errors], [0, 0, []]);
    conn.close();
    await end(listener);
  });
});

/** Connects so many times, one after the other, and resets each connection (SO_LINGER 0). */
const RESETTER = `
  import { connect } from "node:net";
  const [port, count] = Deno.args.map(Number);
  for (let i = 0; i < count; i++) {
    await new Promise((resolve) => {
      const socket = connect({ host: "127.0.0.1", port }, () => socket.resetAndDestroy());
      socket.on("close", resolve);
    });
  }
`;

Deno.test("TcpListener greets at once behind connections that were reset before they were accepted", async () => {
  const clock = new ManualClock(); // any pause would last for ever
  const errors: unknown[] = [];
  const listener = listen({ onConnection: greet, onError: (error) => errors.push(error), clock });
  const port = String(listener.address.port);
  // this process stands still meanwhile, so they wait for accept() and are gone when it comes
  const { success } = new Deno.Command(Deno.execPath(), {
    args: ["eval", RESETTER, port, "60"],
    stderr: "inherit",
  }).outputSync();
  assert(success);
  const conn = await dial(listener);
  assertEquals(await text(conn), "220 hello\r\n");
  assertEquals([clock.timers, errors, listener.active], [0, [], 1]);
  conn.close();
  await end(listener);
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
