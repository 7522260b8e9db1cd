import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { concat, decode, encode } from "../../src/base/bytes.ts";
import { HeaderScanner, MAX_HEADER } from "../../src/intake/header_scanner.ts";

/** Pushes a text in pieces; answers header and rest, "more" or "tooLong". */
function cut(text: string, at: readonly number[]): string | { header: string; rest: string } {
  const bytes = encode(text);
  const header = new HeaderScanner();
  const places = [...at.filter((n) => n < bytes.length), bytes.length];
  let from = 0;
  for (const to of places) {
    // a caller uses its buffer again
    const piece = bytes.slice(from, to);
    const found = header.push(piece);
    const copied = typeof found === "string"
      ? found
      : { header: decode(found.header), rest: decode(concat([found.rest, bytes.subarray(to)])) };
    piece.fill(0);
    if (copied !== "more") return copied;
    from = to;
  }
  return "more";
}

const TEXTS: [string, string | { header: string; rest: string }][] = [
  ["A: b\r\n\r\nbody", { header: "A: b\r\n\r\n", rest: "body" }],
  ["A: b\r\nC: d\r\n e\r\n\r\n\r\n", { header: "A: b\r\nC: d\r\n e\r\n\r\n", rest: "\r\n" }],
  ["\r\nbody\r\n\r\n", { header: "\r\n", rest: "body\r\n\r\n" }],
  ["A: b\r\n", "more"],
  ["A: b\r\n\r", "more"],
  ["A", "more"],
  ["A : b\r\n\r\nx", { header: "A : b\r\n\r\n", rest: "x" }],
  // a line further down that is no field doesn't matter
  ["A: b\r\nno field\r\n\r\nx", { header: "A: b\r\nno field\r\n\r\n", rest: "x" }],
  // the line of a mailbox file
  ["From brain Mon\r\nA: b\r\n\r\nx", { header: "From brain Mon\r\nA: b\r\n\r\n", rest: "x" }],
  [">From brain\r\nA: b\r\n\r\nx", { header: ">From brain\r\nA: b\r\n\r\n", rest: "x" }],
  // no header at all: a blank line takes its place
  ["Hello there\r\n\r\nx", { header: "\r\n", rest: "Hello there\r\n\r\nx" }],
  ["Hello\r\n", { header: "\r\n", rest: "Hello\r\n" }],
  [" Hello: x\r\n", { header: "\r\n", rest: " Hello: x\r\n" }],
  [": x\r\n", { header: "\r\n", rest: ": x\r\n" }],
  ["Grüße: x\r\n", { header: "\r\n", rest: "Grüße: x\r\n" }],
];

Deno.test("HeaderScanner finds the end of a header, wherever the text is cut", () => {
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

Deno.test("HeaderScanner refuses a header that is too long, however it comes", () => {
  const long = `A: ${"x".repeat(MAX_HEADER)}`;
  assertEquals(cut(`${long}\r\n\r\n`, []), "tooLong");
  assertEquals(cut(`${long}\r\n\r\n`, [10, 5000, 70_000]), "tooLong");
  const most = `A: ${"x".repeat(MAX_HEADER - 7)}\r\n\r\n`;
  assertEquals(most.length, MAX_HEADER);
  assertEquals(cut(`${most}y`, [MAX_HEADER - 1]), { header: most, rest: "y" });
  // but a text without any header may be as long as it likes
  assertEquals(typeof cut("x".repeat(2 * MAX_HEADER), [10]), "object");
});

Deno.test("whole() is all that came", () => {
  const header = new HeaderScanner();
  for (const piece of ["A: ", "b\r", "\n"]) header.push(encode(piece));
  assertEquals([decode(header.whole()), header.size], ["A: b\r\n", 6]);
});

Deno.test("property: HeaderScanner neither loses nor adds a byte of a text with a header", () => {
  const line = fc.constantFrom("A: b", "Subject: x", " folded", "", "no field", "\r", "x\ry");
  fc.assert(
    fc.property(fc.array(line, { maxLength: 8 }), fc.array(fc.nat(60), { maxLength: 5 }), (lines, at) => {
      const text = ["First: field", ...lines].map((l) => `${l}\r\n`).join("");
      const end = text.indexOf("\r\n\r\n");
      const expected = end < 0 ? "more" : { header: text.slice(0, end + 4), rest: text.slice(end + 4) };
      assertEquals(cut(text, [...at].sort((a, b) => a - b)), expected);
    }),
  );
});
