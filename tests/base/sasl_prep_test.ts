import { assertEquals } from "@std/assert";
import { preparePassword, saslPrep } from "../../src/base/sasl_prep.ts";

Deno.test("saslPrep() prepares as RFC 4013 section 3 shows", () => {
  const cases: readonly [string, string | undefined][] = [
    ["I\u00adX", "IX"], // soft hyphen mapped to nothing
    ["user", "user"],
    ["USER", "USER"], // case preserved
    ["\u00aa", "a"], // NFKC
    ["\u2168", "IX"],
    ["\u0007", undefined], // prohibited
    ["\u0627\u0031a", undefined], // both directions
    ["a\u00a0b", "a b"],
    ["\ue000", undefined],
  ];
  for (const [text, expected] of cases) assertEquals(saslPrep(text), expected, JSON.stringify(text));
});

Deno.test("preparePassword() keeps what saslPrep() refuses", () => {
  assertEquals(preparePassword("\u0007"), "\u0007");
});
