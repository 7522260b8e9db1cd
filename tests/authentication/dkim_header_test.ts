import { assert, assertEquals } from "@std/assert";
import { Buffer } from "node:buffer";
import {
  canonicalField,
  rawFields,
  selectFields,
  signedHeader,
  withoutSignature,
} from "../../src/authentication/dkim_header.ts";

function fields(text: string) {
  return rawFields(Buffer.from(text, "latin1"));
}

Deno.test("a header section is read field by field, folding and all, up to its blank line", () => {
  assertEquals(fields("A: X\r\nb \t: Y\t\r\n\tZ  \r\nno field\r\n: none\r\n\r\nC: no\r\n"), [
    { name: "a", text: "A: X" },
    { name: "b", text: "b \t: Y\t\r\n\tZ  " },
    { name: "", text: "no field" },
    { name: "", text: ": none" },
  ]);
  assertEquals(fields("\r\nA: X\r\n\r\n"), []);
  assertEquals(fields("A: X"), [{ name: "a", text: "A: X" }]);
  assertEquals(fields("A\xc0: X\r\n")[0]!.name, "a\xc0");
});

Deno.test("blanks without end take no time without end", () => {
  const blanks = " ".repeat(100_000);
  const began = performance.now();
  const all = fields(`A${blanks}B: x${blanks}y\r\nC${blanks}: ;${blanks}b${blanks}x\r\n`);
  const forms = all.map((field) => canonicalField(withoutSignature(field), "relaxed"));
  assert(performance.now() - began < 2000);
  assertEquals([all[0]!.name.length, forms[0]!.slice(-4), forms[1]], [100_002, ":x y", "c:; b x"]);
});

Deno.test("simple keeps a field, relaxed unfolds it and leaves one blank of many (RFC 6376 3.4.5)", () => {
  const [a, b] = fields("A: X\r\nB : Y\t\r\n\tZ  \r\n\r\n");
  assertEquals([a!, b!].map((field) => canonicalField(field, "simple")), ["A: X", "B : Y\t\r\n\tZ  "]);
  assertEquals([a!, b!].map((field) => canonicalField(field, "relaxed")), ["a:X", "b:Y Z"]);
  for (const empty of ["E:", "E: ", "E: \r\n \t", "E:\t\t"]) {
    assertEquals(canonicalField({ name: "e", text: empty }, "relaxed"), "e:");
  }
});

Deno.test("of fields with one name the last comes first, and one that is missing is nothing (5.4.2)", () => {
  const all = fields("A: 1\r\nB: 2\r\na: 3\r\nA: 4\r\n");
  const values = (names: string[], except = -1) =>
    selectFields(all, names, all[except]).map(({ text }) => text.at(-1));
  assertEquals(values(["a", "c", "A", "b", "a", "a"]), ["4", "3", "2", "1"]);
  assertEquals(values(["a", "a"], 2), ["4", "1"]);
});

Deno.test("b= is taken out with the white space around its value, and bh= stays", () => {
  const cases: [string, string][] = [
    ["S: b=QUJD; bh=x", "S: b=; bh=x"],
    ["S: bh=x;\r\n b = QUJD\r\n DEF ;\r\n d=e", "S: bh=x;\r\n b =;\r\n d=e"],
    ["S: bh=b=; v=1; b= QUJD\r\n ", "S: bh=b=; v=1; b="],
  ];
  for (const [text, expected] of cases) {
    assertEquals(withoutSignature({ name: "s", text }).text, expected);
  }
});

Deno.test("the signature's own field is hashed last, without a line end", () => {
  const [own, from] = fields("S: b=abc;  d=e\r\nFrom:  me\r\n");
  assertEquals(signedHeader([from!], { own: own!, form: "relaxed" }), "from:me\r\ns:b=; d=e");
  assertEquals(signedHeader([from!], { own: own!, form: "simple" }), "From:  me\r\nS: b=;  d=e");
});
