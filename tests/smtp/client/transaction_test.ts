import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { encode } from "../../../src/base/bytes.ts";
import type { ByteConn } from "../../../src/wire/byte_conn.ts";
import { tcpConn } from "../../../src/wire/tcp_conn.ts";
import { ScriptedPeer } from "../../../src/testing/scripted_peer.ts";
import type { Answer, PeerScript } from "../../../src/testing/peer_script.ts";
import { brief, connected, message, TEXT } from "./helpers.ts";

const OK = "250 2.1.5 Ok";
const BUSY = "452 4.5.3 Too many recipients";
const UNKNOWN = "550 5.1.1 No such user";
const DELIVERED = "delivered 2.0.0 end 250";

/** Answers by recipient. */
function byRecipient(answers: Record<string, Answer>): (line: string) => Answer {
  return (line) => answers[/<([^@]*)@/.exec(line)![1]!] ?? OK;
}

Deno.test("send() pipelines: two groups, two writes, nothing more", async () => {
  await using peer = ScriptedPeer.start();
  let writes = 0;
  const client = await connected(peer, { dial: counting(() => writes++) });
  writes = 0;
  for (let i = 0; i < 3; i++) assertEquals(brief(await client.send(message())), [DELIVERED, DELIVERED]);
  assertEquals(writes, 6);
  await client.quit();
  assertEquals(
    peer.sessions[0]!.groups.slice(1),
    Array(3).fill([
      `MAIL FROM:<brain@near.example> SIZE=${TEXT.length}`,
      "RCPT TO:<jsmith@far.example>",
      "RCPT TO:<carol@far.example>",
      "DATA",
    ]),
  );
  assertEquals(peer.messages.map(({ text }) => text), [TEXT, TEXT, TEXT]);
});

Deno.test("send() sends one chunk by BDAT in two writes where CHUNKING is offered", async () => {
  await using peer = ScriptedPeer.start({ extensions: ["PIPELINING", "CHUNKING"] });
  let writes = 0;
  const client = await connected(peer, { dial: counting(() => writes++) });
  writes = 0;
  assertEquals(brief(await client.send(message())), [DELIVERED, DELIVERED]);
  assertEquals(writes, 2);
  assertEquals(peer.sessions[0]!.lines.at(-1), `BDAT ${TEXT.length} LAST`);
  assertEquals(peer.messages[0]!.text, TEXT);
  await client.quit();
});

Deno.test("send() gives each recipient the outcome of its own reply", async () => {
  const answers = { a: OK, b: UNKNOWN, c: BUSY, d: "450 4.2.0 Greylisted", e: OK };
  for (const extensions of [["PIPELINING"], ["8BITMIME"], ["PIPELINING", "CHUNKING"], ["CHUNKING"]]) {
    await using peer = ScriptedPeer.start({ extensions, rcpt: byRecipient(answers) });
    const client = await connected(peer);
    const outcomes = await client.send(message({ to: ["a@x", "b@x", "c@x", "d@x", "e@x"] }));
    assertEquals(brief(outcomes), [
      DELIVERED,
      "failed 5.1.1 rcpt 550",
      "deferred 4.5.3 rcpt 452",
      "deferred 4.2.0 rcpt 450",
      DELIVERED,
    ]);
    assertEquals(outcomes[1]!.text, "No such user");
    assertEquals(peer.messages[0]!.rcpts, ["RCPT TO:<a@x>", "RCPT TO:<e@x>"]);
    assert(client.usable);
    client.close();
  }
});

Deno.test("send() takes a vague 552 behind accepted recipients for 'too many' (RFC 5321 4.5.3.1.10)", async () => {
  const rows: [Answer, Answer, string][] = [
    // accepted before?, the answer, the outcome
    [OK, "552 Too many recipients", "deferred 4.5.3 rcpt 552"],
    [OK, "552 5.2.2 Mailbox full", "failed 5.2.2 rcpt 552"],
    [UNKNOWN, "552 Too many recipients", "failed 5.0.0 rcpt 552"],
  ];
  for (const [a, b, expected] of rows) {
    await using peer = ScriptedPeer.start({ rcpt: byRecipient({ a, b }) });
    const client = await connected(peer);
    assertEquals(brief(await client.send(message({ to: ["a@x", "b@x"] })))[1], expected);
    client.close();
  }
});

Deno.test("send() handles every combination of refused MAIL, RCPT and DATA in a group (RFC 2920 3.1)", async () => {
  const NO = "503 5.5.1 No";
  const GO = "354 Go ahead";
  // MAIL, RCPT a, RCPT b, DATA; the outcomes; lines behind DATA when a second message follows
  const rows: [string, string, string, string, string[], string[]][] = [
    ["550 5.7.1 No", NO, NO, NO, ["failed 5.7.1 mail 550", "failed 5.7.1 mail 550"], ["RSET", "MAIL"]],
    ["450 4.7.1 No", NO, NO, NO, ["deferred 4.7.1 mail 450", "deferred 4.7.1 mail 450"], ["RSET", "MAIL"]],
    [OK, UNKNOWN, BUSY, NO, ["failed 5.1.1 rcpt 550", "deferred 4.5.3 rcpt 452"], ["RSET", "MAIL"]],
    [OK, UNKNOWN, BUSY, GO, ["failed 5.1.1 rcpt 550", "deferred 4.5.3 rcpt 452"], [".", "MAIL"]],
    [OK, OK, UNKNOWN, "451 4.3.0 No", ["deferred 4.3.0 data 451", "failed 5.1.1 rcpt 550"], ["RSET", "MAIL"]],
    [OK, OK, OK, "554 5.3.0 No", ["failed 5.3.0 data 554", "failed 5.3.0 data 554"], ["RSET", "MAIL"]],
  ];
  for (const [mail, a, b, data, expected, then] of rows) {
    await using peer = ScriptedPeer.start({ mail, rcpt: byRecipient({ a, b }), data });
    const lines: string[] = [];
    const client = await connected(peer);
    assertEquals(brief(await client.send(message({ to: ["a@x", "b@x"] }))), expected);
    assertEquals(peer.messages.filter(({ text }) => text !== ""), []);
    peer.script = {};
    client.trace = (line) => line.startsWith("> ") && lines.push(line.slice(2).split(" ")[0]!);
    assertEquals(brief(await client.send(message())), [DELIVERED, DELIVERED]);
    assertEquals(lines.slice(0, then.includes("RSET") ? 2 : 1), then.filter((verb) => verb !== "."));
    const dots = peer.messages.filter(({ rcpts }) => rcpts.length === 0).length;
    assertEquals(dots, then.includes(".") ? 1 : 0);
    await client.quit();
  }
});

Deno.test("send() lets nobody get an empty message when MAIL was refused but DATA was not, whatever RCPT got", async () => {
  for (const rcpt of [OK, "503 5.5.1 MAIL first"]) {
    await using peer = ScriptedPeer.start({ mail: "550 5.7.1 No", rcpt, data: "354 Go ahead" });
    const client = await connected(peer);
    assertEquals(brief(await client.send(message())), Array(2).fill("failed 5.7.1 mail 550"));
    assert(!client.usable);
    await peer.until(() => peer.sessions[0]!.closed);
    assertEquals(peer.messages, []);
  }
});

/** How a transaction can end without 2xx, at which recipients. */
const REFUSALS: PeerScript[] = [
  { end: ["451 4.7.1 Not this text", "250 2.0.0 Ok"] },
  { end: ["554 5.7.1 Not this text", "250 2.0.0 Ok"] },
  {
    mail: ["450 4.7.1 Not now", OK],
    rcpt: (line) => line.includes("c@") || line.includes("d@") ? OK : UNKNOWN,
  },
  { rcpt: (line) => line.includes("c@") || line.includes("d@") ? OK : UNKNOWN },
  { data: ["451 4.3.0 Not now", "354 Go ahead"] },
  { end: ["554 5.7.1 Not this text", "250 2.0.0 Ok"], extensions: ["PIPELINING", "CHUNKING"] },
];

Deno.test("send() says RSET behind whatever did not end in 2xx: a peer that remembers gets the next message", async () => {
  for (const remembers of ["transaction", "recipients"] as const) {
    for (const refusal of REFUSALS) {
      for (const extensions of [refusal.extensions ?? ["PIPELINING"], refusal.extensions?.slice(1) ?? []]) {
        await using peer = ScriptedPeer.start({ ...refusal, remembers, extensions });
        const client = await connected(peer);
        const first = await client.send(message({ to: ["a@x", "b@x"] }));
        assert(first.every(({ kind }) => kind !== "delivered"));
        assertEquals(brief(await client.send(message({ to: ["c@x"] }))), [DELIVERED]);
        assertEquals(peer.messages.map(({ rcpts }) => rcpts), [["RCPT TO:<c@x>"]]);
        assertEquals(brief(await client.send(message({ to: ["d@x"] }))), [DELIVERED]);
        assertEquals(peer.sessions[0]!.lines.filter((line) => line === "RSET").length, 1);
        await client.quit();
      }
    }
  }
});

Deno.test("send() leaves a peer that can't forget: no lone dot into the message of before", async () => {
  for (const rset of ["502 5.5.1 Not implemented", "451 4.3.0 Not now"]) {
    const script = { end: "451 4.7.1 Not now", rset, remembers: "recipients" } as const;
    await using peer = ScriptedPeer.start({ ...script, rcpt: [OK, UNKNOWN] });
    const client = await connected(peer);
    await client.send(message({ to: ["a@x"] }));
    peer.script = { ...script, rcpt: UNKNOWN };
    await client.send(message({ to: ["b@x"] }));
    assert(client.staleBeforeMail && !client.usable);
    await peer.until(() => peer.sessions[0]!.closed);
    assertEquals(peer.messages, []);
  }
  // it takes RSET and forgets nothing: still no lone dot
  await using peer = ScriptedPeer.start({ end: "451 4.7.1 Not now" });
  const client = await connected(peer);
  await client.send(message({ to: ["a@x"] }));
  peer.script = { rcpt: UNKNOWN, data: "354 Go ahead" };
  assertEquals(brief(await client.send(message({ to: ["b@x"] }))), ["failed 5.1.1 rcpt 550"]);
  assertEquals([client.usable, peer.messages.length], [false, 0]);
});

Deno.test("send() takes 503 for a word about the conversation, never about the message", async () => {
  const NO = "503 5.5.1 Bad sequence of commands";
  for (const extensions of [["PIPELINING"], []]) {
    await using peer = ScriptedPeer.start({ mail: [OK, NO], extensions });
    const client = await connected(peer);
    await client.send(message({ to: ["a@x"] }));
    assertEquals(brief(await client.send(message({ to: ["a@x"] }))), ["deferred 4.5.1 mail 503"]);
    assert(client.staleBeforeMail && !client.usable);
  }
  const rows: [PeerScript, string][] = [
    [{ mail: NO }, "deferred 4.5.1 mail 503"],
    [{ data: NO }, "deferred 4.5.1 data 503"],
    [{ bdat: NO, extensions: ["CHUNKING"] }, "deferred 4.5.1 end 503"],
    [{ end: NO }, "failed 5.5.1 end 503"],
  ];
  for (const [script, expected] of rows) {
    await using peer = ScriptedPeer.start(script);
    const client = await connected(peer);
    assertEquals(brief(await client.send(message({ to: ["a@x"] }))), [expected]);
    client.close();
  }
});

Deno.test("send() tells a limit of recipients from a refusal of one", async () => {
  // the answer behind one that was accepted, what becomes of the recipient, and what the first one would get
  const rows: [string, string, string][] = [
    ["550 5.5.3 Too many", "deferred 4.5.3 rcpt 550", "failed 5.5.3 rcpt 550"],
    ["554 No more", "deferred 4.5.3 rcpt 554", "failed 5.0.0 rcpt 554"],
    ["554 5.0.0 No more", "deferred 4.5.3 rcpt 554", "failed 5.0.0 rcpt 554"],
    ["550 Too many recipients", "deferred 4.5.3 rcpt 550", "failed 5.0.0 rcpt 550"],
    ["452 4.2.1 Maximum of 1 recipients", "deferred 4.5.3 rcpt 452", "deferred 4.2.1 rcpt 452"],
    ["554 5.7.1 Relay access denied", "failed 5.7.1 rcpt 554", "failed 5.7.1 rcpt 554"],
    ["550 No such user", "failed 5.0.0 rcpt 550", "failed 5.0.0 rcpt 550"],
  ];
  for (const [answer, behind, first] of rows) {
    await using peer = ScriptedPeer.start({ rcpt: byRecipient({ b: answer, c: answer }) });
    const client = await connected(peer);
    assertEquals(brief(await client.send(message({ to: ["a@x", "b@x"] }))), [DELIVERED, behind], answer);
    assertEquals(brief(await client.send(message({ to: ["c@x"] }))), [first], answer);
    client.close();
  }
});

Deno.test("send() tells how many recipients a peer took that goes, or refuses them all, for their number", async () => {
  const rows: [PeerScript, number | undefined][] = [
    [{ rcpt: [OK, OK, "421 4.7.0 Too many"] }, 2],
    [{ rcpt: [OK, OK, { drop: true }] }, 2],
    [{ rcpt: [{ drop: true }] }, undefined],
    [{ rcpt: ["421 4.7.0 Too many"] }, undefined],
    [{ data: "554 5.5.3 Too many recipients" }, 2],
    [{ data: "421 4.5.3 Too many recipients" }, 2],
    [{ data: "421 4.3.2 Shutting down" }, undefined],
    [{ end: "421 4.5.3 Too many recipients" }, 2],
    [{ end: "552 Too many recipients" }, 2],
    [{ end: "552 5.2.2 Full" }, undefined],
  ];
  for (const [script, fewer] of rows) {
    await using peer = ScriptedPeer.start(script);
    const client = await connected(peer);
    const outcomes = await client.send(message({ to: ["a@x", "b@x", "c@x", "d@x"] }));
    assertEquals(client.fewer, fewer);
    if (fewer !== undefined) assert(outcomes.every(({ kind }) => kind === "deferred"));
    client.close();
  }
});

Deno.test("send() stops at 421 in the middle of a group", async () => {
  await using peer = ScriptedPeer.start({ rcpt: [OK, { drop: true, raw: "421 4.3.2 Bye\r\n" }] });
  const client = await connected(peer);
  const outcomes = await client.send(message({ to: ["a@x", "b@x", "c@x"] }));
  assertEquals(brief(outcomes), Array(3).fill("deferred 4.3.2 rcpt 421"));
  assert(!client.usable && !client.staleBeforeMail);
});

Deno.test("send() tells a stale connection from a refused message", async () => {
  // how the peer ends an idle connection; the first message of a connection is never stale
  const ends: [string, (peer: ScriptedPeer) => unknown][] = [
    ["a closed connection", (peer) => peer.hangUp()],
    ["421 and a closed connection", (peer) => peer.hangUp("421 4.4.2 Idle too long")],
    ["421 to MAIL", (peer) => peer.script = { mail: "421 4.4.2 Idle too long" }],
    ["a drop at MAIL", (peer) => peer.script = { mail: { drop: true } }],
  ];
  for (const [name, end] of ends) {
    await using peer = ScriptedPeer.start();
    const client = await connected(peer);
    await client.send(message());
    assert(client.usable && !client.staleBeforeMail, name);
    await end(peer);
    assertEquals((await client.send(message()))[0]!.kind, "deferred", name);
    assert(client.staleBeforeMail && !client.usable, name);
  }
  await using peer = ScriptedPeer.start({ mail: { drop: true } });
  const client = await connected(peer);
  await client.send(message());
  assert(!client.staleBeforeMail);
});

Deno.test("send() doesn't end a text that is not ours any more, or not whole", async () => {
  const bytes = encode(TEXT);
  const rows: [string, Parameters<typeof message>[0], string][] = [
    ["lease lost", { mayEnd: () => false }, "deferred 4.4.2 end"],
    ["lease lost, told later", { mayEnd: () => Promise.resolve(false) }, "deferred 4.4.2 end"],
    ["too short", { size: bytes.length + 1 }, "deferred 4.3.0 end"],
    ["too long", { size: bytes.length - 1 }, "deferred 4.3.0 end"],
    ["unreadable", { text: unreadableAtLast(bytes) }, "deferred 4.3.0 end"],
  ];
  for (const extensions of [["PIPELINING", "8BITMIME"], ["PIPELINING", "CHUNKING", "8BITMIME"]]) {
    for (const [name, overrides, expected] of rows) {
      await using peer = ScriptedPeer.start({ extensions });
      const client = await connected(peer);
      assertEquals(brief(await client.send(message(overrides))), [expected, expected], name);
      assert(!client.usable);
      await peer.until(() => peer.sessions[0]!.closed);
      assertEquals(peer.messages, [], name);
    }
  }
});

Deno.test("send() asks mayEnd once, behind the whole text", async () => {
  for (const extensions of [["8BITMIME"], ["CHUNKING", "8BITMIME"]]) {
    await using peer = ScriptedPeer.start({ extensions });
    const client = await connected(peer);
    const events: string[] = [];
    const pieces = ["Subject: x\r\n\r\n", "body\r\n"];
    const text = function* () {
      for (const piece of pieces) {
        events.push("piece");
        yield encode(piece);
      }
    };
    const mayEnd = () => {
      events.push("mayEnd");
      return true;
    };
    await client.send(message({ size: pieces.join("").length, text, mayEnd }));
    assertEquals(events, ["piece", "piece", "mayEnd"]);
    await client.quit();
  }
});

Deno.test("send() passes a large text on byte for byte, with long lines too where it is signed", async () => {
  const line = `.${"x".repeat(997)}\r\n`;
  const long = `.${"x".repeat(70_000)}\r\n`;
  const bodies = [
    `Subject: long\r\n\r\n${line.repeat(700)}..\r\n.\r\n`,
    `DKIM-Signature: v=1; h=from; b=x\r\n\r\n${long.repeat(10)}..\r\n.\r\n`,
  ];
  for (const [i, extensions] of [["PIPELINING"], ["PIPELINING", "CHUNKING"], [], ["PIPELINING"]].entries()) {
    const body = bodies[i % 2]!;
    await using peer = ScriptedPeer.start({ extensions });
    const client = await connected(peer);
    const text = async function* () {
      const bytes = encode(body);
      for (let i = 0; i < bytes.length; i += 50_001) yield await Promise.resolve(bytes.slice(i, i + 50_001));
    };
    assertEquals(brief(await client.send(message({ to: ["a@x"], size: body.length, text }))), [DELIVERED]);
    assert(peer.messages[0]!.text === body);
    await client.quit();
  }
});

Deno.test("send() hears what a peer says before it closes in the middle of the text", async () => {
  await using peer = ScriptedPeer.start({ data: { drop: true, raw: "354 Go\r\n552 5.3.4 Too big\r\n" } });
  const client = await connected(peer);
  const outcomes = await client.send(message({ to: ["a@x"] }));
  assertEquals(brief(outcomes), ["failed 5.3.4 end 552"]);
  client.close();
});

Deno.test("send() defers when the peer drops in the middle of a large text", async () => {
  for (const extensions of [["PIPELINING"], ["PIPELINING", "CHUNKING"]]) {
    await using peer = ScriptedPeer.start({ extensions, dropInText: 100_000 });
    const client = await connected(peer);
    const line = encode(`${"x".repeat(998)}\r\n`);
    const text = () => Array.from({ length: 20_000 }, () => line);
    const outcomes = await client.send(message({ to: ["a@x"], size: 20_000_000, text }));
    assertMatch(brief(outcomes)[0]!, /^deferred 4\.4\.2 (data|end)$/);
    assertEquals(peer.messages, []);
  }
});

Deno.test("send() refuses a second message while one is under way", async () => {
  await using peer = ScriptedPeer.start();
  const client = await connected(peer);
  const first = client.send(message());
  await assertRejects(() => client.send(message()), Error, "under way");
  assertEquals(brief(await first), [DELIVERED, DELIVERED]);
  await client.quit();
});

Deno.test("close() ends a message under way, which is deferred", async () => {
  await using peer = ScriptedPeer.start({ end: { silence: true } });
  const client = await connected(peer);
  const sending = client.send(message());
  await peer.until(() => peer.sessions[0]!.groups.length >= 2);
  client.close();
  assertMatch(brief(await sending)[0]!, /^deferred 4\.4\.2/);
});

Deno.test("quit() doesn't wait for ever and may be called again", async () => {
  await using peer = ScriptedPeer.start({ quit: { drop: true } });
  const client = await connected(peer);
  await client.quit();
  await client.quit();
  assert(!client.usable);
});

Deno.test("send() speaks LMTP: LHLO, and a reply per accepted recipient", async () => {
  const to = ["a@x", "b@x", "c@x", "d@x"];
  for (const extensions of [["PIPELINING"], ["PIPELINING", "CHUNKING"], []]) {
    await using peer = ScriptedPeer.start({
      lmtp: true,
      extensions,
      rcpt: byRecipient({ b: UNKNOWN }),
      end: byRecipient({ a: "250 2.0.0 Ok", c: "452 4.2.2 Full", d: "250 2.0.0 Ok" }),
    });
    const client = await connected(peer, { lmtp: true });
    const outcomes = await client.send(message({ to }));
    assertEquals(peer.sessions[0]!.lines[0], "LHLO near.example");
    assertEquals(brief(outcomes), [DELIVERED, "failed 5.1.1 rcpt 550", "deferred 4.2.2 end 452", DELIVERED]);
    assert(client.usable);
    await client.quit();
  }
  // the connection breaks behind the first of the replies
  await using peer = ScriptedPeer.start({ lmtp: true, end: ["250 2.0.0 Ok", { drop: true }] });
  const client = await connected(peer, { lmtp: true });
  assertEquals(brief(await client.send(message({ to: ["a@x", "b@x", "c@x"] }))), [
    DELIVERED,
    "deferred 4.4.2 end",
    "deferred 4.4.2 end",
  ]);
});

Deno.test("send() doesn't wait for replies to a lone dot in LMTP", async () => {
  await using peer = ScriptedPeer.start({ lmtp: true, rcpt: UNKNOWN, data: "354 Go ahead" });
  const client = await connected(peer, { lmtp: true });
  assertEquals(brief(await client.send(message())), Array(2).fill("failed 5.1.1 rcpt 550"));
});

Deno.test("send() listens while it writes a group of thousands of recipients", async () => {
  await using peer = ScriptedPeer.start({ rcpt: `250 2.1.5 ${"x".repeat(400)}` });
  const client = await connected(peer);
  const to = Array.from({ length: 5000 }, (_, i) => `${"user".repeat(12)}${i}@far.example`);
  const outcomes = await client.send(message({ to }));
  assertEquals(new Set(brief(outcomes)), new Set([DELIVERED]));
  await client.quit();
});

Deno.test("send() doesn't begin with a text that can't be read", async () => {
  await using peer = ScriptedPeer.start();
  const client = await connected(peer);
  const outcomes = await client.send(message({ text: () => failing(encode(TEXT)) }));
  assertEquals(brief(outcomes), Array(2).fill("deferred 4.3.0 mail"));
  assertEquals(peer.sessions[0]!.lines.length, 1);
  assert(client.usable);
  await client.quit();
});

/** A large text that can be read, and the next time can not. */
function unreadableAtLast(bytes: Uint8Array): () => AsyncGenerator<Uint8Array> {
  let times = 0;
  return async function* () {
    if (times++ % 2 > 0) yield* failing(bytes);
    for (let i = 0; i < 300; i++) yield await Promise.resolve(encode("x".repeat(998) + "\r\n"));
  };
}

async function* failing(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield await Promise.resolve(bytes.subarray(0, 5));
  throw new Error("the chunk is gone");
}

/** TCP that counts its writes. */
function counting(onWrite: () => void): (address: string, port: number) => Promise<ByteConn> {
  return async (hostname, port) => {
    const conn = tcpConn(await Deno.connect({ hostname, port }));
    return {
      read: (into) => conn.read(into),
      write(bytes) {
        onWrite();
        return conn.write(bytes);
      },
      close: () => conn.close(),
      remote: conn.remote,
      local: conn.local,
    };
  };
}

Deno.test("send() takes an answer too many for no message's, and uses the connection no more", async () => {
  const twice = { raw: "250 2.0.0 Ok\r\n250 2.0.0 Queued\r\n" };
  const extensions = ["PIPELINING", "CHUNKING"];
  {
    await using peer = ScriptedPeer.start({ extensions, end: [twice, "552 5.3.4 Too big"] });
    const client = await connected(peer);
    assertEquals(brief(await client.send(message())), [DELIVERED, DELIVERED]);
    assertEquals(brief(await client.send(message())), Array(2).fill("deferred 4.5.0 mail"));
    assert(client.staleBeforeMail && !client.usable);
    assertEquals(peer.sessions[0]!.lines.filter((line) => line.startsWith("MAIL")).length, 1);
  }
  for (
    const [mail, rcpt, expected] of [[twice, OK, "deferred 4.5.0 data"], [OK, twice, "deferred 4.5.0 data"]]
  ) {
    await using peer = ScriptedPeer.start({ extensions, mail: mail!, rcpt: rcpt!, end: "552 5.3.4 Too big" });
    const client = await connected(peer);
    assertEquals(brief(await client.send(message({ to: ["a@x"] }))), [expected]);
    assert(!client.usable);
    await peer.until(() => peer.sessions[0]!.closed);
    assertEquals(peer.sessions[0]!.lines.at(-1)!.slice(0, 4), "RCPT");
  }
});
