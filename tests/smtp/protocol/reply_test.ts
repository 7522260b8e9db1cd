import { assertEquals } from "@std/assert";
import { encode } from "../../../src/base/bytes.ts";
import { formatReply, reply } from "../../../src/smtp/protocol/reply.ts";

Deno.test("formatReply() writes no line of more than 512 octets (RFC 5321 4.5.3.1.5)", () => {
  const fits = `<${"a".repeat(498)}>`;
  assertEquals(formatReply(reply(550, "5.1.1", fits)), `550 5.1.1 ${fits}\r\n`);
  assertEquals(formatReply(reply(550, "5.1.1", `${fits}x`)), `550 5.1.1 ${fits.slice(0, 497)}...\r\n`);
  const [first, second] = formatReply(reply(553, "5.1.4", "\u00fc".repeat(400), "x")).split("\r\n");
  assertEquals([encode(first!).length, first!.slice(-4), second], [509, "\u00fc...", "553 5.1.4 x"]);
});
