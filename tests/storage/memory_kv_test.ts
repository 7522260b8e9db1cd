/** Tests of the store in memory: it answers as Deno's own KV does, and is changed by commits only. */

import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { EmbeddedKv } from "../../src/storage/embedded_kv.ts";
import { MemoryKv } from "../../src/storage/memory_kv.ts";
import { type Kv, u64 } from "../../src/storage/port.ts";

const part = fc.oneof(
  fc.string({ unit: "binary", maxLength: 3 }).filter((text) => text.isWellFormed()),
  fc.double({ noNaN: true }).map((n) => n + 0), // -0 and 0 are two keys to KV
  fc.integer({ min: -3, max: 3 }),
  fc.boolean(),
  fc.uint8Array({ maxLength: 3 }),
);
const key = fc.array(part, { minLength: 1, maxLength: 3 });
const value = fc.oneof(
  fc.integer(),
  fc.string(),
  fc.record({ a: fc.array(fc.string()), b: fc.constant(undefined) }),
);

type Step = { key: number; type: "set" | "delete" | "sum" | "min" | "max"; value: unknown; fresh: boolean };
const step: fc.Arbitrary<Step> = fc.record({
  key: fc.nat({ max: 14 }),
  type: fc.constantFrom("set", "set", "delete", "sum", "min", "max"),
  value,
  fresh: fc.boolean(),
});

/** What differs from store to store is left out: the versionstamps. */
async function listed(kv: Kv, selector: Deno.KvListSelector, reverse: boolean): Promise<unknown[]> {
  const entries = await Array.fromAsync(kv.list(selector, { reverse, batchSize: 3 }));
  return entries.map(({ key, value }) => ({ key, value }));
}

function mutationOf({ type, value }: Step, key: Deno.KvKey): Deno.KvMutation {
  if (type === "set") return { type, key, value };
  if (type === "delete") return { type, key };
  return { type, key: ["counts", ...key], value: u64(typeof value === "number" ? value : 5) };
}

Deno.test("the store in memory answers as Deno's own KV, whatever keys and commits there are", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(key, { minLength: 15, maxLength: 15, selector: (key) => JSON.stringify(key) }),
      fc.array(fc.array(step, { minLength: 1, maxLength: 5 }), { maxLength: 12 }),
      async (keys, commits) => {
        const inner = await Deno.openKv(":memory:");
        const [theirs, ours] = [new EmbeddedKv(inner, [inner]), new MemoryKv()];
        try {
          for (const steps of commits) {
            const mutations = steps.map((one) => mutationOf(one, keys[one.key]!));
            const done: boolean[] = [];
            for (const kv of [theirs, ours]) {
              const checks: Deno.AtomicCheck[] = [];
              for (const { key, fresh } of steps) {
                const { versionstamp } = await kv.get(keys[key]!);
                checks.push({ key: keys[key]!, versionstamp: fresh ? versionstamp : null });
              }
              done.push((await kv.commit(checks, mutations)).ok);
            }
            assertEquals(done[0], done[1]);
          }
          const [a, b] = [keys[0]!, keys[1]!];
          const selectors: Deno.KvListSelector[] = [
            { prefix: [] },
            { prefix: a.slice(0, 1) },
            { prefix: ["counts"], end: ["counts", ...b] },
            { prefix: ["counts"], start: ["counts", ...b] },
            { start: a, end: b },
          ];
          for (const selector of selectors) {
            for (const reverse of [false, true]) {
              const [expected, got] = [
                await listed(theirs, selector, reverse).catch(() => "refused"),
                await listed(ours, selector, reverse),
              ];
              // KV refuses ranges that end before they begin; here they are empty
              if (expected !== "refused") assertEquals(got, expected);
            }
          }
        } finally {
          theirs.close();
          ours.close();
        }
      },
    ),
    { numRuns: 60 },
  );
});

Deno.test("what was written or read may be changed: the store keeps its own", async () => {
  const kv = new MemoryKv();
  const value = { list: [{ n: 1 }], bytes: new Uint8Array([1]) };
  const key = ["k", 1];
  await kv.commit([], [{ type: "set", key, value }]);
  value.list[0]!.n = 2;
  value.bytes[0] = 2;
  key[1] = 2;
  const read = (await kv.get<typeof value>(["k", 1])).value!;
  assertEquals(read, { list: [{ n: 1 }], bytes: new Uint8Array([1]) });
  read.list.pop();
  for await (const entry of kv.list<typeof value>({ prefix: ["k"] })) {
    assertEquals(entry.value.list.length, 1);
    entry.value.bytes.fill(9);
  }
  assertEquals((await kv.get<typeof value>(["k", 1])).value!.bytes, new Uint8Array([1]));
  kv.close();
});

Deno.test("a loop that asks the store in memory for ever leaves others their turn", async () => {
  const kv = new MemoryKv();
  let isOver = false;
  const timer = setTimeout(() => isOver = true, 1);
  while (!isOver) assertEquals((await kv.get(["absent"])).value, null);
  clearTimeout(timer);
  kv.close();
});

Deno.test("many rows keep their order, whichever came first and whichever went", async () => {
  const kv = new MemoryKv();
  const order = Array.from({ length: 5000 }, (_, n) => (n * 7919) % 5000);
  for (const n of order) await kv.commit([], [{ type: "set", key: ["n", n], value: n }]);
  for (const n of order) if (n % 3 === 0) await kv.commit([], [{ type: "delete", key: ["n", n] }]);
  const left = await Array.fromAsync(kv.list<number>({ prefix: ["n"] }, { batchSize: 77 }));
  assertEquals(
    left.map((entry) => entry.value),
    Array.from({ length: 5000 }, (_, n) => n).filter((n) => n % 3),
  );
  kv.close();
});
