/** The contract of the port, played on every store behind it. */

import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { openEmbedded } from "../../src/storage/embedded_kv.ts";
import { KvConnectClient } from "../../src/storage/kv_connect/client.ts";
import { MemoryKv } from "../../src/storage/memory_kv.ts";
import { isU64, type Kv, u64 } from "../../src/storage/port.ts";
import { StoppedAtSum, StorageError, storageErrorOf } from "../../src/storage/storage_error.ts";
import { KvConnectServer } from "../support/kv_connect_server.ts";
import { SHARED_KVS, startShared } from "../support/shared_kv.ts";
import { tempDir } from "./stores.ts";

function onEachKv(name: string, test: (kv: Kv) => Promise<void>): void {
  const play = async (kv: Kv) => {
    try {
      await test(kv);
    } finally {
      kv.close();
    }
  };
  Deno.test(`Kv ${name} (memory)`, async () => await play(new MemoryKv()));
  Deno.test(`Kv ${name} (file)`, async () => {
    await using dir = await tempDir();
    await play(await openEmbedded(`${dir.path}/kv.sqlite3`));
  });
  for (const kind of SHARED_KVS) {
    Deno.test(`Kv ${name} (${kind.name})`, async () => {
      await using server = await startShared(kind);
      await play(await KvConnectClient.open({ url: server.url, token: server.token }));
    });
  }
}

const set = (key: Deno.KvKey, value: unknown): Deno.KvMutation => ({ type: "set", key, value });
const sum = (key: Deno.KvKey, n: number): Deno.KvMutation => ({ type: "sum", key, value: u64(n) });
const none = (key: Deno.KvKey) => ({ key, versionstamp: null });

const VALUES: Record<string, unknown> = {
  text: "häuptling €😀\0",
  empty: "",
  number: -1.5,
  large: 1_790_000_000_000,
  yes: true,
  nothing: null,
  list: [1, "two", [3, null]],
  record: { id: "06FZ", recipients: [{ address: "brain@howstuffworks.com", attempts: 0 }], held: undefined },
  bytes: new Uint8Array([0, 1, 255]),
  inside: { bytes: new Uint8Array([1, 2, 3]) },
};

onEachKv("gives back values as they were", async (kv) => {
  for (const [name, value] of Object.entries(VALUES)) await kv.commit([], [set([name], value)]);
  for (const [name, value] of Object.entries(VALUES)) {
    const entry = await kv.get([name]);
    assertEquals(entry.value, value, name);
    assert(entry.versionstamp !== null);
  }
  await kv.commit([], [set(["n"], u64(7)), sum(["n"], -3)]);
  const { value } = await kv.get(["n"]);
  assert(isU64(value));
  assertEquals(value.value, 4n);
  assertEquals(await kv.get(["absent"]), { key: ["absent"], value: null, versionstamp: null });
});

onEachKv("keeps keys of every kind, in order", async (kv) => {
  const keys: Deno.KvKey[] = [
    [new Uint8Array()],
    [new Uint8Array([0, 1])],
    [new Uint8Array([1])],
    [""],
    ["", 1],
    ["a"],
    ["a\0"],
    ["a\0b"],
    ["ab"],
    ["ä"],
    [-2.5],
    [-1],
    [0],
    [1],
    [1.5],
    [1_790_000_000_000],
    [false],
    [true],
  ];
  await kv.commit([], [...keys].reverse().map((key) => set(key, 1)));
  assertEquals((await Array.fromAsync(kv.list({ prefix: [] }))).map((e) => e.key), keys);
  assertEquals(
    (await Array.fromAsync(kv.list({ prefix: [] }, { reverse: true }))).map((e) => e.key),
    keys.toReversed(),
  );
  for (const key of keys) assertEquals((await kv.get(key)).key, key);
});

onEachKv("lists what a selector takes in, in pieces of any size", async (kv) => {
  await kv.commit([], Array.from({ length: 25 }, (_, i) => set(["k", i], i)));
  await kv.commit([], [set(["k"], "itself"), set(["j", 1], 1), set(["l", 1], 1)]);
  const listed = async (selector: Deno.KvListSelector, options = {}) =>
    (await Array.fromAsync(kv.list<number>(selector, options))).map((entry) => entry.value);
  const all = Array.from({ length: 25 }, (_, i) => i);
  for (const batchSize of [1, 7, 25, 1000]) {
    assertEquals(await listed({ prefix: ["k"] }, { batchSize }), all);
    assertEquals(await listed({ prefix: ["k"] }, { batchSize, reverse: true }), all.toReversed());
    assertEquals(await listed({ prefix: ["k"] }, { batchSize, limit: 8 }), all.slice(0, 8));
    assertEquals(
      await listed({ prefix: ["k"] }, { batchSize, limit: 8, reverse: true }),
      all.toReversed().slice(0, 8),
    );
  }
  assertEquals(await listed({ prefix: ["k"], start: ["k", 20] }), all.slice(20));
  assertEquals(await listed({ prefix: ["k"], end: ["k", 5] }), all.slice(0, 5));
  assertEquals(await listed({ start: ["k", 3], end: ["k", 6] }), [3, 4, 5]);
  assertEquals(await listed({ prefix: ["none"] }), []);
});

onEachKv("reads many keys at one instant, ten at most", async (kv) => {
  await kv.commit([], [set(["a"], 1), set(["c"], 3)]);
  const entries = await kv.getMany<number[]>([["a"], ["b"], ["c"]]);
  assertEquals(entries.map((entry) => entry.value as number | null), [1, null, 3]);
  assertEquals(entries[0]!.versionstamp, entries[2]!.versionstamp);
  assertEquals((await kv.getMany(Array.from({ length: 10 }, (_, i) => [i]))).length, 10);
  await assertRejects(() => kv.getMany(Array.from({ length: 11 }, (_, i) => [i])), TypeError);
});

onEachKv("commits all or nothing, by its checks", async (kv) => {
  const first = await kv.commit([none(["a"])], [set(["a"], 1), set(["b"], 1)]);
  assert(first.ok);
  assertEquals((await kv.get(["a"])).versionstamp, first.versionstamp);
  assertEquals(await kv.commit([none(["a"])], [set(["b"], 2)]), { ok: false });
  assertEquals(await kv.commit([{ key: ["a"], versionstamp: "0".repeat(20) }], [set(["b"], 2)]), {
    ok: false,
  });
  assertEquals((await kv.get(["b"])).value, 1);
  const second = await kv.commit([{ key: ["a"], versionstamp: first.versionstamp }], [{
    type: "delete",
    key: ["a"],
  }]);
  assert(second.ok && second.versionstamp > first.versionstamp);
  assertEquals((await kv.get(["a"])).value, null);
});

onEachKv("refuses before it begins what no commit takes", async (kv) => {
  const refused: Record<string, unknown> = {
    large: new Uint8Array(65_537),
    text: "x".repeat(66_000),
    fn: () => 1,
  };
  for (const value of Object.values(refused)) {
    const error = await kv.commit([], [set(["first"], 1), set(["poison"], value)]).then(() => null, (e) => e);
    assertEquals(storageErrorOf(error), "refused");
  }
  assertEquals((await kv.get(["first"])).value, null, "nothing of it has happened");
});

onEachKv("stops at a sum on what is no number: what is in front of it has happened", async (kv) => {
  await kv.commit([], [set(["damaged"], "text"), set(["n"], u64(1))]);
  const mutations = [
    set(["front"], 1),
    sum(["n"], 1),
    sum(["damaged"], 1),
    sum(["n"], 10),
    set(["behind"], 1),
  ];
  await assertRejects(() => kv.commit([], mutations), StoppedAtSum);
  assertEquals((await kv.get(["front"])).value, 1);
  assertEquals((await kv.get<Deno.KvU64>(["n"])).value!.value, 2n);
  assertEquals((await kv.get(["behind"])).value, null);
});

onEachKv("watches a key: the newest value, until it is told to stop", async (kv) => {
  const stop = new AbortController();
  const seen: unknown[] = [];
  const stopped = (async () => {
    for await (const { value } of kv.watch(["w"], stop.signal)) {
      seen.push(value);
      if (value === "last") stop.abort();
      else if (value !== null) await kv.commit([], [set(["w"], "last")]);
      else await kv.commit([], [set(["w"], "first")]);
    }
  })();
  if (seen.length === 0) await kv.commit([], [set(["w"], "first")]);
  await stopped;
  assertEquals(seen.at(-1), "last");
});

onEachKv("is read after each commit as that left it", async (kv) => {
  for (let i = 0; i < 200; i++) {
    await kv.commit([], [set(["n"], i), set(["large"], new Uint8Array(60_000))]);
    assertEquals((await kv.get(["n"])).value, i);
  }
});

for (const kind of SHARED_KVS) {
  Deno.test(`A database is read alike by this client and by Deno's own (${kind.name})`, async () => {
    await using server = await startShared(kind);
    const mine = await KvConnectClient.open({ url: server.url, token: server.token });
    const theirs = await Deno.openKv(server.url);
    const entries = Object.entries(VALUES);
    for (const [name, value] of entries) await mine.commit([], [set(["mine", name, 1], value)]);
    for (const [name, value] of entries) await theirs.set(["theirs", name, 1], value);
    for (const [name, value] of entries) {
      assertEquals((await theirs.get(["mine", name, 1])).value, value);
      assertEquals((await mine.get(["theirs", name, 1])).value, value);
    }
    await theirs.atomic().set(["n"], new Deno.KvU64(5n)).commit();
    await mine.commit([], [sum(["n"], 2)]);
    assertEquals((await theirs.get<Deno.KvU64>(["n"])).value!.value, 7n);
    mine.close();
    theirs.close();
  });
}

Deno.test("A wrong token is told", async () => {
  await using server = await startShared(SHARED_KVS[0]!);
  const opening = KvConnectClient.open({ url: server.url, token: "wrong" });
  await assertRejects(() => opening, StorageError, "does not let this server in: 401");
});

Deno.test("Clocks that differ are told once, and cost no request for each call", async () => {
  await using server = await KvConnectServer.start();
  server.clockAheadMs = -24 * 3600_000;
  const told: string[] = [];
  const onTrouble = (what: string, error: unknown) => told.push(`${what}: ${String(error)}`);
  const kv = await KvConnectClient.open({ url: server.url, token: server.token, onError: onTrouble });
  for (let i = 0; i < 5; i++) await kv.get(["a"]);
  kv.close();
  assertEquals(server.calls.get(""), 1);
  assertEquals(told.length, 1);
  assertMatch(told[0]!, /^clocks differ: Error: The clock here is 86[34]\d\d seconds ahead of the store's/);
});
