/** What a server that captures takes, from whom, and what becomes of the octets. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { CERTIFICATE } from "../smtp/client/certificate.ts";
import { SmtpTalk } from "../e2e/support/smtp_talk.ts";
import { CapturingServer } from "./capturing_server.ts";

const LETTER = "Subject: Hello\r\n\r\nA first message.\r\n";

Deno.test("Every recipient of every domain has a mailbox of its own, named as the envelope says", async () => {
  // neither accounts nor aliases nor a quota change that
  const config = {
    domains: ["howstuffworks.com"],
    aliases: { "info@howstuffworks.com": ["brain@howstuffworks.com"] },
    catchAll: { "howstuffworks.com": "brain@howstuffworks.com" },
  };
  await using town = await CapturingServer.start({ config });
  const to = [
    "jsmith@mindspring.com",
    "jsmith+news@mindspring.com",
    "info@howstuffworks.com",
    "nobody@howstuffworks.com",
    "postmaster@howstuffworks.com",
    "root@anywhere.example",
    '"two words"@mindspring.com',
    "brain@[127.0.0.1]",
    "a..b@old.example",
  ];
  const id = await town.send({ to, text: LETTER });
  for (const address of to) {
    const items = await town.mailbox(address);
    assertEquals(items.map(({ uid, subject }) => [uid, subject]), [[id, "Hello"]], address);
    assertMatch(
      await town.raw(address, id),
      /^Return-Path: <me@example\.org>\r\nDelivered-To: \S+.*\r\nReceived: /,
    );
  }
  assertEquals(await town.mailbox("brain@howstuffworks.com"), []);
  assertEquals(
    await town.mailbox("JSmith@MINDSPRING.com").then((all) => all.length),
    1,
    "however it is written",
  );
  assertEquals(await town.status("/api/v1/mailboxes/nobody/messages"), 404, "that is no address");
  assertEquals((await (await town.ask("/api/v1/queue")).json()).items, [], "nothing is for anybody else");
});

Deno.test("<postmaster> without a domain is the first domain's", async () => {
  await using town = await CapturingServer.start({ config: { domains: ["howstuffworks.com"] } });
  const id = await town.send({ to: ["postmaster"], text: LETTER });
  assertEquals((await town.mailbox("postmaster@howstuffworks.com")).map(({ uid }) => uid), [id]);
});

const base64 = (text: string) => new TextEncoder().encode(text).toBase64();

/** What a client says after EHLO, with what the server says to it. */
const LOGINS: readonly (readonly [string, readonly (readonly [string, string])[]])[] = [
  ["PLAIN at once", [[`AUTH PLAIN ${base64("\0anybody\0at all")}`, "235"]]],
  ["PLAIN with an empty password", [[`AUTH PLAIN ${base64("\0anybody\0")}`, "235"]]],
  ["PLAIN after a challenge", [["AUTH PLAIN", "334 "], [base64("\0anybody\0at all"), "235"]]],
  ["LOGIN", [["AUTH LOGIN", "334 VXNlcm5hbWU6"], [base64("anybody"), "334 UGFzc3dvcmQ6"], [
    base64("x"),
    "235",
  ]]],
  ["LOGIN with the name", [[`AUTH LOGIN ${base64("anybody")}`, "334 UGFzc3dvcmQ6"], [base64("x"), "235"]]],
  ["CRAM-MD5", [["AUTH CRAM-MD5", "334 "], [base64("anybody 0123456789abcdef0123456789abcdef"), "235"]]],
  ["XOAUTH2", [[`AUTH XOAUTH2 ${base64("user=anybody\x01auth=Bearer token\x01\x01")}`, "235"]]],
  ["OAUTHBEARER", [[`AUTH OAUTHBEARER ${base64("n,a=anybody,\x01auth=Bearer token\x01\x01")}`, "235"]]],
  ["OAUTHBEARER later", [["AUTH OAUTHBEARER", "334 "], [base64("n,,\x01auth=Bearer t\x01\x01"), "235"]]],
];

Deno.test("AUTH takes any name and password on every SMTP port, in clear, and then any sender", async () => {
  await using town = await CapturingServer.start();
  for (const kind of ["smtp", "submission"]) {
    for (const [name, lines] of LOGINS) {
      using talk = await SmtpTalk.dial(town.at(kind));
      await talk.expect("220");
      const hello = await talk.ask("EHLO client.example", "250");
      assertMatch(hello, /^250-AUTH PLAIN LOGIN CRAM-MD5 XOAUTH2 OAUTHBEARER$/m);
      assert(!/STARTTLS|SCRAM/.test(hello), hello);
      for (const [line, answer] of lines) await talk.ask(line, answer);
      await talk.ask("MAIL FROM:<somebody.else@example.org>", "250");
      await talk.ask("RCPT TO:<jsmith@mindspring.com>", `250 2.1.5`);
      assert(talk, name);
    }
    using talk = await town.talk(kind);
    await talk.ask("AUTH SCRAM-SHA-256 biwsbj11c2VyLHI9cg==", "504");
    await talk.ask("AUTH PLAIN not-base64!", "501");
    await talk.ask("AUTH PLAIN", "334");
    await talk.ask("*", "501");
  }
  const accounts = town.events.filter((event) => event.type === "login").map((event) => event.account);
  assertEquals(new Set(accounts), new Set(["anybody", ""]));
});

Deno.test("On submission a login comes before MAIL, as it will where the program runs one day", async () => {
  await using town = await CapturingServer.start();
  using talk = await town.talk("submission");
  await talk.ask("MAIL FROM:<me@example.org>", "530 5.7.0");
  await talk.ask(`AUTH PLAIN ${base64("\0a\0b")}`, "235");
  await talk.ask("MAIL FROM:<me@example.org>", "250");
});

Deno.test("STARTTLS is offered only where tls is configured", async () => {
  await using town = await CapturingServer.start({ certificate: CERTIFICATE });
  using talk = await town.talk();
  assertMatch(await talk.ask("EHLO client.example", "250"), /^250-STARTTLS$/m);
  await using other = await CapturingServer.start();
  using plain = await other.talk();
  await plain.ask("STARTTLS", "502");
});

Deno.test("Every client is one of our own: paths without brackets, any EHLO, addresses beyond ASCII", async () => {
  await using town = await CapturingServer.start();
  using talk = await SmtpTalk.dial(town.at("smtp"));
  await talk.expect("220");
  await talk.ask("EHLO my printer (2nd floor)", "250");
  await talk.ask("MAIL FROM: me@example.org SIZE=100", "250");
  await talk.ask("RCPT TO:jsmith@mindspring.com", "250");
  await talk.write(new TextEncoder().encode("RCPT TO:<j\u00fcrgen@example.org>\r\n"));
  await talk.expect("250");
  await talk.ask("DATA", "354");
  await talk.ask("Subject: x\r\n\r\ny\r\n.", "250");
  assertEquals((await town.mailbox("j\u00fcrgen@example.org")).length, 1);
});

/** What is sent, and what is kept of it behind our trace. An octet for each character. */
const OCTETS: Readonly<Record<string, readonly [string, string]>> = {
  "nothing that is missing is added": ["To: a@b.example\r\n\r\nx\r\n", "To: a@b.example\r\n\r\nx\r\n"],
  "hidden recipients and foreign trace stay": [
    "Return-Path: <x@y.example>\r\nBcc: c@d.example\r\nResent-Bcc: e@f.example\r\nStatus: RO\r\n\r\nx\r\n",
    "Return-Path: <x@y.example>\r\nBcc: c@d.example\r\nResent-Bcc: e@f.example\r\nStatus: RO\r\n\r\nx\r\n",
  ],
  "names without a domain, empty fields and odd folding": [
    "From: root\r\nMessage-ID: <>\r\nDate:\r\nSubject:\r\n\t \r\n x\r\n\r\nx\r\n",
    "From: root\r\nMessage-ID: <>\r\nDate:\r\nSubject:\r\n\t \r\n x\r\n\r\nx\r\n",
  ],
  "the line of a mailbox file": [
    "From jo@example.org Mon Jan  1 10:00:00 2026\r\nSubject: x\r\n\r\nx\r\n",
    "From jo@example.org Mon Jan  1 10:00:00 2026\r\nSubject: x\r\n\r\nx\r\n",
  ],
  "bare line ends become CRLF": [
    "Subject: x\n\none\rtwo\r\nthree\r\n",
    "Subject: x\r\n\r\none\r\ntwo\r\nthree\r\n",
  ],
  "eight bits, whatever their charset": [
    "Subject: caf\xe9\r\n\r\n\xff\xfe\xe9\r\n",
    "Subject: caf\xe9\r\n\r\n\xff\xfe\xe9\r\n",
  ],
  "no header at all": ["just text\r\n", "\r\njust text\r\n"],
  "a header section alone": ["Subject: x\r\n", "Subject: x\r\n"],
  "a DKIM signature": [
    "DKIM-Signature: v=1; a=rsa-sha256;\r\n\tb=AAAA\r\nSubject:  two  blanks \r\n\r\nx \r\n\r\n\r\n",
    "DKIM-Signature: v=1; a=rsa-sha256;\r\n\tb=AAAA\r\nSubject:  two  blanks \r\n\r\nx \r\n\r\n\r\n",
  ],
};

Deno.test("Of the octets nothing changes but bare line ends", async () => {
  await using town = await CapturingServer.start();
  for (const [name, [sent, kept]] of Object.entries(OCTETS)) {
    const to = `${encodeURIComponent(name).replaceAll("%", "=")}@example.org`;
    const id = await town.send({ to: [to], text: sent });
    const raw = await town.raw(to, id);
    const trace = /^Return-Path: .*\r\nDelivered-To: .*\r\n(?: .*\r\n)*Received: .*\r\n(?: .*\r\n)+/.exec(raw)
      ?.[0];
    assertEquals(raw.slice(trace?.length), kept, name);
  }
});

Deno.test("A text in chunks that ends within a line stays so, and a program's HTTP post is kept as it is", async () => {
  await using town = await CapturingServer.start();
  using talk = await town.talk();
  await talk.ask("MAIL FROM:<me@example.org>", "250");
  await talk.ask("RCPT TO:<chunks@example.org>", "250");
  const text = "Subject: x\r\n\r\nno line end";
  await talk.ask(`BDAT ${text.length} LAST\r\n${text}`.replace(/\r\n$/, ""), "250").catch(() => {});
  const [item] = await town.mailbox("chunks@example.org");
  assert((await town.raw("chunks@example.org", item!.uid)).endsWith("\r\nSubject: x\r\n\r\nno line end"));
  assertEquals((await town.drop("chunks@example.org"))[0]?.endsWith("\r\nno line end\r\n"), true);
  const posted = await town.ask("/api/v1/messages?from=me@example.org&to=post@example.org", {
    method: "POST",
    headers: { "content-type": "message/rfc822" },
    body: "Bcc: c@d.example\n\nx\n",
  });
  const { id } = await posted.json();
  assert((await town.raw("post@example.org", id)).endsWith("\r\nBcc: c@d.example\r\n\r\nx\r\n"));
});

Deno.test("Any number of connections come from one address, and have an hour for a command", async () => {
  await using town = await CapturingServer.start({
    config: { capture: true, limits: { connectionsPerIp: 3 } },
  });
  const talks = await Promise.all(Array.from({ length: 150 }, () => town.talk()));
  for (const talk of talks) talk.close();
  assertEquals(town.server.config.limits.commandTimeout, 3600_000);
});

Deno.test("POP3 opens the mailbox of any name with any password", async () => {
  await using town = await CapturingServer.start({ config: { domains: ["howstuffworks.com"] } });
  await town.send({ to: ["jo@mindspring.com", "brain@howstuffworks.com"], text: LETTER });
  assertEquals((await town.drop("jo@mindspring.com")).map((text) => text.endsWith(LETTER)), [true]);
  assertEquals((await town.drop("brain")).length, 1, "a name without a domain is of the first one");
  assertEquals(await town.drop("nobody@mindspring.com"), []);
});

Deno.test("Who makes an account finds the mail that was captured for its address", async () => {
  await using town = await CapturingServer.start({ config: { domains: ["howstuffworks.com"] } });
  const id = await town.send({ to: ["brain@howstuffworks.com"], text: LETTER });
  const headers = { "content-type": "application/json" };
  const body = JSON.stringify({ address: "brain@howstuffworks.com", password: "a long password" });
  assertEquals(await town.status("/api/v1/accounts", { method: "POST", headers, body }), 201);
  assertEquals((await town.mailbox("brain@howstuffworks.com")).map(({ uid }) => uid), [id]);
});

Deno.test("Two hundred inboxes at once, and nobody reads another's mail", async () => {
  await using town = await CapturingServer.start();
  await Promise.all(Array.from({ length: 200 }, async (_, n) => {
    const to = `inbox-${n}@test.example`;
    const ids = [];
    for (const part of ["a", "b"]) {
      ids.push(await town.send({ to: [to], text: `Subject: ${n} ${part}\r\n\r\nx\r\n` }));
    }
    const items = await town.mailbox(to);
    assertEquals(items.map(({ uid, subject }) => [uid, subject]), [[ids[1], `${n} b`], [ids[0], `${n} a`]]);
  }));
});
