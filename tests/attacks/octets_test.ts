/**
 * Octets that have no business in a command (RFC 5321 2.3.8, 4.1.2; RFC 6531 3.3): a NUL, a CR, an LF or a control
 * character in an argument never makes a command of its own, never stands in a reply, a header or an envelope.
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { House, plain } from "../smtp/server/whole_server.ts";

/** `#` is where the octet goes. What may be said when it is a plain control character. */
const PLACES: readonly string[] = [
  "HELO cli#ent.example",
  "EHLO cli#ent.example",
  "MAIL FROM:<jsm#ith@mindspring.com>",
  "MAIL FROM:<jsmith@mind#spring.com>",
  'MAIL FROM:<"jsm#ith"@mindspring.com>',
  "MAIL FROM:<@rel#ay.example:jsmith@mindspring.com>",
  "MAIL FROM:<jsmith@mindspring.com> RET=FU#LL",
  "MAIL FROM:<jsmith@mindspring.com> ENVID=QQ#1",
  "MAIL FROM:<jsmith@mindspring.com> AUTH=<#>",
  "MAIL FROM:<jsmith@mindspring.com> SMTPUTF8 ENVID=x#",
  "RCPT TO:<bra#in@howstuffworks.com>",
  "RCPT TO:<brain@howstuff#works.com>",
  'RCPT TO:<"bra#in"@howstuffworks.com>',
  "RCPT TO:<brain@howstuffworks.com> ORCPT=rfc822;brain#@howstuffworks.com",
  "RCPT TO:<brain@howstuffworks.com> NOTIFY=NEV#ER",
  "RCPT TO:<brain@howstuffworks.com> ORCPT=utf-8;br\\x{0A}#",
];
const CONTROLS = [...Array(32).keys(), 0x7f].filter((code) => code !== 9);

Deno.test("control octets in an argument: refused, and never a command of their own", async (t) => {
  await using house = await House.start({ config: { limits: { errorsPerSession: 1000 } } });
  for (const place of PLACES) {
    await t.step(place, async () => {
      using talk = await house.talk();
      if (place.startsWith("RCPT")) await talk.ask("MAIL FROM:<jsmith@mindspring.com>", /^250 /);
      for (const code of CONTROLS) {
        const octet = String.fromCharCode(code);
        // a command of the attacker stands behind the octet: it must not be read as one
        await talk.send(place.replace("#", octet) + "\r\n");
        const said = await reply(talk);
        assertMatch(said, /^5\d\d 5\.\d\.\d+ [ -~]*\r\n$/, `octet ${code}`);
        if (octet === "\n") assertMatch(await reply(talk), /^50\d /); // the rest is a line, and no command
      }
      await talk.ask("NOOP", /^250 2\.0\.0 /);
    });
  }
  assertEquals(house.accepted, 0);
});

Deno.test("a bare LF or CR ends no command: what stands behind it is not done (RFC 5321 2.3.8)", async () => {
  await using house = await House.start();
  for (const end of ["\n", "\r", "\r\r\n", "\n\r", "\0\r\n"]) {
    using talk = await house.talk();
    await talk.send(
      `MAIL FROM:<jsmith@mindspring.com>${end}RCPT TO:<brain@howstuffworks.com>\r\nNOOP\r\nQUIT\r\n`,
    );
    const said = await talk.rest();
    assert(!said.includes("2.1.5"), JSON.stringify([end, said]));
    assert(!said.includes("250 2.1.0"), JSON.stringify([end, said]));
  }
});

Deno.test("VRFY, EXPN, HELP, NOOP and unknown verbs never give a control octet back", async () => {
  await using house = await House.start({
    config: { vrfy: "always", expn: "always", limits: { errorsPerSession: 1000 } },
  });
  for (const verb of ["VRFY", "EXPN", "HELP", "NOOP", "XYZZY"]) {
    for (let from = 0; from < CONTROLS.length; from += 30) {
      using talk = await house.talk();
      for (const code of CONTROLS.slice(from, from + 30)) {
        if (code === 10) continue;
        await talk.send(`${verb} a${String.fromCharCode(code)}b\r\n`);
        assertMatch(await reply(talk), /^(\d{3}[ -][\t -~]*\r\n)+$/, `${verb} ${code}`);
      }
    }
  }
});

Deno.test("AUTH: control octets and NUL in names and passwords are no way in, and are not told to the log raw", async () => {
  await using house = await House.start();
  for (const name of ["brain@howstuffworks.com\r\n", "brain\nx", "\x1b[2J", "brain@howstuffworks.com\0x"]) {
    using talk = await house.talk("submission");
    await talk.ask(plain(name), /^5(35 5\.7\.8|01 5\.5\.2) /);
  }
  assertEquals(house.events.filter((one) => one.type === "login" && one.ok), []);
});

// --- header injection: every field that we write -------------------------------------------------------------------

Deno.test("header injection through HELO, addresses, ENVID, ORCPT: no line of its own (GHSA-54wq-72mp-cq7c)", async () => {
  await using house = await House.start();
  const evil = "X-Evil: 1";
  const attempts: readonly [helo: string, sender: string, recipient: string][] = [
    [`x(${evil})`, "a@b.example", "brain@howstuffworks.com"],
    [`[127.0.0.1]\t${evil}`, "a@b.example", "brain@howstuffworks.com"],
    ["x;\tfor=<evil@x>", "a@b.example", "brain@howstuffworks.com"],
    ["x", `"a ${evil}"@b.example`, "brain@howstuffworks.com"],
    ["x", "a@b.example", `"brain"@howstuffworks.com`],
    ["x", `"\\"><${evil}"@b.example`, `brain+${"x".repeat(50)}@howstuffworks.com`],
  ];
  for (const [helo, sender, recipient] of attempts) {
    using talk = await house.dial("smtp");
    await talk.reply(/^220 /);
    await talk.send(`EHLO ${helo}\r\n`);
    if (!(await reply(talk)).startsWith("250")) await talk.ask("EHLO client.example", /^250/);
    await talk.send(`MAIL FROM:<${sender}> ENVID=a+0D+0AX-Evil:+201\r\n`);
    assertMatch(await reply(talk), /^501 5\.5\.4 /, "xtext with CR LF is no ENVID (RFC 3461 4.4)");
    await talk.send(`MAIL FROM:<${sender}>\r\n`);
    if (!(await talk.maybeReply())?.startsWith("250")) continue;
    await talk.send(`RCPT TO:<${recipient}> ORCPT=rfc822;a+0D+0AX-Evil:+201\r\n`);
    assertMatch(await reply(talk), /^501 5\.5\.4 /, "nor an ORCPT (RFC 3461 4.2)");
    await talk.ask(`RCPT TO:<${recipient}>`, /^250 /);
    await talk.ask("DATA", /^354 /);
    await talk.send("Subject: x\r\n\r\nHi\r\n.\r\n");
    await talk.reply(/^250 /);
  }
  const texts = await house.mailbox("brain");
  assert(texts.length >= 4);
  for (const text of texts) {
    const head = text.slice(0, text.indexOf("\r\n\r\n"));
    const names = head.split("\r\n").filter((line) => !/^[ \t]/.test(line)).map((line) => line.split(":")[0]);
    assertEquals(
      names,
      ["Return-Path", "Delivered-To", "Authentication-Results", "Received", "Subject"],
      head,
    );
    assertMatch(head, /^[\t\r\n -~]*$/);
    assert(head.split("\r\n").every((line) => line.length <= 998 && line !== ""));
  }
});

Deno.test("header injection through an account's name: VRFY and EXPN tell one line for it", async () => {
  await using house = await House.start({
    config: {
      vrfy: "always",
      accounts: {
        "brain@howstuffworks.com": { password: "gRiZZly bear", name: "Brain\r\n250 2.0.0 smuggled\x1b[2J" },
      },
      aliases: {},
    },
  });
  using talk = await house.talk();
  await talk.send("VRFY brain\r\nNOOP\r\nQUIT\r\n");
  const lines = (await talk.rest()).split("\r\n").slice(0, -1);
  assertEquals(lines.map((line) => line.slice(0, 9)), ["250 2.1.5", "250 2.0.0", "221 2.0.0"]);
  assertMatch(lines.join(""), /^[ -~]*$/);
});

async function reply(talk: { maybeReply(): Promise<string | undefined> }): Promise<string> {
  const said = await talk.maybeReply();
  assert(said !== undefined, "The server closed");
  return said;
}
