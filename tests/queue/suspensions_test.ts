import { assertEquals } from "@std/assert";
import { ManualClock } from "../../src/base/manual_clock.ts";
import { Suspensions } from "../../src/queue/suspensions.ts";
import { sweepExpired } from "../../src/storage/expiry.ts";
import { openStore } from "../../src/storage/store.ts";
import { DAY, DEFERRED, HOUR, House, local, MINUTE } from "./support.ts";

Deno.test("Suspensions keeps pauses until they end", async () => {
  const clock = new ManualClock(1_000_000);
  const store = await openStore({ location: ":memory:", clock });
  try {
    const suspensions = new Suspensions(store, clock);
    assertEquals(await suspensions.get("b.example"), undefined);
    const made = await suspensions.put({ domain: "b.example", until: 1_060_000, reason: "They asked" });
    assertEquals(made, { domain: "b.example", until: 1_060_000, reason: "They asked", since: 1_000_000 });
    await suspensions.put({ domain: "a.example" });
    assertEquals((await suspensions.list()).map((s) => s.domain), ["a.example", "b.example"]);
    clock.advance(30_000);
    // replaced, but since the same time
    assertEquals(await suspensions.put({ domain: "a.example", until: 2_000_000 }), {
      domain: "a.example",
      until: 2_000_000,
      since: 1_000_000,
    });
    clock.advance(30_000);
    assertEquals(await suspensions.get("b.example"), undefined);
    assertEquals((await suspensions.list()).map((s) => s.domain), ["a.example"]);
    assertEquals(await suspensions.remove("b.example"), false);
    assertEquals(await suspensions.remove("a.example"), true);
    assertEquals(await suspensions.list(), []);
  } finally {
    await store.close();
  }
});

Deno.test("a suspension that got another end is not swept away at its first one", async () => {
  const clock = new ManualClock(1_000_000);
  const store = await openStore({ location: ":memory:", clock });
  try {
    const suspensions = new Suspensions(store, clock);
    await suspensions.put({ domain: "longer.example", until: 1_010_000 });
    await suspensions.put({ domain: "longer.example", until: 1_030_000 });
    await suspensions.put({ domain: "endless.example", until: 1_010_000 });
    await suspensions.put({ domain: "endless.example" });
    await suspensions.put({ domain: "over.example", until: 1_010_000 });
    clock.advance(20_000);
    assertEquals(await sweepExpired(store, clock.now()), 1);
    const afresh = new Suspensions(store, clock);
    assertEquals((await afresh.list()).map((s) => s.domain), ["endless.example", "longer.example"]);
  } finally {
    await store.close();
  }
});

const THERE = "pinky@there.example";
const WAITS = "Delivery to there.example is suspended: A break";

/** What waits, in short. */
async function waiting(house: House) {
  return (await house.records()).flatMap((record) =>
    record.recipients.map((r) => [r.attempts, record.dueAt - house.clock.now(), r.lastError])
  );
}

Deno.test("while its destination is suspended a message waits: no attempt is counted, none is kept", async () => {
  await using house = await House.open({ answer: () => DEFERRED });
  const id = await house.accept([THERE]);
  await house.settled();
  assertEquals(await waiting(house), [[1, 15 * MINUTE, "Connection refused"]]);
  await house.suspensions.put({ domain: "there.example", reason: "A break" });
  await house.queue.suspended("there.example");
  await house.settled();
  assertEquals(await waiting(house), [[1, 15 * MINUTE, WAITS]]);
  await house.pass(HOUR);
  assertEquals((await waiting(house)).map(([attempts, , why]) => [attempts, why]), [[1, WAITS]]);
  assertEquals((await house.queue.attempts(id)).length, 1);
  assertEquals([house.agent.jobs.length, house.of("deferred").length], [1, 1]);
});

Deno.test("what is suspended can't be asked for, and flush() doesn't count it", async () => {
  await using house = await House.open({ answer: () => DEFERRED });
  await house.suspensions.put({ domain: "there.example" });
  const id = await house.accept([THERE]);
  const both = await house.accept([THERE, "inky@elsewhere.example"]);
  await house.settled();
  assertEquals(await house.queue.retry(id), "suspended");
  assertEquals(await house.queue.retry(both), undefined);
  await house.settled();
  assertEquals(house.agent.jobs.map((j) => j.domain), ["elsewhere.example", "elsewhere.example"]);
  assertEquals(await house.queue.flush(), 1);
  assertEquals(await house.queue.flush("there.example"), 0);
  await house.suspensions.remove("there.example");
  assertEquals(await house.queue.flush("there.example"), 2);
  await house.settled();
  assertEquals(house.agent.jobs.filter((j) => j.domain === "there.example").length, 2);
});

Deno.test("a suspended message does not expire; its sender is warned once; then it is tried before it may", async () => {
  await using house = await House.open({ answer: () => DEFERRED });
  const until = house.clock.now() + 20 * DAY + 7 * MINUTE;
  await house.suspensions.put({ domain: "there.example", until });
  await house.accept([THERE]);
  await house.pass(20 * DAY);
  assertEquals([house.agent.jobs.length, (await house.records()).length], [0, 1]);
  assertEquals(house.of("report").map((e) => e.action), ["delayed"]);
  const [warning] = await house.mailbox("brain");
  assertEquals(warning!.includes("Delivery to there.example is suspended until"), true);
  // due at the very end of the suspension, though the next look was not planned for then
  assertEquals((await waiting(house))[0]![1], 7 * MINUTE);
  await house.pass(7 * MINUTE);
  assertEquals([house.agent.jobs.length, (await house.records()).length], [1, 0]);
  assertEquals(house.of("bounced").map((e) => e.status), ["5.4.7"]);
});

Deno.test("mail for mailboxes here knows no suspension", async () => {
  await using house = await House.open();
  await house.suspensions.put({ domain: "here.example" });
  await house.accept([local("pinky")]);
  await house.settled();
  assertEquals((await house.mailbox("pinky")).length, 1);
});
