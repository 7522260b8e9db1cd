/**
 * Talking before the greeting (RFC 5321 4.3.1) and other protocols on SMTP's ports: a browser or a TLS client that was
 * led here must not get anything done (inter-protocol exploitation; ALPACA, USENIX Security 2021).
 */

import { assertEquals, assertMatch } from "@std/assert";
import { systemClock } from "../../src/base/clock.ts";
import { House } from "../smtp/server/whole_server.ts";

const LETTER =
  "MAIL FROM:<jsmith@mindspring.com>\r\nRCPT TO:<brain@howstuffworks.com>\r\nDATA\r\nx\r\n.\r\nQUIT\r\n";
const CLEAR = ["smtp", "submission", "lmtp"] as const;

/** Requests whose bodies are commands. */
const FOREIGN: Readonly<Record<string, string>> = {
  "HTTP GET": `GET / HTTP/1.1\r\nHost: x\r\n\r\nEHLO x\r\n${LETTER}`,
  "HTTP POST (CVE-2017-7187 and its kin)":
    `POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nHELO x\r\n${LETTER}`,
  "HTTP CONNECT": `CONNECT mail.howstuffworks.com:25 HTTP/1.1\r\n\r\nHELO x\r\n${LETTER}`,
  "HTTP PUT without CRLF": "PUT /x HTTP/1.0",
  "HTTP/2": "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
  "HTTP with a method that few know": `PROPFIND /x HTTP/1.1\r\nHost: x\r\n\r\nHELO x\r\n${LETTER}`,
  "a header field": `User-Agent: x\r\n\r\nHELO x\r\n${LETTER}`,
  "SIP": `REGISTER sip:x SIP/2.0\r\nHELO x\r\n${LETTER}`,
  "SSH": `SSH-2.0-OpenSSH_9.9\r\nHELO x\r\n${LETTER}`,
  "RTSP": `OPTIONS rtsp://x RTSP/1.0\r\nHELO x\r\n${LETTER}`,
  "TLS hello": "\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00",
};

Deno.test("another protocol on an SMTP port is sent away, and no letter in it is taken", async (t) => {
  await using house = await House.start();
  for (const [name, request] of Object.entries(FOREIGN)) {
    await t.step(name, async () => {
      for (const door of CLEAR) {
        using waited = await house.dial(door);
        await waited.reply(/^220 /);
        await waited.send(request);
        assertMatch(await waited.rest(), /^(421 5\.5\.1 [^\r]*\r\n)?$/);
        using early = await house.dial(door);
        await early.send(request);
        // who is not known by the first word is an early talker at least
        assertMatch(
          await early.rest(),
          /^(220 [^\r]*\r\n)?((421 5\.5\.1|554 5\.5\.0) [^\r]*\r\n)?$/,
        );
      }
    });
  }
  assertEquals(house.accepted, 0);
});

Deno.test("a TLS hello where a command should be closes the connection at once, however late it comes", async () => {
  await using house = await House.start();
  using talk = await house.dial("smtp");
  await talk.reply(/^220 /);
  await talk.send("EHLO x\r\n");
  await talk.reply(/^250 /m);
  await talk.send(FOREIGN["TLS hello"]!);
  assertMatch(await talk.rest(), /^421 5\.5\.1 [^\r]*\r\n$/);
});

Deno.test("pipelining before the greeting: nothing that an early talker sent is done (RFC 5321 4.3.1)", async () => {
  await using house = await House.start();
  for (let i = 0; i < 20; i++) {
    using talk = await house.dial("smtp");
    await talk.send(`EHLO early.example\r\n${LETTER}`);
    const said = await talk.rest();
    // octets that came after the look at the wire are as good as on time: then all of it is one group after 220
    assertMatch(said, /^(554 5\.5\.0 [^\r]*\r\n|220 [^]*221 [^\r]*\r\n)$/);
  }
});

Deno.test("pipelining before the reply to EHLO of what ends a group works, and DATA is no shortcut (RFC 2920 3.1)", async () => {
  await using house = await House.start();
  using talk = await house.dial("smtp");
  await talk.reply(/^220 /);
  // the text follows DATA at once, without waiting for the 354, though RCPT is refused: it is read as commands
  await talk.send(
    "EHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<nobody@howstuffworks.com>\r\nDATA\r\nHello\r\n.\r\nQUIT\r\n",
  );
  const codes = (await talk.rest()).split("\r\n").filter((line) => line[3] === " ").map((line) =>
    line.slice(0, 3)
  );
  assertEquals(codes, ["250", "250", "550", "503", "500", "500", "221"]);
  assertEquals(house.accepted, 0);
});

Deno.test("SMTP on a port for TLS gets no greeting in clear, and the connection closes (RFC 8314 3.3)", async () => {
  await using house = await House.start();
  for (const door of ["submissions", "pop3s"] as const) {
    const conn = await Deno.connect(house.at(door));
    await conn.write(new TextEncoder().encode("EHLO client.example\r\nQUIT\r\n"));
    const into = new Uint8Array(1000);
    let text = "";
    for (;;) {
      const count = await conn.read(into).catch(() => null);
      if (count === null) break;
      text += new TextDecoder("latin1").decode(into.subarray(0, count));
    }
    conn.close();
    // a TLS alert (0x15) at the most
    assertEquals(text === "" || text.charCodeAt(0) === 0x15, true, JSON.stringify(text));
  }
});

Deno.test("a client that greets slowly is not taken for an early talker", async () => {
  await using house = await House.start();
  using talk = await house.dial("smtp");
  await new Promise<void>((resolve) => void systemClock.schedule(20, resolve));
  await talk.reply(/^220 /);
  await talk.ask("EHLO x", /^250/);
});
