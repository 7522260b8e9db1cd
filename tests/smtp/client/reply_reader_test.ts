import { assert, assertEquals } from "@std/assert";
import * as fc from "fast-check";
import { encode } from "../../../src/base/bytes.ts";
import { formatReply, type Reply } from "../../../src/smtp/protocol/reply.ts";
import { isReplyError, type ReplyError, ReplyReader } from "../../../src/smtp/client/reply_reader.ts";
import type { ByteConn } from "../../../src/wire/byte_conn.ts";
import { LineConn } from "../../../src/wire/line_conn.ts";

/** A reader of bytes that arrive in these pieces; then the end. */
function readerOf(pieces: readonly Uint8Array[]): ReplyReader {
  const coming = [...pieces];
  const conn: ByteConn = {
    read(into) {
      const piece = coming[0];
      if (!piece) return Promise.resolve(null);
      const taken = piece.subarray(0, into.length);
      if (taken.length === piece.length) coming.shift();
      else coming[0] = piece.subarray(taken.length);
      into.set(taken);
      return Promise.resolve(taken.length);
    },
    write: () => Promise.resolve(),
    close() {},
    remote: { hostname: "127.0.0.1", port: 25 },
    local: { hostname: "127.0.0.1", port: 1 },
  };
  return new ReplyReader(new LineConn(conn));
}

function kindOf(got: Reply | ReplyError): string {
  return isReplyError(got) ? got.error : `${got.code} ${got.status ?? ""} ${got.lines.join("|")}`;
}

Deno.test("ReplyReader reads replies, wherever they are cut", async () => {
  const bytes = encode(
    "220 mx ESMTP\r\n250-mx\r\n250-SIZE 5\r\n250 HELP\r\n250 2.1.0 Ok\r\n354\r\n550-5.1.1 No\r\n550 5.1.1 user\r\n",
  );
  const expected = [
    "220  mx ESMTP",
    "250  mx|SIZE 5|HELP",
    "250 2.1.0 Ok",
    "354  ",
    "550 5.1.1 No|user",
    "closed",
  ];
  for (let at = 0; at <= bytes.length; at++) {
    const reader = readerOf([bytes.subarray(0, at), bytes.subarray(at)].filter((piece) => piece.length > 0));
    const got: string[] = [];
    for (let i = 0; i < expected.length; i++) got.push(kindOf(await reader.next()));
    assertEquals(got, expected, `cut at ${at}`);
  }
});

Deno.test("ReplyReader takes odd but clear replies and refuses what is none", async () => {
  const rows: [string, string][] = [
    // odd but clear
    ["250 ok\n", "250  ok"],
    ["250\r\n", "250  "],
    ["250-\r\n250 \r\n", "250  |"],
    ["250-a\r\n550 b\r\n", "550  a|b"],
    ["250 2.0.0\r\n", "250 2.0.0 "],
    ["250 2.0.0x\r\n", "250  2.0.0x"],
    // longer than it ought to be, and the same answer
    [`250 ${"x".repeat(4200)}\r\n`, `250  ${"x".repeat(4096)}`],
    [`${"250-x\r\n".repeat(300)}550 no\r\n`, `550  ${Array(256).fill("x").join("|")}`],
    [`250 ${"x".repeat(70_000)}\r\n`, "garbage"],
    ["250-x\r\n".repeat(400_000), "garbage"],
    // no replies
    ["\r\n", "garbage"],
    ["25\r\n", "garbage"],
    ["2500 ok\r\n", "garbage"],
    ["250_ok\r\n", "garbage"],
    ["050 verbose\r\n", "garbage"],
    ["150 ok\r\n", "garbage"],
    ["650 ok\r\n", "garbage"],
    ["250-a\r\nHELLO\r\n", "garbage"],
    // no end
    ["", "closed"],
    ["250 ok", "closed"],
    ["250-a\r\n", "closed"],
  ];
  for (const [bytes, expected] of rows) {
    const reader = readerOf(bytes === "" ? [] : [encode(bytes)]);
    assert(kindOf(await reader.next()) === expected, JSON.stringify(bytes.slice(0, 100)));
  }
});

Deno.test("ReplyReader reads back whatever formatReply() writes", async () => {
  const line = fc.stringMatching(/^[a-zA-Z<>@ -]{0,60}$/);
  const replies = fc.array(
    fc.record({
      code: fc.integer({ min: 200, max: 599 }),
      lines: fc.array(line, { minLength: 1, maxLength: 5 }),
    }),
    { minLength: 1, maxLength: 5 },
  );
  await fc.assert(
    fc.asyncProperty(replies, async (written) => {
      const reader = readerOf(written.map((reply) => encode(formatReply(reply))));
      for (const reply of written) assertEquals(await reader.next(), reply);
    }),
    { numRuns: 200 },
  );
});
