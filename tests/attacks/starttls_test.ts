/**
 * Command injection into STARTTLS (CVE-2011-0411 Postfix and its kin; "Why TLS Is Better Without STARTTLS", USENIX
 * Security 2021; RFC 3207 4.2, 5): what was sent in clear must never be read as if it had been encrypted.
 */

import { assertEquals, assertStringIncludes } from "@std/assert";
import { binaryString, encode } from "../../src/base/bytes.ts";
import { systemClock } from "../../src/base/clock.ts";
import { SmtpClient } from "../../src/smtp/client/client.ts";
import type { ByteConn } from "../../src/wire/byte_conn.ts";
import { tcpConn } from "../../src/wire/tcp_conn.ts";
import { serverTls } from "../../src/wire/tls.ts";
import { CERTIFICATE } from "../smtp/client/certificate.ts";
import { type Door, House, plain } from "../smtp/server/whole_server.ts";

/** What somebody on the line puts behind STARTTLS, in clear. */
const INJECTIONS = [
  "EHLO attacker.example\r\n",
  "RSET\r\n",
  "MAIL FROM:<attacker@evil.example>\r\nRCPT TO:<brain@howstuffworks.com>\r\nDATA\r\nevil\r\n.\r\n",
  "NOOP",
  "\r\n",
  `${plain("brain@howstuffworks.com")}\r\nMAIL FROM:<brain@howstuffworks.com>\r\n`,
];

for (const door of ["smtp", "submission", "lmtp"] as const) {
  Deno.test(`STARTTLS at ${door}: what is pipelined behind it is thrown away (CVE-2011-0411)`, async () => {
    await using house = await House.start();
    for (const injected of INJECTIONS) {
      using talk = await house.talk(door);
      await talk.send(`STARTTLS\r\n${injected}`);
      await talk.reply(/^220 2\.0\.0 /);
      await talk.encrypt();
      // the next reply is the one to this, and the session knows nothing: RFC 3207 4.2
      await talk.ask("MAIL FROM:<jsmith@mindspring.com>", /^503 5\.5\.1 /);
      await talk.ask(hello(door), /^250/);
      await talk.ask("QUIT", /^221 /);
    }
    assertEquals(house.accepted, 0);
  });

  Deno.test(`STARTTLS at ${door}: takes no argument, not twice, not in a transaction (RFC 3207 4)`, async () => {
    await using house = await House.start();
    using talk = await house.talk(door);
    await talk.ask("STARTTLS now", /^501 5\.5\.4 /);
    if (door !== "submission") {
      await talk.ask("MAIL FROM:<jsmith@mindspring.com>", /^250 /);
      await talk.ask("STARTTLS", /^503 5\.5\.1 /);
      await talk.ask("RSET", /^250 /);
    }
    await talk.ask("STARTTLS", /^220 2\.0\.0 /);
    await talk.encrypt();
    assertEquals((await talk.ask(hello(door), /^250/)).includes("STARTTLS"), false);
    await talk.ask("STARTTLS", /^503 5\.5\.1 /);
  });
}

Deno.test("STARTTLS after AUTH is refused: nobody's login outlives the handshake (session fixation)", async () => {
  await using house = await House.start();
  using talk = await house.talk("submission");
  await talk.ask(plain("brain@howstuffworks.com"), /^235 /);
  await talk.ask("STARTTLS", /^503 5\.5\.1 /);
});

Deno.test("STARTTLS: what is no handshake ends the connection without a word", async () => {
  await using house = await House.start();
  using talk = await house.talk();
  await talk.ask("STARTTLS", /^220 /);
  await talk.send("EHLO plain.example\r\nMAIL FROM:<>\r\n");
  assertEquals(/250|221/.test(await talk.rest()), false);
});

Deno.test("STARTTLS: VERB and the name of HELO are forgotten", async () => {
  await using house = await House.start({ config: { verb: "always" } });
  using talk = await house.talk();
  await talk.ask("VERB", /^250 2\.0\.0 /);
  await talk.startTls();
  await talk.envelope();
  await talk.send("Subject: x\r\n\r\nHi\r\n.\r\n");
  await talk.reply(/^250 2\.0\.0 Ok: queued/); // no 050 line before it
  const [text] = await house.mailbox("brain");
  assertStringIncludes(text!, "with ESMTPS (TLSv1.3 TLS_");
});

// --- as a client: replies that somebody put behind the 220 in clear -------------------------------------------------

Deno.test("as a client: replies in clear behind the 220 are never read after the handshake (CVE-2021-33515)", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const lines: string[] = [];
  const serving = (async () => {
    let conn: ByteConn = tcpConn(await listener.accept());
    const put = (text: string) => conn.write(encode(text));
    const into = new Uint8Array(4096);
    await put("220 mx.far.example ESMTP\r\n");
    for (let count = await conn.read(into); count !== null; count = await conn.read(into)) {
      const line = binaryString(into.subarray(0, count)).trimEnd();
      lines.push(line);
      if (line === "STARTTLS") {
        // the man in the middle adds replies of his own to ours
        await put("220 Go\r\n250-evil.example\r\n250 AUTH PLAIN\r\n250 Sender ok\r\n");
        conn = await serverTls(CERTIFICATE).upgrade(conn);
      } else if (line.startsWith("EHLO")) {
        await put(`250-mx.far.example\r\n250 ${conn.tls ? "DSN" : "STARTTLS"}\r\n`);
      } else await put(line === "QUIT" ? "221 Bye\r\n" : "550 5.7.1 No\r\n");
    }
    conn.close();
  })().catch(() => {});
  const target = { host: "mx.far.example", address: "127.0.0.1", port: listener.addr.port };
  const connected = await SmtpClient.connect(target, {
    hostname: "mail.howstuffworks.com",
    clock: systemClock,
    tls: "require",
  });
  if (connected.ok) {
    const [outcome] = await connected.client.send({
      sender: "brain@howstuffworks.com",
      recipients: [{ address: "jsmith@mindspring.com" }],
      size: 4,
      parameters: {},
      text: () => [encode("Hi\r\n")],
    });
    // the reply to MAIL is the one that came encrypted
    assertEquals([outcome!.kind, outcome!.code], ["failed", 550]);
    await connected.client.quit();
  } else assertEquals(connected.outcome.kind, "deferred");
  listener.close();
  await serving;
  assertEquals(lines.slice(0, 2), ["EHLO mail.howstuffworks.com", "STARTTLS"]);
});

function hello(door: Door): string {
  return `${door === "lmtp" ? "LHLO" : "EHLO"} client.example`;
}
