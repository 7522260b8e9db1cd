import { assert, assertEquals } from "@std/assert";
import { ManualClock } from "../../src/base/manual_clock.ts";
import { Tasks } from "../../src/base/tasks.ts";
import { Journal } from "../../src/observe/journal.ts";
import { Transcripts } from "../../src/observe/transcripts.ts";
import { Leases } from "../../src/queue/leases.ts";
import type { QueueStore } from "../../src/queue/queue_store.ts";
import type { QueueRecord } from "../../src/queue/record.ts";
import { Scheduler } from "../../src/queue/scheduler.ts";
import { Slots } from "../../src/queue/slots.ts";

/** Slots of a server that has `owner` as its name, without a store. */
function slots({ isShared = true } = {}) {
  const clock = new ManualClock();
  const queue = { owner: "us", leaseMs: 120_000, isShared } as QueueStore;
  const tasks = new Tasks(() => {});
  const scheduler = new Scheduler({ concurrency: 200, perDestination: () => 20 });
  const leases = new Leases({ queue, clock, journal: new Journal(undefined), tasks });
  const transcripts = new Transcripts();
  const made = new Slots({ queue, clock, scheduler, leases, transcripts, destinationOf: (of) => of.domain });
  return { slots: made, scheduler, leases, clock };
}

const RECORD = { id: "M1", part: 0, domain: "there.example" } as QueueRecord;

Deno.test("a reservation that is disposed of without a commit leaves nothing behind", () => {
  const { slots: of, scheduler, leases } = slots();
  of.open();
  {
    using slot = of.reserve(RECORD);
    assert(slot);
    assertEquals([leases.has(RECORD), leases.find(RECORD), scheduler.lanes], [true, undefined, 1]);
  }
  assertEquals([leases.has(RECORD), scheduler.lanes], [false, 0]);
});

Deno.test("a reservation that is committed is a claim, once", () => {
  const { slots: of, scheduler, leases, clock } = slots();
  of.open();
  {
    using slot = of.reserve(RECORD);
    assertEquals(slot!.lease, {
      owner: "us",
      until: clock.now() + 120_000,
      leaseEnds: clock.monotonic() + 120_000,
    });
    slot!.commit("v1");
  }
  const turn = of.next()!;
  assertEquals([turn.destination, turn.claim.versionstamp], ["there.example", "v1"]);
  assertEquals(leases.find(RECORD), turn.claim);
  // the next one has its turn while what came of this one is written down
  of.end(turn, false);
  assertEquals([leases.has(RECORD), scheduler.lanes, of.next()], [true, 0, undefined]);
  of.forget(turn.claim);
  assertEquals(leases.has(RECORD), false);
});

Deno.test("slots are given between open() and close(); what is committed later stays leased in the store", () => {
  const { slots: of, scheduler, leases } = slots();
  assertEquals(of.reserve(RECORD), undefined);
  of.open();
  const slot = of.reserve(RECORD)!;
  of.close();
  slot.commit("v1");
  assertEquals([leases.has(RECORD), scheduler.lanes, of.reserve(RECORD)], [false, 0, undefined]);
});
