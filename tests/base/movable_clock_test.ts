/** Tests of the clock that runs on and may be moved. */

import { assert, assertEquals } from "@std/assert";
import { ManualClock } from "../../src/base/manual_clock.ts";
import { MovableClock, steadyClock } from "../../src/base/movable_clock.ts";

function clocks(): { below: ManualClock; clock: MovableClock; fired: string[] } {
  const below = new ManualClock(1000);
  return { below, clock: new MovableClock(below), fired: [] };
}

Deno.test("it runs as the clock below does, ahead of it by what it was moved", () => {
  const { below, clock } = clocks();
  below.advance(5);
  assertEquals([clock.now(), clock.monotonic()], [1005, 5]);
  clock.advance(86_400_000);
  below.advance(5);
  assertEquals([clock.now(), clock.monotonic()], [86_401_010, 86_400_010]);
  assertEquals([clock.steady.now(), clock.steady.monotonic()], [86_401_010, 10]);
});

Deno.test("the time of day is in whole milliseconds, however far it was moved", () => {
  const { clock } = clocks();
  clock.advance(0.7);
  assertEquals([clock.now(), clock.steady.now(), clock.monotonic()], [1000, 1000, 0.7]);
  clock.advance(0.7);
  assertEquals([clock.now(), clock.steady.now()], [1001, 1001]);
});

Deno.test("timers fire by the time below, by being moved, each at its own instant, and what they set as well", () => {
  const { below, clock, fired } = clocks();
  const note = (what: string) => () => void fired.push(`${what} ${clock.monotonic()}`);
  clock.schedule(300, note("c"));
  clock.schedule(100, note("a"));
  clock.schedule(200, () => {
    note("b")();
    clock.schedule(50, note("b2"));
    clock.schedule(1000, note("late"));
  });
  clock.schedule(250, note("never")).cancel();
  below.advance(100);
  assertEquals(fired, ["a 100"]);
  assertEquals(clock.untilNext, 100);
  clock.advance(200);
  assertEquals(fired, ["a 100", "b 200", "b2 250", "c 300"]);
  assertEquals([clock.untilNext, below.timers], [900, 1]);
  below.advance(900);
  assertEquals(fired.at(-1), "late 1200");
  assertEquals([clock.untilNext, below.timers], [undefined, 0]);
});

Deno.test("what waits outside is not moved", () => {
  const { below, clock, fired } = clocks();
  steadyClock(clock).schedule(100, () => void fired.push("steady"));
  clock.advance(1000);
  assertEquals(fired, []);
  below.advance(100);
  assertEquals(fired, ["steady"]);
  assertEquals(steadyClock(below), below);
});

Deno.test("it is told whether somebody looks", () => {
  const { clock } = clocks();
  const { looks } = clock;
  clock.steady.now();
  assertEquals(clock.looks, looks);
  clock.now();
  assert(clock.looks > looks);
});
