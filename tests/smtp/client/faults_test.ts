/** Tests of faults that stand for the next server's answers, over real sockets. */

import { assertEquals, assertMatch } from "@std/assert";
import { ManualClock } from "../../../src/base/manual_clock.ts";
import { seededRandom } from "../../../src/base/random.ts";
import type { FaultRule, FaultStage } from "../../../src/faults/rule.ts";
import { FaultRules } from "../../../src/faults/rules.ts";
import type { ClientOptions } from "../../../src/smtp/client/client.ts";
import { ScriptedPeer } from "../../../src/testing/scripted_peer.ts";
import { CERTIFICATE } from "./certificate.ts";
import { brief, connect, message, until } from "./helpers.ts";

type TestedStage = Exclude<FaultStage, "starttls">;

const STAGES: readonly TestedStage[] = ["connect", "ehlo", "auth", "mail", "rcpt", "data", "end"];
/** The stage as an outcome tells it. */
const TOLD: Readonly<Record<TestedStage, string>> = {
  connect: "greeting",
  ehlo: "ehlo",
  auth: "auth",
  mail: "mail",
  rcpt: "rcpt",
  data: "data",
  end: "end",
};
const MODES: Readonly<Record<string, readonly string[]>> = {
  "one by one": ["8BITMIME", "AUTH PLAIN"],
  "pipelined": ["PIPELINING", "AUTH PLAIN"],
  "with BDAT": ["PIPELINING", "CHUNKING", "AUTH PLAIN"],
};
const AUTH = { auth: { user: "brain", password: "gRiZZly" } };

function faultsOf(...rules: FaultRule[]): FaultRules {
  const faults = new FaultRules({ random: seededRandom(1) });
  faults.set(rules);
  return faults;
}

/** Connects and sends; what fails at the start fails for both recipients. */
async function send(peer: ScriptedPeer, options: Partial<ClientOptions>): Promise<string[]> {
  const result = await connect(peer, { ...AUTH, ...options });
  if (!result.ok) return brief([result.outcome, result.outcome]);
  const outcomes = await result.client.send(message());
  await result.client.quit();
  return brief(outcomes);
}

for (const [mode, extensions] of Object.entries(MODES)) {
  Deno.test(`a rule stands for the next server's answer, which never gets the message (${mode})`, async () => {
    await using peer = ScriptedPeer.start({ extensions });
    for (const stage of STAGES) {
      const told = TOLD[stage];
      const faults = faultsOf({ stage, out: true, reply: "453 4.3.9 On purpose" });
      const later = await send(peer, { faults });
      assertEquals(later, Array(2).fill(`deferred 4.3.9 ${told} 453`), stage);
      faults.set([{ stage, out: true, reply: "554 5.7.9 On purpose" }]);
      const refusal = stage === "auth" ? "deferred 4.7.8 auth 554" : `failed 5.7.9 ${told} 554`;
      assertEquals(await send(peer, { faults }), Array(2).fill(refusal), stage);
      for (const action of [{ drop: true }, { truncate: 3 }] as const) {
        faults.set([{ stage, out: true, ...action }]);
        const lost = stage === "connect" ? "deferred 4.4.1 connect" : `deferred 4.4.2 ${told}`;
        assertEquals(await send(peer, { faults }), Array(2).fill(lost), `${stage} ${JSON.stringify(action)}`);
      }
    }
    assertEquals(peer.messages, []);
    assertEquals(await send(peer, { faults: faultsOf() }), Array(2).fill("delivered 2.0.0 end 250"));
    assertEquals(peer.messages.length, 1);
  });
}

/** How long each stage's answer is waited for. */
const LIMITS_MS: Readonly<Record<TestedStage, number>> = {
  connect: 300_000,
  ehlo: 300_000,
  auth: 300_000,
  mail: 300_000,
  rcpt: 300_000,
  data: 120_000,
  end: 600_000,
};

Deno.test("an answer is late, and one that is later than is waited for is none", async () => {
  await using peer = ScriptedPeer.start({ extensions: MODES["pipelined"]! });
  for (const stage of STAGES) {
    const clock = new ManualClock();
    const faults = faultsOf({ stage, out: true, delay: "2s", times: 2 }, { stage, out: true, delay: "1h" });
    const sending = send(peer, { clock, faults });
    for (let n = 1; n <= (stage === "rcpt" ? 2 : 1); n++) {
      await until(() => faults.list()[0]!.acted === n && clock.untilNext === 2000);
      clock.advance(2000);
    }
    assertEquals(await sending, Array(2).fill("delivered 2.0.0 end 250"), stage);
    faults.set([{ stage, out: true, delay: "1h" }]);
    const late = send(peer, { clock, faults });
    await until(() => faults.list()[0]!.acted === 1 && clock.timers > 0);
    clock.advance(LIMITS_MS[stage]);
    const lost = stage === "connect" ? "deferred 4.4.1 connect" : `deferred 4.4.2 ${TOLD[stage]}`;
    assertEquals(await late, Array(2).fill(lost), stage);
  }
});

Deno.test("a recipient, a sender and a subject are matched, and the others are served", async () => {
  await using peer = ScriptedPeer.start({ extensions: MODES["pipelined"]! });
  const faults = faultsOf(
    { stage: "rcpt", out: true, match: { to: "carol@far.example" }, reply: "550 5.1.1 No Carol" },
    { stage: "end", out: true, match: { subject: "hello", from: "@near.example", attempt: 2 }, drop: true },
  );
  assertEquals(await send(peer, { faults }), ["delivered 2.0.0 end 250", "failed 5.1.1 rcpt 550"]);
  assertEquals(await send(peer, { faults }), ["deferred 4.4.2 end", "failed 5.1.1 rcpt 550"]);
  assertEquals(peer.messages.map(({ rcpts }) => rcpts), [["RCPT TO:<jsmith@far.example>"]]);
  assertEquals(faults.list().map(({ acted }) => acted), [2, 1]);
});

Deno.test("STARTTLS is refused, and a handshake fails, with what each means to the policy", async () => {
  await using peer = ScriptedPeer.start({ extensions: ["STARTTLS"], tls: CERTIFICATE });
  const cases: readonly (readonly [Partial<FaultRule>, "opportunistic" | "require", string])[] = [
    [{ reply: "454 4.7.0 No" }, "opportunistic", "delivered 2.0.0 end 250"],
    [{ reply: "454 4.7.0 No" }, "require", "deferred 4.7.10 tls"],
    [{ tlsFail: true }, "opportunistic", "delivered 2.0.0 end 250"],
    [{ tlsFail: true }, "require", "deferred 4.7.5 tls"],
    [{ drop: true }, "require", "deferred 4.4.2 tls"],
  ];
  for (const [action, tls, outcome] of cases) {
    const faults = faultsOf({ stage: "starttls", out: true, ...action } as FaultRule);
    const sent = await connect(peer, { tls, faults, ca: [CERTIFICATE.cert] });
    if (!sent.ok) {
      assertEquals(brief([sent.outcome]), [outcome], `${JSON.stringify(action)} ${tls}`);
      continue;
    }
    const outcomes = await sent.client.send(message({ to: ["jsmith@far.example"] }));
    assertEquals(brief(outcomes), [outcome], `${JSON.stringify(action)} ${tls}`);
    assertMatch(sent.client.peer.inClear ?? "", /454|handshake failed/);
    await sent.client.quit();
  }
});

Deno.test("a connection goes on behind refusals, and rules for what comes in say nothing to what goes out", async () => {
  await using peer = ScriptedPeer.start({ extensions: MODES["with BDAT"]! });
  const faults = faultsOf(
    { stage: "mail", drop: true },
    { stage: "data", out: true, reply: "452 4.3.1 No room", times: 1 },
  );
  const result = await connect(peer, { ...AUTH, faults });
  if (!result.ok) throw new Error(result.outcome.text);
  const { client } = result;
  assertEquals(brief(await client.send(message())), Array(2).fill("deferred 4.3.1 data 452"));
  assertEquals(brief(await client.send(message())), Array(2).fill("delivered 2.0.0 end 250"));
  await client.quit();
  assertEquals([peer.sessions.length, peer.messages.length], [1, 1]);
});
