import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { parseRecipientParameters, parseSenderParameters } from "../../../src/smtp/protocol/parameters.ts";

const senders: [string, object, number | undefined][] = [
  ["", {}, undefined],
  ["SIZE=0", {}, 0],
  ["size=50000", {}, 50000],
  ["BODY=7BIT", { bodyType: "7BIT" }, undefined],
  ["body=8bitmime SMTPUTF8", { bodyType: "8BITMIME", utf8: true }, undefined],
  ["RET=HDRS  ENVID=a+2Bb", { ret: "headers", envid: "a+2Bb" }, undefined],
  ["RET=full", { ret: "full" }, undefined],
  ["REQUIRETLS", { tls: "required" }, undefined],
  // RFC 4954 5: checked, not kept
  ["AUTH=<>", {}, undefined],
  ["AUTH=e+3Dmc2@example.com", {}, undefined],
];
for (const [text, parameters, size] of senders) {
  Deno.test(`parseSenderParameters() understands '${text}'`, () => {
    assertEquals(parseSenderParameters(text), { ok: true, parameters, size });
  });
}

const badSenders: [string, string][] = [
  // unknown, also what a request for an extension that is not offered looks like
  ["REQUIRETLS=1", "501 5.5.4"],
  ["HOLDFOR=5", "555 5.5.4"],
  ["__proto__=1", "501 5.5.4"],
  ["toString", "555 5.5.4"],
  // malformed values
  ["SIZE=", "501 5.5.4"],
  ["SIZE=-1", "501 5.5.4"],
  ["SIZE=1e3", "501 5.5.4"],
  ["SIZE=111111111111111111111", "501 5.5.4"],
  ["BODY", "501 5.5.4"],
  ["BODY=BINARYMIME", "501 5.5.4"],
  ["ENVID=", "501 5.5.4"],
  ["ENVID=a=b", "501 5.5.4"],
  ["AUTH=", "501 5.5.4"],
  ["AUTH=+zz", "501 5.5.4"],
  // twice, and malformed as such
  ["SMTPUTF8 smtputf8", "501 5.5.4"],
  ["=", "501 5.5.4"],
  ["-X=1", "501 5.5.4"],
  ["RET=FULL\x01", "501 5.5.4"],
];
for (const [text, expected] of badSenders) {
  Deno.test(`parseSenderParameters() refuses ${JSON.stringify(text)}`, () => {
    const parsed = parseSenderParameters(text);
    assert(!parsed.ok);
    assertEquals(`${parsed.reply.code} ${parsed.reply.status}`, expected);
  });
}

const recipients: [string, boolean, object][] = [
  ["", false, {}],
  ["NOTIFY=NEVER", false, { notify: "never" }],
  ["notify=failure,SUCCESS,failure", false, { notify: ["failure", "success"] }],
  ["ORCPT=rfc822;a+2Bb@c.example", false, { orcpt: "rfc822;a+2Bb@c.example" }],
  ["ORCPT=x400;whatever", false, { orcpt: "x400;whatever" }],
  ["ORCPT=utf-8;j\\x{FC}rgen@c.example", false, { orcpt: "utf-8;j\\x{FC}rgen@c.example" }],
  ["ORCPT=utf-8;jürgen@c.example", true, { orcpt: "utf-8;jürgen@c.example" }],
];
for (const [text, utf8, parameters] of recipients) {
  Deno.test(`parseRecipientParameters() understands '${text}'`, () => {
    assertEquals(parseRecipientParameters(text, utf8), { ok: true, parameters });
  });
}

const badRecipients = [
  "NOTIFY",
  "NOTIFY=",
  "NOTIFY=NEVER,SUCCESS",
  "NOTIFY=SUCCESS,",
  "NOTIFY=constructor",
  "ORCPT=",
  "ORCPT=rfc822",
  "ORCPT=rfc822;",
  "ORCPT=;a@b.example",
  "ORCPT=rfc822;jürgen@c.example",
  "ORCPT=rfc822;a+0D+0Ab",
  "ORCPT=utf-8;a\\x{0A}b",
  // UTF-8 needs SMTPUTF8
  "ORCPT=utf-8;jürgen@c.example",
  `ORCPT=rfc822;${"x".repeat(500)}`,
];
for (const text of badRecipients) {
  Deno.test(`parseRecipientParameters() refuses ${JSON.stringify(text.slice(0, 50))}`, () => {
    const parsed = parseRecipientParameters(text, false);
    assert(!parsed.ok);
    assertEquals(`${parsed.reply.code} ${parsed.reply.status}`, "501 5.5.4");
  });
}

Deno.test("What is kept of parameters can be written into a command again, whatever came", () => {
  fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => {
    const sender = parseSenderParameters(`ENVID=${text}`);
    if (sender.ok) assert(/^[!-<>-~]{1,100}$/.test(sender.parameters.envid!));
    const recipient = parseRecipientParameters(`ORCPT=utf-8;${text}`, true);
    if (recipient.ok) {
      // deno-lint-ignore no-control-regex
      assert(!/[\x00-\x20\x7f-\x9f=]/.test(recipient.parameters.orcpt!));
    }
  }));
});
