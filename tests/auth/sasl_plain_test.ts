import { assertEquals } from "@std/assert";
import { encode } from "../../src/base/bytes.ts";
import { decodeSaslLine, parsePlain } from "../../src/auth/sasl_plain.ts";
import { preparePassword, saslPrep } from "../../src/base/sasl_prep.ts";

Deno.test("parsePlain() reads RFC 4616 messages", () => {
  const cases: readonly [string, ReturnType<typeof parsePlain>][] = [
    ["\0tim\0tanstaaftanstaaf", { actAs: "", name: "tim", password: "tanstaaftanstaaf" }],
    ["Ursel\0Kurt\0xipj3plmq", { actAs: "Ursel", name: "Kurt", password: "xipj3plmq" }],
    ["\0müller\0grün ", { actAs: "", name: "müller", password: "grün " }],
    // not that
    ["", undefined],
    ["tim", undefined],
    ["\0tim", undefined],
    ["\0\0secret", undefined],
    ["\0tim\0", undefined],
    ["\0tim\0a\0b", undefined],
  ];
  for (const [text, expected] of cases) {
    assertEquals(parsePlain(encode(text)), expected, JSON.stringify(text));
  }
  assertEquals(parsePlain(Uint8Array.of(0, 0xff, 0, 0x61)), undefined);
});

Deno.test("decodeSaslLine() is strict about base64", () => {
  const cases: readonly [string, string | undefined][] = [
    ["dGlt", "tim"],
    ["dGk=", "ti"],
    ["=", ""],
    ["", ""],
    ["dGk", undefined],
    ["dGl=", undefined],
    ["d!!=", undefined],
    ["*", undefined],
  ];
  for (const [line, expected] of cases) {
    assertEquals(decodeSaslLine(line), expected === undefined ? undefined : encode(expected), line);
  }
});

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
