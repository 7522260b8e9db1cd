import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { decode, encode } from "../../src/base/bytes.ts";
import { isMailText, longLineAt, startsLine } from "../../src/mail/content.ts";
import { encodeQuoted } from "../../src/mail/transfer_encoding.ts";

Deno.test("isMailText() takes CRLF lines of up to 998 octets and no NUL", () => {
  const rows: [string, boolean][] = [
    // good
    ["", true],
    ["a\r\n", true],
    ["a", true],
    [`${"x".repeat(998)}\r\n${"x".repeat(998)}`, true],
    // too long
    [`${"x".repeat(999)}\r\n`, false],
    [`a\r\n${"x".repeat(999)}`, false],
    // bare line ends and NUL
    ["a\nb", false],
    ["a\rb", false],
    ["a\r", false],
    ["\r\r\n", false],
    ["a\0", false],
  ];
  for (const [text, good] of rows) {
    assertEquals(isMailText(encode(text)), good, JSON.stringify(text.slice(0, 20)));
  }
});

Deno.test("longLineAt() finds the first line of more than 998 octets", () => {
  const long = "x".repeat(999);
  const good = "x".repeat(998);
  assertEquals(longLineAt(encode(`${good}\r\n${good}\r\n${good}`)), undefined);
  assertEquals(longLineAt(encode(`${good}\r\n${long}\r\n${long}\r\n`)), 1000);
  assertEquals(longLineAt(encode(`a\r\n${long}x`)), 3);
});

Deno.test("startsLine() looks at the beginning of lines only", () => {
  assert(startsLine(encode("--b"), encode("--b")));
  assert(startsLine(encode("a\r\n--bc\r\n"), encode("--b")));
  assert(!startsLine(encode("a--b\r\n --b\r\n--"), encode("--b")));
  assert(!startsLine(encode(""), encode("--b")));
});

Deno.test("encodeQuoted() writes short ASCII lines that decode to the same octets", () => {
  const line = fc.oneof(fc.string({ unit: fc.constantFrom(..."a=é \t~") }), fc.constantFrom("x".repeat(200)));
  fc.assert(fc.property(fc.array(line), (lines) => {
    const text = lines.join("\r\n");
    const written = decode(encodeQuoted(encode(text)));
    for (const line of written.split("\r\n")) {
      assert(/^[\t -~]{0,76}$/.test(line) && !/[ \t]$/.test(line), line);
    }
    const octets = written.replace(/=\r\n/g, "").replace(/=([0-9A-F]{2})/g, (_, hex) => {
      return String.fromCharCode(parseInt(hex, 16));
    });
    assertEquals(Uint8Array.from(octets, (character) => character.charCodeAt(0)), encode(text));
  }));
});
