import { assertEquals, assertMatch } from "@std/assert";
import fc from "fast-check";
import { binaryString, encode } from "../../../src/base/bytes.ts";
import type { ByteConn } from "../../../src/wire/byte_conn.ts";
import { startSession } from "../server/server_harness.ts";

/** Everything a client may say, and nothing of how the server is written: the model below is RFC 5321 in short. */
type Move =
  | { kind: "hello"; line: string; good: boolean }
  | { kind: "mail"; line: string; good: boolean; code: string }
  | { kind: "rcpt"; line: string; good: boolean; code: string }
  | { kind: "data"; line: string; good: boolean; text: string }
  | { kind: "bdat"; size: number; last: boolean }
  | { kind: "rset" }
  | { kind: "other"; line: string; code: string };

const moves: fc.Arbitrary<Move> = fc.oneof(
  fc.constantFrom<Move[]>(
    { kind: "hello", line: "HELO client.mindspring.com", good: true },
    { kind: "hello", line: "EHLO [192.0.2.1]", good: true },
    { kind: "hello", line: "EHLO", good: false },
  ),
  {
    weight: 8,
    arbitrary: fc.constant<Move>({
      kind: "mail",
      line: "MAIL FROM:<jsmith@mindspring.com>",
      good: true,
      code: "250 2.1.0",
    }),
  },
  fc.constantFrom<Move[]>(
    { kind: "mail", line: "mail from:<>", good: true, code: "250 2.1.0" },
    { kind: "mail", line: "MAIL FROM:<spammer@mindspring.com>", good: false, code: "550 5.7.1" },
    { kind: "mail", line: "MAIL FROM:<nonsense", good: false, code: "501 5.1.7" },
    { kind: "mail", line: "MAIL FROM:<a@b.example> WHAT=1", good: false, code: "555 5.5.4" },
    { kind: "mail", line: "MAIL FROM:<a@b.example> SIZE=1000001", good: false, code: "552 5.3.4" },
  ),
  {
    weight: 8,
    arbitrary: fc.constant<Move>({
      kind: "rcpt",
      line: "RCPT TO:<brain@howstuffworks.com>",
      good: true,
      code: "250 2.1.5",
    }),
  },
  fc.constantFrom<Move[]>(
    { kind: "rcpt", line: "RCPT TO:<nobody@howstuffworks.com>", good: false, code: "550 5.1.1" },
    { kind: "rcpt", line: "RCPT TO:<jsmith@mindspring.com>", good: false, code: "550 5.7.1" },
    { kind: "rcpt", line: "RCPT TO:<full@howstuffworks.com>", good: false, code: "452 4.2.2" },
    { kind: "rcpt", line: "RCPT TO:", good: false, code: "501 5.1.3" },
  ),
  {
    weight: 5,
    arbitrary: fc.constantFrom<Move[]>(
      { kind: "data", line: "DATA", good: true, text: "" },
      { kind: "data", line: "data", good: true, text: "QUIT\r\n.RSET\r\n" },
      { kind: "data", line: "DATA now", good: false, text: "" },
    ),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant("bdat" as const),
      size: fc.constantFrom(0, 6, 12),
      last: fc.boolean(),
    }),
  },
  fc.constant<Move>({ kind: "rset" }),
  fc.constantFrom<Move[]>(
    { kind: "other", line: "NOOP", code: "250 2.0.0" },
    { kind: "other", line: "VRFY brain", code: "252 2.5.2" },
    { kind: "other", line: "EXPN staff", code: "252 2.5.2" },
    { kind: "other", line: "HELP RSET", code: "214 2.0.0" },
    { kind: "other", line: "VERB", code: "502 5.7.0" },
    { kind: "other", line: "STARTTLS", code: "502 5.5.1" },
    { kind: "other", line: "XYZZY", code: "500 5.5.1" },
    { kind: "other", line: "NO\0OP", code: "501 5.5.4" },
    { kind: "other", line: "RSET please", code: "501 5.5.4" },
    { kind: "other", line: "x".repeat(5000), code: "500 5.5.6" },
  ),
);

/** What the server must hold after each move. */
class Model {
  hello = false;
  mail = false;
  recipients = 0;
  chunks: "none" | "open" | "spoilt" = "none";
  chunkText = "";
  readonly texts: string[] = [];

  /** What the client sends and which replies must come. */
  make(move: Move): { send: string; codes: string[] } {
    switch (move.kind) {
      case "hello":
        if (!move.good) return { send: line(move.line), codes: ["501 5.5.4"] };
        this.hello = true;
        this.forget();
        return { send: line(move.line), codes: ["250"] };
      case "mail": {
        if (!this.hello || this.mail) return { send: line(move.line), codes: ["503 5.5.1"] };
        this.mail = move.good;
        return { send: line(move.line), codes: [move.code] };
      }
      case "rcpt":
        if (!this.mail || this.chunks !== "none") return { send: line(move.line), codes: ["503 5.5.1"] };
        if (move.good) this.recipients++;
        return { send: line(move.line), codes: [move.code] };
      case "data":
        return this.data(move);
      case "bdat":
        return this.bdat(move);
      case "rset":
        this.forget();
        return { send: line("RSET"), codes: ["250 2.0.0"] };
      case "other":
        return { send: line(move.line), codes: [move.code] };
    }
  }

  data(move: Move & { kind: "data" }): { send: string; codes: string[] } {
    if (this.recipients === 0 || this.chunks !== "none") {
      return { send: line(move.line), codes: ["503 5.5.1"] };
    }
    if (!move.good) return { send: line(move.line), codes: ["501 5.5.4"] };
    this.texts.push(move.text.replace(/^\./gm, ""));
    this.forget();
    return { send: `${move.line}\r\n${move.text}.\r\n`, codes: ["354", "250 2.0.0"] };
  }

  bdat(move: Move & { kind: "bdat" }): { send: string; codes: string[] } {
    const text = "QUIT\r\n".repeat(move.size / 6);
    const send = `BDAT ${move.size}${move.last ? " LAST" : ""}\r\n${text}`;
    if (this.recipients === 0 || this.chunks === "spoilt") {
      const codes = [this.chunks === "spoilt" ? "552 5.3.4" : "503 5.5.1"];
      if (this.chunks === "spoilt" && move.last) this.forget();
      return { send, codes };
    }
    if (this.chunkText.length + text.length > LIMIT) {
      if (move.last) this.forget();
      else this.chunks = "spoilt";
      return { send, codes: ["552 5.3.4"] };
    }
    this.chunks = "open";
    this.chunkText += text;
    if (move.last) {
      this.texts.push(this.chunkText);
      this.forget();
    }
    return { send, codes: ["250 2.0.0"] };
  }

  forget(): void {
    this.mail = false;
    this.recipients = 0;
    this.chunks = "none";
    this.chunkText = "";
  }
}

const LIMIT = 24;

function line(text: string): string {
  return `${text}\r\n`;
}

/** The code of each reply in what was received: a reply is one line or more, the last without a hyphen. */
function codesOf(received: string): string[] {
  return received.split("\r\n").slice(0, -1).filter((one) => one[3] !== "-").map((one) => {
    assertMatch(one, /^\d{3} /);
    const status = /^\d{3} ([245]\.\d+\.\d+)(?= )/.exec(one);
    return status ? `${one.slice(0, 3)} ${status[1]}` : one.slice(0, 3);
  });
}

async function readAll(conn: ByteConn): Promise<string> {
  const into = new Uint8Array(4096);
  let text = "";
  for (;;) {
    const count = await conn.read(into).catch(() => null);
    if (count === null) return text;
    text += binaryString(into.subarray(0, count));
  }
}

Deno.test("serveSmtp() agrees with a model of the phases, whatever is sent and however it is cut", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(moves, { maxLength: 80, size: "max" }),
      fc.record({
        later: fc.boolean(),
        bytewise: fc.boolean(),
        pieces: fc.array(fc.integer({ min: 1, max: 400 })),
      }),
      async (sequence, { later, bytewise, pieces }) => {
        const { conn, reception, events, done } = await startSession({
          behaviour: { later, slowSink: later },
          memory: { bytewise },
          limits: { errorsPerSession: 10_000, messageSize: LIMIT },
        });
        const model = new Model();
        const expected = ["220"];
        let whole = "";
        for (const move of sequence) {
          const { send, codes } = model.make(move);
          whole += send;
          expected.push(...codes);
        }
        const first = new Uint8Array(200);
        const count = await conn.read(first);
        const answers = readAll(conn);
        await sendInPieces(conn, encode(whole + "QUIT\r\n"), pieces);
        const received = binaryString(first.subarray(0, count!)) + await answers;
        conn.close();
        await done;
        assertEquals(codesOf(received), [...expected, "221 2.0.0"]);
        assertEquals(reception.taken.map((one) => one.text), model.texts);
        assertEquals(reception.openSinks, 0);
        assertEquals(events.filter((one) => one.kind === "error"), []);
      },
    ),
    { numRuns: 300 },
  );
});

async function sendInPieces(conn: ByteConn, bytes: Uint8Array, pieces: readonly number[]): Promise<void> {
  let at = 0;
  for (let i = 0; at < bytes.length; i++) {
    const size = pieces.length === 0 ? bytes.length : pieces[i % pieces.length]!;
    await conn.write(bytes.subarray(at, at + size));
    at += size;
  }
}

Deno.test("serveSmtp() never throws and always closes, whatever octets come", async () => {
  const words = fc.constantFrom(
    "EHLO x\r\n",
    "MAIL FROM:<>\r\n",
    "RCPT TO:<brain@howstuffworks.com>\r\n",
    "DATA\r\n",
    "BDAT 9\r\n",
    "AUTH LOGIN\r\n",
    "\r\n.\r\n",
    "\r",
    "\n",
    "\0",
  );
  const parts = fc.array(fc.oneof(words.map((one) => encode(one)), fc.uint8Array({ maxLength: 40 })), {
    maxLength: 40,
  });
  await fc.assert(
    fc.asyncProperty(parts, async (sent) => {
      const { conn, reception, events, done } = await startSession({ auth: "always" });
      const answers = readAll(conn);
      for (const part of sent) await conn.write(part).catch(() => {});
      await conn.closeWrite!();
      const text = await answers;
      conn.close();
      await done;
      for (const one of text.split("\r\n").slice(0, -1)) assertMatch(one, /^\d{3}[ -][\t -~]*$/);
      assertEquals(reception.openSinks, 0);
      assertEquals(events.filter((one) => one.kind === "error"), []);
    }),
    { numRuns: 300 },
  );
});
