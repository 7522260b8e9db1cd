import { assertEquals, assertRejects } from "@std/assert";
import { ManualClock } from "../../src/base/manual_clock.ts";
import { AnswerCache } from "../../src/dns/cache.ts";

function counting(
  keepMs: number,
): { ask: () => Promise<{ value: number; keepMs: number }>; asked: () => number } {
  let n = 0;
  return { ask: () => Promise.resolve({ value: ++n, keepMs }), asked: () => n };
}

Deno.test("AnswerCache remembers an answer for its time", async () => {
  const clock = new ManualClock();
  const cache = new AnswerCache<number>(clock, 10);
  const { ask } = counting(1000);
  assertEquals(await cache.get("a", ask), 1);
  clock.advance(999);
  assertEquals(await cache.get("a", ask), 1);
  clock.advance(1);
  assertEquals(await cache.get("a", ask), 2);
});

Deno.test("AnswerCache isn't fooled by a system clock that is set", async () => {
  const clock = new ManualClock();
  const cache = new AnswerCache<number>(clock, 10);
  const { ask } = counting(1000);
  await cache.get("a", ask);
  clock.jump(clock.now() - 3_600_000);
  clock.advance(1000);
  assertEquals(await cache.get("a", ask), 2);
});

Deno.test("AnswerCache asks once for those who ask at the same time, also when nothing is kept", async () => {
  const cache = new AnswerCache<number>(new ManualClock(), 10);
  const { ask } = counting(0);
  assertEquals(await Promise.all([cache.get("a", ask), cache.get("a", ask), cache.get("b", ask)]), [1, 1, 2]);
  assertEquals(await cache.get("a", ask), 3);
  assertEquals(cache.size, 0);
});

Deno.test("AnswerCache forgets what was not used for longest", async () => {
  const cache = new AnswerCache<number>(new ManualClock(), 3);
  const { ask, asked } = counting(1000);
  for (const key of ["a", "b", "c", "a", "d"]) await cache.get(key, ask);
  assertEquals(cache.size, 3);
  assertEquals(asked(), 4);
  await cache.get("a", ask);
  assertEquals(asked(), 4);
  await cache.get("b", ask);
  assertEquals(asked(), 5);
});

Deno.test("AnswerCache asks again after a rejection", async () => {
  const cache = new AnswerCache<number>(new ManualClock(), 3);
  await assertRejects(
    async () => await cache.get("a", () => Promise.reject(new Error("broken"))),
    Error,
    "broken",
  );
  assertEquals(await cache.get("a", counting(1).ask), 1);
});
