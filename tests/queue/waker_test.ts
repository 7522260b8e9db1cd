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
  waker.arm(begin + 5000);
  waker.arm(begin + 2000);
  waker.arm(begin + 3000);
  clock.advance(10_000);
  assertEquals(woken, [2000]);
  waker.arm(begin - 1);
  clock.advance(1);
  assertEquals(woken, [2000, 10_000]);
  waker.arm(begin + 20_000);
  waker.close();
  waker.arm(begin + 20_000);
  clock.advance(30_000);
  assertEquals([woken.length, clock.timers], [2, 0]);
});

Deno.test("TimerWaker looks again now and then, since the clock may have been set", () => {
  const clock = new ManualClock();
  let woken = 0;
  const waker = new TimerWaker(clock, () => woken++);
  waker.arm(clock.now() + 24 * 60 * MINUTE);
  clock.jump(clock.now() + 24 * 60 * MINUTE);
  clock.advance(15 * MINUTE);
  assertEquals(woken, 1);
  waker.close();
});

Deno.test("KvWaker wakes through KV's queue, once per second at the most", async () => {
  using kv = await Deno.openKv(":memory:");
  const woken = Promise.withResolvers<void>();
  const enqueue = kv.enqueue.bind(kv);
  let enqueued = 0;
  kv.enqueue = (value, options) => {
    enqueued++;
    return enqueue(value, { ...options, delay: 0 });
  };
  const waker = new KvWaker(kv, {
    clock: systemClock,
    wake: () => woken.resolve(),
    trouble: (error) => woken.reject(error),
  });
  const second = Math.ceil(systemClock.now() / 1000) * 1000 + 5000;
  for (const ms of [0, -300, -999, 5000]) waker.arm(second + ms);
  await woken.promise;
  assertEquals(enqueued, 1);
  waker.close();
});

Deno.test("KvWaker falls back to a timer when KV's queue fails", async () => {
  const clock = new ManualClock();
  const begin = clock.now();
  const broken = {
    listenQueue: () => new Promise(() => {}),
    enqueue: () => Promise.reject(new Error("disk full")),
  } as unknown as Deno.Kv;
  const woken: number[] = [];
  const trouble: string[] = [];
  const waker = new KvWaker(broken, {
    clock,
    wake: () => woken.push(clock.now() - begin),
    trouble: (error) => trouble.push(String(error)),
  });
  waker.arm(begin + 30_500);
  await Promise.resolve();
  await Promise.resolve();
  clock.advance(50_000);
  assertEquals([woken, trouble], [[30_500], ["Error: disk full"]]);
  // and looks once a minute, whatever became of the wake-ups
  clock.advance(130_000);
  assertEquals(woken, [30_500, 60_000, 120_000, 180_000]);
  waker.close();
  assertEquals(clock.timers, 0);
});

Deno.test("KvWaker falls back to a timer when it can't listen any more", async () => {
  const clock = new ManualClock();
  const begin = clock.now();
  let enqueued = 0;
  const deaf = {
    listenQueue: () => Promise.reject(new Error("locked")),
    enqueue: () => Promise.resolve(enqueued++),
  } as unknown as Deno.Kv;
  const woken: number[] = [];
  const waker = new KvWaker(deaf, { clock, wake: () => woken.push(clock.now() - begin), trouble: () => {} });
  await Promise.resolve();
  await Promise.resolve();
  waker.arm(begin + 20_000);
  clock.advance(25_000);
  assertEquals([woken, enqueued], [[0, 20_000], 0]);
  waker.close();
});
