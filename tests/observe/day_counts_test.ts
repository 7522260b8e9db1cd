import { assertEquals, assertRejects } from "@std/assert";
import { ManualClock } from "../../src/base/manual_clock.ts";
import { type DayCount, DayCounts } from "../../src/observe/day_counts.ts";
import { Journal } from "../../src/observe/journal.ts";
import type { Write } from "../../src/storage/write.ts";
import { memoryStore } from "../mailbox/helpers.ts";

interface Fruit extends DayCount {
  readonly name: string;
  readonly count: number;
}

const DAY = 24 * 3600_000;

function basket(
  store: ConstructorParameters<typeof DayCounts<Fruit>>[0],
  clock: ManualClock,
): DayCounts<Fruit> {
  return new DayCounts<Fruit>(store, {
    key: (name, { day }) => ["fruit", day, name],
    before: (day) => ({ start: ["fruit"], end: ["fruit", day] }),
    sum: (count, kept) => ({ ...count, count: count.count + kept.count }),
    size: () => 100,
    failure: "fruit not counted",
  }, { clock, journal: new Journal() });
}

async function rows(fruit: DayCounts<Fruit>): Promise<string[]> {
  const all = await Array.fromAsync(fruit.past());
  return all.map(({ value: { day, name, count } }) => `${day} ${count} ${name}`);
}

Deno.test("counts are summed with those of before, and are there when their day is over; one server takes them", async () => {
  const clock = new ManualClock(Date.UTC(2026, 0, 5, 12));
  await using store = await memoryStore();
  const [ours, theirs] = [basket(store, clock), basket(store, clock)];
  for (const fruit of [ours, theirs, ours]) {
    fruit.set("apple", { day: fruit.today, name: "apple", count: 2 });
    await fruit.write();
  }
  assertEquals(await rows(ours), []);
  clock.advance(DAY);
  assertEquals(await rows(ours), ["2026-01-05 6 apple"]);
  const entries = await Array.fromAsync(ours.past());
  assertEquals([await ours.take(entries), await theirs.take(entries)], [true, false]);
  assertEquals(await rows(ours), []);
});

Deno.test("what the store does not take waits on, with what is counted meanwhile", async () => {
  const clock = new ManualClock(Date.UTC(2026, 0, 5, 12));
  await using store = await memoryStore();
  let left = 1;
  const weak = Object.assign(Object.create(store) as typeof store, {
    write: (write: Write) => left-- > 0 ? store.write(write) : Promise.reject(new Error("the disk is full")),
  });
  const fruit = basket(weak, clock);
  for (const name of ["apple", "pear", "plum"]) fruit.set(name, { day: fruit.today, name, count: 1 });
  const failing = assertRejects(() => fruit.write(), Error, "the disk is full");
  fruit.set("pear", { day: fruit.today, name: "pear", count: 5 });
  await failing;
  assertEquals(fruit.waiting, 2);
  left = Infinity;
  await fruit.write();
  clock.advance(DAY);
  assertEquals(await rows(fruit), ["2026-01-05 1 apple", "2026-01-05 6 pear", "2026-01-05 1 plum"]);
});

Deno.test("what the store never takes keeps nothing else waiting", async () => {
  const clock = new ManualClock(Date.UTC(2026, 0, 5, 12));
  await using store = await memoryStore();
  const fruit = basket(store, clock);
  const huge = "x".repeat(70_000);
  for (const name of ["apple", "pear"]) {
    fruit.set(name, { day: fruit.today, name: name === "apple" ? huge : name, count: 1 });
  }
  await assertRejects(() => fruit.write(), Error, "too large");
  fruit.set("plum", { day: fruit.today, name: "plum", count: 1 });
  for (let round = 0; round < 2; round++) await assertRejects(() => fruit.write(), Error, "too large");
  assertEquals(fruit.waiting, 1);
  clock.advance(DAY);
  assertEquals(await rows(fruit), ["2026-01-05 1 pear", "2026-01-05 1 plum"]);
});
