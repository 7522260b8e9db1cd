import { assertEquals } from "@std/assert";
import { CommitChain } from "../../src/storage/commit_chain.ts";
import { ManualClock } from "../../src/base/manual_clock.ts";
import { expiring, removing, sweepExpired } from "../../src/storage/expiry.ts";
import * as keys from "../../src/storage/keys.ts";
import type { Store } from "../../src/storage/store.ts";
import { keysUnder, memoryStore, onEachStore } from "./stores.ts";

onEachStore("what is over is swept in batches, at its time and no sooner", async (store) => {
  for (let n = 0; n < 450; n += 50) {
    const mutations = Array.from({ length: 50 }, (_, i) => expiring(["kept", n + i], "x", 1000 + n + i))
      .flat();
    await store.write({ mutations, size: 5000 });
  }
  assertEquals(await sweepExpired(store, 999), 0);
  assertEquals(await sweepExpired(store, 1000), 1);
  assertEquals((await keysUnder(store.kv, "kept")).length, 449);
  assertEquals(await sweepExpired(store, 1440), 440);
  assertEquals(await keysUnder(store.kv, "kept"), Array.from({ length: 9 }, (_, i) => `kept/${441 + i}`));
  assertEquals((await keysUnder(store.kv, "expiry")).length, 9);
});

Deno.test("a row with a new end outlives the old one", async () => {
  await using store = await memoryStore();
  await store.write({ mutations: expiring(["a"], 1, 10), size: 100 });
  const renewed = [...removing(["a"], 10), ...expiring(["a"], 2, 20)];
  await store.write({ mutations: renewed, size: 200 });
  assertEquals(await sweepExpired(store, 19), 0);
  assertEquals((await store.kv.get(["a"])).value, 2);
  assertEquals(await sweepExpired(store, 20), 1);
  assertEquals(await keysUnder(store.kv), ["format", "format/deno"]);
});

Deno.test("the chain of a process that writes no more goes after a week, the others' stay", async () => {
  await using memory = await memoryStore();
  const clock = new ManualClock();
  const { kv } = memory;
  const shared: Store = {
    kv,
    embedded: false,
    limits: memory.limits,
    write: (w) => memory.write(w),
    close: () => memory.close(),
  };
  const [silent, busy] = [new CommitChain(memory.kv, { clock }), new CommitChain(memory.kv, { clock })];
  for (const chain of [silent, busy]) {
    await chain.commit([], [{ type: "set", key: ["x"], value: 1 }]);
  }
  clock.advance(6 * 24 * 3600_000);
  await busy.commit([], [{ type: "set", key: ["x"], value: 2 }]);
  clock.advance(2 * 24 * 3600_000);
  await sweepExpired(shared, clock.now());
  assertEquals((await Array.fromAsync(memory.kv.list(keys.commitChains))).length, 1);
  // the one whose key was taken away goes on all the same
  const result = await silent.commit([], [{ type: "set", key: ["x"], value: 3 }]);
  assertEquals(result.ok, true);
  assertEquals((await memory.kv.get(["x"])).value, 3);
});
