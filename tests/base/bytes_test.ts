import { assertEquals } from "@std/assert";
import { encode, encodeShortly } from "../../src/base/bytes.ts";

Deno.test("encodeShortly() says of a text what encode() does", () => {
  for (const text of ["", "plain", "Bücher 🐁", "broken \ud800", "x".repeat(10_000), "ü".repeat(3000)]) {
    assertEquals(encodeShortly(text).slice(), encode(text));
  }
});
