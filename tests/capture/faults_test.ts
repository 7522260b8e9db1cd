/** What a server that captures does wrong on purpose, and how it lives through days. */

import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { CapturingServer } from "./capturing_server.ts";

const LETTER = "Subject: Hello\r\n\r\nA first message.\r\n";

function sent(body: unknown, method = "PUT"): RequestInit {
  return { method, body: JSON.stringify(body), headers: { "content-type": "application/json" } };
}

Deno.test("Rules come over HTTP, act as often as they say, and what they refuse is in no mailbox", async () => {
  await using town = await CapturingServer.start();
  const rules = [{ stage: "end", match: { subject: "hello" }, reply: "451 4.3.0 Not now", times: 2 }];
  assertEquals(await town.status("/api/v1/faults", sent(rules)), 200);
  for (let n = 0; n < 2; n++) {
    await assertRejects(
      () => town.send({ to: ["jo@far.example"], text: LETTER }),
      Error,
      "451 4.3.0 Not now",
    );
  }
  assertEquals(await town.mailbox("jo@far.example"), []);
  await town.send({ to: ["jo@far.example"], text: LETTER });
  assertEquals((await town.mailbox("jo@far.example")).length, 1);
  const { items } = await (await town.ask("/api/v1/faults")).json();
  assertEquals(items, [{ ...rules[0], acted: 2 }]);
});

Deno.test("A handshake can't be made to fail where none is offered, and is told so", async () => {
  await using town = await CapturingServer.start();
  const refused = await town.ask("/api/v1/faults", sent([{ stage: "starttls", tlsFail: true }]));
  assertEquals(refused.status, 422);
  const { errors } = await refused.json();
  assertEquals(errors.map(({ name }: { name: string }) => name), ["0.tlsFail"]);
});

Deno.test("STARTTLS is answered as a rule says also where it is not offered", async () => {
  await using town = await CapturingServer.start();
  const rules = [
    { stage: "starttls", reply: "454 4.7.0 No TLS today", times: 1 },
    { stage: "starttls", drop: true, times: 1 },
  ];
  assertEquals(await town.status("/api/v1/faults", sent(rules)), 200);
  using talk = await town.talk();
  await talk.ask("STARTTLS", "454 4.7.0 No TLS today");
  await assertRejects(() => talk.ask("STARTTLS", "220"), Error);
  using after = await town.talk();
  await after.ask("STARTTLS", "502 5.5.1");
  const { items } = await (await town.ask("/api/v1/faults")).json();
  assertEquals(items.map(({ acted }: { acted: number }) => acted), [1, 1]);
});

Deno.test("An address of any domain asks for a fault", async () => {
  await using town = await CapturingServer.start();
  for (
    const to of [
      "fault-rcpt-451@any.example",
      "fault-data-554@other.example",
      "fault-end-552+one@far.example",
    ]
  ) {
    const code = /\d{3}/.exec(to)![0];
    await assertRejects(() => town.send({ to: [to], text: LETTER }), Error, code);
    assertEquals(await town.mailbox(to), []);
  }
  await town.send({ to: ["fault@any.example", "no-fault-rcpt-451@any.example"], text: LETTER });
});

Deno.test("Days pass when they are asked for, and captured mail is dated by them", async () => {
  await using town = await CapturingServer.start();
  await town.send({ to: ["jo@far.example"], text: LETTER });
  const answer = await town.ask("/api/v1/clock", sent({ advance: "5d" }, "POST"));
  assertEquals(answer.status, 200);
  const { now } = await answer.json();
  const id = await town.send({ to: ["jo@far.example"], text: LETTER });
  const day = new Date(now).toUTCString().slice(0, 11).replace(/ 0/, " ");
  assertMatch(await town.raw("jo@far.example", id), new RegExp(`Received: [^]*${day.replace(", ", ", 0?")}`));
  assertEquals((await town.mailbox("jo@far.example")).length, 2);
});
