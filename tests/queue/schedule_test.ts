import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { expiresAt, isExpired, isLate, nextAttemptAt, type Schedule } from "../../src/queue/schedule.ts";
import { DAY, HOUR, MINUTE, SCHEDULE } from "./support.ts";

const STEPS: Schedule = { ...SCHEDULE, retry: [MINUTE, 5 * MINUTE, 5 * MINUTE, HOUR] };

Deno.test("nextAttemptAt() follows the list, and its last interval repeats", () => {
  const cases: [Schedule, number, number, number][] = [
    // schedule, attempts so far, now, next
    [SCHEDULE, 1, 0, 15 * MINUTE],
    [SCHEDULE, 99, 5 * HOUR, 5 * HOUR + 15 * MINUTE],
    [STEPS, 1, 0, MINUTE],
    [STEPS, 2, MINUTE, 6 * MINUTE],
    [STEPS, 3, 6 * MINUTE, 11 * MINUTE],
    [STEPS, 4, 11 * MINUTE, 71 * MINUTE],
    [STEPS, 9, 5 * HOUR, 6 * HOUR],
    // never later than the warning, nor than the end
    [SCHEDULE, 16, 4 * HOUR - MINUTE, 4 * HOUR],
    [SCHEDULE, 16, 4 * HOUR, 4 * HOUR + 15 * MINUTE],
    [SCHEDULE, 480, 5 * DAY - 1, 5 * DAY],
    // past the end, when somebody shortened it: not at once, or it would spin
    [SCHEDULE, 480, 5 * DAY, 5 * DAY + 15 * MINUTE],
    // a clock that was set back
    [SCHEDULE, 2, -DAY, -DAY + 15 * MINUTE],
    [{ ...SCHEDULE, retry: [0] }, 1, 0, 1],
  ];
  for (const [schedule, attempts, now, next] of cases) {
    assertEquals(
      nextAttemptAt(schedule, attempts, { receivedAt: 0, now }),
      next,
      JSON.stringify([attempts, now]),
    );
  }
});

Deno.test("isLate() and isExpired() are true from their instant on", () => {
  assertEquals([isLate(SCHEDULE, 1000, 4 * HOUR + 999), isLate(SCHEDULE, 1000, 4 * HOUR + 1000)], [
    false,
    true,
  ]);
  assertEquals([isExpired(SCHEDULE, 1000, 5 * DAY + 999), isExpired(SCHEDULE, 1000, 5 * DAY + 1000)], [
    false,
    true,
  ]);
});

const schedules = fc.record({
  retry: fc.array(fc.integer({ min: 1, max: DAY }), { minLength: 1, maxLength: 5 }),
  warnAfter: fc.integer({ min: 0, max: 2 * DAY }),
  giveUpAfter: fc.integer({ min: 1, max: 10 * DAY }),
});

Deno.test("property: a message that is always deferred is tried at the warning and at the end, and ends", () => {
  fc.assert(fc.property(schedules, fc.integer({ min: 0, max: 2 ** 41 }), (schedule, receivedAt) => {
    let now = receivedAt;
    const tried = new Set([now]);
    for (let attempts = 1; !isExpired(schedule, receivedAt, now); attempts++) {
      // attempts may be many when intervals are short: go on from just before the end
      if (attempts > 2000) now = Math.max(now, expiresAt(schedule, receivedAt) - 1);
      const next = nextAttemptAt(schedule, attempts, { receivedAt, now });
      assert(next > now);
      assert(next <= now + Math.max(...schedule.retry));
      tried.add(now = next);
      if (attempts > 2000) break;
    }
    assert(tried.has(expiresAt(schedule, receivedAt)));
    const { warnAfter, giveUpAfter } = schedule;
    if (warnAfter > 0 && warnAfter < giveUpAfter && tried.size < 2000) {
      assert(tried.has(receivedAt + warnAfter));
    }
  }));
});
