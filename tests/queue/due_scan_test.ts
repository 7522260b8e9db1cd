import { assertEquals } from "@std/assert";
import { DueScan } from "../../src/queue/due_scan.ts";
import type { DueEntry, DuePlace, QueueStore } from "../../src/queue/queue_store.ts";
import { Scheduler } from "../../src/queue/scheduler.ts";

/** A scan of an index in memory, that counts what is read; the destinations in `full` have no room. */
function scanOf(index: DueEntry[], full: Set<string>) {
  const counted = { entries: 0 };
  const queue = {
    async *due(now: number, from?: DuePlace) {
      for (const entry of index) {
        if (entry.when > now || (from && entry.when < from.when)) continue;
        counted.entries++;
        yield await Promise.resolve(entry);
      }
    },
  } as Pick<QueueStore, "due"> as QueueStore;
  const scheduler = new Scheduler({ concurrency: 200, perDestination: () => 20 });
  const hasRoom = scheduler.hasRoom.bind(scheduler);
  scheduler.hasRoom = (destination) => !full.has(destination) && hasRoom(destination);
  const scan = new DueScan({ queue, scheduler, destinationOf: (of) => of.domain, isOurs: () => false });
  return { scan, counted };
}

function entries(count: number, domain: string): DueEntry[] {
  return Array.from({ length: count }, (_, i) => ({
    when: i + 1,
    id: `M${i}`,
    part: 0,
    mark: { domain },
    versionstamp: "1",
  }));
}

Deno.test("what others say is new and has no room is not looked for, however much waits", async () => {
  const index = entries(4000, "full.example");
  const { scan, counted } = scanOf(index, new Set(["full.example"]));
  assertEquals((await scan.look({ now: 10_000, monotonic: 0 })).complete, true);
  assertEquals(counted.entries, 4000);
  for (let i = 0; i < 100; i++) {
    assertEquals(scan.hear({ from: 5000 + i, domains: ["full.example"] }, i), false);
  }
  // with room for another domain only what is due from then on is read
  index.push({ when: 5000, id: "N", part: 0, mark: { domain: "free.example" }, versionstamp: "1" });
  assertEquals(scan.hear({ from: 5000, domains: ["full.example", "free.example"] }, 200), true);
  const { picked } = await scan.look({ now: 10_000, monotonic: 200 });
  assertEquals(picked.map((p) => p.entry.id), ["N"]);
  assertEquals(counted.entries, 4002, "the one that it stopped at, and the new one");
});

Deno.test("what was passed over on hearsay is found when there is room", async () => {
  const full = new Set(["slow.example"]);
  const index: DueEntry[] = [];
  const { scan } = scanOf(index, full);
  await scan.look({ now: 100, monotonic: 0 });
  index.push(...entries(1, "slow.example"));
  assertEquals(scan.hear({ from: 1, domains: ["slow.example"] }, 1), false);
  full.clear();
  assertEquals(scan.roomFor("slow.example"), true);
  assertEquals((await scan.look({ now: 100, monotonic: 2 })).picked.length, 1);
});

Deno.test("all of it is looked through for at most a fiftieth of the time", async () => {
  const index = entries(12_000, "full.example");
  const { scan, counted } = scanOf(index, new Set(["full.example"]));
  const lookThrough = async (monotonic: number) => {
    for (let at = monotonic;; at += 100) {
      if ((await scan.look({ now: 20_000, monotonic: at })).complete) return;
    }
  };
  await lookThrough(0);
  const before = counted.entries;
  scan.hear({ from: 0 }, 15_000);
  await lookThrough(15_000); // three looks: 200 ms
  assertEquals(counted.entries > before + 12_000, true);
  const once = counted.entries;
  scan.hear({ from: 0 }, 20_000);
  await lookThrough(20_000);
  assertEquals(counted.entries < once + 10, true, "not again so soon");
  scan.hear({ from: 0 }, 30_000);
  await lookThrough(30_000);
  assertEquals(counted.entries > once + 12_000, true);
});
