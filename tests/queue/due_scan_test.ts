import { assert, assertEquals } from "@std/assert";
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
  assertEquals((await scan.look(10_000)).complete, true);
  assertEquals(counted.entries, 4000);
  for (let i = 0; i < 100; i++) {
    assertEquals(scan.hear({ from: 5000 + i, domains: ["full.example"] }), false);
  }
  // with room for another domain only what is due from then on is read
  index.push({ when: 5000, id: "N", part: 0, mark: { domain: "free.example" }, versionstamp: "1" });
  assertEquals(scan.hear({ from: 5000, domains: ["full.example", "free.example"] }), true);
  const { picked } = await scan.look(10_000);
  assertEquals(picked.map((p) => p.entry.id), ["N"]);
  assertEquals(counted.entries, 4002, "the one that it stopped at, and the new one");
});

Deno.test("what was passed over on hearsay is found when there is room", async () => {
  const full = new Set(["slow.example"]);
  const index: DueEntry[] = [];
  const { scan } = scanOf(index, full);
  await scan.look(100);
  index.push(...entries(1, "slow.example"));
  assertEquals(scan.hear({ from: 1, domains: ["slow.example"] }), false);
  full.clear();
  assertEquals(scan.roomFor("slow.example"), true);
  assertEquals((await scan.look(100)).picked.length, 1);
});

Deno.test("what was seen is looked at again bit by bit, for what came in behind without a word", async () => {
  const index = entries(12_000, "full.example");
  const { scan, counted } = scanOf(index, new Set(["full.example"]));
  while (!(await scan.look(20_000)).complete);
  index.splice(7000, 0, {
    when: 7000,
    id: "N",
    part: 0,
    mark: { domain: "free.example" },
    versionstamp: "1",
  });
  const found: string[] = [];
  for (let polls = 1; polls <= 3; polls++) {
    const before = counted.entries;
    assertEquals(scan.hear({ from: 0 }), true);
    const { picked, complete } = await scan.look(20_000);
    assertEquals(complete, true);
    assert(counted.entries - before <= 5002, `${counted.entries - before} entries in one look`);
    found.push(picked.map((p) => p.entry.id).join());
  }
  assertEquals(found, ["", "N", ""]);
  // and from the beginning again
  scan.hear({ from: 0 });
  index.unshift({ when: 1, id: "A", part: 0, mark: { domain: "free.example" }, versionstamp: "1" });
  assertEquals((await scan.look(20_000)).picked.map((p) => p.entry.id), ["A"]);
});
