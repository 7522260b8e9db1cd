import { assertEquals } from "@std/assert";
import { ManualClock } from "../../src/base/manual_clock.ts";
import { systemClock } from "../../src/base/clock.ts";
import { KvWaker, TimerWaker } from "../../src/queue/waker.ts";
import { MINUTE } from "./support.ts";

Deno.test("TimerWaker wakes at the earliest time it was given, and once", () => {
  const clock = new ManualClock();
  const woken: number[] = [];
  const begin = clock.now();
  const waker = new TimerWaker(clock, () => woken.push(clock.now() - begin));
  waker.set(begin + 5000);
  waker.set(begin + 2000);
  waker.set(begin + 3000);
  clock.advance(10_000);
  assertEquals(woken, [2000]);
  waker.set(begin - 1);
  clock.advance(1);
  assertEquals(woken, [2000, 10_000]);
  waker.set(begin + 20_000);
  waker.close();
  waker.set(begin + 20_000);
  clock.advance(30_000);
  assertEquals([woken.length, clock.timers], [2, 0]);
});

Deno.test("TimerWaker looks again after the longest time, since the clock may have been set", () => {
  const clock = new ManualClock();
  let woken = 0;
  const waker = new TimerWaker(clock, () => woken++, MINUTE);
  waker.set(clock.now() + 24 * 60 * MINUTE);
  clock.jump(clock.now() + 24 * 60 * MINUTE);
  clock.advance(MINUTE);
  assertEquals(woken, 1);
  waker.close();
});

Deno.test("KvWaker wakes by a delay of KV's queue, once per second at the most", async () => {
  const kv = await Deno.openKv(":memory:");
  const woken = Promise.withResolvers<void>();
  const delays: number[] = [];
  const enqueue = kv.enqueue.bind(kv);
  kv.enqueue = (value, options) => {
    delays.push(options!.delay!);
    return enqueue(value, { delay: 0 });
  };
  const clock = new ManualClock(); // its timers stand still: only KV's queue can fire
  const waker = new KvWaker({
    clock,
    wake: () => woken.resolve(),
    onError: (error) => woken.reject(error),
    open: () => Promise.resolve(kv),
  });
  for (const ms of [5000, 4700, 4001, 10_000]) waker.set(clock.now() + ms);
  await woken.promise;
  assertEquals([delays, clock.timers], [[5000], 0]);
  await waker.close();
});

/** KvWaker on something that fails. */
function onBroken(kv: { enqueue(): Promise<never>; listenQueue(): Promise<void> }) {
  const clock = new ManualClock();
  const begin = clock.now();
  const woken: number[] = [];
  const errors: string[] = [];
  const failed = Promise.withResolvers<void>();
  const waker = new KvWaker({
    clock,
    wake: () => woken.push(clock.now() - begin),
    onError(error) {
      errors.push(String(error));
      failed.resolve();
    },
    open: () => Promise.resolve({ ...kv, close: () => {} } as unknown as Deno.Kv),
  });
  return { clock, begin, woken, errors, failed: failed.promise, waker };
}

Deno.test("KvWaker wakes by a timer when KV's queue takes nothing, never fires, or can't be opened", async () => {
  const never = new Promise<never>(() => {});
  const refuses = { enqueue: () => Promise.reject(new Error("full")), listenQueue: () => Promise.resolve() };
  const silent = { enqueue: () => never, listenQueue: () => Promise.resolve() };
  const deaf = { enqueue: () => never, listenQueue: () => Promise.reject(new Error("locked")) };
  for (
    const [kv, told] of [[refuses, "Error: full"], [silent, undefined], [deaf, "Error: locked"]] as const
  ) {
    const { clock, begin, woken, errors, failed, waker } = onBroken(kv);
    waker.set(begin + 30_500);
    waker.set(begin + 45_000);
    if (told !== undefined) await failed;
    assertEquals(errors, told === undefined ? [] : [told]);
    clock.advance(50_000);
    assertEquals(woken, [31_500]);
    // the runner looks then, and sets it to what comes next
    waker.set(begin + 60_000);
    clock.advance(20_000);
    assertEquals(woken, [31_500, 60_500]);
    await waker.close();
    assertEquals(clock.timers, 0);
  }
});

Deno.test("KvWaker opens its KV for the first wake-up, and closes it", async () => {
  let opened = 0;
  const waker = new KvWaker({
    clock: systemClock,
    wake: () => {},
    onError: (error) => {
      throw error;
    },
    open: () => {
      opened++;
      return Deno.openKv(":memory:");
    },
  });
  assertEquals(opened, 0);
  waker.set(systemClock.now() + 60_000);
  assertEquals(opened, 1);
  await waker.close(); // the test runner tells when something is left open
});
