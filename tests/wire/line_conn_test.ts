import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { binaryString, concat, encode } from "../../src/base/bytes.ts";
import { type MemoryConn, memoryPair, type MemoryPairOptions } from "../../src/wire/memory_conn.ts";
import { LineConn } from "../../src/wire/line_conn.ts";

function setUp(options?: MemoryPairOptions, bufferSize = 2048): { peer: MemoryConn; lines: LineConn } {
  const [peer, conn] = memoryPair(options);
  return { peer, lines: new LineConn(conn, { bufferSize }) };
}

/** All lines up to the end of the stream, as text. */
async function readAll(lines: LineConn, max = 512): Promise<string[]> {
  const seen: string[] = [];
  for (;;) {
    const line = lines.line(max);
    if (line) seen.push(line.kind === "tooLong" ? "tooLong" : `${line.kind}:${binaryString(line.bytes)}`);
    else if (!(await lines.fill())) return seen;
  }
}

async function drain(conn: MemoryConn): Promise<string> {
  const parts: Uint8Array[] = [];
  const buffer = new Uint8Array(1000);
  for (let n = await conn.read(buffer); n !== null; n = await conn.read(buffer)) {
    parts.push(buffer.slice(0, n));
  }
  return new TextDecoder().decode(concat(parts));
}

const LINES: [input: string, lines: string[]][] = [
  // line ends
  ["QUIT\r\n", ["line:QUIT"]],
  ["\r\n", ["line:"]],
  ["A\r\nB\r\n\r\nC\r\n", ["line:A", "line:B", "line:", "line:C"]],
  ["A\nB\r\n", ["bareLf:A", "line:B"]],
  ["\n", ["bareLf:"]],
  ["A\rB\r\n", ["line:A\rB"]],
  ["A\r\r\n", ["line:A\r"]],
  ["A\n\rB\r\n", ["bareLf:A", "line:\rB"]],
  ["A\0B\xff\r\n", ["line:A\0B\xff"]],
  // no end
  ["A\r\nB", ["line:A"]],
  ["A\r", []],
  // the maximum is 12 octets here
  ["1234567890\r\n", ["line:1234567890"]],
  ["12345678901\r\nA\r\n", ["tooLong", "line:A"]],
  ["12345678901\n", ["bareLf:12345678901"]],
  ["123456789012\nA\r\n", ["tooLong", "line:A"]],
  ["1234567890123456789012345678901234567890\r\nA\r\n", ["tooLong", "line:A"]],
  ["12345678901\r\n12345678901\r\n\r\n", ["tooLong", "tooLong", "line:"]],
  ["123456789012345678901234567890", ["tooLong"]],
];

Deno.test("LineConn is exact about line ends, wherever the input is cut", async () => {
  for (const [input, expected] of LINES) {
    const wire = Uint8Array.from(input, (c) => c.charCodeAt(0));
    for (const bytewise of [false, true]) {
      for (let cut = 0; cut <= wire.length; cut++) {
        const { peer, lines } = setUp({ bytewise }, 4);
        const reading = readAll(lines, 12);
        await peer.write(wire.subarray(0, cut));
        await lines.flush();
        await peer.write(wire.subarray(cut));
        peer.close();
        assertEquals(await reading, expected, `${JSON.stringify(input)} at ${cut}, bytewise: ${bytewise}`);
      }
    }
  }
});

Deno.test("LineConn gives the same lines for any buffer size and any cuts", async () => {
  const text = fc.array(fc.constantFrom("\r\n", "\r\n", "\n", "\r", "a", "bcd", "0123456789"), {
    maxLength: 40,
    size: "max",
  }).map((parts) => parts.join(""));
  await fc.assert(
    fc.asyncProperty(text, fc.integer({ min: 1, max: 40 }), fc.nat(99), async (input, bufferSize, cut) => {
      const expected: string[] = [];
      const found = input.match(/[^\n]*\n/g) ?? [];
      for (const line of found) {
        if (line.length > 16) expected.push("tooLong");
        else {expected.push(
            line.endsWith("\r\n") ? `line:${line.slice(0, -2)}` : `bareLf:${line.slice(0, -1)}`,
          );}
      }
      if (input.length - found.join("").length >= 16) expected.push("tooLong");
      const { peer, lines } = setUp({}, bufferSize);
      const reading = readAll(lines, 16);
      await peer.write(encode(input.slice(0, cut)));
      await peer.write(encode(input.slice(cut)));
      peer.close();
      assertEquals(await reading, expected);
    }),
    { numRuns: 500 },
  );
});

Deno.test("LineConn tells an endless line once and keeps no more of it than the maximum", async () => {
  const { peer, lines } = setUp({ capacity: 1000 });
  const writing = peer.write(new Uint8Array(300_000).fill(65)).then(() => peer.write(encode("\r\nNOOP\r\n")));
  let told = 0;
  let most = 0;
  for (;;) {
    const line = lines.line(4096);
    if (line?.kind === "tooLong") told++;
    else if (line?.kind === "line") break;
    else {
      most = Math.max(most, lines.available);
      assert(await lines.fill());
    }
  }
  await writing;
  assertEquals(told, 1);
  assert(most < 4096, `${most}`);
});

Deno.test("LineConn grows for a longer line and lets the buffer go again", async () => {
  const { peer, lines } = setUp();
  const small = lines.buffered.buffer;
  await peer.write(encode("x".repeat(12_000) + "\r\n"));
  let line = lines.line(12_288);
  while (!line && await lines.fill()) line = lines.line(12_288);
  assert(line?.kind === "line");
  assertEquals(line.bytes.length, 12_000);
  assertEquals(line.bytes.buffer.byteLength, 12_288);
  await peer.write(encode("NOOP\r\n"));
  await lines.fill();
  assertStrictEquals(lines.buffered.buffer, small);
  assertEquals(lines.line(512)?.kind, "line");
});

Deno.test("LineConn never lends its small buffer to others", async () => {
  const { peer, lines } = setUp();
  await peer.write(encode("x".repeat(4000) + "\r\n"));
  while (!lines.line(4096)) await lines.fill();
  await peer.write(encode("y"));
  await lines.fill();
  // now it reads into the small buffer again, while others collect their replies
  const others = [setUp(), setUp(), setUp()];
  for (const other of others) other.lines.put("250 ok\r\n");
  lines.discardInput();
  await peer.write(encode("z".repeat(100)));
  await lines.fill();
  for (const other of others) {
    await other.lines.flush();
    other.lines.close();
    assertEquals(await drain(other.peer), "250 ok\r\n");
  }
});

Deno.test("LineConn reads text into a borrowed buffer and keeps what follows it", async () => {
  const { peer, lines } = setUp({ capacity: 1_000_000 });
  const small = lines.buffered.buffer;
  await peer.write(encode("DATA\r\nfirst"));
  await lines.fill();
  assertEquals(lines.line(512)?.kind, "line");
  lines.expectBulk(true);
  assertEquals(binaryString(lines.buffered), "first");
  await peer.write(encode("x".repeat(50_000) + "\r\n.\r\nQUIT\r\n"));
  await lines.fill();
  assertEquals(lines.available, 5 + 50_000 + 5 + 6);
  lines.consume(50_010);
  lines.expectBulk(false);
  assertStrictEquals(lines.buffered.buffer, small);
  const line = lines.line(512);
  assert(line?.kind === "line");
  assertEquals(binaryString(line.bytes), "QUIT");
});

Deno.test("LineConn keeps a borrowed buffer as long as it holds more commands than fit the small one", async () => {
  const { peer, lines } = setUp();
  const small = lines.buffered.buffer;
  lines.expectBulk(true);
  await peer.write(encode("RCPT TO:<a@b.c>\r\n".repeat(300)));
  await lines.fill();
  lines.expectBulk(false);
  let count = 0;
  for (let line = lines.line(512); line; line = lines.line(512)) {
    assert(line.kind === "line");
    assertEquals(binaryString(line.bytes), "RCPT TO:<a@b.c>");
    count++;
  }
  assertEquals(count, 300);
  await peer.write(encode("x"));
  await lines.fill();
  assertStrictEquals(lines.buffered.buffer, small);
});

Deno.test("LineConn.consume() and a full buffer nobody consumes are refused", async () => {
  const { peer, lines } = setUp({ capacity: 200_000 });
  await peer.write(new Uint8Array(100_000));
  await lines.fill();
  assertThrows(() => lines.consume(lines.available + 1), RangeError);
  assertThrows(() => lines.consume(-1), RangeError);
  await assertRejects(async () => {
    while (await lines.fill());
  }, RangeError);
  assertEquals(lines.available, 64 * 1024);
});

Deno.test("LineConn sends what was put in one write", async () => {
  const { peer, lines } = setUp();
  lines.put("250-mail.example\r\n");
  lines.put(encode("250-SIZE\r\n"));
  lines.put("250 grüße\r\n");
  const conn = lines.conn as MemoryConn;
  assertEquals(conn.writes, 0);
  await lines.flush();
  await lines.flush();
  assertEquals(conn.writes, 1);
  lines.close();
  assertEquals(await drain(peer), "250-mail.example\r\n250-SIZE\r\n250 grüße\r\n");
});

Deno.test("LineConn sends octets that never change as they are, or among others", async () => {
  const ok = encode("250 ok\r\n");
  const { peer, lines } = setUp();
  const sent: Uint8Array[] = [];
  const conn = lines.conn as MemoryConn;
  const write = conn.write.bind(conn);
  conn.write = (bytes) => {
    sent.push(bytes);
    return write(bytes);
  };
  for (const put of [[ok], [ok, "a"], ["b", ok], [ok, ok], [ok, ok, "c"], [ok]]) {
    for (const one of put) typeof one === "string" ? lines.put(one) : lines.putLasting(one);
    assertEquals(lines.pending, put.reduce((sum, one) => sum + one.length, 0));
    await lines.flush();
    assertEquals(lines.pending, 0);
  }
  assertEquals([sent[0] === ok, sent.length], [true, 6]);
  lines.putLasting(ok);
  await lines.write(encode("d"));
  lines.close();
  const k = "250 ok\r\n";
  assertEquals(await drain(peer), `${k}${k}ab${k}${k}${k}${k}${k}c${k}${k}d`);
  assertEquals(binaryString(ok), k);
});

Deno.test("LineConn.end() lets others have its buffer, unless a read may still go into it", async () => {
  const ended = setUp();
  await ended.peer.write(encode("QUIT\r\n"));
  await ended.lines.fill();
  const { buffer } = ended.lines.buffered;
  ended.lines.end();
  assertEquals([ended.lines.closed, ended.lines.available, ended.lines.first], [true, 0, undefined]);
  assertStrictEquals(setUp().lines.buffered.buffer, buffer);
  // a second end does not give it away twice
  ended.lines.end();
  assert(setUp().lines.buffered.buffer !== buffer);

  const reading = setUp();
  const inUse = reading.lines.buffered.buffer;
  const filling = reading.lines.fill();
  reading.lines.end();
  assert(setUp().lines.buffered.buffer !== inUse);
  assertEquals(await filling, false);
});

Deno.test("LineConn puts any text as UTF-8", async () => {
  const text = fc.array(
    fc.oneof(fc.string({ unit: "binary", maxLength: 40 }), fc.constant("a".repeat(700))),
    {
      maxLength: 12,
    },
  );
  await fc.assert(fc.asyncProperty(text, async (texts) => {
    const { peer, lines } = setUp({ capacity: 100_000 });
    for (const one of texts) lines.put(one);
    assertEquals(lines.pending, encode(texts.join("")).length);
    await lines.flush();
    lines.close();
    assertEquals(await drain(peer), texts.join(""));
  }));
});

Deno.test("LineConn keeps the order of output of several tasks, large or small", async () => {
  const { peer, lines } = setUp({ capacity: 100 });
  const reading = drain(peer);
  const large = "x".repeat(200_000);
  lines.put("1" + large);
  const first = lines.flush();
  lines.put("2");
  const second = lines.flush();
  lines.put("3");
  const third = lines.write(encode(large));
  await Promise.all([first, second, third]);
  lines.put(large);
  lines.put("4");
  await lines.flush();
  lines.close();
  assertEquals(await reading, "1" + large + "23" + large + large + "4");
});

Deno.test("LineConn never has two writes under way, which could interleave", async () => {
  const [, conn] = memoryPair();
  const underWay: (() => void)[] = [];
  const written: string[] = [];
  conn.write = (bytes) => {
    written.push(binaryString(bytes));
    return new Promise((resolve) => void underWay.push(resolve));
  };
  const lines = new LineConn(conn);
  lines.put("1");
  const sending = [lines.flush()];
  lines.put("2");
  sending.push(lines.flush(), lines.write(encode("3")));
  for (const soFar of [["1"], ["1", "2"], ["1", "2", "3"]]) {
    while (underWay.length === 0) await Promise.resolve();
    assertEquals([written, underWay.length], [soFar, 1]);
    underWay.pop()!();
  }
  await Promise.all(sending);
});

Deno.test("LineConn.close() ends a write that the peer never reads, and a read", async () => {
  const { lines } = setUp({ capacity: 10 });
  lines.put("x".repeat(1000));
  const flushing = lines.flush();
  const filling = lines.fill();
  await assertRejects(() => lines.fill(), Error, "under way");
  lines.close();
  await assertRejects(() => flushing);
  assertEquals(await filling, false);
  assertEquals(await lines.fill(), false);
  assertEquals(lines.closed, true);
  lines.close();
});

Deno.test("LineConn.fill() throws when the connection broke", async () => {
  const { peer, lines } = setUp();
  const filling = lines.fill();
  peer.reset();
  await assertRejects(() => filling, Deno.errors.ConnectionReset);
});

Deno.test("LineConn.replace() never shows what was read before", async () => {
  const { peer, lines } = setUp();
  await peer.write(encode("STARTTLS\r\nMAIL FROM:<evil@example.com>\r\nRSE"));
  await lines.fill();
  assertEquals(lines.line(512)?.kind, "line");
  const [client, server] = memoryPair();
  lines.replace(server);
  assertStrictEquals(lines.conn, server);
  assertEquals([lines.available, lines.line(512)], [0, undefined]);
  await client.write(encode("NOOP\r\n"));
  await lines.fill();
  const line = lines.line(512);
  assertEquals(line?.kind === "line" && binaryString(line.bytes), "NOOP");
});

Deno.test("LineConn.replace() after close() closes the new connection too", () => {
  const { lines } = setUp();
  lines.close();
  const [, server] = memoryPair();
  lines.replace(server);
  assertEquals(server.closed, true);
});

Deno.test("LineConn.hangUp() lets a peer that is still sending read the last reply", async () => {
  const { peer, lines } = setUp({ capacity: 100 });
  lines.put("550 5.6.11 no\r\n");
  const hanging = lines.hangUp(10_000);
  await peer.write(new Uint8Array(5000));
  assertEquals(await drain(peer), "550 5.6.11 no\r\n");
  peer.close();
  await hanging;
  assertEquals(lines.closed, true);
});

Deno.test("LineConn.hangUp() reads no more than its limit and never throws", async () => {
  const { peer, lines } = setUp({ capacity: 100 });
  const hanging = lines.hangUp(10_000);
  await assertRejects(() => peer.write(new Uint8Array(20_000)), Deno.errors.BrokenPipe);
  await hanging;
  const other = setUp();
  other.peer.reset();
  other.lines.put("221 bye\r\n");
  await other.lines.hangUp();
});

Deno.test("LineConn.hangUp() on TCP: the reply arrives though unread text was under way", async () => {
  const { tcpConn } = await import("../../src/wire/tcp_conn.ts");
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const dialing = Deno.connect({ hostname: "127.0.0.1", port: listener.addr.port });
  const lines = new LineConn(tcpConn(await listener.accept()));
  const peer = await dialing;
  listener.close();
  await peer.write(new Uint8Array(100_000));
  await lines.fill();
  lines.put("550 5.6.11 no\r\n");
  const hanging = lines.hangUp();
  const buffer = new Uint8Array(100);
  assertEquals(binaryString(buffer.subarray(0, (await peer.read(buffer))!)), "550 5.6.11 no\r\n");
  assertEquals(await peer.read(buffer), null);
  peer.close();
  await hanging;
});
