/** Plays what a network and its other end do to a store: each time on the real denokv where this machine has it. */

import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { systemClock } from "../../src/base/clock.ts";
import { u64 } from "../../src/storage/port.ts";
import { StorageError } from "../../src/storage/storage_error.ts";
import { openStore, type Store, type StoreOptions } from "../../src/storage/store.ts";
import type { Write } from "../../src/storage/write.ts";
import { Denokv, findDenokv } from "../support/denokv.ts";
import { KvConnectServer } from "../support/kv_connect_server.ts";
import { Network } from "../support/network.ts";
import { SmallDisk } from "../support/small_disk.ts";

/** Short ones, so that a test does not take long; on a busy machine a request may still take some hundred ms. */
const network = { requestMs: 700, patienceMs: 1000, probeMs: 50 };
const COUNTER = ["n"];

function open(location: string, more: Partial<StoreOptions> = {}): Promise<Store> {
  Deno.env.set("DENO_KV_ACCESS_TOKEN", "a token for tests");
  return openStore({ location, clock: systemClock, network, ...more });
}

/** Sets a key of its own and counts: so it shows when it happens twice, and when it does not happen. */
function counting(i: number): Write {
  const mark = { type: "set" as const, key: ["done", i], value: i };
  return { mutations: [mark, { type: "sum", key: COUNTER, value: u64(1) }], size: 100 };
}

/** Each one happened once or never; those that were acknowledged happened. */
async function check(store: Store, acknowledged: readonly number[]): Promise<void> {
  const done = new Set<number>();
  for await (const { value } of store.kv.list<number>({ prefix: ["done"] })) done.add(value);
  assertEquals(acknowledged.filter((i) => !done.has(i)), [], "acknowledged and lost");
  assertEquals((await store.kv.get<Deno.KvU64>(COUNTER)).value?.value ?? 0n, BigInt(done.size));
}

/** Runs writers until they are told to stop; answers what was acknowledged, and what failed. */
function writers(
  store: Store,
  count: number,
): { stop(): Promise<{ acknowledged: number[]; errors: unknown[] }> } {
  const acknowledged: number[] = [];
  const errors: unknown[] = [];
  let next = 0;
  let stopped = false;
  const running = Array.from({ length: count }, async () => {
    while (!stopped) {
      const i = next++;
      await store.write(counting(i)).then((result) => void (result.ok && acknowledged.push(i)), (error) => {
        errors.push(error);
        return new Promise((resolve) => setTimeout(resolve, 20));
      });
    }
  });
  return {
    async stop() {
      stopped = true;
      await Promise.all(running);
      return { acknowledged, errors };
    },
  };
}

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  for (let tries = 0; !await condition(); tries++) {
    assert(tries < 1000, "what was waited for did not happen");
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

const doneCount = async (store: Store) => (await store.kv.get<Deno.KvU64>(COUNTER)).value?.value ?? 0n;

/** Only where there is one: `.ci/run` fails where there is none. */
function onDenokv(name: string, test: () => Promise<void>): void {
  if (DENOKV) Deno.test(`${name} (denokv)`, test);
}

const DENOKV = await findDenokv() !== undefined;

onDenokv(
  "A commit whose answer is lost is asked for by its key: it happens once, and is told right",
  async () => {
    await using server = await Denokv.start();
    await using way = new Network(server.port);
    const store = await open(way.url);
    let asked = 0;
    way.losesAnswer = () => ++asked % 3 === 0;
    for (let i = 0; i < 40; i++) assertEquals((await store.write(counting(i))).ok, true);
    const failing = { ...counting(99), checks: [{ key: COUNTER, versionstamp: null }] };
    for (let i = 0; i < 4; i++) assertEquals((await store.write(failing)).ok, false);
    assert(asked > 40, "some were asked for");
    way.losesAnswer = () => false;
    assertEquals(await doneCount(store), 40n);
    await check(store, Array.from({ length: 40 }, (_, i) => i));
    await store.close();
  },
);

onDenokv("A frozen store is known as silent, calls fail at once, and it goes on by itself", async () => {
  await using server = await Denokv.start();
  const told: (number | undefined)[] = [];
  const began = Date.now();
  const store = await open(server.url, { onSilence: (since) => told.push(since) });
  try {
    await store.write(counting(0));
    server.freeze();
    for (const told of await Promise.allSettled([store.write(counting(1)), store.kv.get(COUNTER)])) {
      assert(told.status === "rejected" && told.reason instanceof StorageError);
      assertEquals(told.reason.kind, "away");
      assertStringIncludes(told.reason.message, "has not answered since");
    }
    assert(store.silentSince! >= began && store.silentSince! <= Date.now());
    assertEquals(told, [store.silentSince]);
    const from = performance.now();
    await assertRejects(() => store.write(counting(2)), StorageError, "has not answered since");
    assert(performance.now() - from < 500, "no waiting for a store that is known to be silent");
    server.thaw();
    await until(() => store.silentSince === undefined);
    assertEquals(told.length, 2);
    assertEquals((await store.write(counting(3))).ok, true);
    await check(store, [0, 3]);
  } finally {
    server.thaw();
    await store.close();
  }
});

Deno.test("A store that lets the server in no more is away until it does again", async () => {
  await using server = await KvConnectServer.start();
  const store = await open(server.url);
  await store.write(counting(0));
  server.letsIn = false;
  await assertRejects(() => store.write(counting(1)), StorageError, "has not answered since");
  assert(store.silentSince !== undefined);
  server.letsIn = true;
  await until(() => store.silentSince === undefined);
  await store.write(counting(2));
  await check(store, [0, 2]);
  await store.close();
});

onDenokv("A frozen store is closed within two seconds, whatever is under way", async () => {
  await using server = await Denokv.start();
  const store = await open(server.url, { network: { requestMs: 60_000, patienceMs: 60_000 } });
  server.freeze();
  const [write, read] = [store.write(counting(1)), store.kv.get(COUNTER)];
  const told = Promise.allSettled([write, read]);
  const from = performance.now();
  await store.close();
  assert(performance.now() - from < 2000);
  for (const { status } of await told) assertEquals(status, "rejected");
  server.thaw();
});

onDenokv("Connections that die without a word are left for new ones", async () => {
  await using server = await Denokv.start();
  await using way = new Network(server.port);
  const told: unknown[] = [];
  const store = await open(way.url, { onSilence: (since) => told.push(since) });
  await Promise.all(Array.from({ length: 8 }, () => store.kv.get(COUNTER)));
  way.cutSilently();
  const [read, write] = await Promise.all([store.kv.get(COUNTER), store.write(counting(1))]);
  assertEquals(read.value, null);
  assertEquals(write.ok, true);
  assertEquals(told, []);
  await check(store, [1]);
  await store.close();
});

onDenokv("A watch that has died without a word is noticed", async () => {
  await using server = await Denokv.start();
  await using way = new Network(server.port);
  // denokv says each five seconds that it lives
  const store = await open(way.url, { network: { ...network, watchMs: 300 } });
  const ended = Array.fromAsync(store.kv.watch(COUNTER, new AbortController().signal));
  await assertRejects(() => ended);
  await store.close();
});

onDenokv(
  "A store that is killed and started again and again loses nothing of what was acknowledged",
  async () => {
    await using server = await Denokv.start();
    const store = await open(server.url);
    const load = writers(store, 20);
    for (let i = 1; i <= 3; i++) {
      const before = await doneCount(store).catch(() => 0n);
      await until(async () => await doneCount(store).catch(() => 0n) > before + 20n);
      await server.restart();
    }
    const before = await doneCount(store);
    await until(async () => await doneCount(store) > before);
    const { acknowledged, errors } = await load.stop();
    assertEquals(errors, [], "it was back in time");
    await check(store, acknowledged);
    await store.close();
  },
);

onDenokv("A store on a full disk says so, loses nothing, and goes on when there is room", async () => {
  await using disk = await SmallDisk.mount(24);
  assert(disk, "only root may mount a disk");
  await using server = await Denokv.start({ dir: disk.path });
  const store = await open(server.url);
  try {
    const acknowledged: number[] = [];
    for (let i = 0; i < 20; i++) if ((await store.write(counting(i))).ok) acknowledged.push(i);
    await disk.fill();
    let refused: unknown;
    for (let i = 20; refused === undefined && i < 200; i++) {
      const large = { type: "set" as const, key: ["large", i], value: new Uint8Array(60_000) };
      const { mutations } = counting(i);
      await store.write({ mutations: [large, ...mutations], size: 61_000 })
        .then(() => acknowledged.push(i), (error) => refused = error);
    }
    assert(refused instanceof StorageError, "the disk was never full");
    assertEquals((await store.kv.get(["done", 0])).value, 0, "it is read on");
    await disk.empty();
    await until(() => store.write(counting(999)).then((result) => result.ok, () => false));
    await check(store, [...acknowledged, 999]);
  } finally {
    await store.close();
  }
});
