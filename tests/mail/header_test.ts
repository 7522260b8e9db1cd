import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { decode, encode } from "../../src/base/bytes.ts";
import { foldField, parseFields, printable, scanHeader, withoutFields } from "../../src/mail/header.ts";

const HEADS: [text: string, end: number, received: number, names: string][] = [
  // whole heads
  ["From: a\r\nTo: b\r\n\r\nbody", 18, 0, "from to"],
  ["RECEIVED: x\r\nReceived: y\r\n\r\n", 28, 2, "received"],
  ["X-Own: 1\r\nx-own: 2\r\n\r\n", 22, 0, "x-own"],
  ["\r\nbody", 2, 0, ""],
  // folded fields: what follows is no field of its own
  ["Subject: a\r\n Received: b\r\n\tReceived: c\r\n\r\n", 42, 0, "subject"],
  // blanks before the colon, lines that are no fields, an empty name
  ["Received : x\r\n\r\n", 16, 1, "received"],
  ["From brain Mon\r\nhello\r\n: x\r\nTo: b\r\n\r\n", 37, 0, "to"],
  ["Réceived: x\r\n\r\n", 16, 0, ""],
  // a name that shares its beginning with a usual one
  ["Receive: x\r\nReceived-X: y\r\n\r\n", 29, 0, "receive received-x"],
  // fields behind the blank line are none
  ["To: a\r\n\r\nReceived: x\r\n\r\n", 9, 0, "to"],
  // not complete
  ["", -1, 0, ""],
  ["To: a\r\n", -1, 0, "to"],
  ["To: a\r\n\r", -1, 0, "to"],
  ["To: a\r\nSubj", -1, 0, "to"],
  // bare line feeds
  ["To: a\nReceived: x\n\nbody", 19, 1, "to received"],
];

Deno.test("scanHead() finds the end, the names and the Received fields", () => {
  for (const [text, end, received, names] of HEADS) {
    const scan = scanHeader(encode(text));
    assertEquals(
      { end: scan.end, received: scan.received, names: [...scan.names].join(" ") },
      { end, received, names },
      JSON.stringify(text),
    );
  }
});

Deno.test("scanHead() tells -1 for every part of a head that lacks its end", () => {
  const whole = encode("Received: a\r\n b\r\nTo: c\r\n\r\n");
  for (let length = 0; length < whole.length; length++) {
    assertEquals(scanHeader(whole.subarray(0, length)).end, -1, `${length}`);
  }
});

Deno.test("scanHead() and parseFields() agree on the names, and never throw", () => {
  const line = fc.string({ unit: fc.constantFrom(..."aR:\r\n \t-é\0"), maxLength: 12 });
  const head = fc.oneof(fc.array(line).map((lines) => encode(lines.join("\r\n"))), fc.uint8Array());
  fc.assert(
    fc.property(head, (bytes) => {
      const whole = new Uint8Array([...bytes, 13, 10, 13, 10]);
      const names = new Set(parseFields(whole).map((field) => field.name.toLowerCase()));
      assertEquals([...scanHeader(whole).names].sort(), [...names].sort());
    }),
    { numRuns: 500 },
  );
});

Deno.test("parseFields() unfolds values and leaves the body alone", () => {
  const head = encode("Subject: one\r\n two\r\n\tthree \r\nX-Empty:\r\nTo : jürgen\r\n\r\nNot: a field\r\n");
  assertEquals(parseFields(head), [
    { name: "Subject", value: "one two\tthree" },
    { name: "X-Empty", value: "" },
    { name: "To", value: "jürgen" },
  ]);
});

Deno.test("foldField() folds at blanks", () => {
  const rows: [string, string, string][] = [
    // short
    ["Subject", "hello", "Subject: hello\r\n"],
    ["Subject", "  hello  ", "Subject: hello\r\n"],
    // long, with blanks
    [
      "Subject",
      `${"a".repeat(40)} ${"b".repeat(40)}`,
      `Subject: ${"a".repeat(40)}\r\n ${"b".repeat(40)}\r\n`,
    ],
    // a long first word stays beside the name
    ["Subject", "a".repeat(100), `Subject: ${"a".repeat(100)}\r\n`],
    // injection, by CRLF, by either alone, by Unicode's line ends
    ["Subject", "a\r\nBcc: b", "Subject: a Bcc: b\r\n"],
    ["Subject", "a\nb\rc\0d\u2028e\x85f", "Subject: a b c d e f\r\n"],
    ["X\r\nBcc: b", "c", "X--Bcc--b: c\r\n"],
    ["", "c", "-: c\r\n"],
  ];
  for (const [name, value, field] of rows) assertEquals(foldField(name, value), field);
});

Deno.test("foldField() makes one field, with lines within bounds, that unfolds to its value", () => {
  const word = fc.oneof(
    fc.string({ unit: fc.constantFrom(...'ab,<>"é用😀'), minLength: 1, maxLength: 30 }),
    fc.constantFrom("x".repeat(940), "é".repeat(400), "y".repeat(77)),
  );
  const value = fc.array(fc.tuple(fc.constantFrom(" ", "  ", " ".repeat(40)), word), { maxLength: 30 })
    .map((parts) => parts.flat().join("").trim());
  fc.assert(
    fc.property(value, (value) => {
      const field = foldField("Subject", value);
      assertEquals(parseFields(encode(`${field}\r\n`)), [{ name: "Subject", value }]);
      for (const line of field.slice(0, -2).split("\r\n")) {
        assert(encode(line).length <= 998, `${line.length}`);
        assert(line.trim() !== "");
      }
    }),
    { numRuns: 300 },
  );
});

Deno.test("foldField() is safe for whatever it is given", () => {
  const noise = fc.string({ unit: "binary", maxLength: 3000 });
  const runs = fc.constantFrom(
    "x".repeat(5000),
    `a${" ".repeat(3000)}b`,
    `${"é".repeat(2000)} c`,
    "\r\n".repeat(900),
  );
  fc.assert(
    fc.property(fc.oneof(noise, runs), fc.string({ unit: "binary", maxLength: 20 }), (value, name) => {
      const field = foldField(name, value);
      assert(field.endsWith("\r\n"));
      assertEquals(parseFields(encode(`${field}\r\n`)).length, 1);
      for (const [index, line] of field.slice(0, -2).split("\r\n").entries()) {
        // deno-lint-ignore no-control-regex
        assert(!/[\x00-\x1f\x7f]/.test(line));
        assert(encode(line).length <= 998);
        if (index > 0) assert(/^ .*[^ ]/.test(line), JSON.stringify(line));
      }
    }),
    { numRuns: 300 },
  );
});

Deno.test("withoutFields() takes fields out whole, and nothing else", () => {
  const names = new Set(["bcc", "return-path"]);
  for (
    const [head, expected] of [
      ["Bcc: a\r\nTo: b\r\n\r\n", "To: b\r\n\r\n"],
      ["To: b\r\nBCC : a,\r\n\t c\r\n  d\r\nX: y\r\n\r\n", "To: b\r\nX: y\r\n\r\n"],
      ["To: b\r\nBcc: a", "To: b\r\n"],
      ["Return-Path: <x@y>\nreturn-path:\n\n", "\n"],
      ["X: bcc: a\r\n bcc: b\r\nBccs: c\r\n\r\n", "X: bcc: a\r\n bcc: b\r\nBccs: c\r\n\r\n"],
      ["", ""],
    ] as const
  ) assertEquals(decode(withoutFields(encode(head), names)), expected);
});

Deno.test("printable() leaves one line without control characters", () => {
  assertEquals(printable("a\r\nb\x1bc\x7f\ud800"), "a b c \ufffd");
});
