import { assertEquals } from "@std/assert";
import { ManualClock } from "../../src/base/manual_clock.ts";
import { HostMemory } from "../../src/delivery/host_memory.ts";
import { isTooMany, preferOutcome } from "../../src/delivery/next_host.ts";
import type { Deferred, Failed, Outcome } from "../../src/mail/outcome.ts";

const WORDS: Deferred = { kind: "deferred", status: "4.4.1", text: "our words" };
const REPLY: Deferred = { kind: "deferred", status: "4.3.2", text: "a reply", code: 421 };
const NEVER: Failed = { kind: "failed", status: "5.7.1", text: "never", code: 554 };

Deno.test("weightier() prefers hope to refusal, and the peer's words to ours", () => {
  assertEquals(preferOutcome<Deferred | Failed>(undefined, NEVER), NEVER);
  assertEquals(preferOutcome<Deferred | Failed>(NEVER, WORDS), WORDS);
  assertEquals(preferOutcome<Deferred | Failed>(WORDS, NEVER), WORDS);
  assertEquals(preferOutcome(REPLY, WORDS), REPLY);
  assertEquals(preferOutcome(WORDS, REPLY), REPLY);
});

Deno.test("isTooMany() knows 452 for recipients from other 452s", () => {
  const rows: [Partial<Outcome>, boolean][] = [
    [{ status: "4.5.3", code: 452, stage: "rcpt" }, true],
    [{ status: "4.0.0", code: 452, stage: "rcpt" }, true],
    [{ status: "4.5.3", code: 552, stage: "rcpt" }, true],
    [{ status: "4.2.2", code: 452, stage: "rcpt" }, false],
    [{ status: "4.3.1", code: 452, stage: "rcpt" }, false],
    [{ status: "4.0.0", code: 450, stage: "rcpt" }, false],
    [{ status: "4.5.3", code: 552, stage: "end" }, true],
    [{ status: "4.0.0", code: 452, stage: "end" }, false],
  ];
  for (const [facts, expected] of rows) {
    assertEquals(
      isTooMany({ kind: "deferred", text: "", ...facts } as Outcome),
      expected,
      JSON.stringify(facts),
    );
  }
});

Deno.test("HostMemory forgets in time, on request, and the oldest when there are too many", () => {
  const clock = new ManualClock();
  const dead = new HostMemory(clock, 1000);
  dead.remember("a", WORDS);
  clock.advance(999);
  assertEquals(dead.recall("a"), WORDS);
  clock.jump(0); // the time of day plays no part
  assertEquals(dead.recall("a"), WORDS);
  clock.advance(1);
  assertEquals([dead.recall("a"), dead.size], [undefined, 0]);
  for (let i = 0; i < 10_001; i++) dead.remember(`${i}`, WORDS);
  assertEquals([dead.recall("0"), dead.recall("1"), dead.size], [undefined, WORDS, 10_000]);
  dead.forget("1");
  assertEquals(dead.recall("1"), undefined);
  dead.forget();
  assertEquals(dead.size, 0);
});
