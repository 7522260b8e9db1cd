import { assertEquals } from "@std/assert";
import { ManualClock } from "../../src/base/manual_clock.ts";
import { Tasks } from "../../src/base/tasks.ts";
import { Journal } from "../../src/observe/journal.ts";
import { Leases } from "../../src/queue/leases.ts";
import { QueueStore } from "../../src/queue/queue_store.ts";
import { openStore } from "../../src/storage/store.ts";

const RECORD = { id: "1M8PNH3EA3BN1F7B", part: 0, dueAt: 1000 };
const OTHER = { ...RECORD, part: 1 };

Deno.test("A record whose change is being written is not claimed beside it, and is found again", async () => {
  const clock = new ManualClock();
  const store = await openStore({ location: ":memory:", clock });
  const journal = new Journal(undefined);
  const tasks = new Tasks(() => {});
  const leases = new Leases({ queue: new QueueStore(store, "me"), clock, journal, tasks });
  const missed: number[] = [];
  leases.onMissed((when) => missed.push(when));
  const written = Promise.withResolvers<string>();

  const changing = leases.change(RECORD, () => written.promise);
  assertEquals(
    leases.announce({ ...RECORD, when: RECORD.dueAt }),
    false,
    "nothing else is in this server's hands",
  );
  assertEquals(leases.announce(OTHER), true);
  assertEquals(await leases.change(OTHER, () => Promise.resolve("")), undefined, "about to be claimed");
  written.resolve("changed");
  assertEquals(await changing, "changed");

  assertEquals(missed, [RECORD.dueAt]);
  assertEquals(leases.announce(RECORD), true);
  await store.close();
});
