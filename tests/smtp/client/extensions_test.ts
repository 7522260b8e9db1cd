import { assert, assertEquals, assertMatch } from "@std/assert";
import type { OutgoingMessage } from "../../../src/smtp/client/client.ts";
import { parseExtensions } from "../../../src/smtp/client/extensions.ts";
import { ScriptedPeer } from "../../../src/testing/scripted_peer.ts";
import { CERTIFICATE } from "./certificate.ts";
import { brief, connect, connected, message } from "./helpers.ts";

const DELIVERED = "delivered 2.0.0 end 250";

/** Sends one message to a peer that offers these extensions; answers the outcomes and the commands. */
async function exchange(
  extensions: string[],
  overrides: Parameters<typeof message>[0],
): Promise<{ outcomes: string[]; lines: string[]; relayed: (boolean | undefined)[] }> {
  await using peer = ScriptedPeer.start({ extensions });
  const client = await connected(peer);
  const outcomes = await client.send(message({ to: ["jsmith@far.example"], ...overrides }));
  await client.quit();
  const lines = peer.sessions[0]!.lines.filter((line) => /^(MAIL|RCPT)/.test(line));
  const relayed = outcomes.map((o) => o.kind === "delivered" ? o.relayedWithoutDsn : undefined);
  return { outcomes: brief(outcomes), lines, relayed };
}

Deno.test("parseExtensions() reads what servers offer", () => {
  const offered = parseExtensions({
    code: 250,
    lines: [
      "PIPELINING is my name",
      "size 1000",
      "auth plain",
      "AUTH=LOGIN",
      "Limits MAILMAX=3 RCPTMAX=20",
      "X-ODD",
      "!?",
    ],
  });
  assertEquals(offered, {
    pipelining: false,
    chunking: false,
    eightBit: false,
    utf8: false,
    dsn: false,
    starttls: false,
    requireTls: false,
    size: true,
    sizeLimit: 1000,
    auth: new Set(["PLAIN", "LOGIN"]),
    recipientLimit: 20,
    mailLimit: 3,
  });
  for (const line of ["SIZE", "SIZE 0", "SIZE many"]) {
    assertEquals(parseExtensions({ code: 250, lines: ["x", line] }).sizeLimit, undefined);
  }
});

Deno.test("send() observes SIZE (RFC 1870)", async () => {
  const size = message().size;
  const rows: [string, string, string[]][] = [
    [`SIZE ${size - 1}`, "failed 5.3.4 mail", []],
    [`SIZE ${size}`, DELIVERED, [`MAIL FROM:<brain@near.example> SIZE=${size}`]],
    ["SIZE", DELIVERED, [`MAIL FROM:<brain@near.example> SIZE=${size}`]],
    ["NOOP", DELIVERED, ["MAIL FROM:<brain@near.example>"]],
  ];
  for (const [extension, outcome, mail] of rows) {
    const { outcomes, lines } = await exchange([extension], {});
    assertEquals([outcomes, lines.slice(0, 1)], [[outcome], mail]);
  }
});

Deno.test("send() observes 8BITMIME and SMTPUTF8 (RFC 6152, 6531)", async () => {
  const eight = "Subject: x\r\n\r\nGrüße\r\n";
  const utf8Head = "Subject: Grüße\r\n\r\nx\r\n";
  const utf8Address = "From: jürgen@near.example\r\n\r\nx\r\n";
  const utf8Part =
    "Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\nContent-Description: ü\r\n\r\nx\r\n--x--\r\n";
  const signedHead = `DKIM-Signature: v=1; c=relaxed/relaxed; h=from:subject; b=x\r\n${utf8Head}`;
  const signed = "Content-Type: multipart/signed; boundary=x\r\n\r\n--x\r\n\r\nGrüße\r\n--x--\r\n";
  const rows: [string[], Parameters<typeof message>[0], string, string?][] = [
    // 8-bit text
    [["8BITMIME"], { body: eight, parameters: { bodyType: "8BITMIME" } }, DELIVERED, " BODY=8BITMIME"],
    [["8BITMIME"], { parameters: { bodyType: "7BIT" } }, DELIVERED, ""],
    [["8BITMIME"], {}, DELIVERED, ""],
    [[], { body: eight, parameters: { bodyType: "8BITMIME" } }, DELIVERED, ""],
    [["SIZE 200"], { body: eight }, DELIVERED, " SIZE=143"], // recoded
    [["SIZE 60"], { body: eight }, "failed 5.3.4 mail"],
    [[], { body: signed }, "failed 5.6.3 mail"],
    [[], { parameters: { bodyType: "8BITMIME" } }, DELIVERED, ""],
    // addresses that need SMTPUTF8
    [["8BITMIME", "SMTPUTF8"], { to: ["jürgen@far.example"] }, DELIVERED, " SMTPUTF8"],
    [["8BITMIME", "SMTPUTF8"], { sender: "grün@near.example" }, DELIVERED, " SMTPUTF8"],
    [["8BITMIME"], { to: ["jürgen@far.example"] }, "failed 5.6.7 rcpt"],
    [["8BITMIME"], { sender: "grün@near.example" }, "failed 5.6.7 mail"],
    // a header that needs it
    [["8BITMIME", "SMTPUTF8"], { body: utf8Head, parameters: { utf8: true } }, DELIVERED, " SMTPUTF8"],
    [["8BITMIME"], { body: utf8Head, parameters: { utf8: true } }, DELIVERED, ""], // by RFC 2047
    [["8BITMIME"], { body: utf8Address, parameters: { utf8: true } }, "failed 5.6.7 mail"],
    [["8BITMIME"], { body: signedHead, parameters: { utf8: true } }, "failed 5.6.7 mail"],
    [["8BITMIME", "SMTPUTF8"], { body: utf8Part, parameters: { utf8: true } }, DELIVERED, " SMTPUTF8"],
    // asked for, and not needed
    [["8BITMIME", "SMTPUTF8"], { parameters: { utf8: true } }, DELIVERED, ""],
    [["8BITMIME", "SMTPUTF8"], { body: eight, parameters: { utf8: true } }, DELIVERED, ""],
    [["8BITMIME"], { body: eight, parameters: { utf8: true } }, DELIVERED, ""],
    [[], { body: eight, parameters: { utf8: true } }, DELIVERED, ""],
    [[], { body: utf8Head }, DELIVERED, ""],
    [[], { body: signedHead }, "failed 5.6.3 mail"],
    // needed, and not asked for: as other servers send it
    [["8BITMIME", "SMTPUTF8"], { body: utf8Head }, DELIVERED, ""],
  ];
  for (const [extensions, overrides, outcome, parameters] of rows) {
    const { outcomes, lines } = await exchange(extensions, overrides);
    const note = `${extensions} ${JSON.stringify(overrides)}`;
    assertEquals(outcomes, [outcome], note);
    assertEquals(lines[0]?.replace(/^[^>]*>/, ""), parameters, note);
  }
});

Deno.test("send() fails only those recipients that need SMTPUTF8", async () => {
  const { outcomes, lines } = await exchange(["8BITMIME"], { to: ["a@x", "jürgen@x", "b@x"] });
  assertEquals(outcomes, [DELIVERED, "failed 5.6.7 rcpt", DELIVERED]);
  assertEquals(lines.slice(1), ["RCPT TO:<a@x>", "RCPT TO:<b@x>"]);
});

Deno.test("send() passes the DSN parameters on, or says that it can't (RFC 3461)", async () => {
  const recipients: OutgoingMessage["recipients"] = [
    { address: "a@x", notify: "never" },
    { address: "b@x", notify: ["success", "failure"], orcpt: "rfc822;b+2Bc@y" },
    { address: "c@x", orcpt: "rfc822;bad one" },
  ];
  const asks = { recipients, parameters: { ret: "headers", envid: "QQ+3D1" } } as const;
  const able = await exchange(["DSN"], asks);
  assertEquals(able.lines, [
    "MAIL FROM:<brain@near.example> RET=HDRS ENVID=QQ+3D1",
    "RCPT TO:<a@x> NOTIFY=NEVER",
    "RCPT TO:<b@x> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;b+2Bc@y",
    "RCPT TO:<c@x>",
  ]);
  assertEquals(able.relayed, [undefined, undefined, undefined]);
  const unable = await exchange([], asks);
  assertEquals(unable.lines, [
    "MAIL FROM:<brain@near.example>",
    "RCPT TO:<a@x>",
    "RCPT TO:<b@x>",
    "RCPT TO:<c@x>",
  ]);
  assertEquals(unable.relayed, [undefined, true, undefined]);
});

Deno.test("send() writes no address that breaks out of its command", async () => {
  const rows: [Parameters<typeof message>[0], string][] = [
    [{ to: ["a@x>\r\nRSET"] }, "failed 5.1.3 rcpt"],
    [{ to: ["a@x> NOTIFY=NEVER"] }, "failed 5.1.3 rcpt"],
    [{ to: ['"a"b c"@x'] }, "failed 5.1.3 rcpt"],
    [{ sender: "a@x\n" }, "failed 5.1.7 mail"],
    [{ to: ['"a b>\\"c"@x'] }, DELIVERED],
    [{ sender: "" }, DELIVERED],
  ];
  for (const [overrides, expected] of rows) {
    const { outcomes } = await exchange(["8BITMIME"], overrides);
    assertEquals(outcomes, [expected], JSON.stringify(overrides));
  }
  const { lines } = await exchange(["8BITMIME", "DSN"], { parameters: { envid: "a\r\nRSET" } });
  assertEquals(lines[0], "MAIL FROM:<brain@near.example>");
});

Deno.test("send() keeps to LIMITS (RFC 9422)", async () => {
  await using peer = ScriptedPeer.start({ extensions: ["PIPELINING", "LIMITS RCPTMAX=2 MAILMAX=2"] });
  const client = await connected(peer);
  const outcomes = await client.send(message({ to: ["a@x", "b@x", "c@x"] }));
  assertEquals(brief(outcomes), [DELIVERED, DELIVERED, "deferred 4.5.3 rcpt 452"]);
  assert(client.usable);
  await client.send(message());
  assert(!client.usable);
  await client.quit();
});

Deno.test("connect() encrypts where it can", async () => {
  await using peer = ScriptedPeer.start({ tls: CERTIFICATE });
  const client = await connected(peer, { tls: "opportunistic" });
  const outcomes = await client.send(message({ to: ["a@x"] }));
  assertEquals(brief(outcomes), [DELIVERED]);
  assertMatch(outcomes[0]!.tls!, /^TLSv1\.[23] TLS_\w+|ECDHE/);
  await client.quit();
  assertEquals(peer.sessions[0]!.lines.slice(0, 3), ["EHLO near.example", "STARTTLS", "EHLO near.example"]);
  assert(peer.sessions[0]!.tls);
});

Deno.test("connect() doesn't believe what was said in clear before the handshake", async () => {
  await using peer = ScriptedPeer.start({
    tls: CERTIFICATE,
    starttls: "220 Go\r\n250-injected\r\n250 AUTH PLAIN",
  });
  const client = await connected(peer, { tls: "opportunistic" });
  assertEquals([...client.extensions.auth], []);
  assert(client.extensions.pipelining);
  await client.quit();
});

Deno.test("connect() with `require` takes a trusted certificate or nothing", async () => {
  const ca = [CERTIFICATE.cert];
  const rows: [Parameters<typeof ScriptedPeer.start>[0], Parameters<typeof connect>[1], string][] = [
    [{ tls: CERTIFICATE }, { tls: "require", ca }, "ok"],
    [{ tls: { ...CERTIFICATE, implicit: true } }, { tls: "implicit", ca }, "ok"],
    [{ tls: CERTIFICATE }, { tls: "require" }, "deferred 4.7.5 tls"],
    [{ tls: { ...CERTIFICATE, implicit: true } }, { tls: "implicit" }, "deferred 4.7.5 tls"],
    [{ tls: CERTIFICATE, starttls: { drop: true } }, { tls: "require", ca }, "deferred 4.4.2 tls"],
    [{ tls: CERTIFICATE, starttls: "454 4.7.0 No" }, { tls: "require", ca }, "deferred 4.7.10 tls"],
    [{ tls: CERTIFICATE, starttls: "502 5.5.1 No" }, { tls: "require", ca }, "deferred 4.7.10 tls"],
    [{}, { tls: "require", ca }, "deferred 4.7.10 tls"],
  ];
  for (const [script, overrides, expected] of rows) {
    await using peer = ScriptedPeer.start(script);
    const result = await connect(peer, overrides);
    assertEquals(result.ok ? "ok" : brief([result.outcome])[0], expected, JSON.stringify(script));
    assertEquals(peer.sessions.length, 1);
    if (result.ok) await result.client.quit();
  }
});

Deno.test("trace tells every line but the text", async () => {
  await using peer = ScriptedPeer.start({ extensions: ["PIPELINING"] });
  const trace: string[] = [];
  const client = await connected(peer, { trace: (line) => trace.push(line) });
  await client.send(message({ to: ["a@x"] }));
  await client.quit();
  assertEquals(trace, [
    "< 220 peer.example ESMTP",
    "> EHLO near.example",
    "< 250-peer.example",
    "< 250 PIPELINING",
    "> MAIL FROM:<brain@near.example>",
    "> RCPT TO:<a@x>",
    "> DATA",
    "< 250 2.1.0 Sender ok",
    "< 250 2.1.5 Recipient ok",
    "< 354 Go ahead",
    "> .",
    "< 250 2.0.0 Ok: queued as 4AB",
    "> QUIT",
    "< 221 2.0.0 Bye",
  ]);
});
