import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { assertLines, assertMail, type ExpectedMail, MailAssertionError } from "../../src/testing/mod.ts";

const MAIL = {
  mailbox: "jo@example.org",
  from: "Shop <shop@example.com>",
  to: "jo@example.org",
  subject: "Your code",
  text: "Hello Jo,\r\nit is 482913.\r\n\r\nThe shop\r\n",
  html: null,
  links: ["https://shop.example/reset?t=1"],
  codes: ["482913"],
  attachments: [{ filename: "bill.pdf" }],
  headers: [{ name: "X-Kind", value: "code" }],
};

Deno.test("assertMail() is content with what is so", () => {
  const rows: ExpectedMail[] = [
    {},
    { subject: "Your code", from: /shop@/, text: "Hello Jo,\nit is 482913.\n\nThe shop", html: null },
    { links: [/t=1$/], codes: ["482913"], attachments: ["bill.pdf"], headers: { "x-KIND": "code" } },
  ];
  for (const row of rows) assertMail(MAIL, row);
});

Deno.test("assertMail() tells each part that differs, and how", () => {
  const rows: [ExpectedMail, string[]][] = [
    [{ subject: "Code" }, ['expected "Code"', 'but got  "Your code"']],
    [{ subject: "Code", from: /bank/ }, ["subject is not", "from is not"]],
    [{ html: "<p>" }, ['expected "<p>"', "but got  nothing"]],
    [{ text: null }, ["expected nothing"]],
    [{ codes: ["482913", "1"] }, ["- 1", "  482913"]],
    [{ text: "Hello Jo,\nit is 1.\n\nThe shop" }, ["  Hello Jo,", "- it is 1.", "+ it is 482913."]],
    [{ attachments: [] }, ["+ bill.pdf"]],
    [{ headers: { "X-None": "1" } }, ["header x-none", "but got  nothing"]],
  ];
  for (const [expected, told] of rows) {
    const { message } = assertThrows(() => assertMail(MAIL, expected), MailAssertionError);
    assertStringIncludes(message, 'The mail "Your code" to jo@example.org');
    for (const text of told) assertStringIncludes(message, text);
  }
});

Deno.test("assertLines() compares with texts and patterns", () => {
  assertLines(["EHLO x", "QUIT"], [/^EHLO /, "QUIT"]);
  const { message } = assertThrows(() => assertLines(["a", "b", "d"], ["a", "c", "d"]), MailAssertionError);
  assertEquals(message.split("\n").slice(1).map((line) => line.slice(4)), ["  a", "- c", "+ b", "  d"]);
});
