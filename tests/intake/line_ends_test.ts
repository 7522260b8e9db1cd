import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { concat, decode, encode } from "../../src/base/bytes.ts";
import { LineEnds } from "../../src/intake/line_ends.ts";

/** The same by a simple rule on the whole text. */
function simply(text: string): string {
  const whole = text.replace(/\r\n|\r|\n/g, "\r\n");
  return whole === "" || whole.endsWith("\r\n") ? whole : `${whole}\r\n`;
}

function converted(pieces: readonly Uint8Array[]): string {
  const ends = new LineEnds();
  return decode(concat([...pieces.map((p) => ends.convert(p).slice()), ends.end()]));
}

Deno.test("LineEnds makes every line end CRLF", () => {
  for (
    const text of [
      "",
      "a",
      "a\n",
      "a\r",
      "a\r\n",
      "\n\n",
      "\r\r",
      "\n\r",
      "\r\n\r\n",
      "a\r\r\nb\n\rc",
      ".\n.\r",
    ]
  ) {
    assertEquals(converted([encode(text)]), simply(text), JSON.stringify(text));
  }
});

Deno.test("LineEnds gives the same however the text is cut", () => {
  const piece = fc.string({ unit: fc.constantFrom("\r", "\n", "a", "."), maxLength: 6 });
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 8 }), (pieces) => {
      assertEquals(converted(pieces.map(encode)), simply(pieces.join("")));
    }),
    { numRuns: 2000 },
  );
});
