/** Tests of faults in receiving sessions, over real sockets: every stage, every action, every kind of listener. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { systemClock } from "../../../src/base/clock.ts";
import { seededRandom } from "../../../src/base/random.ts";
import type { FaultRule, FaultStage } from "../../../src/faults/rule.ts";
import { FaultRules } from "../../../src/faults/rules.ts";
import { type Door, House, plain, type Talk } from "./whole_server.ts";

const TEXT = "Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?= from afar\r\n\r\nHello\r\n.\r\n";
const STAGES: readonly FaultStage[] = ["connect", "ehlo", "starttls", "auth", "mail", "rcpt", "data", "end"];

interface Bench extends AsyncDisposable {
  readonly house: House;
  readonly faults: FaultRules;
}

async function bench(rules: readonly FaultRule[] = [], byAddress = false): Promise<Bench> {
  const faults = new FaultRules({ random: seededRandom(1), byAddress });
  faults.set(rules);
  const house = await House.start({ faults });
  return { house, faults, [Symbol.asyncDispose]: () => house[Symbol.asyncDispose]() };
}

/** Goes through a conversation up to a stage, and answers what is said to that; undefined: the connection ended. */
async function answerAt(house: House, stage: FaultStage, door: Door = "smtp"): Promise<string | undefined> {
  using talk = await house.dial(door);
  const hello = door === "lmtp" ? "LHLO" : "EHLO";
  const lines: readonly (readonly [stage: FaultStage, line: string, goesOn: RegExp])[] = [
    ["ehlo", `${hello} client.example\r\n`, /^250/],
    ...(stage === "starttls" ? [["starttls", "STARTTLS\r\n", /^220/] as const] : []),
    ...(door === "submission" ? [["auth", `${plain("brain@howstuffworks.com")}\r\n`, /^235/] as const] : []),
    ["mail", "MAIL FROM:<brain@howstuffworks.com>\r\n", /^250/],
    ["rcpt", "RCPT TO:<brain@howstuffworks.com>\r\n", /^250/],
    ["data", "DATA\r\n", /^354/],
    ["end", TEXT, /^250/],
  ];
  if (stage === "connect") return await saidOrRest(talk);
  await talk.reply(/^220 /);
  for (const [at, line, goesOn] of lines) {
    await talk.send(line);
    if (at === stage) return await saidOrRest(talk);
    await talk.reply(goesOn);
  }
}

async function saidOrRest(talk: Talk): Promise<string | undefined> {
  const reply = await talk.maybeReply();
  if (reply !== undefined) return reply;
  const rest = await talk.rest();
  return rest === "" ? undefined : rest;
}

/** A door at which the stage comes. */
function doorOf(stage: FaultStage): Door {
  return stage === "auth" ? "submission" : "smtp";
}

const NORMAL: Readonly<Record<FaultStage, RegExp>> = {
  connect: /^220 mail/,
  ehlo: /^250-/,
  starttls: /^220 2\.0\.0 /,
  auth: /^235 /,
  mail: /^250 2\.1\.0/,
  rcpt: /^250 2\.1\.5/,
  data: /^354 /,
  end: /^250 2\.0\.0 Ok: queued as /,
};

Deno.test("at every stage a reply, a drop, a delay and a cut do what they say, once, and then all is as ever", async () => {
  await using at = await bench();
  const { house, faults } = at;
  for (const stage of STAGES) {
    const door = doorOf(stage);
    const before = house.accepted;
    faults.set([{ stage, reply: "453 4.3.9 On purpose", times: 1 }]);
    assertEquals(await answerAt(house, stage, door), "453 4.3.9 On purpose\r\n", stage);
    faults.set([{ stage, drop: true, times: 1 }]);
    assertEquals(await answerAt(house, stage, door), undefined, stage);
    assertEquals(house.accepted, before, `${stage}: nothing was taken`);
    faults.set([{ stage, truncate: 5, times: 1 }]);
    const cut = await answerAt(house, stage, door);
    assertEquals(cut?.length, 5, `${stage}: ${cut}`);
    assert(!cut!.includes("\n"));
    faults.set([{ stage, delay: 60, times: 1 }]);
    const began = systemClock.monotonic();
    assertMatch(await answerAt(house, stage, door) ?? "", NORMAL[stage]);
    const lasted = systemClock.monotonic() - began;
    assert(lasted >= 55, `${stage}: ${lasted} ms`);
    assertMatch(await answerAt(house, stage, door) ?? "", NORMAL[stage], stage);
    assertEquals(faults.list().map(({ acted }) => acted), [1]);
  }
});

Deno.test("a submission's and an LMTP session's stages have faults too", async () => {
  await using at = await bench();
  const { house, faults } = at;
  for (const door of ["submission", "lmtp"] as const) {
    for (const stage of STAGES) {
      if (stage === "starttls" || (stage === "auth" && door === "lmtp")) continue;
      faults.set([{ stage, reply: "554 5.7.1 On purpose" }]);
      assertEquals(await answerAt(house, stage, door), "554 5.7.1 On purpose\r\n", `${door} ${stage}`);
    }
  }
  assertEquals(house.accepted, 0);
});

Deno.test("LMTP's end of the text is refused for each recipient", async () => {
  await using at = await bench([{ stage: "end", reply: "451 4.3.0 On purpose", times: 1 }]);
  using talk = await at.house.talk("lmtp");
  await talk.ask("MAIL FROM:<>", /^250/);
  for (const who of ["brain", "marshall"]) await talk.ask(`RCPT TO:<${who}@howstuffworks.com>`, /^250/);
  await talk.ask("DATA", /^354/);
  await talk.send(TEXT);
  await talk.reply(/^451 4\.3\.0 On purpose/);
  await talk.reply(/^451 4\.3\.0 On purpose/);
  await talk.ask("NOOP", /^250/);
  assertEquals(at.house.accepted, 0);
});

Deno.test("a TLS handshake fails behind STARTTLS, and where TLS comes first", async () => {
  await using at = await bench([{ stage: "starttls", tlsFail: true, times: 2 }]);
  using talk = await at.house.talk();
  await talk.ask("STARTTLS", /^220/);
  assertMatch(await failure(talk.encrypt()), /handshake|alert/i);
  using first = await at.house.dial("submissions");
  assertMatch(await failure(first.encrypt()), /handshake|alert/i);
  using again = await at.house.talk();
  await again.startTls();
  using last = await at.house.dial("submissions");
  await last.encrypt();
  await last.reply(/^220 /);
});

async function failure(doing: Promise<unknown>): Promise<string> {
  return await doing.then(() => "", (error) => String(error));
}

Deno.test("421 closes, and other refusals leave the session as the command was never said", async () => {
  await using at = await bench([
    { stage: "mail", reply: "451 4.3.0 Not now", times: 1 },
    { stage: "rcpt", reply: "452 4.2.2 Full", match: { to: "brain@" }, times: 1 },
    { stage: "data", reply: "451 4.3.0 No data", times: 1 },
    { stage: "mail", reply: "421 4.3.2 Enough", match: { attempt: 3 } },
  ]);
  using talk = await at.house.talk();
  const group = "MAIL FROM:<a@b.example>\r\nRCPT TO:<brain@howstuffworks.com>\r\nDATA\r\n";
  await talk.send(group);
  await talk.reply(/^451 4\.3\.0 Not now/);
  await talk.reply(/^503/);
  await talk.reply(/^503/);
  await talk.send(group);
  await talk.reply(/^250/);
  await talk.reply(/^452 4\.2\.2 Full/);
  await talk.reply(/^503/);
  await talk.ask("RCPT TO:<brain@howstuffworks.com>", /^250/);
  await talk.ask("DATA", /^451 4\.3\.0 No data/);
  await talk.ask("MAIL FROM:<a@b.example>", /^250/);
  await talk.ask("RSET", /^250/);
  await talk.ask("MAIL FROM:<a@b.example>", /^421 4\.3\.2 Enough/);
  assertEquals(await talk.rest(), "");
});

Deno.test("BDAT's first chunk is answered at data, its last one at end, and its octets are never commands", async () => {
  await using at = await bench([
    { stage: "data", reply: "452 4.3.1 No room", times: 1 },
    { stage: "end", reply: "451 4.3.0 Not taken", times: 1 },
    { stage: "data", truncate: 3, match: { attempt: 3 } },
  ]);
  const { house } = at;
  using talk = await house.talk();
  const open = async () => {
    await talk.ask("MAIL FROM:<a@b.example>", /^250/);
    await talk.ask("RCPT TO:<brain@howstuffworks.com>", /^250/);
  };
  await open();
  await talk.ask("BDAT 6 LAST\r\nQUIT", /^452 4\.3\.1 No room/);
  await open();
  await talk.ask("BDAT 11\r\nA: b\r\n\r\nx", /^250 2\.0\.0 Chunk/);
  await talk.ask("BDAT 3 LAST\r\ny", /^451 4\.3\.0 Not taken/);
  await open();
  await talk.ask("BDAT 8 LAST\r\nA: b\r\n", /^250 2\.0\.0 Ok: queued/);
  await open();
  await talk.send("BDAT 8\r\nA: b\r\n\r\n");
  assertEquals(await talk.rest(), "250");
  assertEquals(house.accepted, 1);
});

Deno.test("the end of a text is matched by its subject, in whatever pieces it comes", async () => {
  await using at = await bench([
    { stage: "end", reply: "554 5.6.0 Not this", match: { subject: "GRÜSSE" } },
    {
      stage: "end",
      reply: "554 5.6.0 Nor that",
      match: { subject: "grüße FROM", to: "brain@howstuffworks.com" },
    },
  ]);
  const { house, faults } = at;
  using talk = await house.talk();
  await talk.envelope();
  for (const octet of TEXT) await talk.send(octet);
  await talk.reply(/^554 5\.6\.0 Nor that/);
  await talk.envelope();
  await talk.send(TEXT.replace("afar", "near").replace("Subject", "Topic"));
  await talk.reply(/^250 2\.0\.0/);
  assertEquals(faults.list().map(({ acted }) => acted), [0, 1]);
});

Deno.test("refusals on purpose are no errors of the client", async () => {
  await using at = await bench([{ stage: "rcpt", reply: "550 5.1.1 Nobody" }]);
  using talk = await at.house.talk();
  await talk.ask("MAIL FROM:<a@b.example>", /^250/);
  for (let i = 0; i < 40; i++) await talk.ask("RCPT TO:<brain@howstuffworks.com>", /^550 5\.1\.1 Nobody/);
  await talk.ask("RCPT TO:", /^501/);
});

Deno.test("a recipient's address asks for a fault", async () => {
  await using at = await bench([], true);
  const { house } = at;
  // such a recipient is one of ours
  for (const local of ["fault-data-451", "fault-data-drop", "fault-end-552", "fault-end-drop"]) {
    await house.server.accounts.add({
      address: `${local}@howstuffworks.com`,
      password: "x1y2z3 and more",
    });
  }
  const refused = async (to: string) => {
    using talk = await house.talk();
    await talk.ask("MAIL FROM:<a@b.example>", /^250/);
    return await talk.ask(`RCPT TO:<${to}>`, /./);
  };
  assertMatch(await refused("fault-rcpt-451@any.example"), /^451 4\.0\.0 /);
  assertMatch(await refused("fault-rcpt-550@any.example"), /^550 5\.0\.0 /);
  assertMatch(await refused("fault-mail-451@any.example"), /^550 5\.1\.3 .*rcpt, data or end/);
  const sent = async (local: string, say: string) => {
    using talk = await house.talk();
    await talk.ask("MAIL FROM:<a@b.example>", /^250/);
    await talk.ask("RCPT TO:<brain@howstuffworks.com>", /^250/);
    await talk.ask(`RCPT TO:<${local}@howstuffworks.com>`, /^250/);
    await talk.send("DATA\r\n");
    if (say === "DATA") return await saidOrRest(talk);
    await talk.reply(/^354/);
    await talk.send(TEXT);
    return await saidOrRest(talk);
  };
  assertMatch(await sent("fault-data-451", "DATA") ?? "", /^451 4\.0\.0 /);
  assertEquals(await sent("fault-data-drop", "DATA"), undefined);
  assertMatch(await sent("fault-end-552", "text") ?? "", /^552 5\.0\.0 /);
  assertEquals(await sent("fault-end-drop", "text"), undefined);
  assertEquals(house.accepted, 0);
});

Deno.test("a server stops while an answer is late", async () => {
  const at = await bench([{ stage: "mail", delay: "1h" }]);
  using talk = await at.house.talk();
  await talk.send("MAIL FROM:<a@b.example>\r\n");
  await talk.send("NOOP\r\n");
  const began = systemClock.monotonic();
  await at[Symbol.asyncDispose]();
  assert(systemClock.monotonic() - began < 3000);
});
