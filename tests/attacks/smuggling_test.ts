/**
 * SMTP smuggling (Longin 2023; CVE-2023-51764 Postfix, CVE-2023-51765 sendmail, CVE-2023-51766 Exim): two servers that
 * disagree about where a text ends turn one message into two. RFC 5321 2.3.8 and 4.1.1.4: only CRLF.CRLF is the end.
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import fc from "fast-check";
import { systemClock } from "../../src/base/clock.ts";
import { SmtpClient } from "../../src/smtp/client/client.ts";
import { type Door, House, plain } from "../smtp/server/whole_server.ts";
import { LaxPeer } from "./lax_peer.ts";

/** Every end of data that somebody has ever taken for one, and the right one is none of them. */
const FALSE_ENDS = [
  "\n.\n", // CVE-2023-51764, -51765, -51766
  "\n.\r\n", // Cisco, Mailpit, Haraka
  "\r\n.\n", // CVE-2023-51764
  "\r\n.\r", // behind it a CR alone
  "\n.\r",
  "\r.\r",
  "\r.\n",
  "\r.\r\n", // Microsoft
  "\r\r\n.\r\r\n",
  "\r\n.\r\r\n",
  "\r\n\0.\r\n", // Sendmail, CVE-2023-51765
  "\r\n.\0\r\n",
  "\n\n.\r\n",
  "\r\n\n.\n\r\n",
];

const SECOND = "MAIL FROM:<ceo@howstuffworks.com>\r\nRCPT TO:<marshall@howstuffworks.com>\r\nDATA\r\n" +
  "Subject: Pay\r\n\r\nPay him.\r\n.\r\n";

Deno.test("inbound: no false end of data lets a second message in from a stranger", async (t) => {
  await using house = await House.start();
  const before = house.accepted;
  for (const door of ["smtp", "lmtp"] as const) {
    for (const end of FALSE_ENDS) {
      await t.step(`${door} ${JSON.stringify(end)} (CVE-2023-51764)`, async () => {
        using talk = await open(house, door);
        await talk.envelope(senderAt(door));
        await talk.send(`Subject: x\r\n\r\nHello${end}${SECOND}`);
        assertMatch(await talk.rest(), /^550 5\.6\.11 [^\r]*\r\n$/);
      });
    }
  }
  assertEquals(house.accepted, before);
  assertEquals(await house.mailbox("brain"), []);
  assertEquals(await house.mailbox("marshall"), []);
});

Deno.test("inbound: from our own programs a false end is text, and goes on as lines that end with CRLF", async (t) => {
  await using house = await House.start();
  for (const door of ["submission", "submissions"] as const) {
    for (const end of FALSE_ENDS) {
      await t.step(`${door} ${JSON.stringify(end)} (CVE-2023-51764)`, async () => {
        const before = house.accepted;
        using talk = await open(house, door);
        await talk.envelope(senderAt(door));
        await talk.send(`Subject: x\r\n\r\nHello${end}${SECOND}`);
        if (end.includes("\0")) {
          assertMatch(await talk.rest(), /^550 5\.6\.11 [^\r]*\r\n$/);
          assertEquals(house.accepted, before);
          return;
        }
        await talk.reply(/^250 2\.0\.0 /);
        await talk.ask("NOOP", /^250 2\.0\.0 /);
        assertEquals(house.accepted, before + 1);
        const text = (await house.mailbox("brain")).at(-1)!;
        assert(text.endsWith(`\r\n${SECOND.replace(/\.\r\n$/, "")}`), text);
        assert(!/[^\r]\n|\r[^\n]/.test(text), "a bare line end is left");
      });
    }
  }
  assertEquals(await house.mailbox("marshall"), []);
});

Deno.test("inbound: a false end that comes octet by octet is none either (CVE-2023-51764)", async () => {
  await using house = await House.start();
  for (const end of FALSE_ENDS) {
    using talk = await house.talk();
    await talk.envelope();
    const answer = talk.rest();
    for (const octet of `Hello${end}${SECOND}`) await talk.send(octet).catch(() => {});
    assertMatch(await answer, /^550 5\.6\.11 [^\r]*\r\n$/);
  }
  assertEquals(house.accepted, 0);
});

Deno.test("inbound: chunks with bare CR, LF or NUL are refused and read to their last octet (RFC 3030 2)", async () => {
  await using house = await House.start();
  for (const end of FALSE_ENDS) {
    using talk = await house.talk();
    await talk.ask("MAIL FROM:<jsmith@mindspring.com>", /^250/);
    await talk.ask("RCPT TO:<brain@howstuffworks.com>", /^250/);
    const text = `Hello${end}${SECOND}`;
    await talk.send(`BDAT ${text.length} LAST\r\n${text}`);
    assertMatch(await talk.rest(), /^550 5\.6\.11 [^\r]*\r\n$/);
  }
  assertEquals(house.accepted, 0);
});

Deno.test("inbound: commands in a text stay text (RFC 5321 4.1.1.4)", async () => {
  await using house = await House.start();
  using talk = await house.talk();
  await talk.envelope();
  await talk.send(`QUIT\r\n..\r\n${SECOND.replace("\r\n.\r\n", "\r\n..\r\n")}.\r\n`);
  await talk.reply(/^250 2\.0\.0 /);
  assertEquals(house.accepted, 1);
  const [text] = await house.mailbox("brain");
  assert(text!.endsWith(`\r\nQUIT\r\n.\r\n${SECOND}`), text);
});

// --- outbound: our client must not be the smuggler's servant -------------------------------------------------------

/** Sends by our client and answers what a peer that takes anything for an end has read. */
async function sendToLaxPeer(pieces: readonly string[], chunking = false): Promise<LaxPeer> {
  await using peer = await LaxPeer.start({ chunking });
  const connected = await SmtpClient.connect({ host: "peer.example", ...peer.target }, {
    hostname: "mail.howstuffworks.com",
    clock: systemClock,
    tls: "never",
  });
  assert(connected.ok);
  const bytes = pieces.map((piece) => Uint8Array.from(piece, (one) => one.charCodeAt(0)));
  const outcomes = await connected.client.send({
    sender: "brain@howstuffworks.com",
    recipients: [{ address: "jsmith@mindspring.com" }],
    size: bytes.reduce((sum, one) => sum + one.length, 0),
    parameters: { bodyType: "8BITMIME" },
    text: () => bytes,
  });
  await connected.client.quit();
  assertEquals(outcomes.length, 1);
  return peer;
}

for (const end of FALSE_ENDS) {
  Deno.test(`outbound: ${JSON.stringify(end)} in a text is no end, even for a peer that takes it for one`, async () => {
    const text = `Hello${end}${SECOND}`;
    for (
      const pieces of [[text], [...text], [text.slice(0, 6), text.slice(6)], [
        text.slice(0, 7),
        text.slice(7),
      ]]
    ) {
      const peer = await sendToLaxPeer(pieces);
      assertEquals(peer.ends, 1, JSON.stringify(peer.raw));
      assertEquals(peer.senders, ["brain@howstuffworks.com"]);
      assertEquals(/(?<!\r)\n|\r(?!\n)/.test(peer.raw), false, "A bare CR or LF was sent");
    }
  });
}

Deno.test("outbound: no text, however it is cut, ends before its end for a lax peer", async () => {
  const pieces = fc.array(
    fc.string({ unit: fc.constantFrom("\r", "\n", ".", "\0", "x", "QUIT\r\n"), maxLength: 12 }),
    { maxLength: 8 },
  );
  await fc.assert(
    fc.asyncProperty(pieces, async (parts) => {
      const peer = await sendToLaxPeer(parts);
      assertEquals(peer.ends, 1, JSON.stringify(peer.raw));
      assertEquals(peer.senders.length, 1);
    }),
    { numRuns: 60 },
  );
});

async function open(house: House, door: Door) {
  const talk = await house.talk(door);
  if (door.startsWith("submission")) await talk.ask(plain("brain@howstuffworks.com"), /^235 /);
  return talk;
}

function senderAt(door: Door): string {
  return door.startsWith("submission") ? "brain@howstuffworks.com" : "jsmith@mindspring.com";
}
