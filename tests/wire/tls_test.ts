import { createHash, X509Certificate } from "node:crypto";
import type { Buffer } from "node:buffer";
import process from "node:process";
import { connect, type ConnectionOptions } from "node:tls";
import { assert, assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import { binaryString, encode } from "../../src/base/bytes.ts";
import { ManualClock } from "../../src/base/manual_clock.ts";
import { memoryPair } from "../../src/wire/memory_conn.ts";
import type { ByteConn } from "../../src/wire/byte_conn.ts";
import { tcpConn } from "../../src/wire/tcp_conn.ts";
import { clientTls, type ServerTls, serverTls, type TlsMaterial } from "../../src/wire/tls.ts";
import type { TlsConn } from "../../src/wire/tls_conn.ts";
import { tcpPair } from "../support/conns.ts";

const MAIL = await makeMaterial("mail.test", ["DNS:mail.test", "IP:127.0.0.1"], 30);
const OTHER = await makeMaterial("other.test", ["DNS:other.test"], 3);

async function makeMaterial(name: string, names: string[], days: number): Promise<TlsMaterial> {
  const dir = await Deno.makeTempDir();
  try {
    const args = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
    args.push("-keyout", `${dir}/key.pem`, "-out", `${dir}/cert.pem`, "-days", `${days}`);
    args.push("-subj", `/CN=${name}`, "-addext", `subjectAltName=${names.join(",")}`);
    const { success, stderr } = await new Deno.Command("openssl", { args, stderr: "piped" }).output();
    assert(success, new TextDecoder().decode(stderr));
    return {
      cert: await Deno.readTextFile(`${dir}/cert.pem`),
      key: await Deno.readTextFile(`${dir}/key.pem`),
    };
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

interface Encrypted {
  client: TlsConn;
  server: TlsConn;
  /** The server's connection below. */
  below: ByteConn;
  clientBelow: ByteConn;
}

async function encrypted(
  tls: ServerTls,
  options: Partial<Parameters<typeof clientTls>[1]> = {},
  pair?: [ByteConn, ByteConn],
): Promise<Encrypted> {
  const [clientBelow, below] = pair ?? await tcpPair();
  const [client, server] = await Promise.all([
    clientTls(clientBelow, { serverName: "mail.test", ...options }),
    tls.upgrade(below),
  ]);
  return { client: client as TlsConn, server: server as TlsConn, below, clientBelow };
}

async function text(conn: ByteConn): Promise<string | null> {
  const buffer = new Uint8Array(100);
  const count = await conn.read(buffer);
  return count === null ? null : binaryString(buffer.subarray(0, count));
}

/** Reads to the end; how many octets came. */
async function drain(conn: ByteConn): Promise<number> {
  const buffer = new Uint8Array(64 * 1024);
  let total = 0;
  for (let n = await conn.read(buffer); n !== null; n = await conn.read(buffer)) total += n;
  return total;
}

/** Waits until the condition holds, while the sockets work; each turn is a round trip through the system. */
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await Deno.stat(".");
}

Deno.test("serverTls() and clientTls() talk, on TCP and on anything else", async () => {
  const tls = serverTls(MAIL);
  for (const pair of [await tcpPair(), memoryPair(), memoryPair({ bytewise: true })]) {
    const { client, server } = await encrypted(tls, {}, pair);
    const { endPoint, ...facts } = server.tls;
    assertEquals(facts, { protocol: "TLSv1.3", cipher: facts.cipher, serverName: "mail.test" });
    // RFC 5929 4.1: the certificate is signed with SHA-256
    assertEquals(
      endPoint,
      new Uint8Array(createHash("sha256").update(new X509Certificate(MAIL.cert).raw).digest()),
    );
    assertEquals(client.tls.protocol, "TLSv1.3");
    assertStringIncludes(client.tls.cipher, "TLS_");
    assertEquals(server.remote, pair[1].remote);
    await client.write(encode("EHLO x\r\n"));
    assertEquals(await text(server), "EHLO x\r\n");
    await server.write(encode("250 y\r\n"));
    assertEquals(await text(client), "250 y\r\n");
    client.close();
    assertEquals(await text(server), null);
    server.close();
  }
});

Deno.test("clientTls() accepts any certificate and says what is wrong with it", async () => {
  const tls = serverTls(MAIL);
  const ca = [MAIL.cert];
  const cases: [Partial<Parameters<typeof clientTls>[1]>, string | undefined][] = [
    [{}, "DEPTH_ZERO_SELF_SIGNED_CERT"],
    [{ ca }, undefined],
    [{ ca, serverName: "wrong.test" }, "ERR_TLS_CERT_ALTNAME_INVALID"],
    [{ ca, serverName: "127.0.0.1" }, undefined],
    [{ ca, serverName: "127.0.0.2" }, "ERR_TLS_CERT_ALTNAME_INVALID"],
    [{ ca, serverName: "::1" }, "ERR_TLS_CERT_ALTNAME_INVALID"],
  ];
  for (const [options, untrusted] of cases) {
    const { client, server } = await encrypted(tls, options);
    assertEquals(client.tls.untrusted, untrusted, JSON.stringify(options));
    assertEquals("untrusted" in client.tls, untrusted !== undefined);
    client.close();
    assertEquals(await text(server), null);
    server.close();
  }
});

Deno.test("clientTls() accepts an expired certificate and says so", async () => {
  const expired = await makeMaterial("mail.test", ["DNS:mail.test"], -1).catch(() => undefined);
  // older versions of openssl refuse to make one
  if (!expired) return;
  const tls = serverTls(expired);
  assert(tls.daysLeft < 0);
  const { client, server } = await encrypted(tls, { ca: [expired.cert] });
  assertEquals(client.tls.untrusted, "CERT_HAS_EXPIRED");
  client.close();
  await drain(server);
  server.close();
});

Deno.test("serverTls() chooses the certificate by the name that is asked for", async () => {
  const tls = serverTls(MAIL, { sni: { "Other.test": OTHER } });
  const trusted: [string, TlsMaterial][] = [["mail.test", MAIL], ["other.test", OTHER]];
  for (const [serverName, { cert }] of trusted) {
    const { client, server } = await encrypted(tls, { serverName, ca: [cert] });
    assertEquals([client.tls.untrusted, server.tls.serverName], [undefined, serverName]);
    client.close();
    await drain(server);
    server.close();
  }
  // an unknown name, and none: the main one
  for (const serverName of ["nobody.test", "127.0.0.1"]) {
    const { client, server } = await encrypted(tls, { serverName, ca: [MAIL.cert] });
    assertEquals(client.tls.untrusted === undefined, serverName === "127.0.0.1");
    client.close();
    await drain(server);
    server.close();
  }
});

Deno.test("ServerTls.reload() changes the certificate for the next handshake and keeps the old one when it is no good", async () => {
  const clock = new ManualClock(Date.parse("2026-01-05T09:00:00Z"));
  const tls = serverTls(MAIL, { clock });
  const before = tls.daysLeft;
  const running = await encrypted(tls, { ca: [MAIL.cert] });
  tls.reload(OTHER);
  assertEquals(before - tls.daysLeft, 27);
  assertThrows(() => tls.reload({ cert: MAIL.cert, key: OTHER.key }), Error, "does not belong");
  assertThrows(() => tls.reload({ cert: "rubbish", key: OTHER.key }));
  assertThrows(() => tls.reload({ cert: MAIL.cert, key: "rubbish" }));
  const { client, server } = await encrypted(tls, { serverName: "other.test", ca: [OTHER.cert] });
  assertEquals(client.tls.untrusted, undefined);
  await running.client.write(encode("still here"));
  assertEquals(await text(running.server), "still here");
  for (const conn of [client, server, running.client, running.server]) conn.close();
});

Deno.test("serverTls() throws at once when the material is no good", () => {
  assertThrows(() => serverTls({ cert: "", key: "" }));
  assertThrows(() => serverTls({ cert: MAIL.cert, key: OTHER.key }), Error, "does not belong");
});

Deno.test("serverTls() with minVersion TLSv1.3 refuses older clients, and a client that wants more is told", async () => {
  const { client, server } = await encrypted(serverTls(MAIL, { minVersion: "TLSv1.3" }));
  assertEquals(client.tls.protocol, "TLSv1.3");
  client.close();
  await drain(server);
  server.close();
  const [a, b] = await tcpPair();
  const upgrading = serverTls(MAIL, { minVersion: "TLSv1.3" }).upgrade(b);
  const { connect } = await import("node:tls");
  const { Duplex } = await import("node:stream");
  const below = new Duplex({
    read() {
      const buffer = new Uint8Array(4096);
      a.read(buffer).then((n) => this.push(n === null ? null : buffer.slice(0, n)), () => this.push(null));
    },
    write: (chunk: Uint8Array, _encoding, done) => void a.write(chunk).then(() => done(), done),
  });
  const old = connect({ socket: below, rejectUnauthorized: false, maxVersion: "TLSv1.2" });
  const refused = new Promise((resolve) => old.on("error", resolve));
  await assertRejects(() => upgrading);
  await refused;
  a.close();
});

Deno.test("A handshake ends with a rejection when the peer talks no TLS, goes away, or we close", async () => {
  const tls = serverTls(MAIL);
  for (const make of [tcpPair, () => Promise.resolve(memoryPair())]) {
    let [client, server] = await make();
    let upgrading = tls.upgrade(server);
    await client.write(encode("EHLO example.com\r\nMAIL FROM:<a@example.com>\r\n"));
    await assertRejects(() => upgrading);
    await client.read(new Uint8Array(10)).catch(() => null);
    client.close();

    [client, server] = await make();
    upgrading = tls.upgrade(server);
    client.close();
    await assertRejects(() => upgrading);

    // a time-out: the handshake never begins, or stops after the first octets of the client's hello
    for (const begin of [new Uint8Array(0), Uint8Array.of(0x16, 3, 1, 2, 0, 1)]) {
      [client, server] = await make();
      upgrading = tls.upgrade(server);
      await client.write(begin);
      server.close();
      await assertRejects(() => upgrading);
      client.close();
    }

    [client, server] = await make();
    let dialing = clientTls(client, { serverName: "mail.test" });
    await server.write(encode("220 mail.test ESMTP\r\n"));
    await assertRejects(() => dialing);
    server.close();

    [client, server] = await make();
    dialing = clientTls(client, { serverName: "mail.test" });
    client.close();
    await assertRejects(() => dialing);
    server.close();
  }
});

Deno.test("A client that reads not one octet of 64 MiB holds the sender back", async () => {
  const { client, server, clientBelow } = await encrypted(serverTls(MAIL));
  let sent = 0;
  const part = new Uint8Array(64 * 1024);
  const sending = (async () => {
    while (sent < 64 * 1024 * 1024) {
      await server.write(part);
      sent += part.length;
    }
  })();
  const outcome = assertRejects(() => sending);
  await stalled(() => sent);
  // the system's socket buffers, the reader's credit, and little more
  assert(sent < 24 * 1024 * 1024, `${sent}`);
  assert(client.waiting < 1024 * 1024, `${client.waiting}`);
  server.close();
  await outcome;
  client.close();
  clientBelow.close();
});

/** Waits until the number does not change any more over many turns. */
async function stalled(value: () => number): Promise<void> {
  let last = -1;
  for (let quiet = 0; quiet < 400;) {
    await Deno.stat(".");
    if (value() === last) quiet++;
    else quiet = 0;
    last = value();
  }
}

Deno.test("64 MiB to a reader that pauses: no more than about 1 MiB is taken in, and then all of it arrives", async () => {
  const [clientBelow, below] = await tcpPair();
  let taken = 0;
  const counted: ByteConn = {
    read: async (into) => {
      const count = await below.read(into);
      taken += count ?? 0;
      return count;
    },
    write: (bytes) => below.write(bytes),
    close: () => below.close(),
    remote: below.remote,
    local: below.local,
  };
  const { client, server } = await encrypted(serverTls(MAIL), {}, [clientBelow, counted]);
  const size = 64 * 1024 * 1024;
  let sent = 0;
  const part = new Uint8Array(256 * 1024);
  const sending = (async () => {
    while (sent < size) {
      await client.write(part);
      sent += part.length;
    }
    client.close();
  })();
  await until(() => server.waiting >= 512 * 1024);
  await stalled(() => sent + taken);
  assert(sent < size);
  assert(taken < 1024 * 1024, `${taken}`);
  assertEquals(await drain(server), size);
  await sending;
  server.close();
});

Deno.test("What a peer sent before a reset is not lost, and the reset is told behind it", async () => {
  const size = 300_000;
  const [clientBelow, below] = memoryPair({ capacity: 2 * size });
  let sent = 0;
  const counting: ByteConn = {
    read: (into) => clientBelow.read(into),
    write: (bytes) => {
      sent += bytes.length;
      return clientBelow.write(bytes);
    },
    close: () => clientBelow.close(),
    remote: clientBelow.remote,
    local: clientBelow.local,
  };
  let taken = 0;
  const gate = Promise.withResolvers<void>();
  let gated = false;
  const resetting: ByteConn = {
    read: async (into) => {
      if (gated) {
        await gate.promise;
        // the reset is there in the very moment in which the last octets were taken
        if (taken === sent) throw new Deno.errors.ConnectionReset("Connection reset by peer (os error 104)");
      }
      const count = await below.read(into);
      taken += count ?? 0;
      return count;
    },
    write: (bytes) => gated ? Promise.reject(new Deno.errors.BrokenPipe("Broken pipe")) : below.write(bytes),
    close: () => below.close(),
    remote: below.remote,
    local: below.local,
  };
  const { client, server } = await encrypted(serverTls(MAIL), {}, [counting, resetting]);
  gated = true;
  await client.write(new Uint8Array(size));
  gate.resolve();
  let total = 0;
  await assertRejects(async () => {
    const buffer = new Uint8Array(10_000);
    for (let n = await server.read(buffer); n !== null; n = await server.read(buffer)) total += n;
  }, Deno.errors.ConnectionReset);
  assertEquals(total, size);
  await assertRejects(() => server.write(encode("x")), Deno.errors.ConnectionReset);
  server.close();
  client.close();
});

Deno.test("TlsConn.write() rejects when the peer is gone", async () => {
  const { client, server, clientBelow } = await encrypted(serverTls(MAIL), {}, memoryPair());
  clientBelow.close();
  await assertRejects(async () => {
    for (;;) await server.write(new Uint8Array(1000));
  });
  server.close();
  client.close();
});

Deno.test("TlsConn.close() ends a pending read and a write that the peer never reads", async () => {
  const { client, server } = await encrypted(serverTls(MAIL));
  const reading = server.read(new Uint8Array(10));
  const writing = server.write(new Uint8Array(64 * 1024 * 1024));
  server.close();
  server.close();
  assertEquals(await reading, null);
  await assertRejects(() => writing);
  await assertRejects(() => server.write(encode("x")));
  assertEquals(await server.read(new Uint8Array(1)), null);
  client.close();
});

Deno.test("TlsConn.close() sends what was written before, and says goodbye", async () => {
  const { client, server } = await encrypted(serverTls(MAIL));
  await server.write(encode("221 bye\r\n"));
  server.close();
  assertEquals([await text(client), await text(client)], ["221 bye\r\n", null]);
  client.close();
});

Deno.test("TlsConn.closeWrite() leaves the other direction open", async () => {
  const { client, server } = await encrypted(serverTls(MAIL));
  await client.closeWrite();
  assertEquals(await text(server), null);
  await server.write(encode("late"));
  assertEquals(await text(client), "late");
  server.close();
  assertEquals(await text(client), null);
  client.close();
});

Deno.test("TlsConn carries large texts both ways at the same time, in order", async () => {
  const { client, server } = await encrypted(serverTls(MAIL));
  const size = 3_000_000;
  const sent = Uint8Array.from({ length: size }, (_, n) => (n * 7 + (n >> 8)) & 255);
  async function check(conn: ByteConn): Promise<void> {
    const buffer = new Uint8Array(10_007);
    for (let at = 0; at < size;) {
      const count = await conn.read(buffer);
      assert(count !== null);
      for (let i = 0; i < count; i++) {
        if (buffer[i] !== sent[at + i]) throw new Error(`Other octet at ${at + i}`);
      }
      at += count;
    }
  }
  await Promise.all([client.write(sent), server.write(sent), check(client), check(server)]);
  client.close();
  server.close();
});

Deno.test("Closing the connection below ends the encrypted one", async () => {
  const { client, server, below } = await encrypted(serverTls(MAIL));
  const reading = server.read(new Uint8Array(10));
  below.close();
  assertEquals(await reading.catch(() => null), null);
  assertEquals(await text(client).catch(() => null), null);
  server.close();
  client.close();
});

Deno.test("A real client of another make connects and hears a proper goodbye", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const args = [
    "s_client",
    "-connect",
    `127.0.0.1:${listener.addr.port}`,
    "-servername",
    "mail.test",
    "-quiet",
  ];
  const child = new Deno.Command("openssl", { args, stdin: "null", stdout: "piped", stderr: "piped" })
    .spawn();
  const below = tcpConn(await listener.accept());
  listener.close();
  const server = await serverTls(MAIL).upgrade(below);
  assertEquals(server.tls?.serverName, "mail.test");
  await server.write(encode("220 mail.test ESMTP\r\n"));
  server.close();
  const { stdout, stderr } = await child.output();
  assertEquals(new TextDecoder().decode(stdout), "220 mail.test ESMTP\r\n");
  assert(!new TextDecoder().decode(stderr).includes("unexpected eof"));
});

for (const version of ["TLSv1.2", "TLSv1.3"] as const) {
  Deno.test(`a resumed session has no channel binding, whatever certificate is used by now (${version})`, async () => {
    const tls = serverTls(MAIL);
    const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const { port } = listener.addr as Deno.NetAddr;
    let session: Buffer | undefined;
    /** Connects, resuming the last session; whether it was, and what the server binds to. */
    async function meet(): Promise<[reused: boolean, endPoint: Uint8Array | undefined]> {
      const accepting = listener.accept().then((conn) => tls.upgrade(tcpConn(conn)));
      const { promise: done, resolve } = Promise.withResolvers<void>();
      const client = connect({
        host: "127.0.0.1",
        port,
        rejectUnauthorized: false,
        minVersion: version,
        maxVersion: version,
        ...(session && { session }),
      });
      client.on("session", (given: Buffer) => session = given);
      client.on("close", () => resolve());
      const server = await accepting;
      // by then the client has what the server sent behind the handshake
      client.on("data", () => client.end());
      await server.write(encode("x"));
      while (await server.read(new Uint8Array(16)) !== null);
      server.close();
      await done;
      return [client.isSessionReused(), server.tls?.endPoint];
    }
    try {
      const fresh = createHash("sha256").update(new X509Certificate(MAIL.cert).raw).digest();
      assertEquals(await meet(), [false, new Uint8Array(fresh)]);
      tls.reload(OTHER);
      assertEquals(await meet(), [true, undefined]);
    } finally {
      listener.close();
    }
  });
}

Deno.test("what a client sends in clear within TLS breaks its connection, as a reset does", async () => {
  const { server, clientBelow } = await encrypted(serverTls(MAIL));
  const reading = server.read(new Uint8Array(100));
  await clientBelow.write(encode("EHLO in.clear.example\r\n"));
  await assertRejects(() => reading, Deno.errors.ConnectionAborted);
  server.close();
  clientBelow.close();
});

/** Talks to a server as OpenSSL does, with a session of before or to keep one; answers what OpenSSL says of it. */
async function openssl(tls: ServerTls, args: readonly string[]): Promise<{ said: string; server: TlsConn }> {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const child = new Deno.Command("openssl", {
    args: ["s_client", "-connect", `127.0.0.1:${listener.addr.port}`, ...args],
    stdin: "piped",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const server = await tls.upgrade(tcpConn(await listener.accept())) as TlsConn;
  // the tickets of TLS 1.3 stand before it
  await server.write(encode("220 ready\r\n"));
  let said = "";
  for await (const piece of child.stdout) {
    said += binaryString(piece);
    if (said.includes("220 ready") && !child.stdin.locked) await child.stdin.getWriter().close();
  }
  server.close();
  await child.status;
  return { said, server };
}

for (const version of ["-tls1_2", "-tls1_3"]) {
  Deno.test(`serverTls() resumes the session of a client that comes back, by its name only (${version})`, async () => {
    const tls = serverTls(MAIL, { sni: { "other.test": OTHER } });
    const file = await Deno.makeTempFile();
    try {
      const first = await openssl(tls, [version, "-servername", "mail.test", "-sess_out", file]);
      assertStringIncludes(first.said, "\nNew, TLSv1.");
      assert(first.server.tls.endPoint);
      // what a client says before its handshake is over could be said again by anybody
      if (version === "-tls1_3") assertStringIncludes(first.said, "\n    Max Early Data: 0\n");
      for (let n = 0; n < 2; n++) {
        const again = await openssl(tls, [version, "-servername", "mail.test", "-sess_in", file]);
        assertStringIncludes(again.said, "\nReused, TLSv1.");
        // no login is bound to a certificate that was not shown on this connection
        assertEquals(again.server.tls.endPoint, undefined);
      }
      const other = await openssl(tls, [version, "-servername", "other.test", "-sess_in", file]);
      assertStringIncludes(other.said, "\nNew, TLSv1.");
      assert(other.server.tls.endPoint);
    } finally {
      await Deno.remove(file);
    }
  });
}

Deno.test("clientTls() resumes no session, so that each certificate is looked at", async () => {
  const tls = serverTls(MAIL);
  for (let n = 0; n < 3; n++) {
    const { client, server } = await encrypted(tls);
    await server.write(encode("220 ready\r\n")); // the tickets stand before it
    await text(client);
    assertEquals(client.tls.untrusted, "DEPTH_ZERO_SELF_SIGNED_CERT");
    assert(server.tls.endPoint, "a session was resumed");
    client.close();
    server.close();
  }
});

Deno.test("A session that was resumed all the same vouches for nobody", async () => {
  const library = process.getBuiltinModule("node:tls");
  const { connect } = library;
  let session: Buffer | undefined;
  const resuming = (options: ConnectionOptions) => {
    const socket = connect({ ...options, ...(session && { session }) });
    socket.once("secureConnect", () => session = socket.getSession());
    return socket;
  };
  Object.assign(library, { connect: resuming });
  try {
    const tls = serverTls(MAIL);
    const seen: [string | undefined, boolean][] = [];
    for (let n = 0; n < 2; n++) {
      const { client, server } = await encrypted(tls);
      await server.write(encode("220 ready\r\n"));
      await text(client);
      seen.push([client.tls.untrusted, server.tls.endPoint === undefined]);
      client.close();
      server.close();
    }
    assertEquals(seen, [["DEPTH_ZERO_SELF_SIGNED_CERT", false], ["SESSION_RESUMED", true]]);
  } finally {
    Object.assign(library, { connect });
  }
});
