import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import type { Claim } from "../../src/queue/queue_store.ts";
import type { DestinationRate } from "../../src/queue/rate_limit.ts";
import type { Stage } from "../../src/mail/outcome.ts";
import { isBackoffSignal, Scheduler, type SchedulerLimits } from "../../src/queue/scheduler.ts";

function claim(name: string): Claim {
  return { record: { id: name } as Claim["record"], dueKeyAt: 0, versionstamp: "", leaseEnds: 0 };
}

function scheduler(limits: Partial<SchedulerLimits> = {}): Scheduler {
  return new Scheduler({ concurrency: 200, perDestination: () => 20, ...limits });
}

/** Starts all that may start; answers the destinations in their order. */
function start(of: Scheduler): string[] {
  const started: string[] = [];
  for (let next = of.next(); next; next = of.next()) started.push(next.destination);
  return started;
}

/** Lets a destination succeed until it gets as many deliveries at once as it may have. */
function grow(of: Scheduler, destination: string): void {
  for (let i = 0; i < 20; i++) {
    of.add(destination, claim(""));
    of.next();
    if (i > 0) of.done(destination);
  }
  // one stays under way: a destination that has nothing is forgotten
}

Deno.test("a destination gets more with each success, half when its host has too much, one at least", () => {
  const s = scheduler({ perDestination: () => 8 });
  for (let i = 0; i < 1000; i++) s.add("a", claim(""));
  assertEquals(start(s).length, 5);
  const ends = (...backOffs: boolean[]) => {
    for (const backOff of backOffs) s.done("a", backOff);
    start(s);
    return s.active;
  };
  assertEquals(ends(false), 6);
  assertEquals(ends(false, false, false), 8); // and no more than it may have
  assertEquals(ends(true), 7); // four, once those under way have ended
  assertEquals(ends(true, true, true, true, true, true), 1);
  assertEquals(ends(true), 1);
  assertEquals(ends(false), 2);
});

Deno.test("isBackoffSignal() knows what speaks of the host", () => {
  const deferred = (stage: Stage, code?: number) =>
    ({ outcome: { kind: "deferred", status: "4.0.0", text: "", stage, ...(code && { code }) } }) as const;
  assertEquals(isBackoffSignal([deferred("connect")]), true);
  assertEquals(isBackoffSignal([deferred("rcpt", 421)]), true);
  assertEquals(isBackoffSignal([deferred("rcpt", 450)]), false);
  assertEquals(isBackoffSignal([deferred("route")]), false);
  assertEquals(isBackoffSignal([]), false);
  const delivered = { outcome: { kind: "delivered", status: "2.0.0", text: "" } } as const;
  assertEquals(isBackoffSignal([deferred("connect"), delivered]), false);
});

Deno.test("next() takes the destinations in turn", () => {
  const s = scheduler({ perDestination: () => 2 });
  for (const destination of ["a", "a", "a", "b", "b", "c"]) s.add(destination, claim(destination));
  assertEquals(start(s), ["a", "b", "c", "a", "b"]);
  assertEquals([s.active, s.waiting], [5, 1]);
  s.done("b");
  assertEquals(start(s), []);
  s.done("a");
  assertEquals(start(s), ["a"]);
});

Deno.test("next() always has a place for one more destination, however many are full and slow", () => {
  for (const [concurrency, slow] of [[200, 50], [200, 9], [20, 10], [5, 5], [3, 2], [2, 1]] as const) {
    const s = scheduler({ concurrency });
    for (let d = 0; d < slow; d++) grow(s, `slow${d}`);
    for (let d = 0; d < slow; d++) for (let i = 0; i < 100; i++) s.add(`slow${d}`, claim(""));
    start(s);
    s.add("quick", claim(""));
    if (concurrency > slow) assertEquals(start(s), ["quick"], `${slow} slow ones with ${concurrency}`);
    assert(s.active <= concurrency);
    assert(s.active >= concurrency / 2, `${s.active} of ${concurrency} places are used`);
  }
});

Deno.test("one destination alone gets what it may have", () => {
  const cases: [number, number, number][] = [[200, 20, 20], [1, 20, 1], [2, 20, 1], [10, 3, 3], [0, 20, 0]];
  for (const [concurrency, most, expected] of cases) {
    const s = scheduler({ concurrency, perDestination: () => most });
    if (concurrency > 0) grow(s, "a");
    for (let i = 0; i < 100; i++) s.add("a", claim(""));
    start(s);
    assertEquals(s.active, expected, `${concurrency} ${most}`);
  }
});

Deno.test("what ends in this house goes on while delivery to others pauses", () => {
  const s = scheduler({ concurrency: 0, perDestination: () => 2, isHere: (d) => d === "here" });
  assertEquals([s.hasRoom("there"), s.hasRoom("here")], [false, true]);
  for (const destination of ["there", "here", "here", "here"]) s.add(destination, claim(""));
  assertEquals(start(s), ["here", "here"]);
});

Deno.test("hasRoom() bounds each waiting room, and less when many are full; isLow() at half of it", () => {
  const s = scheduler({ concurrency: 1 });
  let count = 0;
  for (; s.hasRoom("a"); count++) s.add("a", claim(""));
  assertEquals(count, 500);
  assert(!s.isLow("a"));
  assert(s.isLow("b"));
  for (let d = 0; d < 60; d++) while (s.hasRoom(`d${d}`)) s.add(`d${d}`, claim(""));
  assert(s.hasRoom("one more"));
  assert(s.waiting < 20_000);
  for (const _ of start(s)) s.done("a");
  const b = scheduler();
  for (let i = 0; i < 500; i++) b.reserve("x");
  assertEquals([b.hasRoom("x"), b.isLow("x")], [false, false]);
  for (let i = 0; i < 249; i++) b.unreserve("x");
  assertEquals([b.hasRoom("x"), b.isLow("x")], [true, false]);
  b.unreserve("x");
  assertEquals(b.isLow("x"), true);
});

Deno.test("withdraw() takes out what waits, and nothing else", () => {
  const s = scheduler({ perDestination: () => 1 });
  const [first, second] = [claim("1"), claim("2")];
  s.add("a", first);
  s.add("a", second);
  assertEquals(start(s), ["a"]);
  assertEquals([s.withdraw("a", first), s.withdraw("a", second), s.withdraw("a", second)], [
    false,
    true,
    false,
  ]);
  assertEquals(s.withdraw("b", second), false);
  s.done("a");
  assertEquals([start(s), s.lanes, s.waiting, s.active], [[], 0, 0, 0]);
});

Deno.test("property: whatever happens, the counts are right and nothing is left over", () => {
  const doing = fc.constantFrom(
    "add",
    "add",
    "next",
    "next",
    "done",
    "reserve",
    "unreserve",
    "withdraw",
    "drain",
  );
  const step = fc.tuple(doing, fc.constantFrom("a", "b", "c", "here"));
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), fc.integer({ min: 1, max: 5 }), (steps, concurrency) => {
      const s = scheduler({ concurrency, perDestination: () => 2, isHere: (d) => d === "here" });
      const waiting: [string, Claim][] = [];
      const active: string[] = [];
      const reserved: string[] = [];
      for (const [what, destination] of steps) {
        if (what === "add") {
          const one = claim("");
          s.add(destination, one);
          waiting.push([destination, one]);
        } else if (what === "next") {
          const next = s.next();
          if (!next) continue;
          const at = waiting.findIndex(([d]) => d === next.destination);
          assertEquals(waiting[at]![1], next.claim, "in the order of arrival");
          waiting.splice(at, 1);
          active.push(next.destination);
        } else if (what === "done" && active.length > 0) s.done(active.shift()!);
        else if (what === "reserve") {
          s.reserve(destination);
          reserved.push(destination);
        } else if (what === "unreserve" && reserved.length > 0) s.unreserve(reserved.shift()!);
        else if (what === "withdraw" && waiting.length > 0) assert(s.withdraw(...waiting.pop()!));
        else if (what === "drain") {
          assertEquals(
            new Set(s.drain()),
            new Set(waiting.splice(0).map(([, c]) => c)),
          );
        }
        assertEquals([s.waiting, s.active], [waiting.length, active.length]);
        assert(active.filter((d) => d !== "here").length <= concurrency);
        for (const d of ["a", "b", "c", "here"]) assert(active.filter((x) => x === d).length <= 2);
      }
      for (const d of reserved) s.unreserve(d);
      for (const d of active) s.done(d);
      // all that waited gets its turn
      for (let next = s.next(); next; next = s.next()) {
        waiting.splice(waiting.findIndex(([, c]) => c === next!.claim), 1);
        s.done(next.destination);
      }
      assertEquals([waiting.length, s.waiting, s.active, s.lanes], [0, 0, 0, 0]);
    }),
  );
});

Deno.test("nextBehind() gives a place on to the same destination, as long as no other one waits for places", () => {
  const s = scheduler({ concurrency: 3, perDestination: () => 1 });
  for (const name of ["a", "a", "a"]) s.add(name, claim(name));
  assertEquals(start(s), ["a"]);
  assertEquals(s.nextBehind("a")?.destination, "a");
  assertEquals([s.active, s.waiting], [1, 1]);
  s.learn("a", false); // the first one ends: its place is the second one's
  assertEquals([s.active, start(s)], [1, []]);
  s.done("a");
  assertEquals(start(s), ["a"]);
  assertEquals(s.nextBehind("a"), undefined);
  assertEquals(s.nextBehind("b"), undefined);
  s.done("a");
  assertEquals([s.active, s.waiting, s.lanes], [0, 0, 0]);
  s.learn("a", false); // it may end when nothing is known of its destination any more
  assertEquals(s.lanes, 0);

  const full = scheduler({ concurrency: 2, perDestination: () => 2 });
  for (const name of ["a", "b", "a", "c"]) full.add(name, claim(name));
  assertEquals(start(full), ["a", "b"]);
  assertEquals(full.nextBehind("a"), undefined); // c has had no place yet
});

Deno.test("nextBehind() keeps to a destination's rate, and to what happens here", () => {
  let waitMs = 0;
  let taken = 0;
  const rate = {
    get waitMs() {
      return waitMs;
    },
    take: () => void taken++,
  };
  const s = scheduler({
    perDestination: () => 1,
    rateOf: (destination) => destination === "a" ? rate as unknown as DestinationRate : undefined,
    isHere: (destination) => destination === "here",
  });
  for (const name of ["a", "a", "a", "here", "here"]) s.add(name, claim(name));
  start(s);
  assert(s.nextBehind("a"));
  assertEquals(taken, 2);
  waitMs = 1000;
  assertEquals([s.nextBehind("a"), s.nextBehind("here")], [undefined, undefined]);
  assertEquals(taken, 2);
});
