import { assertEquals, assertNotMatch, assertStrictEquals } from "@std/assert";
import fc from "fast-check";
import { binaryString, concat } from "../../src/base/bytes.ts";
import { DotReader } from "../../src/wire/dot_reader.ts";
import { DotWriter } from "../../src/wire/dot_writer.ts";

function bytes(text: string): Uint8Array {
  return Uint8Array.from(text, (c) => c.charCodeAt(0));
}

function encode(...parts: string[]): string {
  const writer = new DotWriter();
  const wire = parts.flatMap((part) => writer.encode(bytes(part)).map((piece) => piece.slice()));
  return binaryString(concat([...wire, writer.end()]));
}

const CASES: [text: string, wire: string][] = [
  // dots
  ["", ".\r\n"],
  ["a\r\n", "a\r\n.\r\n"],
  [".\r\n", "..\r\n.\r\n"],
  ["..\r\n", "...\r\n.\r\n"],
  [".a\r\nb.\r\n.c\r\n", "..a\r\nb.\r\n..c\r\n.\r\n"],
  ["\r\n\r\n.\r\n\r\n", "\r\n\r\n..\r\n\r\n.\r\n"],
  // the last line is completed
  ["a", "a\r\n.\r\n"],
  ["a\r\n.", "a\r\n..\r\n.\r\n"],
  ["a\r", "a\r\n.\r\n"],
  // stored text never holds these; a lax peer must not find an end in them all the same
  ["a\n.\nb", "a\r\n..\r\nb\r\n.\r\n"],
  ["a\r.\rb", "a\r\n..\r\nb\r\n.\r\n"],
  ["a\r\n.\r\r\nb", "a\r\n..\r\n\r\nb\r\n.\r\n"],
  ["a\r\r\n.\r\r\n", "a\r\n\r\n..\r\n\r\n.\r\n"],
  ["\n.\r\n", "\r\n..\r\n.\r\n"],
  ["\t\x01a\r\n", "\t\x01a\r\n.\r\n"],
  ["\r\n\0.\r\nb\0\0c\r\n", "\r\n..\r\nbc\r\n.\r\n"],
  ["\0", ".\r\n"],
  ["a\r\0\n.", "a\r\n\r\n..\r\n.\r\n"],
];

Deno.test("DotWriter doubles dots and completes the text, wherever it is cut", () => {
  for (const [text, wire] of CASES) {
    assertEquals(encode(text), wire, JSON.stringify(text));
    assertEquals(encode(...text), wire, `${JSON.stringify(text)} bytewise`);
    for (let cut = 0; cut <= text.length; cut++) {
      assertEquals(encode(text.slice(0, cut), text.slice(cut)), wire, `${JSON.stringify(text)} at ${cut}`);
    }
  }
});

Deno.test("DotWriter hands out the piece itself when nothing is to be done", () => {
  const writer = new DotWriter();
  const piece = bytes("Subject: x\r\n\r\nfirst.\r\nsecond\r\n");
  const out = writer.encode(piece);
  assertEquals(out.length, 1);
  assertStrictEquals(out[0], piece);
  assertEquals(writer.encode(new Uint8Array(0)), []);
});

const anyText = fc.array(
  fc.constantFrom("\r\n", "\r\n.", "\r\n.\r\n", ".", "\r", "\n", "\n.\n", "\r.\r", "a", "bc", "\t", "\0"),
  { maxLength: 30, size: "max" },
).map((parts) => parts.join(""));

Deno.test("DotWriter writes nothing that anybody could take for an end before the end", () => {
  fc.assert(
    fc.property(anyText, fc.nat(40), (text, cut) => {
      const wire = encode(text.slice(0, cut), text.slice(cut));
      assertNotMatch(wire.slice(0, -3), /(^|[\r\n])\.([\r\n]|$)/);
      assertNotMatch(wire, /\r(?!\n)|(?<!\r)\n|\0/);
    }),
    { numRuns: 2000 },
  );
});

Deno.test("DotWriter's text comes back from DotReader", () => {
  const stored = fc.array(fc.constantFrom("\r\n", "\r\n", ".", "a", "\xff", "\t"), {
    maxLength: 30,
    size: "max",
  })
    .map((parts) => parts.join("") + "\r\n");
  fc.assert(fc.property(stored, fc.nat(40), (text, cut) => {
    const { pieces, state } = new DotReader().push(bytes(encode(text.slice(0, cut), text.slice(cut))));
    assertEquals([binaryString(concat(pieces)), state], [text, "end"]);
  }));
});
