import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { concat, decode, encode } from "../../src/base/bytes.ts";
import { HeaderScanner, MAX_HEADER } from "../../src/intake/header_scanner.ts";

/** Pushes a text in pieces; answers head and rest, "more" or "tooLong". */
function cut(text: string, at: readonly number[]): string | { head: string; rest: string } {
  const bytes = encode(text);
  const head = new HeaderScanner();
  const places = [...at.filter((n) => n < bytes.length), bytes.length];
  let from = 0;
  for (const to of places) {
    // a caller uses its buffer again
    const piece = bytes.slice(from, to);
    const found = head.push(piece);
    const copied = typeof found === "string"
      ? found
      : { head: decode(found.head), rest: decode(concat([found.rest, bytes.subarray(to)])) };
    piece.fill(0);
    if (copied !== "more") return copied;
    from = to;
  }
  return "more";
}

const TEXTS: [string, string | { head: string; rest: string }][] = [
  ["A: b\r\n\r\nbody", { head: "A: b\r\n\r\n", rest: "body" }],
  ["A: b\r\nC: d\r\n e\r\n\r\n\r\n", { head: "A: b\r\nC: d\r\n e\r\n\r\n", rest: "\r\n" }],
  ["\r\nbody\r\n\r\n", { head: "\r\n", rest: "body\r\n\r\n" }],
  ["A: b\r\n", "more"],
  ["A: b\r\n\r", "more"],
  ["A", "more"],
  ["A : b\r\n\r\nx", { head: "A : b\r\n\r\n", rest: "x" }],
  // a line further down that is no field doesn't matter
  ["A: b\r\nno field\r\n\r\nx", { head: "A: b\r\nno field\r\n\r\n", rest: "x" }],
  // the line of a mailbox file
  ["From brain Mon\r\nA: b\r\n\r\nx", { head: "From brain Mon\r\nA: b\r\n\r\n", rest: "x" }],
  [">From brain\r\nA: b\r\n\r\nx", { head: ">From brain\r\nA: b\r\n\r\n", rest: "x" }],
  // no head at all: a blank line takes its place
  ["Hello there\r\n\r\nx", { head: "\r\n", rest: "Hello there\r\n\r\nx" }],
  ["Hello\r\n", { head: "\r\n", rest: "Hello\r\n" }],
  [" Hello: x\r\n", { head: "\r\n", rest: " Hello: x\r\n" }],
  [": x\r\n", { head: "\r\n", rest: ": x\r\n" }],
  ["Grüße: x\r\n", { head: "\r\n", rest: "Grüße: x\r\n" }],
];

Deno.test("TextHead finds the end of a head, wherever the text is cut", () => {
  for (const [text, expected] of TEXTS) {
    const { length } = encode(text);
    for (let a = 0; a <= length; a++) {
      for (let b = a; b <= length; b++) {
        assertEquals(cut(text, [a, b]), expected, JSON.stringify([text, a, b]));
      }
    }
    assertEquals(cut(text, Array.from({ length }, (_, i) => i)), expected);
  }
});

Deno.test("TextHead refuses a head that is too long, however it comes", () => {
  const long = `A: ${"x".repeat(MAX_HEADER)}`;
  assertEquals(cut(`${long}\r\n\r\n`, []), "tooLong");
  assertEquals(cut(`${long}\r\n\r\n`, [10, 5000, 70_000]), "tooLong");
  const most = `A: ${"x".repeat(MAX_HEADER - 7)}\r\n\r\n`;
  assertEquals(most.length, MAX_HEADER);
  assertEquals(cut(`${most}y`, [MAX_HEADER - 1]), { head: most, rest: "y" });
  // but a text without any head may be as long as it likes
  assertEquals(typeof cut("x".repeat(2 * MAX_HEADER), [10]), "object");
});

Deno.test("whole() is all that came", () => {
  const head = new HeaderScanner();
  for (const piece of ["A: ", "b\r", "\n"]) head.push(encode(piece));
  assertEquals([decode(head.whole()), head.size], ["A: b\r\n", 6]);
});

Deno.test("property: TextHead neither loses nor adds a byte of a text with a head", () => {
  const line = fc.constantFrom("A: b", "Subject: x", " folded", "", "no field", "\r", "x\ry");
  fc.assert(
    fc.property(fc.array(line, { maxLength: 8 }), fc.array(fc.nat(60), { maxLength: 5 }), (lines, at) => {
      const text = ["First: field", ...lines].map((l) => `${l}\r\n`).join("");
      const end = text.indexOf("\r\n\r\n");
      const expected = end < 0 ? "more" : { head: text.slice(0, end + 4), rest: text.slice(end + 4) };
      assertEquals(cut(text, [...at].sort((a, b) => a - b)), expected);
    }),
  );
});
