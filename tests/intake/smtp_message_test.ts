import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import type { Reply } from "../../src/smtp/protocol/reply.ts";
import { checkStore, DAY, DEFERRED, HOUR } from "../queue/support.ts";
import { BRAIN, Door, line, session } from "./support.ts";

function one(reply: Reply | Reply[]): string {
  assert(!Array.isArray(reply));
  return line(reply)!;
}

Deno.test("a text is in the mailbox when it is answered, with its trace field before it", async () => {
  await using door = await Door.open();
  assertMatch(one(await door.send(["brain@here.example"])), /^250 2\.0\.0 Ok: queued as [0-9A-Z]{16}$/);
  const [text] = await door.house.mailbox("brain");
  assertMatch(
    text!,
    /^Return-Path: <jsmith@there\.example>\r\nDelivered-To: brain@here\.example\r\nReceived: from client\.example \(\[192\.0\.2\.7\]\)\r\n by mail\.here\.example with ESMTP\r\n id [0-9A-Z]{16} for <brain@here\.example>; [^\r]+\r\nSubject: x\r\n\r\nHello\r\n$/,
  );
  assertEquals(door.house.of("accepted").map((e) => [e.sender, e.recipients, e.remote]), [
    ["jsmith@there.example", ["brain@here.example"], "192.0.2.7"],
  ]);
  assertEquals(door.house.of("mailbox").length, 1);
});

Deno.test("the recipient is named in the trace field only when it is alone", async () => {
  await using door = await Door.open();
  await door.send(["brain@here.example", "pinky@here.example"]);
  assert(!/ for </.test((await door.house.mailbox("brain"))[0]!));
});

Deno.test("SMTPUTF8 goes on only with what needs it (RFC 6531)", async () => {
  const remote = "x@there.example";
  const plainText = "Subject: x\r\n\r\nGr\u00fc\u00dfe\r\n";
  const cases: [string[], string, string, boolean | undefined, true | undefined][] = [
    [[remote], "jo@here.example", plainText, true, undefined],
    [[remote], "jo@here.example", plainText, undefined, undefined],
    [[remote], "jo@here.example", "Subject: \u00fc\r\n\r\nx\r\n", true, true],
    [[remote], "jo@here.example", "Subject: \u00fc\r\n\r\nx\r\n", undefined, undefined],
    [[remote], "j\u00fcrg@here.example", plainText, true, true],
    [["j\u00fcrg@there.example"], "jo@here.example", plainText, true, true],
  ];
  for (const [to, sender, text, asked, expected] of cases) {
    await using door = await Door.open();
    const envelope = { sender, bodyType: "8BITMIME" as const, ...(asked && { utf8: true as const }) };
    assertMatch(one(await door.send(to, text, { session: BRAIN, envelope })), /^250 /);
    const [record] = await door.house.records();
    assertEquals([record!.utf8, record!.bodyType], [expected, "8BITMIME"], text);
  }
});

Deno.test("texts of odd forms come out right", async () => {
  const cases: [string, readonly string[], RegExp][] = [
    ["empty", [], /\+0000\r\n$/],
    ["only a blank line", ["\r\n"], /\+0000\r\n\r\n$/],
    ["no blank line", ["Subject: x\r\n"], /\+0000\r\nSubject: x\r\n$/],
    ["no head", ["Hello\r\n", "there\r\n"], /\+0000\r\n\r\nHello\r\nthere\r\n$/],
    ["no head, cut in the first word", ["Hel", "lo there\r\n"], /\+0000\r\n\r\nHello there\r\n$/],
    ["begins with its blank line", ["\r\nHello\r\n"], /\+0000\r\n\r\nHello\r\n$/],
    ["the blank line is cut", ["A: b\r\n\r", "\nHello\r\n"], /\+0000\r\nA: b\r\n\r\nHello\r\n$/],
    ["no CRLF at the end, as chunks may have it", ["A: b\r\n\r\nHello"], /\+0000\r\nA: b\r\n\r\nHello\r\n$/],
  ];
  await using door = await Door.open();
  for (const [what, text, expected] of cases) {
    assertMatch(one(await door.send(["brain@here.example"], text)), /^250 /, what);
    assertMatch((await door.house.mailbox("brain")).at(-1)!, expected, what);
  }
});

Deno.test("a text that can't be taken is refused, and nothing of it stays", async () => {
  const big = "x".repeat(50_000);
  const cases: [string, readonly string[], string][] = [
    ["hops", ["Received: a\r\n".repeat(4) + "\r\n"], "554 5.4.6"],
    ["hops without a blank line", ["Received: a\r\n".repeat(4)], "554 5.4.6"],
    ["hops and much text", ["Received: a\r\n".repeat(4) + "\r\n", big, big, big, big], "554 5.4.6"],
    ["a head without an end", [`A: ${big}`, big, big, big], "552 5.3.4"],
  ];
  await using door = await Door.open();
  for (const [what, text, expected] of cases) {
    assertStringIncludes(one(await door.send(["brain@here.example"], text)), expected, what);
  }
  assertMatch(one(await door.send(["brain@here.example"], ["Received: a\r\n".repeat(3) + "\r\n"])), /^250 /);
  assertEquals((await door.house.mailbox("brain")).length, 1);
  await checkStore(door.house.store.kv);
});

Deno.test("a large text is written ahead, and gone when the client goes", async () => {
  await using door = await Door.open();
  const sink = door.sink(["brain@here.example"]);
  for (let i = 0; i < 10; i++) await sink.write(new Uint8Array(64 * 1024).fill(i === 0 ? 58 : 97));
  await sink.abort();
  for await (const { key } of door.house.store.kv.list({ prefix: ["body"] })) throw new Error(String(key));
  assertMatch(
    one(await door.send(["brain@here.example"], Array(20).fill("A: b\r\n\r\n".repeat(5000)))),
    /^250 /,
  );
  await checkStore(door.house.store.kv);
});

Deno.test("a store that fails is a 451 at whatever point, and the next text is taken", async () => {
  await using door = await Door.open();
  const { store } = door.house;
  const piece = `A: b\r\n\r\n${"x".repeat(59_000)}\r\n`;
  // the first write is ahead of the end for ten pieces, the accepting one for one
  for (const [pieces, failAt] of [[1, 1], [10, 1], [10, 3], [10, 5]] as const) {
    let writes = 0;
    store.before = () => {
      if (++writes >= failAt) throw new Error("disk full");
    };
    assertEquals(
      one(await door.send(["brain@here.example"], Array(pieces).fill(piece))),
      "451 4.3.0 The message could not be stored; try again later",
    );
    assert(writes >= failAt);
    store.before = undefined;
    assertMatch(one(await door.send(["brain@here.example"], Array(pieces).fill(piece))), /^250 /);
  }
  assertEquals((await door.house.mailbox("brain")).length, 4);
  await checkStore(store.kv);
});

Deno.test("a text whose recipients can't be looked up is a 451", async () => {
  await using door = await Door.open({ quotas: { brain: 1_000_000 } });
  door.house.mailStore.usage = () => Promise.reject(new Error("disk I/O error"));
  assertStringIncludes(one(await door.send(["brain@here.example"])), "451 4.3.0");
});

// Quotas.

Deno.test("a full mailbox alone is refused, and among others waits in the queue", async () => {
  await using door = await Door.open({ quotas: { brain: 700 } });
  const { house } = door;
  const text = `A: b\r\n\r\n${"x".repeat(400)}\r\n`;
  assertMatch(one(await door.send(["brain@here.example"], "A: b\r\n\r\n")), /^250 /);
  assertStringIncludes(one(await door.send(["brain@here.example"], text)), "452 4.2.2");
  assertMatch(one(await door.send(["brain@here.example", "pinky@here.example"], text)), /^250 /);
  const [record] = await house.records();
  assertEquals([record!.recipients[0]!.lastError, record!.dueAt - house.clock.now()], [
    "The mailbox is full",
    15 * 60_000,
  ]);
  await house.pass(HOUR);
  const [entry] = await house.mailStore.list("brain@here.example");
  await house.mailStore.remove("brain@here.example", [entry!.uid]);
  await house.pass(15 * 60_000);
  assertEquals([(await house.mailbox("brain")).length, (await house.mailbox("pinky")).length], [1, 1]);
  await checkStore(house.store.kv);
});

Deno.test("a mailbox that several recipients lead to needs the room of one copy", async () => {
  await using door = await Door.open({
    quotas: { brain: 900 },
    aliases: {
      "info@here.example": { targets: ["brain@here.example"] },
      "postmaster@here.example": { targets: ["brain@here.example"] },
    },
  });
  const text = `A: b\r\n\r\n${"x".repeat(250)}\r\n`;
  const to = ["info@here.example", "brain@here.example"];
  const replies = await door.send(to, text, { session: { service: "lmtp" } });
  assertEquals([replies].flat().map(({ code }) => code), [250, 250]);
  assertEquals((await door.house.mailbox("brain")).length, 1);
  // also where the one that has no room comes first
  const roles = ["brain@here.example", "postmaster@here.example"];
  const large = `A: b\r\n\r\n${"x".repeat(900)}\r\n`;
  const more = await door.send(roles, large, { session: { service: "lmtp" } });
  assertEquals([more].flat().map(({ code }) => code), [250, 250]);
  const [, newest] = await door.house.mailStore.list("brain@here.example");
  await door.house.mailStore.remove("brain@here.example", [newest!.uid]);
  // nothing is left taken: what there is room for gets in
  assertMatch(one(await door.send(["brain@here.example"], "A: b\r\n\r\n")), /^250 /);
});

Deno.test("a mailbox that stays full is returned, for that recipient only", async () => {
  await using door = await Door.open({ quotas: { brain: 10 } });
  const { house } = door;
  await door.send(["brain@here.example", "pinky@here.example"], undefined, {
    envelope: { sender: "pinky@here.example" },
  });
  await house.pass(6 * DAY);
  assertEquals(house.of("report").map((e) => e.action), ["delayed", "failed"]);
  const box = await house.mailbox("pinky");
  assertEquals(box.length, 3);
  assertStringIncludes(
    box[2]!,
    "Final-Recipient: rfc822; brain@here.example\r\nAction: failed\r\nStatus: 5.4.7",
  );
  await checkStore(house.store.kv);
});

Deno.test("LMTP answers for each recipient (RFC 2033)", async () => {
  await using door = await Door.open({
    quotas: { brain: 10 },
    aliases: { "both@here.example": { targets: ["brain@here.example", "pinky@here.example"] } },
  });
  const lmtp = { session: { service: "lmtp" as const } };
  const codes = async (to: string[], text?: string) => {
    const replies = await door.send(to, text, lmtp);
    assert(Array.isArray(replies));
    return replies.map((r) => `${r.code} ${r.status}`);
  };
  assertEquals(await codes(["pinky@here.example", "brain@here.example", "pinky@here.example"]), [
    "250 2.0.0",
    "452 4.2.2",
    "250 2.0.0",
  ]);
  assertEquals((await door.house.mailbox("pinky")).length, 1);
  assertEquals(await codes(["brain@here.example", "brain@here.example"]), ["452 4.2.2", "452 4.2.2"]);
  // an alias is not refused since one of its targets is full
  assertEquals(await codes(["both@here.example"]), ["250 2.0.0"]);
  assertEquals((await door.house.records()).length, 1);
  assertEquals(await codes(["pinky@here.example", "brain@here.example"], "Received: a\r\n".repeat(4)), [
    "554 5.4.6",
    "554 5.4.6",
  ]);
});

Deno.test("a user who goes between RCPT and the end of the text is told of, not lost", async () => {
  await using door = await Door.open();
  const { house } = door;
  const to = ["brain@here.example", "pinky@here.example"];
  const sinks = (["smtp", "smtp", "lmtp"] as const).map((service, i) =>
    door.sink(i === 0 ? [to[0]!] : to, { session: { service }, envelope: { sender: "pinky@here.example" } })
  );
  await house.accounts.remove("brain@here.example");
  assertStringIncludes(one(await sinks[0]!.finish()), "550 5.1.1");
  assertMatch(one(await sinks[1]!.finish()), /^250 /);
  await house.queue.idle();
  assertStringIncludes(
    (await house.mailbox("pinky"))[1]!,
    "Final-Recipient: rfc822; brain@here.example\r\nAction: failed\r\nStatus: 5.1.1",
  );
  const replies = await sinks[2]!.finish();
  assertEquals((replies as Reply[]).map((r) => r.code), [550, 250]);
  await house.queue.idle();
  await checkStore(house.store.kv);
});

Deno.test("a recipient is looked up once, at RCPT, and goes where its name leads when the message is accepted", async () => {
  const aliases: Record<string, { targets: string[]; owner?: string }> = {
    "crew@here.example": { targets: ["brain@here.example", "x@there.example"] },
  };
  await using door = await Door.open({ aliases });
  const { house } = door;
  let asked = 0;
  const { resolve } = house.router;
  house.router.resolve = (address) => {
    asked++;
    return resolve.call(house.router, address);
  };
  const owner = "owner-list@here.example";
  /** Names recipients, lets something happen, and sends; answers the reply and who was asked for. */
  const send = async (to: readonly string[], between: () => unknown = () => {}) => {
    const before = house.agent.jobs.length;
    const recipients = await door.named(to, session({ remote: { hostname: "10.1.2.3", port: 1 } }));
    asked = 0;
    await between();
    const answer = one(await door.send(recipients)).slice(0, 9);
    const again = asked;
    await house.queue.idle();
    const jobs = house.agent.jobs.slice(before).map((j) => [j.sender, ...j.recipients.map((r) => r.address)]);
    return { answer, again, jobs };
  };
  const sender = "jsmith@there.example";
  assertEquals(await send(["pinky@here.example", "crew@here.example", "y@there.example"]), {
    answer: "250 2.0.0",
    again: 0,
    jobs: [[sender, "x@there.example", "y@there.example"]],
  });
  // another one of the names has become a list: its copies are the owner's
  const list = () => aliases["pinky@here.example"] = { targets: ["z@there.example"], owner };
  assertEquals(await send(["pinky@here.example"], list), {
    answer: "250 2.0.0",
    again: 1,
    jobs: [[owner, "z@there.example"]],
  });
  assertEquals((await house.mailbox("pinky")).length, 1);
  // who left a list hears nothing more of it
  const leave = () => aliases["crew@here.example"] = { targets: ["brain@here.example"] };
  assertEquals(await send(["crew@here.example"], leave), { answer: "250 2.0.0", again: 1, jobs: [] });
  assertEquals((await house.mailbox("brain")).length, 2);
  // vanished
  const vanish = () => house.accounts.remove("brain@here.example");
  assertEquals((await send(["brain@here.example"], vanish)).answer, "550 5.1.1");
  // vanished, and another takes its mail
  await house.accounts.add({ address: "brain@here.example" });
  const succeed = async () => {
    await house.accounts.remove("brain@here.example");
    aliases["brain@here.example"] = { targets: ["postmaster@here.example"] };
  };
  assertEquals((await send(["brain@here.example"], succeed)).answer, "250 2.0.0");
  assertEquals((await house.mailbox("postmaster")).length, 1);
  await checkStore(house.store.kv);
});

// RFC 3461 at the instant of accepting.

Deno.test("success that was asked for is told: in a mailbox, to a list, of an alias with several targets", async () => {
  await using door = await Door.open({
    aliases: {
      "list@here.example": { targets: ["x@there.example"], owner: "pinky@here.example" },
      "two@here.example": { targets: ["brain@here.example", "y@there.example"] },
      "one@here.example": { targets: ["z@there.example"] },
    },
  });
  const { house } = door;
  const notify = ["success", "failure"] as const;
  const cases: [string, string | undefined][] = [
    ["brain@here.example", "delivered"],
    ["list@here.example", "delivered"],
    ["two@here.example", "expanded"],
    // passed on: the next server tells
    ["one@here.example", undefined],
  ];
  for (const [address, action] of cases) {
    const before = (await house.mailbox("pinky")).length;
    await door.send([{ address, notify }], undefined, { envelope: { sender: "pinky@here.example" } });
    await house.queue.idle();
    const told = (await house.mailbox("pinky")).slice(before);
    assertEquals(
      told.map((t) => t.match(/\r\nAction: (\w+)/)?.[1]),
      action === undefined ? [] : [action],
      address,
    );
  }
  const parameters = house.agent.jobs.map((j) => [j.sender, j.recipients[0]!.notify, j.recipients[0]!.orcpt]);
  assertEquals(parameters, [
    ["pinky@here.example", undefined, undefined],
    ["pinky@here.example", ["failure"], "rfc822;two@here.example"],
    ["pinky@here.example", notify, "rfc822;one@here.example"],
  ]);
  await checkStore(house.store.kv);
});

Deno.test("a member of a list that is out of date is told to its owner", async () => {
  await using door = await Door.open({
    aliases: {
      "list@here.example": {
        targets: ["gone@here.example", "brain@here.example"],
        owner: "pinky@here.example",
      },
    },
  });
  assertMatch(one(await door.send(["list@here.example"])), /^250 /);
  await door.house.queue.idle();
  assertEquals((await door.house.mailbox("brain")).length, 1);
  assertStringIncludes((await door.house.mailbox("pinky"))[0]!, "Final-Recipient: rfc822; gone@here.example");
  await checkStore(door.house.store.kv);
});

// VERB.

Deno.test("VERB tells what becomes of each copy before the final reply", async () => {
  await using door = await Door.open({
    aliases: { "two@here.example": { targets: ["brain@here.example", "y@there.example"] } },
  });
  const { house } = door;
  const lines: string[] = [];
  house.agent.answer = (_, job) => {
    job.transcript?.emit({ kind: "step", text: `Connecting to ${job.domain}` });
    return DEFERRED;
  };
  const to = ["two@here.example", "pinky@here.example", "x@elsewhere.example"];
  assertMatch(one(await door.send(to, undefined, { session: BRAIN, tell: (l) => lines.push(l) })), /^250 /);
  assertEquals(lines.sort(), [
    "<brain@here.example>... Sent (in the mailbox)",
    "<pinky@here.example>... Sent (in the mailbox)",
    "<two@here.example>... aliased to <brain@here.example>",
    "<two@here.example>... aliased to <y@there.example>",
    "Connecting to elsewhere.example",
    "Connecting to there.example",
  ]);
});

Deno.test("VERB waits a minute at most, and then says no more", async () => {
  await using door = await Door.open();
  const { house } = door;
  const gate = Promise.withResolvers<void>();
  const lines: string[] = [];
  house.agent.answer = async (_, job) => {
    await gate.promise;
    job.transcript?.emit({ kind: "step", text: "too late" });
    return DEFERRED;
  };
  const sent = door.send(["x@elsewhere.example"], undefined, { tell: (l) => lines.push(l) });
  await house.settled();
  assertEquals(house.agent.active, 1);
  house.clock.advance(60_000);
  assertMatch(one(await sent), /^250 /);
  gate.resolve();
  await house.queue.idle();
  assertEquals(lines, ["Delivery takes long; it goes on in the queue"]);
});

Deno.test("VERB waits for nothing once the server stops", async () => {
  await using door = await Door.open();
  const { house } = door;
  const gate = Promise.withResolvers<void>();
  const lines: string[] = [];
  house.agent.answer = async () => {
    await gate.promise;
    return DEFERRED;
  };
  const ending = new AbortController();
  const sent = door.send(["x@elsewhere.example"], undefined, {
    tell: (l) => lines.push(l),
    ending: ending.signal,
  });
  await house.settled();
  assertEquals(house.agent.active, 1);
  ending.abort();
  assertMatch(one(await sent), /^250 /);
  assertEquals(lines, ["Delivery takes long; it goes on in the queue"]);
  gate.resolve();
  await house.queue.idle();
});

Deno.test("Return-Path is the final server's alone, and Bcc stays with who submits (RFC 5321 4.4, RFC 5322 3.6.3)", async () => {
  await using door = await Door.open();
  const text = "Return-Path: <evil@x.example>\r\nSubject: a\r\nBcc: pinky@here.example,\r\n x@y.example\r\n" +
    "return-path: <evil@x.example>\r\n\r\nBcc: text\r\n";
  await door.send(["brain@here.example"], text);
  await door.send(["brain@here.example"], text, { session: { service: "submission", ...BRAIN } });
  const [came, submitted] = await door.house.mailbox("brain");
  const fields = (of: string | undefined) =>
    of!.split("\r\n\r\n")[0]!.match(/^(?:return-path|bcc|subject)(?=:)/gmi)!;
  assertEquals(fields(came), ["Return-Path", "Subject", "Bcc"]);
  assertEquals(fields(submitted), ["Return-Path", "Subject"]);
  assertStringIncludes(submitted!, "\r\n\r\nBcc: text\r\n");
});
