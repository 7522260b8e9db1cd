import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import type { Dial, SmtpClient, Transacted } from "../../../src/smtp/client/client.ts";
import { ScriptedPeer } from "../../../src/testing/scripted_peer.ts";
import type { Answer, PeerScript } from "../../../src/testing/peer_script.ts";
import { tcpConn } from "../../../src/wire/tcp_conn.ts";
import { brief, connected, message } from "./helpers.ts";

const DELIVERED = "delivered 2.0.0 end 250";
const OK = "250 2.0.0 Ok";

/** Sends to a@x, then to b@x behind the end of that, and answers what came of both; `put`: b@x was begun behind. */
async function two(client: SmtpClient): Promise<{ put: boolean; a: Transacted; b: Transacted }> {
  let second: Promise<Transacted> | undefined;
  const ended = () => {
    second = client.transact(message({ to: ["b@x"] }));
    return true;
  };
  const a = await client.transact(message({ to: ["a@x"] }), { ended });
  const put = second !== undefined;
  return { put, a, b: await (second ?? client.transact(message({ to: ["b@x"] }))) };
}

async function warm(peer: ScriptedPeer): Promise<SmtpClient> {
  const client = await connected(peer);
  assertEquals(brief(await client.send(message({ to: ["first@x"] }))), [DELIVERED]);
  return client;
}

for (const extensions of [["PIPELINING"], ["PIPELINING", "CHUNKING"]]) {
  Deno.test(`transact() puts a message behind the end of another one (${extensions.join()})`, async () => {
    await using peer = ScriptedPeer.start({ extensions });
    const client = await warm(peer);
    const { put, a, b } = await two(client);
    assert(put && client.usable);
    assertEquals([brief(a.outcomes), brief(b.outcomes)], [[DELIVERED], [DELIVERED]]);
    assertEquals(peer.messages.map(({ rcpts }) => rcpts), [
      ["RCPT TO:<first@x>"],
      ["RCPT TO:<a@x>"],
      ["RCPT TO:<b@x>"],
    ]);
    assertEquals(peer.messages[1]!.text, peer.messages[2]!.text);
    await client.quit();
  });
}

Deno.test("transact() says MAIL in the write that ends the content before it", async () => {
  await using peer = ScriptedPeer.start();
  const writes: string[] = [];
  const dial: Dial = async (hostname, port) => {
    const conn = tcpConn(await Deno.connect({ hostname, port }));
    const write = conn.write.bind(conn);
    conn.write = (bytes) => {
      writes.push(new TextDecoder().decode(bytes));
      return write(bytes);
    };
    return conn;
  };
  const client = await connected(peer, { dial });
  await client.send(message({ to: ["first@x"] }));
  writes.length = 0;
  await two(client);
  // the group of a@x, its content with the group of b@x, and the content of that
  assertEquals(writes.length, 3);
  assertMatch(writes[1]!, /\r\n\.\r\nMAIL FROM:<[^>]*>[^\r]*\r\nRCPT TO:<b@x>\r\nDATA\r\n$/);
  await client.quit();
});

Deno.test("transact() tells each line to whose message it is", async () => {
  await using peer = ScriptedPeer.start({ end: [OK, "250 2.0.0 Taken a", "250 2.0.0 Taken b"] });
  const client = await warm(peer);
  const lines: Record<string, string[]> = { a: [], b: [] };
  let second: Promise<Transacted> | undefined;
  const ended = () => {
    second = client.transact(message({ to: ["b@x"] }), { trace: (line) => lines.b!.push(line) });
    return true;
  };
  await client.transact(message({ to: ["a@x"] }), { trace: (line) => lines.a!.push(line), ended });
  await second;
  for (const [name, found] of Object.entries(lines)) {
    assertEquals(found.at(-1), `< 250 2.0.0 Taken ${name}`);
    assertEquals(found.filter((line) => line.startsWith("> ")).map((line) => line.slice(2, 6)), [
      "MAIL",
      "RCPT",
      "DATA",
      ".",
    ]);
    assertEquals(found.length, 8);
  }
  await client.quit();
});

Deno.test("transact() begins no content behind a message that was not taken, and blames each for its own", async () => {
  const rows: [Answer, string, RegExp][] = [
    ["451 4.7.1 Not this text", "deferred 4.7.1 end 451", /Not this text/],
    ["554 5.7.1 Not this text", "failed 5.7.1 end 554", /Not this text/],
    ["421 4.3.2 Bye", "deferred 4.3.2 end 421", /Bye/],
    [{ drop: true }, "deferred 4.4.2 end", /a duplicate is possible/],
    [{ raw: "what?\r\n" }, "deferred 4.5.0 end", /a duplicate is possible/],
  ];
  for (const remembers of [undefined, "transaction", "recipients"] as const) {
    for (const [end, expected, text] of rows) {
      const script: PeerScript = { end: [OK, end, OK], ...(remembers && { remembers }) };
      await using peer = ScriptedPeer.start(script);
      const client = await warm(peer);
      const { put, a, b } = await two(client);
      assert(put);
      assertEquals(brief(a.outcomes), [expected]);
      assertMatch(a.outcomes[0]!.text, text);
      assertEquals([a.stale, b.stale, client.usable], [false, true, false]);
      await peer.until(() => peer.sessions[0]!.closed);
      assertEquals(peer.messages.length, 1);
    }
  }
});

Deno.test("transact() leaves the first message taken when the peer goes, or is out of step, behind it", async () => {
  const rows: [PeerScript, string, boolean][] = [
    [{ mail: [OK, OK, { drop: true }] }, "deferred 4.4.2 mail", true],
    [{ mail: [OK, OK, "421 4.3.2 Bye"] }, "deferred 4.3.2 mail 421", true],
    [{ mail: [OK, OK, "503 5.5.1 Out of step"] }, "deferred 4.5.1 mail 503", true],
    [{ mail: [OK, OK, "550 5.7.1 No", OK] }, "failed 5.7.1 mail 550", false],
    [{ rcpt: [OK, OK, "550 5.1.1 Unknown", OK] }, "failed 5.1.1 rcpt 550", false],
    [{ data: ["354 Go", "354 Go", "451 4.3.0 No", "354 Go"] }, "deferred 4.3.0 data 451", false],
  ];
  for (const [script, expected, stale] of rows) {
    await using peer = ScriptedPeer.start(script);
    const client = await warm(peer);
    const { put, a, b } = await two(client);
    assert(put);
    assertEquals([brief(a.outcomes), brief(b.outcomes), b.stale], [[DELIVERED], [expected], stale]);
    assertEquals(peer.messages.length, 2);
    if (client.usable) assertEquals(brief(await client.send(message({ to: ["c@x"] }))), [DELIVERED]);
    client.close();
  }
});

Deno.test("transact() lets nobody behind where the peer does not pipeline, was slow, or limits its messages", async () => {
  const rows: [PeerScript, boolean][] = [
    [{ extensions: [] }, true],
    [{ extensions: ["PIPELINING", "LIMITS MAILMAX=2"] }, true],
    [{ end: ["451 4.3.0 No", OK] }, true],
    [{}, false],
  ];
  for (const [script, warmed] of rows) {
    await using peer = ScriptedPeer.start(script);
    const client = await connected(peer);
    if (warmed) await client.send(message({ to: ["first@x"] }));
    let asked = false;
    const ended = () => asked = true;
    assertEquals(brief((await client.transact(message({ to: ["a@x"] }), { ended })).outcomes), [DELIVERED]);
    assert(!asked);
    await client.quit();
  }
});

Deno.test("transact() has one message behind another, not two, and none before the content has ended", async () => {
  await using peer = ScriptedPeer.start();
  const client = await warm(peer);
  const sending = client.transact(message({ to: ["a@x"] }));
  await assertRejects(() => client.transact(message({ to: ["b@x"] })), Error, "under way");
  await sending;
  let later: Promise<PromiseSettledResult<Transacted>[]> | undefined;
  const ended = () => {
    later = Promise.allSettled(["b@x", "c@x"].map((to) => client.transact(message({ to: [to] }))));
    return true;
  };
  await client.transact(message({ to: ["a@x"] }), { ended });
  const [b, c] = (await later)!;
  assertEquals([b!.status, c!.status], ["fulfilled", "rejected"]);
  await client.quit();
});

Deno.test("transact() waits for the message before even when it has nothing to say itself", async () => {
  await using peer = ScriptedPeer.start();
  const client = await warm(peer);
  let second: Promise<Transacted> | undefined;
  const ended = () => {
    second = client.transact(message({ to: ["not an address@x"] }));
    return true;
  };
  const a = await client.transact(message({ to: ["a@x"] }), { ended });
  assertEquals(brief(a.outcomes), [DELIVERED]);
  assertEquals(brief((await second!).outcomes), ["failed 5.1.3 rcpt"]);
  assertEquals(brief(await client.send(message({ to: ["c@x"] }))), [DELIVERED]);
  await client.quit();
});
