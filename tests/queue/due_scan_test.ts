import { assert, assertEquals, assertRejects } from "@std/assert";
import { DueScan } from "../../src/queue/due_scan.ts";
import type { DueEntry, DuePlace, QueueStore } from "../../src/queue/queue_store.ts";
import type { Claim } from "../../src/queue/queue_store.ts";
import { Scheduler } from "../../src/queue/scheduler.ts";

/** A scan of an index in memory, that counts what is read; the destinations in `full` have no room. */
function scanOf(index: DueEntry[], full: Set<string>) {
  const counted = { entries: 0, fails: false };
  const queue = {
    async *due(now: number, from?: DuePlace) {
      if (counted.fails) throw new Error("disk I/O error");
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

Deno.test("what was passed over is picked again when its claim fails, or the rest can't be read", async () => {
  const full = new Set(["a.example", "b.example"]);
  const index = ["b.example", "a.example"].map((domain, i): DueEntry => ({
    when: i + 1,
    id: `M${i}`,
    part: 0,
    mark: { domain },
    versionstamp: "1",
  }));
  const { scan, counted } = scanOf(index, full);
  assertEquals((await scan.look(100)).picked, []);
  full.clear();
  for (const domain of ["a.example", "b.example"]) assert(scan.roomFor(domain));
  for (const what of ["claim", "read"]) {
    counted.fails = what === "read";
    if (counted.fails) await assertRejects(() => scan.look(100), Error, "disk I/O error");
    else scan.putBack((await scan.look(100)).picked);
  }
  counted.fails = false;
  const { picked } = await scan.look(100);
  assertEquals(picked.map(({ entry }) => entry.when).sort(), [1, 2]);
});

Deno.test("what was passed over and moves to a destination with nothing in hand is picked", async () => {
  const { scan } = scanOf(entries(1, "a.example"), new Set(["a.example"]));
  assertEquals((await scan.look(100)).picked, []);
  scan.move("a.example", "b.example");
  assert(scan.roomFor("elsewhere.example"));
  assertEquals((await scan.look(100)).picked.map(({ destination }) => destination), ["b.example"]);
});

/** A scan of an index that is sorted, and what it takes to empty it. */
class Drain {
  readonly index: DueEntry[] = [];
  readonly scheduler = new Scheduler({ concurrency: 20, perDestination: () => 5 });
  readonly held = new Map<string, string>();
  /** Domains that have another one's hosts. */
  readonly firsts = new Map<string, string>();
  read = 0;
  hasJoined = false;
  /** The reading fails after so many entries. */
  failsAfter = Infinity;
  now = 1_000_000;
  readonly scan: DueScan;

  constructor() {
    const queue = { due: (now: number, from?: DuePlace) => this.#due(now, from) } as unknown as QueueStore;
    const isOurs = ({ id }: { id: string }) => this.held.has(id);
    const destinationOf = ({ domain }: { domain: string }) => this.#nameOf(domain);
    this.scan = new DueScan({ queue, scheduler: this.scheduler, destinationOf, isOurs });
  }

  #nameOf(domain: string): string {
    return this.firsts.get(domain) ?? domain;
  }

  join(domain: string, first: string): void {
    this.hasJoined = true;
    this.firsts.set(domain, first);
    this.scheduler.move(domain, first);
    this.scan.move(domain, first);
  }

  async *#due(now: number, from?: DuePlace) {
    const isPast = (e: DueEntry) => e.when > from!.when || (e.when === from!.when && e.id >= from!.id);
    const start = from ? this.index.findIndex(isPast) : 0;
    for (let i = start < 0 ? this.index.length : start; i < this.index.length; i++) {
      const entry = this.index[i]!;
      if (entry.when > now) return;
      if (this.failsAfter-- <= 0) throw new Error("disk I/O error");
      this.read++;
      if (this.read % 100 === 0) await Promise.resolve();
      yield entry;
    }
  }

  put(entry: DueEntry): void {
    const at = this.index.findIndex(({ when, id }) =>
      when > entry.when || (when === entry.when && id > entry.id)
    );
    this.index.splice(at < 0 ? this.index.length : at, 0, entry);
    if (!this.scan.skip(this.#nameOf(entry.mark.domain), entry.when)) this.scan.rewind(entry.when);
  }

  /** Looks, and takes the places of what was picked; some claims come too late, or `fails` has all of them fail. */
  async look(late: (id: string) => boolean = () => false, fails = false): Promise<boolean> {
    const { picked, complete } = await this.scan.look(this.now);
    if (fails) {
      this.scan.putBack(picked);
      return false;
    }
    for (const { entry, destination } of picked) {
      const isHeld = this.held.has(entry.id);
      if (!this.hasJoined) assertEquals(isHeld, false, `${entry.id} was picked twice`);
      this.scheduler.unreserve(destination);
      // who was remembered under two names is claimed once
      const isGone = isHeld || (this.hasJoined && !this.index.some(({ id }) => id === entry.id));
      if (isGone || late(entry.id)) {
        if (!isGone) this.index.splice(this.index.findIndex(({ id }) => id === entry.id), 1);
        this.scan.roomFor(destination);
        continue;
      }
      this.held.set(entry.id, destination);
      this.scheduler.add(this.#nameOf(entry.mark.domain), { record: { id: entry.id } } as Claim);
      if (!this.scheduler.has(destination)) this.scan.roomFor(destination);
    }
    return complete;
  }

  /** Ends up to so many deliveries; answers those, and whether there is room now for what waits. */
  deliver(most: number): { ended: string[]; more: boolean } {
    const turns = [];
    for (let turn; turns.length < most && (turn = this.scheduler.next());) turns.push(turn);
    let more = false;
    for (const { destination, claim: { record: { id } } } of turns) {
      this.held.delete(id);
      this.index.splice(this.index.findIndex((entry) => entry.id === id), 1);
      this.scheduler.done(destination);
      more = this.scan.roomFor(destination) || more;
    }
    return { ended: turns.map(({ claim }) => claim.record.id), more };
  }
}

Deno.test("a long queue is read about once, for one destination and for several", async () => {
  for (
    const [domains, count, heard] of [
      [1, 20_000, false],
      [40, 20_000, false],
      [1, 3000, true],
      // more destinations than can wait, so that some have nobody whose end tells of room
      [22_000, 22_000, false],
    ] as const
  ) {
    const drain = new Drain();
    for (let i = 0; i < count; i++) {
      drain.index.push(
        ...entries(1, `d${i % domains}.example`).map((e) => ({ ...e, when: i + 1, id: `M${i}` })),
      );
    }
    const ended = new Set<string>();
    if (heard) drain.scan.hear({ from: 0 }); // as a server of a shared store hears its own notice at its start
    for (let goOn = true; goOn;) {
      while (!await drain.look());
      goOn = false;
      for (let n = 0; n < 200; n++) {
        const { ended: some, more } = drain.deliver(20);
        for (const id of some) ended.add(id);
        goOn ||= some.length > 0;
        if (more) break;
      }
    }
    assertEquals(ended.size, count);
    assert(drain.read < 3 * count, `${drain.read} entries were read for ${domains} domains`);
  }
});

Deno.test("whatever comes in, in whatever order, is picked once and not forgotten", async () => {
  for (let seed = 1; seed <= 15; seed++) {
    let state = seed * 7919;
    const random = (below: number) => (state = (state * 1103515245 + 12345) % 2 ** 31) % below;
    const drain = new Drain();
    // little room is left by others, or all of it
    const taken = [0, 19_900, 19_990, 19_998][seed % 4]!;
    for (let i = 0; i < taken; i++) drain.scheduler.reserve("elsewhere");
    const left = new Set<string>();
    let count = 0;
    const put = () => {
      const domain = `d${Math.min(random(6), random(6))}.example`;
      const id = `M${String(count++).padStart(5, "0")}`;
      left.add(id);
      drain.put({ when: drain.now - random(1000), id, part: 0, mark: { domain }, versionstamp: "1" });
    };
    for (let step = 0; step < 300; step++) {
      for (let n = random(30); n > 0; n--) put();
      drain.now += random(20);
      if (random(20) === 0) drain.join(`d${1 + random(5)}.example`, "d0.example");
      if (random(20) === 0) drain.scan.hear({ from: 0 });
      if (random(30) === 0) drain.firsts.delete(`d${1 + random(5)}.example`);
      if (random(3) > 0) {
        if (random(10) === 0) drain.failsAfter = random(300);
        const late = (id: string) => random(50) === 0 && left.delete(id);
        const looking = drain.look(late, random(10) === 0).catch((error) => {
          assertEquals(error.message, "disk I/O error");
        });
        if (random(2) === 0) put();
        if (random(10) === 0) drain.join(`d${1 + random(5)}.example`, "d0.example");
        await looking;
        drain.failsAfter = Infinity;
      }
      for (const id of drain.deliver(random(25)).ended) assert(left.delete(id));
    }
    for (let rounds = 0; left.size > 0; rounds++) {
      assert(rounds < 5000, `${left.size} are forgotten (seed ${seed})`);
      await drain.look();
      for (const id of drain.deliver(20).ended) assert(left.delete(id));
    }
  }
});
