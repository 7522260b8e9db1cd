import { assertEquals, assertRejects } from "@std/assert";
import { ManualClock } from "../../src/base/manual_clock.ts";
import { Output } from "../../src/imap/output.ts";
import type { ByteConn } from "../../src/wire/byte_conn.ts";
import { LineConn } from "../../src/wire/line_conn.ts";

/** A connection whose writes last until they are let go, or fail. */
function slow() {
  const writes: { text: string; end: (error?: Error) => void }[] = [];
  const conn: ByteConn = {
    read: () => Promise.resolve(null),
    write(bytes) {
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      const text = new TextDecoder().decode(bytes);
      writes.push({ text, end: (error) => error ? reject(error) : resolve() });
      return promise;
    },
    close() {},
    remote: { hostname: "127.0.0.1", port: 1 },
    local: { hostname: "127.0.0.1", port: 2 },
  };
  const deadlines: number[] = [];
  const deadline = { set: (ms: number) => void deadlines.push(ms) };
  const out = new Output(new LineConn(conn), {
    deadline: deadline as never,
    patienceMs: 60,
    clock: new ManualClock(),
  });
  return { out, writes, deadlines };
}

const turn = () => new Promise((resolve) => setTimeout(resolve, 0));
const PART = 50 * 1024;

Deno.test("a large part is sent while the next one is put, and no more than one is on its way", async () => {
  const { out, writes, deadlines } = slow();
  out.put("a".repeat(10));
  assertEquals(out.flushIfMuch(), undefined);
  assertEquals(writes.length, 0);
  out.put("a".repeat(PART));
  await out.flushIfMuch();
  assertEquals(writes.map(({ text }) => text.length), [PART + 10]);
  out.put("b".repeat(PART));
  let mayPut = false;
  const waiting = Promise.resolve(out.flushIfMuch()).then(() => mayPut = true);
  await turn();
  assertEquals([mayPut, writes.length], [false, 1]);
  writes[0]!.end();
  await waiting;
  await turn();
  assertEquals(writes[1]!.text, "b".repeat(PART));
  assertEquals(deadlines, [60, 60]);
  // all is sent only when that is
  let isSent = false;
  Promise.resolve(out.flush()).then(() => isSent = true);
  await turn();
  assertEquals(isSent, false);
  // what is put last comes behind it
  out.put("end");
  const last = out.flush();
  await turn();
  assertEquals(writes.length, 2);
  writes[1]!.end();
  await turn();
  writes[2]!.end();
  await last;
  assertEquals(writes[2]!.text, "end");
});

Deno.test("who puts more hears that a part could not be sent", async () => {
  const { out, writes } = slow();
  out.put("a".repeat(PART));
  await out.flushIfMuch();
  writes[0]!.end(new Error("the connection broke"));
  await turn();
  out.put("b".repeat(PART));
  await assertRejects(async () => await out.flushIfMuch(), Error, "the connection broke");
});
