import { assertEquals, assertThrows } from "@std/assert";
import { createHash } from "node:crypto";
import { encode } from "../../src/base/bytes.ts";
import { BodyHasher } from "../../src/authentication/dkim_body.ts";
import type { Canonicalization } from "../../src/authentication/dkim_header.ts";

/** Body, simple form, relaxed form. */
const CASES: [string, string, string][] = [
  ["", "\r\n", ""],
  ["\r\n\r\n", "\r\n", ""],
  [" \t\r\n", " \t\r\n", ""],
  [" ", " \r\n", ""],
  ["a", "a\r\n", "a\r\n"],
  ["a \t", "a \t\r\n", "a\r\n"],
  ["a\r\n\r\n\r\n", "a\r\n", "a\r\n"],
  ["a\r\n \r\n\t\r\n", "a\r\n \r\n\t\r\n", "a\r\n"],
  // RFC 6376 3.4.5
  [" C \r\nD \t E\r\n\r\n\r\n", " C \r\nD \t E\r\n", " C\r\nD E\r\n"],
  ["\r\n\r\na", "\r\n\r\na\r\n", "\r\n\r\na\r\n"],
  ["a\r", "a\r\r\n", "a\r\r\n"],
  ["a\r\r\nb\nc", "a\r\r\nb\nc\r\n", "a\r\r\nb\nc\r\n"],
  ["a\f \v\r\n", "a\f \v\r\n", "a\f \v\r\n"],
  ["a \r b\r\n", "a \r b\r\n", "a \r b\r\n"],
];

function digest(body: Uint8Array[], form: Canonicalization, limit?: number): string {
  const hasher = new BodyHasher();
  hasher.want(form, limit);
  for (const piece of body) hasher.write(piece);
  hasher.end();
  return hasher.hash(form, limit).digest.toHex();
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

Deno.test("a body is hashed in its simple and relaxed forms, wherever it is cut", () => {
  for (const [body, simple, relaxed] of CASES) {
    const octets = encode(body);
    for (let i = 0; i <= octets.length; i++) {
      const pieces = [octets.subarray(0, i), octets.subarray(i)];
      assertEquals([body, i, digest(pieces, "simple")], [body, i, sha256(simple)]);
      assertEquals([body, i, digest(pieces, "relaxed")], [body, i, sha256(relaxed)]);
    }
  }
});

Deno.test("a hash may be limited to the first octets of the canonical form", () => {
  const body = encode("one  two\r\n\r\nthree\r\n\r\n");
  for (let limit = 0; limit < 20; limit++) {
    assertEquals(digest([body], "relaxed", limit), sha256("one two\r\n\r\nthree\r\n".slice(0, limit)));
  }
});

Deno.test("a million empty lines at the end count for nothing, and before a text for themselves", () => {
  const lines = encode("\r\n".repeat(100_000));
  const many = Array.from({ length: 10 }, () => lines);
  assertEquals(digest([encode("a\r\n"), ...many], "simple"), sha256("a\r\n"));
  assertEquals(
    digest([...many, encode("a\r\n")], "relaxed"),
    sha256("\r\n".repeat(1_000_000) + "a\r\n"),
  );
});

Deno.test("only a hash that was asked for is there", () => {
  const hasher = new BodyHasher();
  hasher.want("simple");
  hasher.end();
  assertThrows(() => hasher.hash("relaxed"), Error, "asked");
  assertThrows(() => hasher.hash("simple", 5), Error, "asked");
});
