import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { binaryString, concat, encode } from "../../../src/base/bytes.ts";
import { ChunkContent } from "../../../src/smtp/server/chunk_content.ts";

/** The text that is kept, or what is wrong with it. */
function read(
  parts: readonly Uint8Array[],
  options: ConstructorParameters<typeof ChunkContent>[0] = {},
): string {
  const text = new ChunkContent(options);
  const kept: Uint8Array[] = [];
  for (const part of parts) {
    const result = text.push(part);
    if (typeof result === "string") return result;
    kept.push(...result.map((one) => one.slice()));
  }
  const rest = text.end();
  return typeof rest === "string" ? rest : binaryString(concat([...kept, ...rest]));
}

/** Cut at every octet, whole, and octet by octet. */
function* cuts(text: string): Generator<Uint8Array[]> {
  const bytes = encode(text);
  for (let i = 0; i <= bytes.length; i++) yield [bytes.subarray(0, i), bytes.subarray(i)];
  yield [...bytes].map((byte) => Uint8Array.of(byte));
}

const cases: [string, string, string][] = [
  // as it is
  ["", "", ""],
  ["a\r\n.\r\nb\r\n", "a\r\n.\r\nb\r\n", "a\r\n.\r\nb\r\n"],
  ["no end", "no end", "no end"],
  ["\r\n\r\n", "\r\n\r\n", "\r\n\r\n"],
  // bare line ends
  ["a\nb", "bareLf", "a\r\nb"],
  ["\n", "bareLf", "\r\n"],
  ["\n\n", "bareLf", "\r\n\r\n"],
  ["a\rb", "bareCr", "a\r\nb"],
  ["a\r", "bareCr", "a\r\n"],
  ["a\r\r\nb", "bareCr", "a\r\n\r\nb"],
  ["\r\r", "bareCr", "\r\n\r\n"],
  // never
  ["a\0", "nul", "nul"],
  ["a\r\n\0\r\n", "nul", "nul"],
  // eight octets are the most here
  ["12345678\r\n12345678", "12345678\r\n12345678", "12345678\r\n12345678"],
  ["123456789", "lineTooLong", "lineTooLong"],
  ["1\r\n123456789\r\n", "lineTooLong", "lineTooLong"],
];
for (const [text, refused, mended] of cases) {
  Deno.test(`ChunkText reads ${JSON.stringify(text)}, cut anywhere`, () => {
    for (const parts of cuts(text)) {
      assertEquals(read(parts, { maxLine: 8 }), refused);
      assertEquals(read(parts, { maxLine: 8, bare: "normalize" }), mended);
    }
  });
}

Deno.test("ChunkText mends every text to what a replacement gives", () => {
  const texts = fc.string({ unit: fc.constantFrom("a", ".", "\r", "\n"), maxLength: 30 });
  fc.assert(fc.property(texts, (text) => {
    const expected = text.replace(/\r\n|\r|\n/g, "\r\n");
    for (const parts of cuts(text)) {
      assertEquals(read(parts, { bare: "normalize" }), expected);
      assertEquals(read(parts) === text, expected === text);
    }
  }));
});
