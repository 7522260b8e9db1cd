/**
 * Endless input (RFC 5321 4.5.3; Mailpit GHSA-w878-pj84-3j5v, GHSA-fpxj-m5q8-fphw, GHSA-r553-m4fv-5v97): lines,
 * headers, recipients, commands and texts that never end cost little and end with a reply.
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { House, plain, type Talk } from "../smtp/server/whole_server.ts";

/** Sends a block over and over until the server has had enough; answers how much that was. */
async function flood(talk: Talk, block: string, limit: number): Promise<{ sent: number; said: string }> {
  const answer = talk.rest();
  let sent = 0;
  try {
    for (; sent < limit; sent += block.length) await talk.send(block);
    await talk.conn.closeWrite?.();
  } catch {
    // the server closed
  }
  return { sent, said: await answer };
}

Deno.test("an endless command line is told once and swallowed, without being kept", async () => {
  await using house = await House.start();
  using talk = await house.talk();
  const before = Deno.memoryUsage().rss;
  const { said } = await flood(talk, "x".repeat(65_536), 64 * 1024 * 1024);
  assertMatch(said, /^500 5\.5\.6 [^\r]*\r\n$/);
  assert(Deno.memoryUsage().rss - before < 48 * 1024 * 1024);
});

Deno.test("an endless response to AUTH is told once and swallowed", async () => {
  await using house = await House.start();
  using talk = await house.talk("submission");
  await talk.ask("AUTH PLAIN", /^334 /);
  const { said } = await flood(talk, "A".repeat(65_536), 8 * 1024 * 1024);
  assertMatch(said, /^500 5\.5\.6 [^\r]*\r\n$/);
});

Deno.test("an endless line of text ends the session", async () => {
  await using house = await House.start();
  using talk = await house.talk();
  await talk.envelope();
  const { sent, said } = await flood(talk, "x".repeat(10_000), 64 * 1024 * 1024);
  assertMatch(said, /^500 5\.5\.6 [^\r]*\r\n$/);
  assert(sent < 16 * 1024 * 1024, `${sent} octets were taken`);
  assertEquals(house.accepted, 0);
});

Deno.test("an endless header is read to its end and refused, without being kept", async () => {
  await using house = await House.start();
  using talk = await house.talk();
  await talk.envelope();
  const before = Deno.memoryUsage().rss;
  for (let i = 0; i < 400; i++) {
    await talk.send("X-Filler: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n".repeat(1000));
  }
  await talk.ask("\r\n.", /^552 5\.3\.4 /);
  assert(Deno.memoryUsage().rss - before < 64 * 1024 * 1024);
  await talk.ask("NOOP", /^250 /);
  assertEquals(house.accepted, 0);
});

Deno.test("a header with 10,000 Received fields is a loop, one with 50 is not (RFC 5321 6.3)", async () => {
  await using house = await House.start();
  const field = "Received: from a by b; Tue, 24 Nov 2026 03:51:22 +0000\r\n";
  for (const [count, expected] of [[50, /^250 /], [51, /^554 5\.4\.6 /], [1000, /^554 5\.4\.6 /]] as const) {
    using talk = await house.talk();
    await talk.envelope();
    await talk.ask(`${field.repeat(count)}\r\nHi\r\n.`, expected);
  }
});

Deno.test("10,000 RCPTs: a thousand are taken, 452 to the others, and the message still goes (RFC 5321 4.5.3.1.10)", async () => {
  await using house = await House.start();
  using talk = await house.talk();
  await talk.ask("MAIL FROM:<jsmith@mindspring.com>", /^250 /);
  const sending = talk.send("RCPT TO:<brain@howstuffworks.com>\r\n".repeat(1100));
  for (let i = 0; i < 1000; i++) await talk.reply(/^250 2\.1\.5 /);
  for (let i = 0; i < 100; i++) await talk.reply(/^452 4\.5\.3 /);
  await sending;
  await talk.ask("DATA", /^354 /);
  await talk.ask("Subject: x\r\n\r\nHi\r\n.", /^250 2\.0\.0 /);
  assertEquals((await house.mailbox("brain")).length, 1, "one copy, however often he was named");
});

Deno.test("10,000 NOOPs: after a hundred without a message the session ends", async () => {
  await using house = await House.start();
  for (const verb of ["NOOP", "RSET", "HELP", "VRFY brain", "EHLO x"]) {
    using talk = await house.talk();
    const { said } = await flood(talk, `${verb}\r\n`.repeat(100), `${verb}\r\n`.length * 10_000);
    assertMatch(said, /\r\n421 4\.7\.0 [^\r]*\r\n$/);
    assertEquals(said.split("\r\n").filter((line) => line[3] === " ").length <= 102, true);
  }
});

Deno.test("10,000 wrong logins, unknown verbs or wrong senders: after twenty errors the session ends", async () => {
  await using house = await House.start();
  const cases = ["XYZZY", "MAIL FROM:<a", "RCPT TO:<x@y.example>", "AUTH PLAIN AAAA", "DATA"];
  for (const line of cases) {
    using talk = await house.talk("submission");
    const { said } = await flood(talk, `${line}\r\n`.repeat(100), `${line}\r\n`.length * 10_000);
    assertMatch(said, /\r\n421 4\.7\.0 [^\r]*\r\n$/, line);
    assertEquals(said.split("\r\n").length, 22, line);
  }
});

Deno.test("ten thousand empty messages from nobody to nobody change nothing", async () => {
  await using house = await House.start();
  using talk = await house.talk("submission");
  await talk.ask(plain("brain@howstuffworks.com"), /^235 /);
  const { said } = await flood(talk, "MAIL FROM:<>\r\nRSET\r\n".repeat(100), 18 * 10_000);
  assertMatch(said, /\r\n421 4\.7\.0 [^\r]*\r\n$/);
  assertEquals(house.accepted, 0);
});
