import { assertEquals, assertMatch } from "@std/assert";
import { ManualClock } from "../../../src/base/manual_clock.ts";
import type { Outcome } from "../../../src/mail/outcome.ts";
import type { SmtpClient } from "../../../src/smtp/client/client.ts";
import { ScriptedPeer } from "../../../src/testing/scripted_peer.ts";
import type { Answer, PeerScript, PeerStage } from "../../../src/testing/peer_script.ts";
import { brief, connect, message, until } from "./helpers.ts";

const STAGES = ["greeting", "ehlo", "mail", "rcpt", "data", "end"] as const;
type TestedStage = typeof STAGES[number];

/** How the peers differ. */
const MODES: Record<string, readonly string[]> = {
  "one by one": ["8BITMIME"],
  "pipelined": ["PIPELINING", "8BITMIME"],
  "pipelined with BDAT": ["PIPELINING", "CHUNKING", "8BITMIME"],
  "BDAT one by one": ["CHUNKING", "8BITMIME"],
};

const LIMITS: Record<TestedStage, number> = {
  greeting: 300,
  ehlo: 300,
  mail: 300,
  rcpt: 300,
  data: 120,
  end: 600,
};

interface Played {
  outcomes: Outcome[];
  client: SmtpClient | undefined;
}

/** Connects and sends; what fails at the start fails for both recipients. */
async function play(peer: ScriptedPeer, clock: ManualClock): Promise<Played> {
  const result = await connect(peer, { clock });
  if (!result.ok) return { outcomes: [result.outcome, result.outcome], client: undefined };
  return { outcomes: await result.client.send(message()), client: result.client };
}

function scriptOf(stage: TestedStage, fault: Answer, mode: string): PeerScript {
  const script: Partial<Record<PeerStage, Answer>> = { [stage]: fault };
  if (stage === "ehlo") script.helo = fault;
  return { extensions: MODES[mode]!, ...script };
}

const FAULTS: [name: string, fault: Answer, outcome: (stage: TestedStage) => string][] = [
  // replies
  ["4xx", "451 4.3.5 Not now", (stage) => `deferred 4.3.5 ${stage} 451`],
  ["5xx", "554 5.7.0 Never", (stage) => `failed 5.7.0 ${stage} 554`],
  ["4xx without a status", "451 Not now", (stage) => `deferred 4.0.0 ${stage} 451`],
  ["5xx with a status of another class", "550 4.1.1 Hm", (stage) => `failed 5.0.0 ${stage} 550`],
  [
    "several lines",
    "550-5.1.1 No\r\n550-5.1.1 such\r\n550 5.1.1 user",
    (stage) => `failed 5.1.1 ${stage} 550`,
  ],
  ["421", "421 4.3.2 Going down", (stage) => `deferred 4.3.2 ${stage} 421`],
  ["421 and a closed connection", { drop: true, raw: "421 4.3.2 Bye\r\n" }, (s) => `deferred 4.3.2 ${s} 421`],
  // no replies
  ["a drop", { drop: true }, (stage) => `deferred 4.4.2 ${stage}`],
  ["a drop within a reply", { drop: true, raw: "250-half" }, (stage) => `deferred 4.4.2 ${stage}`],
  ["garbage", "SSH-2.0-OpenSSH_9.9", (stage) => `deferred 4.5.0 ${stage}`],
  ["binary garbage", { raw: "\x16\x03\x01\0\xff\r\n" }, (stage) => `deferred 4.5.0 ${stage}`],
  ["a code that is none", "999 Hm", (stage) => `deferred 4.5.0 ${stage}`],
  ["a reply out of place", "334 Hm", (stage) => `deferred 4.5.0 ${stage}`],
  ["an endless line", { raw: `250 ${"x".repeat(70_000)}` }, (stage) => `deferred 4.5.0 ${stage}`],
  ["an endless reply", { raw: "250-x\r\n".repeat(220_000) }, (stage) => `deferred 4.5.0 ${stage}`],
];

for (const mode of Object.keys(MODES)) {
  Deno.test(`send() gives each fault at each stage its outcome, ${mode}`, async () => {
    for (const stage of STAGES) {
      if (stage === "data" && mode.includes("BDAT")) continue;
      for (const [name, fault, expected] of FAULTS) {
        await using peer = ScriptedPeer.start(scriptOf(stage, fault, mode));
        const { outcomes, client } = await play(peer, new ManualClock());
        const outcome = expected(stage);
        assertEquals(brief(outcomes), [outcome, outcome], `${name} at ${stage}`);
        assertEquals(peer.messages.filter(({ rcpts }) => rcpts.length > 0), [], `${name} at ${stage}`);
        client?.close();
      }
    }
  });

  Deno.test(`send() waits as long as RFC 5321 4.5.3.2 says at each stage, ${mode}`, async () => {
    for (const stage of STAGES) {
      if (stage === "data" && mode.includes("BDAT")) continue;
      const clock = new ManualClock();
      let reached = false;
      await using peer = ScriptedPeer.start({
        extensions: MODES[mode]!,
        [stage]: () => {
          reached = true;
          return { silence: true };
        },
      });
      const playing = play(peer, clock);
      // a timer of a wait before this one may stand for it; that of the connection is over
      await until(() => reached && (clock.untilNext ?? 0) > 30_000);
      clock.advance(LIMITS[stage] * 1000 - 1);
      assertEquals(clock.timers, 1, stage);
      clock.advance(1);
      const { outcomes, client } = await playing;
      assertEquals(brief(outcomes), Array(2).fill(`deferred 4.4.2 ${stage}`), stage);
      assertMatch(outcomes[0]!.text, new RegExp(`didn't answer within ${LIMITS[stage]} s`));
      assertEquals(client?.usable ?? false, false);
      assertEquals(clock.timers, 0);
    }
  });
}

Deno.test("send() says that a duplicate is possible when only the last reply is missing", async () => {
  await using peer = ScriptedPeer.start({ end: { drop: true } });
  const { outcomes } = await play(peer, new ManualClock());
  assertMatch(outcomes[0]!.text, /duplicate is possible/);
});

Deno.test("connect() tells that nobody listens", async () => {
  const peer = ScriptedPeer.start();
  await peer.close();
  const result = await connect(peer);
  assertEquals(result.ok, false);
  if (!result.ok) {
    assertEquals(brief([result.outcome]), ["deferred 4.4.1 connect"]);
    assertMatch(result.outcome.text, /refused/i);
    assertEquals(result.silent, false);
  }
});

Deno.test("connect() takes its leave of who doesn't welcome it (RFC 5321 3.1, 4.1.1.10)", async () => {
  const rows: [PeerScript, string[]][] = [
    [{ greeting: "554 5.3.2 No mail here" }, ["QUIT"]],
    [{ ehlo: "451 4.3.0 Later" }, ["EHLO", "QUIT"]],
    [{ ehlo: "550 Hm", helo: "550 No" }, ["EHLO", "HELO", "QUIT"]],
    [{}, ["EHLO", "QUIT"]], // no STARTTLS
    [{ ehlo: { drop: true, raw: "421 4.3.2 Bye\r\n" } }, ["EHLO"]],
  ];
  for (const [script, verbs] of rows) {
    await using peer = ScriptedPeer.start(script);
    assertEquals((await connect(peer, { tls: "require" })).ok, false);
    await peer.until(() => peer.sessions[0]!.closed);
    assertEquals(peer.sessions[0]!.lines.map((line) => line.split(" ")[0]), verbs);
  }
});

Deno.test("connect() gives up after 30 seconds, and closes what comes later", async () => {
  const clock = new ManualClock();
  let late = () => {};
  let closed = false;
  const conn = { close: () => closed = true };
  const dial = () => new Promise<never>((resolve) => late = () => resolve(conn as never));
  await using peer = ScriptedPeer.start();
  const connecting = connect(peer, { clock, dial });
  assertEquals(clock.untilNext, 30_000);
  clock.advance(30_000);
  const result = await connecting;
  assertEquals(!result.ok && [result.silent, brief([result.outcome])], [true, ["deferred 4.4.1 connect"]]);
  late();
  await until(() => closed);
});

Deno.test("connect() greets old servers with HELO", async () => {
  await using peer = ScriptedPeer.start({ ehlo: "502 5.5.1 What?" });
  const { outcomes, client } = await play(peer, new ManualClock());
  assertEquals(brief(outcomes), Array(2).fill("delivered 2.0.0 end 250"));
  assertEquals(peer.sessions[0]!.lines.slice(0, 3), [
    "EHLO near.example",
    "HELO near.example",
    "MAIL FROM:<brain@near.example>",
  ]);
  client?.close();
});
