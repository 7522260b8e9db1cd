import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { formatDate } from "../../src/mail/header.ts";
import { statusFor, statusOf } from "../../src/mail/outcome.ts";
import { decodeUtf8Address, decodeXtext, encodeUtf8Address, encodeXtext } from "../../src/mail/xtext.ts";

Deno.test("formatDate() writes RFC 5322 dates in UTC", () => {
  assertEquals(formatDate(Date.UTC(2026, 10, 24, 3, 51, 22, 999)), "Tue, 24 Nov 2026 03:51:22 +0000");
  assertEquals(formatDate(0), "Thu, 01 Jan 1970 00:00:00 +0000");
});

Deno.test("statusOf() reads a leading enhanced status only", () => {
  const rows: [string, string | undefined][] = [
    // there
    ["5.1.1 No such user", "5.1.1"],
    ["4.7.0", "4.7.0"],
    [" 2.0.0 Ok", "2.0.0"],
    ["5.7.509 Access denied", "5.7.509"],
    // not there
    ["No such user", undefined],
    ["", undefined],
    ["3.0.0 x", undefined],
    ["5.1 x", undefined],
    ["5.1.1.1 x", undefined],
    ["5.1.1, x", undefined],
    ["5.1.1000 x", undefined],
    ["see 5.1.1 x", undefined],
  ];
  for (const [text, status] of rows) assertEquals(statusOf(text), status, text);
});

Deno.test("statusFor() knows the class of a bare code", () => {
  const rows: [number, string][] = [[250, "2.0.0"], [450, "4.0.0"], [550, "5.0.0"], [354, "4.0.0"], [
    0,
    "4.0.0",
  ]];
  for (const [code, status] of rows) assertEquals(statusFor(code), status);
});

Deno.test("decodeXtext() reads xtext and refuses what is none", () => {
  const rows: [string, string | undefined][] = [
    // xtext
    ["", ""],
    ["brain@x.example", "brain@x.example"],
    ["a+2Bb+3Dc+20d", "a+b=c d"],
    ["+C3+BC", "ü"],
    ["+0D+0A", "\r\n"],
    // no xtext
    ["a b", undefined],
    ["a=b", undefined],
    ["a+", undefined],
    ["a+2", undefined],
    ["a+2b", undefined],
    ["ü", undefined],
  ];
  for (const [text, decoded] of rows) assertEquals(decodeXtext(text), decoded, text);
});

Deno.test("encodeXtext() writes what decodeXtext() reads", () => {
  assertEquals(encodeXtext("a+b=c d"), "a+2Bb+3Dc+20d");
  fc.assert(fc.property(fc.string({ unit: "grapheme" }), (text) => {
    const written = encodeXtext(text);
    assertEquals(/^[!-~]*$/.test(written), true);
    assertEquals(decodeXtext(written), text);
  }));
});

Deno.test("encodeUtf8Address() writes ASCII that decodeUtf8Address() reads", () => {
  assertEquals(encodeUtf8Address("jürgen+x@x.example"), "j\\x{FC}rgen\\x{2B}x@x.example");
  assertEquals(decodeUtf8Address("a\\x{D800}\\x{110000}"), "a\\x{D800}\\x{110000}");
  fc.assert(fc.property(fc.string({ unit: "grapheme" }), (text) => {
    const written = encodeUtf8Address(text);
    assertEquals(/^[!-~]*$/.test(written), true);
    assertEquals(decodeUtf8Address(written), text);
  }));
});
