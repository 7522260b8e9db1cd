import { assertEquals, assertRejects } from "@std/assert";
import { ManualClock } from "../../src/base/manual_clock.ts";
import { type QueueRecord, UNSPLIT } from "../../src/queue/record.ts";
import { findWaiting, type QueueOrder } from "../../src/queue/search.ts";
import { countQueue, QueueStatsCache } from "../../src/queue/stats.ts";

const MINUTE = 60_000;

function record(id: string, domain: string, of: Partial<QueueRecord> & { to?: string[] } = {}): QueueRecord {
  const { to = [`jo@${domain}`], ...rest } = of;
  return {
    id,
    part: 0,
    sender: "brain@here.test",
    domain,
    recipients: to.map((address) => ({ address, attempts: 0 })),
    body: { id, size: 100, chunks: 1, shared: false },
    receivedAt: 0,
    dueAt: 0,
    source: "smtp",
    ...rest,
  };
}

async function* queueOf(...messages: QueueRecord[][]): AsyncGenerator<QueueRecord[]> {
  yield* messages;
}

Deno.test("a message counts once for each domain, whether its recipients are split into records or not", async () => {
  const now = 10 * MINUTE;
  const stats = await countQueue(
    queueOf(
      [record("a", UNSPLIT, { to: ["x@one.test", "y@two.test", "z@one.test"], dueAt: now + 1 })],
      [record("b", "one.test"), record("b", "one.test", { part: 1, held: true })],
      [record("c", "one.test", { held: true, receivedAt: now - MINUTE })],
    ),
    now,
  );
  assertEquals(stats.total, 3);
  assertEquals(stats.byState, { queued: 1, deferred: 1, held: 1 });
  assertEquals(stats.destinations.map(({ domain, messages, nextAt }) => ({ domain, messages, nextAt })), [
    { domain: "one.test", messages: 3, nextAt: 0 },
    { domain: "two.test", messages: 1, nextAt: now + 1 },
  ]);
  assertEquals(stats.ages.slice(0, 2).map(({ byState }) => byState), [
    { queued: 0, deferred: 0, held: 1 },
    { queued: 1, deferred: 1, held: 0 },
  ]);
});

Deno.test("a message is as old as the oldest of its records, in whatever order they are counted", async () => {
  const now = 10 * MINUTE;
  const parts = [record("a", "one.test"), record("a", "two.test", { part: 1, receivedAt: now - MINUTE })];
  for (const records of [parts, parts.toReversed()]) {
    const stats = await countQueue(queueOf(records), now);
    assertEquals(stats.ages.slice(0, 2).map(({ byState }) => byState.queued), [0, 1]);
    assertEquals(stats.oldest, 0);
  }
});

Deno.test("a search in another order finds the first ones of all, however many fit", () => {
  const sizes = Array.from({ length: 50 }, (_, i) => (i * 37) % 50);
  const messages = sizes.map((size, i) => {
    const id = String(i).padStart(2, "0");
    return [
      record(id, "one.test", { receivedAt: i, dueAt: size, body: { id, size, chunks: 1, shared: false } }),
    ];
  });
  const waiting = { messages: () => messages, size: 50, whole: true };
  const found = (order: QueueOrder, skip = 0) => {
    const page = findWaiting(waiting, { filter: {}, limit: 3, now: 0, order, skip });
    assertEquals([page.total, page.before, page.whole], [50, skip, true]);
    return page.messages.map(([r]) => order === "newest" ? r!.receivedAt : r!.body.size);
  };
  assertEquals(found("largest"), [49, 48, 47]);
  assertEquals(found("next"), [0, 1, 2]);
  assertEquals(found("newest"), [49, 48, 47]);
  assertEquals(found("newest", 30), [19, 18, 17]);
  assertEquals(found("newest", 48), [1, 0]);
});

Deno.test("a page waits for a long count once, not each time it asks, and gets the count when it is there", async () => {
  const clock = new ManualClock();
  const counted = Promise.withResolvers<void>();
  const cache = new QueueStatsCache({
    clock,
    share: 20,
    count: async () => {
      await counted.promise;
      return await countQueue(queueOf(), clock.now());
    },
  });
  const first = cache.statsAtHand();
  clock.advance(60);
  assertEquals(await first, undefined);
  assertEquals(await cache.statsAtHand(), undefined);
  counted.resolve();
  assertEquals((await cache.stats()).total, 0);
  assertEquals((await cache.statsAtHand())?.total, 0);
});

Deno.test("a count that failed is an error for who waits for it, and is made again", async () => {
  const clock = new ManualClock();
  let counts = 0;
  const cache = new QueueStatsCache({
    clock,
    share: 20,
    count: async () => {
      if (++counts === 1) throw new Error("the store is away");
      clock.advance(10);
      return await countQueue(queueOf(), clock.now());
    },
  });
  await assertRejects(() => cache.stats(), Error, "the store is away");
  assertEquals((await cache.stats()).total, 0);
  clock.advance(199);
  await cache.stats();
  assertEquals(counts, 2);
  clock.advance(1);
  await cache.stats();
  assertEquals(counts, 3);
});
