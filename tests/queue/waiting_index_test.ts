import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { ManualClock } from "../../src/base/manual_clock.ts";
import { QueueStore, queueWrites } from "../../src/queue/queue_store.ts";
import type { QueueRecord } from "../../src/queue/record.ts";
import { WaitingIndex } from "../../src/queue/waiting_index.ts";
import * as keys from "../../src/storage/keys.ts";
import { openStore, type Store } from "../../src/storage/store.ts";
import type { Write } from "../../src/storage/write.ts";

const clock = new ManualClock();

function idOf(n: number): string {
  return `m${String(n).padStart(6, "0")}`;
}

function record(n: number, part: number, of: number): QueueRecord {
  const domain = `d${of % 5}.example`;
  return {
    id: idOf(n),
    part,
    sender: of % 4 === 0 ? "" : `brain@h${of % 3}.example`,
    domain,
    recipients: [{ address: `jo@${domain}`, attempts: of % 4 }, {
      address: `narf${of}@${domain}`,
      attempts: 1,
      lastReply: `451 come again in ${of % 7} s, „bitte“`,
      lastError: `in ${of % 7} s`,
      lastStatus: "4.7.1",
      lastHost: `mx${of % 3}.example`,
    }],
    body: { id: of % 2 === 0 ? idOf(n) : `b${of}`, size: of, chunks: 1, shared: of % 2 === 1 },
    ...(of % 3 === 0 && { subject: `Tonight: ${of}`, signFor: "here.example" }),
    ...(of % 5 === 0 && { authenticatedAs: "brain@here.example", held: true as const }),
    receivedAt: clock.now() - n,
    dueAt: clock.now() + of,
    source: of % 2 === 0 ? "smtp" : "http",
  };
}

function set(n: number, part: number, of: number): Write {
  return queueWrites.insert(record(n, part, of));
}

async function scanned(store: Store): Promise<QueueRecord[][]> {
  return await Array.fromAsync(new QueueStore(store, "me").messages());
}

type Step =
  | { do: "set"; n: number; part: number; of: number }
  | { do: "remove"; n: number; part: number }
  | { do: "look"; after: number };

const [n, part] = [fc.nat(40), fc.nat(2)];
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ do: fc.constant("set" as const), n, part, of: fc.nat(1000) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant("remove" as const), n, part }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("look" as const), after: n }) },
);

Deno.test("property: the index has the records of the store, whatever is written before, while and after it is read", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 80 }), fc.nat(20), async (steps, first) => {
      const store = await openStore({ location: ":memory:", clock });
      try {
        // more than is read at a time
        await Promise.all(Array.from({ length: 700 }, (_, i) => store.write(set(100 + i, i % 2, i))));
        const index = new WaitingIndex(store, clock);
        const check = async (after?: number) => {
          await index.read();
          const all = await scanned(store);
          assertEquals(index.view().size, all.length);
          const from = after === undefined ? undefined : idOf(after);
          const wanted = all.filter(([one]) => from === undefined || one!.id > from);
          assertEquals([...index.view().messages(from)], wanted);
          for (const records of all.slice(0, 30)) {
            assertEquals(index.known(records[0]!.id)!.map((known) => known.record), records);
          }
        };
        for (const [at, one] of steps.entries()) {
          if (at === first) index.view(); // it is being read from now on
          if (one.do === "set") await index.store.write(set(one.n, one.part, one.of));
          else if (one.do === "remove") {
            const mutations = [{ type: "delete" as const, key: keys.queueItem(idOf(one.n), one.part) }];
            await index.store.write({ mutations, size: 50 });
          } else await check(one.after);
        }
        await check();
      } finally {
        await store.close();
      }
    }),
    { numRuns: 30, endOnFailure: Deno.env.get("SHRINK") === undefined },
  );
});

Deno.test("who goes through the index sees a message as it was when it was met, and none twice", async () => {
  const store = await openStore({ location: ":memory:", clock });
  try {
    await Promise.all(
      [set(1, 0, 1), set(1, 1, 2), set(2, 0, 3), set(3, 0, 4)].map((write) => store.write(write)),
    );
    const index = new WaitingIndex(store, clock);
    await index.read();
    const going = Iterator.from(index.view().messages());
    const met = going.next().value!;
    await index.store.write({ mutations: [{ type: "delete", key: keys.queueItem(idOf(1), 1) }], size: 50 });
    await index.store.write({ mutations: [{ type: "delete", key: keys.queueItem(idOf(2), 0) }], size: 50 });
    await index.store.write(set(3, 1, 5));
    assertEquals(met, [record(1, 0, 1), record(1, 1, 2)]);
    assertEquals([...going], [[record(3, 0, 4), record(3, 1, 5)]]);
    assertEquals(index.known(idOf(1))?.map((known) => known.record), [record(1, 0, 1)]);
    assertEquals(index.known(idOf(2)), []);
  } finally {
    await store.close();
  }
});

Deno.test("a known record has the versionstamp that the store has", async () => {
  const store = await openStore({ location: ":memory:", clock });
  try {
    for (const write of [set(1, 0, 1), set(2, 0, 2), set(2, 1, 2)]) await store.write(write);
    const index = new WaitingIndex(store, clock);
    await index.read();
    await index.store.write(set(1, 0, 6));
    for (const [n, part] of [[1, 0], [2, 0], [2, 1]] as const) {
      const { versionstamp } = await store.kv.get(keys.queueItem(idOf(n), part));
      assert(versionstamp !== null);
      const known = index.known(idOf(n))?.find(({ record }) => record.part === part);
      assertEquals(known?.versionstamp, versionstamp);
    }
  } finally {
    await store.close();
  }
});
