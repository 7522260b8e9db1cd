import { assert, assertEquals } from "@std/assert";
import { unpackFacts } from "../../src/mailbox/fact_row.ts";
import { FactKeeper } from "../../src/mailbox/fact_keeper.ts";
import * as keys from "../../src/storage/keys.ts";
import type { Store } from "../../src/storage/store.ts";
import type { Write, WriteResult } from "../../src/storage/write.ts";
import { memoryStore } from "./helpers.ts";

const BRAIN = "brain@howstuffworks.com";

/** Facts of so many objects from the first one on. */
function made(first: number, count: number, octets: number): Map<number, Uint8Array> {
  return new Map(
    Array.from({ length: count }, (_, i) => [first + i, new Uint8Array(octets).fill(first + i)]),
  );
}

async function putObjects(store: Store, ...rows: readonly number[]): Promise<void> {
  const mutations = rows.map((n) => ({
    type: "set" as const,
    key: keys.mailObjects(BRAIN, n),
    value: new Uint8Array(1),
  }));
  await store.write({ mutations, size: 1000 });
}

async function kept(store: Store): Promise<{ objects: number[]; parts: string[] }> {
  const objects: number[] = [];
  const parts: string[] = [];
  for await (const { key, value } of store.kv.list<Uint8Array>(keys.mailFactsOf(BRAIN))) {
    parts.push(`${String(key[2])}.${String(key[3])}`);
    for (const [object, facts] of unpackFacts(value)) {
      assert(facts.every((octet) => octet === object % 256));
      objects.push(object);
    }
  }
  return { objects: objects.sort((a, b) => a - b), parts };
}

Deno.test("facts of many rows are kept in few commits, and those of one row go on in further parts", async () => {
  await using store = await memoryStore();
  await putObjects(store, 0, 1, 2, 3);
  let commits = 0;
  const counting: Store = {
    ...store,
    kv: store.kv,
    write: (change: Write): Promise<WriteResult> => (commits++, store.write(change)),
  };
  const keeper = new FactKeeper(counting, BRAIN);
  await keeper.keep(new Map([[0, made(0, 20, 2000)], [1, made(32, 20, 2000)], [3, made(96, 32, 4000)]]));
  await keeper.idle();
  assertEquals(commits, 1);
  assertEquals(await kept(store), {
    objects: [...made(0, 20, 0).keys(), ...made(32, 20, 0).keys(), ...made(96, 32, 0).keys()],
    parts: ["0.0", "1.0", "3.0", "3.1", "3.2"],
  });
  await keeper.keep(new Map([[0, made(20, 12, 2000)]]));
  await keeper.idle();
  assertEquals((await kept(store)).parts, ["0.0", "0.1", "1.0", "3.0", "3.1", "3.2"]);
  assertEquals((await kept(store)).objects.slice(0, 32), [...made(0, 32, 0).keys()]);
});

Deno.test("facts of objects that are gone, or are others by now, are not kept, and hold no others back", async () => {
  await using store = await memoryStore();
  await putObjects(store, 0, 1);
  let isFirst = true;
  const changing: Store = {
    ...store,
    kv: store.kv,
    async write(change: Write): Promise<WriteResult> {
      if (isFirst) await putObjects(store, 1);
      isFirst = false;
      return await store.write(change);
    },
  };
  const keeper = new FactKeeper(changing, BRAIN);
  await keeper.keep(new Map([[0, made(0, 2, 100)], [1, made(32, 2, 100)], [7, made(224, 2, 100)]]));
  await keeper.idle();
  assertEquals(await kept(store), { objects: [0, 1], parts: ["0.0"] });
});

Deno.test("who makes more than is kept waits, and a store that fails loses nothing but time", async () => {
  await using store = await memoryStore();
  await putObjects(store, 0);
  let fails = true;
  let resume = () => {};
  const slow: Store = {
    ...store,
    kv: store.kv,
    async write(change: Write): Promise<WriteResult> {
      await new Promise<void>((resolve) => resume = resolve);
      if (fails) throw new Error("The disk is full");
      return await store.write(change);
    },
  };
  const keeper = new FactKeeper(slow, BRAIN);
  let isHeld = true;
  const many = keeper.keep(new Map([[0, made(0, 32, 39_000)], [1, made(32, 32, 39_000)]])).then(() =>
    isHeld = false
  );
  for (let i = 0; i < 20; i++) await new Promise((resolve) => setTimeout(resolve, 1));
  assertEquals(isHeld, true);
  resume();
  await many;
  fails = false;
  await keeper.keep(new Map([[0, made(0, 2, 10)]]));
  while ((await kept(store)).objects.length === 0) {
    resume();
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  assertEquals((await kept(store)).objects, [0, 1]);
});
