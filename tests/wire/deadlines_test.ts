import { assert, assertEquals } from "@std/assert";
import { ManualClock } from "../../src/base/manual_clock.ts";
import { Deadlines } from "../../src/wire/deadlines.ts";

function setUp(everyMs?: number) {
  const clock = new ManualClock();
  const late: string[] = [];
  return { clock, late, deadlines: new Deadlines(clock, everyMs) };
}

Deno.test("Deadlines tells once, within a sweep after the time", () => {
  const { clock, late, deadlines } = setUp();
  const deadline = deadlines.watch(() => late.push("a"));
  deadline.set(5000);
  clock.advance(4999);
  assertEquals(late, []);
  clock.advance(1001);
  assertEquals(late, ["a"]);
  clock.advance(60_000);
  assertEquals(late, ["a"]);
  deadline.set(1000);
  clock.advance(2000);
  assertEquals(late, ["a", "a"]);
});

Deno.test("Deadlines follows a deadline that moves or is cleared", () => {
  const { clock, late, deadlines } = setUp();
  const deadline = deadlines.watch(() => late.push("a"));
  deadline.set(5000);
  for (let n = 0; n < 10; n++) {
    clock.advance(3000);
    deadline.set(5000);
  }
  assertEquals(late, []);
  deadline.clear();
  clock.advance(60_000);
  assertEquals(late, []);
});

Deno.test("Deadlines sets a timer only while something is awaited", () => {
  const { clock, deadlines } = setUp();
  assertEquals(clock.timers, 0);
  const a = deadlines.watch(() => {});
  const b = deadlines.watch(() => {});
  assertEquals([clock.timers, deadlines.size], [0, 2]);
  a.set(2000);
  b.set(9000);
  assertEquals(clock.timers, 1);
  clock.advance(10_000);
  assertEquals(clock.timers, 0);
  a.set(5000);
  assertEquals(clock.timers, 1);
  a.clear();
  clock.advance(1000);
  assertEquals(clock.timers, 0);
  a.set(5000);
  a.end();
  assertEquals([clock.timers, deadlines.size], [1, 1]);
  b.end();
  assertEquals([clock.timers, deadlines.size], [0, 0]);
  a.set(5000);
  assertEquals(clock.timers, 0);
});

Deno.test("Deadlines does not tell one that another ended or moved in the same sweep", () => {
  const { clock, late, deadlines } = setUp();
  const first = deadlines.watch(() => {
    late.push("first");
    second.end();
    third.set(10_000);
  });
  const second = deadlines.watch(() => late.push("second"));
  const third = deadlines.watch(() => late.push("third"));
  for (const deadline of [first, second, third]) deadline.set(1500);
  clock.advance(3000);
  assertEquals(late, ["first"]);
  clock.advance(10_000);
  assertEquals(late, ["first", "third"]);
});

Deno.test("Deadlines counts time that passes, not the time of day", () => {
  const { clock, late, deadlines } = setUp(100);
  deadlines.watch(() => late.push("a")).set(1000);
  clock.jump(clock.now() + 24 * 60 * 60 * 1000);
  clock.advance(900);
  assertEquals(late, []);
  clock.advance(200);
  assertEquals(late, ["a"]);
});

Deno.test("Deadlines.close() ends it", () => {
  const { clock, late, deadlines } = setUp();
  const deadline = deadlines.watch(() => late.push("a"));
  deadline.set(1000);
  deadlines.close();
  deadline.set(1000);
  clock.advance(10_000);
  assertEquals([late, clock.timers], [[], 0]);
});

Deno.test("Deadlines tells nobody early, and nobody more than `everyMs` late, whenever it is set", () => {
  for (let offset = 0; offset < 1200; offset += 130) {
    for (const ms of [0, 1, 400, 999, 1000, 5000]) {
      const clock = new ManualClock();
      const deadlines = new Deadlines(clock, 1000);
      // the sweep is under way for another one
      deadlines.watch(() => {}).set(100_000);
      clock.advance(offset);
      let told: number | undefined;
      deadlines.watch(() => told = clock.monotonic()).set(ms);
      clock.advance(20_000);
      const late = told! - offset - ms;
      assert(late >= 0 && late <= 1000, `set at ${offset} for ${ms}: ${late} ms late`);
    }
  }
});
