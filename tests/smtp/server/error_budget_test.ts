import { assert, assertEquals } from "@std/assert";
import { ManualClock } from "../../../src/base/manual_clock.ts";
import { ErrorBudget } from "../../../src/smtp/server/error_budget.ts";

const LIMITS = {
  messageSize: 1000,
  recipients: 5,
  commandTimeoutMs: 1000,
  dataTimeoutMs: 1000,
  errorsPerSession: 3,
};

Deno.test("ErrorBudget counts errors and refusals together; a message forgives the refusals alone", () => {
  const budget = new ErrorBudget(new ManualClock(), LIMITS);
  assertEquals([budget.addError(), budget.addRefusal(), budget.addRefusal()], [false, false, false]);
  assert(budget.addRefusal());
  budget.refill();
  assertEquals(budget.errors, 1);
  assertEquals([budget.addError(), budget.addError()], [false, false]);
  assert(budget.addRefusal());
});

Deno.test("ErrorBudget takes 100 commands that move no mail, and 10,000 in vain, between two messages", () => {
  const budget = new ErrorBudget(new ManualClock(), LIMITS);
  for (let round = 0; round < 2; round++) {
    for (let i = 0; i < 100; i++) assert(!budget.addJunk());
    assert(budget.addJunk());
    for (let i = 0; i < 10_000; i++) assert(!budget.addForgiven());
    assert(budget.addForgiven());
    assertEquals(budget.errors, 0);
    budget.refill();
  }
});

Deno.test("ErrorBudget slows down beyond a first burst, by the second; a message is worth a burst", () => {
  const clock = new ManualClock();
  const budget = new ErrorBudget(clock, { ...LIMITS, commandsPerSecond: 2 });
  /** How many commands are answered without a pause. */
  const taken = () => {
    let count = 0;
    while (budget.pause() === 0) count++;
    return count;
  };
  // ten seconds' worth, and one for each recipient
  assertEquals(taken(), 24);
  clock.advance(2_000);
  assertEquals(taken(), 3);
  budget.refill();
  assertEquals(taken(), 24);
  const unbounded = new ErrorBudget(clock, LIMITS);
  for (let i = 0; i < 100_000; i++) assertEquals(unbounded.pause(), 0);
});
