import { assert, assertEquals, assertRejects } from "@std/assert";
import fc from "fast-check";
import { ManualClock } from "../../src/base/manual_clock.ts";
import { type KeptTally, takeTally } from "../../src/queue/kept_tally.ts";
import { QueueStore, queueWrites } from "../../src/queue/queue_store.ts";
import { type QueueRecord, UNSPLIT } from "../../src/queue/record.ts";
import { countQueue, type QueueStats } from "../../src/queue/stats.ts";
import { WaitingIndex } from "../../src/queue/waiting_index.ts";
import * as keys from "../../src/storage/keys.ts";
import { StorageError } from "../../src/storage/storage_error.ts";
import { openStore, type Store } from "../../src/storage/store.ts";
import type { Write } from "../../src/storage/write.ts";

const clock = new ManualClock();
const BEGAN = clock.now();

function record(n: number, part: number, of: number): QueueRecord {
  const domain = of % 7 === 0 ? UNSPLIT : `d${of % 5}.example`;
  const tried = of % 3 > 0;
  return {
    id: `m${String(n).padStart(6, "0")}`,
    part,
    sender: "brain@here.example",
    domain,
    recipients: ["one.example", "two.example"].slice(0, domain === UNSPLIT ? 2 : 1).map((other) => ({
      address: `jo@${domain === UNSPLIT ? other : domain}`,
      attempts: tried ? of % 4 : 0,
      ...(tried && { lastReply: `451 come again in ${of} s, „bitte“` }),
    })),
    body: { id: "b", size: 1, chunks: 1, shared: true },
    receivedAt: BEGAN - n * 60_000, // as all records of a message have it
    dueAt: clock.now() + (of - 500) * 1000,
    source: "smtp",
    ...(of % 11 === 0 && { held: true as const }),
  };
}

function set(n: number, part: number, of: number): Write {
  return queueWrites.insert(record(n, part, of));
}

/** In an order that does not depend on that of counting. */
function numbers({ destinations, ...others }: QueueStats) {
  // of errors with equally many attempts the last one that was counted is shown
  const sorted = destinations.map(({ lastError: _, ...one }) => one).sort((a, b) =>
    a.domain < b.domain ? -1 : 1
  );
  return { ...others, destinations: sorted };
}

/** The numbers by a reading of the whole queue. */
async function scanned(store: Store) {
  return numbers(await countQueue(new QueueStore(store, "me").messages(), clock.now()));
}

/** The process dies before the nth of these writes. */
function dyingStore(store: Store, writes: number): Store {
  return {
    kv: store.kv,
    embedded: store.embedded,
    limits: store.limits,
    write: (change) => writes-- > 0 ? store.write(change) : Promise.reject(new Error("dead")),
    close: () => Promise.resolve(),
  };
}

/** A server's look at the store, from one start to its end. */
class Run {
  readonly index: WaitingIndex;
  readonly isKept: boolean;

  private constructor(readonly raw: Store, store: Store, kept: KeptTally | undefined) {
    this.index = new WaitingIndex(store, clock, { kept, fewestKept: 1 });
    this.isKept = kept !== undefined;
    this.index.tally.start();
  }

  static async start(raw: Store, store: Store = raw): Promise<Run> {
    return new Run(raw, store, await takeTally(raw));
  }

  async check(): Promise<void> {
    assertEquals(numbers(await this.index.tally.stats(() => clock.now())), await scanned(this.raw));
  }

  /** Ends as a server does; `meanwhile` is written behind what is kept. */
  async stop(meanwhile?: Write): Promise<void> {
    const { tally } = this.index;
    await tally.close();
    const keeping = tally.keep().catch(() => undefined);
    if (meanwhile) await this.index.store.write(meanwhile).catch(() => {});
    const last = (await keeping)?.();
    if (last) await this.raw.write(last);
  }
}

type Step =
  | { do: "set"; n: number; part: number; of: number }
  | { do: "remove"; n: number; part: number }
  | { do: "stop"; meanwhile: boolean; late: boolean }
  | { do: "kill" | "look" | "pass" }
  | { do: "die"; writes: number }
  | { do: "other"; n: number; of: number };

const [n, part, of] = [fc.nat(400), fc.nat(2), fc.nat(1000)];
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant("set" as const), n, part, of }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("remove" as const), n, part }) },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant("stop" as const), meanwhile: fc.boolean(), late: fc.boolean() }),
  },
  {
    weight: 2,
    arbitrary: fc.constantFrom("kill" as const, "look", "pass").map((one): Step => ({ do: one })),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("die" as const), writes: fc.nat(4) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("other" as const), n, of }) },
);

Deno.test("property: the kept numbers are those of a reading, whatever is written and wherever a run ends", async () => {
  let kept = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 3, maxLength: 40 }), async (steps) => {
      const raw = await openStore({ location: ":memory:", clock });
      try {
        // more than one row
        await Promise.all(Array.from({ length: 1500 }, (_, i) => raw.write(set(i, 0, i % 1000))));
        let run = await Run.start(raw);
        for (const one of steps) {
          const { store } = run.index;
          if (one.do === "set") await store.write(set(one.n, one.part, one.of));
          else if (one.do === "remove") {
            const key = keys.queueItem(`m${String(one.n).padStart(6, "0")}`, one.part);
            await store.write({ mutations: [{ type: "delete", key }], size: 50 });
          } else if (one.do === "look") await run.check();
          else if (one.do === "pass") clock.advance(90_000);
          else if (one.do === "kill") run = await Run.start(raw);
          else if (one.do === "stop") {
            await run.check(); // it is read by now
            // also of a write that has begun and is not answered when it is stopped
            const late = one.late ? store.write(set(7, 1, 3)) : undefined;
            await run.stop(one.meanwhile ? set(8, 1, 4) : undefined);
            await late;
            run = await Run.start(raw);
            if (run.isKept) kept++;
            assert(!run.isKept || !(one.meanwhile || one.late), "kept beside a write");
            assert(run.isKept || one.meanwhile || one.late, "not kept");
          } else if (one.do === "die") {
            await run.check();
            const dying = await Run.start(raw, dyingStore(raw, one.writes));
            await dying.check();
            await dying.stop();
            run = await Run.start(raw);
          } else if (one.do === "other") {
            await run.check();
            await run.stop();
            await raw.write(set(one.n, 0, one.of)); // by a program that knows nothing of it
            run = await Run.start(raw);
            assert(!run.isKept);
          }
        }
        await run.check();
      } finally {
        await raw.close();
      }
    }),
    {
      numRuns: 15,
      endOnFailure: Deno.env.get("SHRINK") === undefined,
      examples: [[[{ do: "stop", meanwhile: false, late: false }]]], // chance may bring none that keeps
    },
  );
  assert(kept > 0, "nothing was ever kept");
});

for (const died of [false, true]) {
  Deno.test(`in a file, numbers are kept from a clean stop ${died ? "unless it ends between rows" : "to the next start"}`, async () => {
    const dir = await Deno.makeTempDir();
    const open = () => openStore({ location: `${dir}/dinopost.db`, clock });
    try {
      let store = await open();
      await Promise.all(Array.from({ length: 2000 }, (_, i) => store.write(set(i, 0, i % 1000))));
      const run = await Run.start(store, died ? dyingStore(store, 1) : store);
      assertEquals(run.isKept, false);
      await run.check();
      await run.index.tally.close();
      await store.close(await run.index.tally.keep().catch(() => undefined));

      store = await open();
      const next = await Run.start(store);
      assertEquals(next.isKept, !died);
      await next.check();
      await next.index.store.write(set(5, 1, 9));
      await next.check();
      await store.close(); // as if it was killed

      store = await open();
      const last = await Run.start(store);
      assertEquals(last.isKept, false);
      await last.check();
      await store.close();
    } finally {
      await Deno.remove(dir, { recursive: true });
    }
  });
}

Deno.test("rows that are not whole are no numbers: the queue is read", async () => {
  const store = await openStore({ location: ":memory:", clock });
  await Promise.all(Array.from({ length: 50 }, (_, i) => store.write(set(i, 0, i))));
  const index = new WaitingIndex(store, clock, {
    // deno-lint-ignore require-yield
    kept: async function* () {
      throw new Error("The kept tally has 0 of 1 rows.");
    },
  });
  assertEquals(numbers(await index.tally.stats(() => clock.now())), await scanned(store));
  await store.close();
});

Deno.test("a write that fails while the queue is read makes no numbers of half of it", async () => {
  const store = await openStore({ location: ":memory:", clock });
  await Promise.all(Array.from({ length: 500 }, (_, n) => store.write(set(n, 0, 1))));
  const { index: { tally, store: own } } = await Run.start(store, dyingStore(store, 0));
  const size = tally.size();
  await assertRejects(() => own.write(set(0, 0, 2)), Error, "dead");
  assertEquals(await size, 500);
  // nor does it go on reading for ever
  tally.forget();
  let isOver = false;
  const counted = tally.size().finally(() => isOver = true);
  const failing = (async () => {
    while (!isOver) await own.write(set(0, 0, 2)).catch(() => {});
  })();
  await assertRejects(() => counted, Error, "The queue can't be counted now");
  await failing;
  await store.close();
});

Deno.test("a write that is refused before it begins has no queue read again", async () => {
  const store = await openStore({ location: ":memory:", clock });
  await store.write(set(0, 0, 1));
  let readings = 0;
  const { list } = store.kv;
  store.kv.list = (...args) => (readings++, list.apply(store.kv, args) as never);
  const { index } = await Run.start(store);
  assertEquals([await index.tally.size(), readings], [1, 1]);
  const huge: Write = { ...set(1, 0, 1), size: 10_000_000 };
  await assertRejects(() => index.store.write(huge), StorageError, "can't take a write");
  assertEquals([await index.tally.size(), readings], [1, 1]);
  await store.close();
});
