import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { ManualClock } from "../../src/base/manual_clock.ts";
import type { Random } from "../../src/base/random.ts";
import { type ChainLink, CommitChain } from "../../src/storage/commit_chain.ts";
import * as keys from "../../src/storage/keys.ts";
import { MemoryKv } from "../../src/storage/memory_kv.ts";

/** Draws those bytes over and over, but for names, which are longer than a number. */
function drawing(...numbers: number[]): Random {
  let name = 0;
  let at = 0;
  return {
    float: () => 0,
    bytes: (length) => new Uint8Array(length).fill(length === 3 ? numbers[at++ % numbers.length]! : ++name),
  };
}

const set = (value: string) => [{ type: "set", key: ["x"], value }] as const;

Deno.test("processes that draw the same number get another one each", async () => {
  const kv = new MemoryKv();
  const clock = new ManualClock();
  const names = drawing(7, 7, 7, 8, 7, 8, 9);
  const chains = [1, 2, 3].map(() => new CommitChain(kv, { clock, random: names }));
  for (const chain of chains) {
    assertEquals(chain.number, undefined);
    assert((await chain.commit([], set("first"))).ok);
  }
  const numbers = chains.map(({ number }) => number!);
  assertEquals(new Set(numbers).size, 3);
  for (const chain of chains) assert((await chain.commit([], set("second"))).ok);
  assertEquals(chains.map(({ number }) => number), numbers);
  kv.close();
});

Deno.test("a process whose number is another one's by now takes a new one, and its commit happens once", async () => {
  const kv = new MemoryKv();
  const clock = new ManualClock();
  const chain = new CommitChain(kv, { clock, random: drawing(1, 2) });
  await chain.commit([], set("before"));
  const before = chain.number!;
  const value: ChainLink = { by: "somebody else", count: 2, at: clock.now() };
  await kv.commit([], [{ type: "set", key: keys.commitChain(String(before)), value }]);
  assert((await chain.commit([], set("after"))).ok);
  assertNotEquals(chain.number, before);
  assertEquals((await kv.get(["x"])).value, "after");
  assertEquals((await kv.get(keys.commitChain(String(before)))).value, value, "the other one's is as it was");
  kv.close();
});
