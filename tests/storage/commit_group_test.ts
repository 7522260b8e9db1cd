import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { systemClock } from "../../src/base/clock.ts";
import { ManualClock } from "../../src/base/manual_clock.ts";
import { CommitGroup } from "../../src/storage/commit_group.ts";
import { MemoryKv } from "../../src/storage/memory_kv.ts";
import { EMBEDDED_LIMITS } from "../../src/storage/limits.ts";
import type { Kv } from "../../src/storage/port.ts";
import { StorageError } from "../../src/storage/storage_error.ts";
import type { Write, WriteResult } from "../../src/storage/write.ts";
import { openStore } from "../../src/storage/store.ts";
import { KvConnectServer } from "../support/kv_connect_server.ts";
import { startShared } from "../support/shared_kv.ts";
import { type Fate, fatefulKv, memoryStore, onEachStore } from "./stores.ts";

const setting = (key: string, value: unknown = key): Write => ({
  mutations: [{ type: "set", key: [key], value }],
  size: 50,
});
const failing = (key: string): Write => ({
  ...setting(key),
  checks: [{ key: ["no"], versionstamp: "0".repeat(20) }],
});

onEachStore("Store.write() makes a write durable and tells its versionstamp", async (store) => {
  const result = await store.write(setting("a"));
  const entry = await store.kv.get(["a"]);
  assertEquals(entry.value, "a");
  assertEquals(result, { ok: true, versionstamp: entry.versionstamp! });
});

onEachStore("Store.write() does nothing of a write whose check fails", async (store) => {
  assertEquals(await store.write(failing("a")), { ok: false });
  assertEquals((await store.kv.get(["a"])).versionstamp, null);
});

onEachStore("Store.write() gives each of many at once its own result", async (store) => {
  const writes = Array.from({ length: 60 }, (_, i) => i % 7 === 3 ? failing(`k${i}`) : setting(`k${i}`));
  const results = await Promise.all(writes.map((write) => store.write(write)));
  for (let i = 0; i < 60; i++) {
    assertEquals(results[i]!.ok, i % 7 !== 3, `write ${i}`);
    assertEquals((await store.kv.get([`k${i}`])).value, i % 7 === 3 ? null : `k${i}`);
  }
});

onEachStore("Store.write() rejects only the write that KV refuses", async (store) => {
  const poison: Write[] = [
    setting("large", new Uint8Array(65_537)),
    setting("function", () => 1),
    setting("x".repeat(3000)),
    { mutations: [{ type: "sum", key: ["format"], value: new Deno.KvU64(1n) }], size: 10 },
  ];
  const told = await Promise.allSettled(
    [setting("a"), ...poison, setting("b"), setting("c")].map((write) => store.write(write)),
  );
  assertEquals(told.map((t) => t.status === "fulfilled"), [true, false, false, false, false, true, true]);
  for (const t of told) if (t.status === "rejected") assert(t.reason instanceof StorageError);
  assertEquals((await store.kv.get(["c"])).value, "c");
});

onEachStore("Store.write() adds nothing twice when a counter of the group is damaged", async (store) => {
  const sum = (key: string, n = 1n) => ({ type: "sum" as const, key: [key], value: new Deno.KvU64(n) });
  await store.write({
    mutations: [sum("n"), { type: "set", key: ["damaged"], value: "no number" }],
    size: 10,
  });
  const mail = (i: number): Write => ({
    mutations: [{ type: "set", key: ["mail", i], value: i }, sum(i === 7 ? "damaged" : "n"), sum("all")],
    size: 10,
  });
  const results = await Promise.all(Array.from({ length: 20 }, (_, i) => store.write(mail(i))));
  for (const [i, result] of results.entries()) {
    const { value, versionstamp } = await store.kv.get(["mail", i]);
    assertEquals(value, i);
    assertEquals(result, { ok: true, versionstamp: versionstamp! }, "who was told so can go on from there");
  }
  assertEquals((await store.kv.get<Deno.KvU64>(["n"])).value!.value, 20n);
  assertEquals((await store.kv.get<Deno.KvU64>(["all"])).value!.value, 20n);
  assertEquals((await store.kv.get(["damaged"])).value, "no number");
  await assertRejects(
    () => store.write({ mutations: [sum("damaged")], size: 10 }),
    StorageError,
    "no number under",
  );
});

onEachStore(
  "Store.write() finds the damaged ones of many counters, whatever is counted there",
  async (store) => {
    const keys = Array.from({ length: 25 }, (_, i) => ["n", i]);
    const damaged = [3, 14, 24];
    const value = new Deno.KvU64(1n);
    await store.write({
      mutations: damaged.map((i) => ({ type: "set", key: keys[i]!, value: "no number" })),
      size: 10,
    });
    const types = ["sum", "max", "sum"] as const;
    const told = await Promise.all(
      Array.from({ length: 4 }, () =>
        store.write({
          mutations: keys.map((key, i) => ({ type: types[damaged.indexOf(i)] ?? "sum", key, value })),
          size: 10,
        })),
    );
    assertEquals(told.every((result) => result.ok), true);
    for (const [i, key] of keys.entries()) {
      const { value } = await store.kv.get<Deno.KvU64 | string>(key);
      assertEquals(typeof value === "string" ? value : value?.value, damaged.includes(i) ? "no number" : 4n);
    }
  },
);

onEachStore("Store.write() says what is wrong with a write that is too big for one commit", async (store) => {
  const set = (key: string, value: unknown = 1) => ({ type: "set" as const, key: [key], value });
  const check = (i: number) => ({ key: ["c", i], versionstamp: null });
  const { limits } = store;
  const many = <T>(n: number, make: (i: number) => T) => Array.from({ length: n }, (_, i) => make(i));
  const tooBig: Record<string, Write> = {
    "1001 mutations": { mutations: many(1001, (i) => set(`m${i}`)), size: 10 },
    [`${limits.checks + 1} checks`]: {
      checks: many(limits.checks + 1, check),
      mutations: [set("a")],
      size: 10,
    },
    "840112 bytes": {
      mutations: many(14, (i) => set(`h${i + 10}`.slice(0, 2), new Uint8Array(60_000))),
      size: 840_112,
    },
    "82082 bytes of keys": { mutations: many(82, (i) => set(`${i}`.padStart(999, "k"))), size: 10 },
  };
  for (const [what, write] of Object.entries(tooBig)) {
    const error = await assertRejects(() => store.write(write), StorageError);
    assertEquals(error.kind, "refused");
    assertStringIncludes(error.message, what);
    assertStringIncludes(error.message, `at most ${limits.mutations} mutations, ${limits.checks} checks`);
  }
});

onEachStore("Store.write() takes a write that is as large as a commit may be", async (store) => {
  const { limits } = store;
  const many = <T>(n: number, make: (i: number) => T) => Array.from({ length: n }, (_, i) => make(i));
  await store.write({
    checks: many(limits.checks, (i) => ({ key: ["c", i], versionstamp: null })),
    mutations: many(limits.mutations, (i) => ({ type: "set", key: ["m", i], value: i })),
    size: 10,
  });
  await store.write({
    mutations: many(13, (i) => ({ type: "set", key: ["h", i], value: new Uint8Array(62_500) })),
    size: 10,
  });
  await store.write({
    mutations: many(79, (i) => ({ type: "set", key: [`${i}`.padStart(1022, "k")], value: 1 })),
    size: 10,
  });
});

Deno.test("No commit of many writes at once is refused by a store that takes ten checks", async () => {
  await using server = await startShared({ start: () => KvConnectServer.start() });
  const store = await openStore({ location: server.url, clock: systemClock });
  const writes = Array.from({ length: 300 }, (_, i): Write => ({
    checks: Array.from({ length: 1 + i % 9 }, (_, n) => ({ key: ["c", i, n], versionstamp: null })),
    mutations: [{ type: "set", key: [`${i}`.padStart(i % 5 === 0 ? 1000 : 10, "k")], value: i }],
    size: 100,
  }));
  const told = await Promise.all(writes.map((write) => store.write(write)));
  assertEquals(told.every((result) => result.ok), true);
  assertEquals((server as KvConnectServer).refused, 0);
  await store.close();
});

onEachStore("Store.write() adds up the sums of many writes", async (store) => {
  const one: Write = { mutations: [{ type: "sum", key: ["n"], value: new Deno.KvU64(1n) }], size: 10 };
  const back: Write = {
    mutations: [{ type: "sum", key: ["n"], value: new Deno.KvU64(2n ** 64n - 1n) }],
    size: 10,
  };
  await Promise.all(Array.from({ length: 500 }, (_, i) => store.write(i % 5 === 4 ? back : one)));
  assertEquals((await store.kv.get<Deno.KvU64>(["n"])).value!.value, 300n);
});

Deno.test("CommitGroup puts what arrives during a commit into the next one", async () => {
  await using store = await memoryStore();
  const { kv, commits } = fatefulKv(store.kv, []);
  const told: number[] = [];
  const group = new CommitGroup(kv, {
    limits: EMBEDDED_LIMITS,
    clock: systemClock,
    onCommit(writes, ms) {
      told.push(writes);
      assert(ms >= 0);
    },
  });
  await Promise.all(Array.from({ length: 51 }, (_, i) => group.write(setting(`k${i}`))));
  assertEquals(commits, [{ mutations: 1 }, { mutations: 50 }]);
  assertEquals(told, [1, 50]);
  await group.close();
});

Deno.test("CommitGroup lets all who were answered together write again together", async () => {
  await using store = await memoryStore();
  const { kv, commits } = fatefulKv(store.kv, []);
  const group = new CommitGroup(kv, { limits: EMBEDDED_LIMITS, clock: systemClock });
  const first = group.write(setting("first"));
  await Promise.all(Array.from({ length: 20 }, async (_, i) => {
    await group.write(setting(`a${i}`));
    for (let steps = 0; steps < i; steps++) await Promise.resolve(); // some have more to do in between
    await group.write(setting(`b${i}`));
  }));
  await first;
  assertEquals(commits, [{ mutations: 1 }, { mutations: 20 }, { mutations: 20 }]);
  await group.close();
});

Deno.test("CommitGroup halves a group to find the one write whose check fails", async () => {
  await using store = await memoryStore();
  const { kv, commits } = fatefulKv(store.kv, []);
  const group = new CommitGroup(kv, { limits: EMBEDDED_LIMITS, clock: systemClock });
  const writes = [
    setting("first"),
    ...Array.from({ length: 64 }, (_, i) => (i === 21 ? failing : setting)(`k${i}`)),
  ];
  const results = await Promise.all(writes.map((write) => group.write(write)));
  assertEquals(results.filter((r) => !r.ok).length, 1);
  assertEquals(results[22], { ok: false });
  assertEquals(commits.length, 1 + 1 + 2 * Math.log2(64));
  await group.close();
});

Deno.test("CommitGroup rejects a group that meets a full disk, and goes on when there is space again", async () => {
  const messages: [message: string, kind: string][] = [
    ["database or disk is full", "full"],
    ["disk I/O error", "full"],
    ["No space left on device (os error 28)", "full"],
    ["the server went away", "failed"],
  ];
  for (const [message, kind] of messages) {
    await using store = await memoryStore();
    const fates: Fate[] = [undefined, new TypeError(message)];
    const { kv, commits } = fatefulKv(store.kv, fates);
    const group = new CommitGroup(kv, { limits: EMBEDDED_LIMITS, clock: systemClock });
    const first = group.write(setting("first"));
    const rest = Promise.allSettled(["a", "b", "c"].map((key) => group.write(setting(key))));
    assertEquals((await first).ok, true);
    for (const told of await rest) {
      assert(told.status === "rejected" && told.reason instanceof StorageError);
      assertEquals(told.reason.kind, kind);
      assertStringIncludes(told.reason.message, message);
    }
    assertEquals((await group.write(setting("a"))).ok, true);
    assertEquals(commits.length, 3, "no tries one by one on a full disk");
    await group.close();
  }
});

/** Moves the clock on until the promise is settled. */
async function passTime<T>(clock: ManualClock, promise: Promise<T>): Promise<T> {
  let settled = false;
  const done = () => settled = true;
  promise.then(done, done);
  while (!settled) {
    clock.advance(clock.untilNext ?? 0);
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
  return await promise;
}

Deno.test("CommitGroup tries again while the file is locked, and tells so once", async () => {
  await using store = await memoryStore();
  const locked = new TypeError("database is locked");
  const { kv, commits } = fatefulKv(store.kv, Array(12).fill(locked));
  const clock = new ManualClock();
  const told: string[] = [];
  const group = new CommitGroup(kv, { limits: EMBEDDED_LIMITS, clock, onError: (what) => told.push(what) });
  assertEquals((await passTime(clock, group.write(setting("a")))).ok, true);
  assertEquals(commits.length, 13);
  assertEquals(clock.monotonic(), 2 + 4 + 8 + 16 + 32 + 64 + 128 + 5 * 250);
  assertEquals(told.length, 1);
  await group.close();
});

Deno.test("CommitGroup gives up after ten seconds of a locked file", async () => {
  await using store = await memoryStore();
  const { kv } = fatefulKv(store.kv, Array(100).fill(new TypeError("database is locked")));
  const clock = new ManualClock();
  const group = new CommitGroup(kv, { limits: EMBEDDED_LIMITS, clock });
  const error = await assertRejects(() => passTime(clock, group.write(setting("a"))), StorageError);
  assertEquals(error.kind, "locked");
  assert(clock.monotonic() >= 10_000 && clock.monotonic() < 11_000);
  await group.close();
});

Deno.test("CommitGroup.close() lets in-flight writes end and takes no more", async () => {
  await using store = await memoryStore();
  const group = new CommitGroup(store.kv, { limits: EMBEDDED_LIMITS, clock: systemClock });
  const results: Promise<WriteResult>[] = Array.from({ length: 5 }, (_, i) => group.write(setting(`k${i}`)));
  const closing = group.close();
  const late = group.write(setting("late"));
  const error = await assertRejects(() => late, StorageError);
  assertEquals(error.kind, "closed");
  await closing;
  assertEquals((await Promise.all(results)).every((r) => r.ok), true);
  assertEquals((await store.kv.get(["late"])).versionstamp, null);
});

Deno.test("CommitGroup.close() waits for the commit that is under way, and for all behind it", async () => {
  await using store = await memoryStore();
  const gate = Promise.withResolvers<void>();
  const said: string[] = [];
  const slow: Kv = {
    ...store.kv,
    commit: async (checks, mutations) => {
      await gate.promise;
      const result = await store.kv.commit(checks, mutations);
      said.push(`commit of ${mutations.length}`);
      return result;
    },
  };
  const group = new CommitGroup(slow, { limits: EMBEDDED_LIMITS, clock: systemClock });
  const writes = ["a", "b", "c"].map((key) => group.write(setting(key)));
  const closing = Promise.all([1, 2].map((n) => group.close().then(() => said.push(`closed ${n}`))));
  await store.write(setting("something else")); // time enough for a close that does not wait
  assertEquals(said, []);
  gate.resolve();
  await closing;
  assertEquals(said, ["commit of 1", "commit of 2", "closed 1", "closed 2"]);
  assertEquals((await Promise.all(writes)).every((result) => result.ok), true);
  await group.close();
});

Deno.test("CommitGroup tells that KV was closed behind its back", async () => {
  const kv = new MemoryKv();
  const group = new CommitGroup(kv, { limits: EMBEDDED_LIMITS, clock: systemClock });
  kv.close();
  const error = await assertRejects(() => group.write(setting("a")), StorageError);
  assertEquals(error.kind, "closed");
  await group.close();
});
