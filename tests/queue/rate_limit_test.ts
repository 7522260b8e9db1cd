import { assertEquals } from "@std/assert";
import { ManualClock } from "../../src/base/manual_clock.ts";
import { RateLimit } from "../../src/queue/rate_limit.ts";
import { DAY, DEFERRED, House, MINUTE, SCHEDULE } from "./support.ts";

Deno.test("RateLimit lets a burst pass, then one at a time", () => {
  const clock = new ManualClock();
  const limit = new RateLimit(clock, { count: 3, perMs: 3000 });
  const take = () => {
    const wait = limit.waitMs;
    if (wait === 0) limit.take();
    return wait;
  };
  assertEquals([1, 2, 3, 4, 5].map(take), [0, 0, 0, 1000, 1000]);
  clock.advance(1000);
  assertEquals([take(), take()], [0, 1000]);
  clock.advance(60_000);
  assertEquals([1, 2, 3, 4].map(take), [0, 0, 0, 1000]);
});

Deno.test("a rate holds messages back: no attempt is counted, none expires for it, and others are not held up", async () => {
  const limits = new Map<string, RateLimit>();
  await using house = await House.open({
    rateOf: (destination) => limits.get(destination),
    schedule: { ...SCHEDULE, giveUpAfter: 20 * MINUTE },
  });
  limits.set("slow.example", new RateLimit(house.clock, { count: 5, perMs: 10 * MINUTE }));
  for (let i = 0; i < 20; i++) await house.accept([`u${i}@slow.example`]);
  await house.accept(["a@quick.example"]);
  await house.pass(0);
  const jobs = () => house.agent.jobs.map((job) => job.domain);
  assertEquals(jobs().filter((domain) => domain === "quick.example").length, 1);
  for (const minutes of [0, 10, 10, 11]) {
    await house.pass(minutes * MINUTE);
  }
  assertEquals(jobs().filter((domain) => domain === "slow.example").length, 20);
  assertEquals((await house.records()).length, 0);
  assertEquals(house.of("report"), []);
  assertEquals(house.of("deferred"), []);
});

Deno.test("what a rate holds back can be deleted, and a stop does not wait for it", async () => {
  const limits: RateLimit[] = [];
  await using house = await House.open({ rateOf: () => limits[0] });
  limits.push(new RateLimit(house.clock, { count: 1, perMs: DAY }));
  house.agent.answer = () => DEFERRED;
  const ids = [];
  for (let i = 0; i < 3; i++) ids.push(await house.accept([`u${i}@slow.example`]));
  await house.pass(0);
  assertEquals(house.agent.jobs.length, 1);
  assertEquals(await house.queue.delete(ids[2]!), undefined);
  await house.restart();
  assertEquals((await house.records()).map((r) => r.id), ids.slice(0, 2));
});
