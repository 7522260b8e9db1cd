import { assert, assertEquals, assertRejects } from "@std/assert";
import { systemClock } from "../../src/base/clock.ts";
import { BodyWriter } from "../../src/storage/bodies/bodies.ts";
import { StorageError } from "../../src/storage/storage_error.ts";
import { openStore } from "../../src/storage/store.ts";
import type { Write } from "../../src/storage/write.ts";
import { SmallDisk } from "../support/small_disk.ts";
import { keysUnder } from "./stores.ts";

const chunk = (n: number): Write => ({
  mutations: [{ type: "set", key: ["fill", n], value: new Uint8Array(60_000).fill(n) }],
  size: 60_000,
});

Deno.test("a full disk rejects writes, keeps what it has, and takes writes again by itself", async () => {
  await using disk = await SmallDisk.mount(3);
  if (!disk) return; // not root, or no tmpfs here: the fateful KV of the commit group's tests has to do
  const location = `${disk.path}/kv.sqlite3`;
  let store = await openStore({ location, clock: systemClock });
  try {
    const stored = new Set<number>();
    let error: unknown;
    for (let n = 0; n < 200 && !error; n++) {
      await store.write(chunk(n)).then(() => stored.add(n), (e) => error = e);
    }
    assert(error instanceof StorageError);
    assertEquals(error.kind, "full");

    // a text that is being written ahead hears of it, and gives up without a word
    const writer = new BodyWriter(store, { id: "A", clock: systemClock });
    const full = await assertRejects(
      async () => await writer.append(new Uint8Array(1_000_000)),
      StorageError,
    );
    assertEquals(full.kind, "full");
    await writer.abort();

    await disk.resize(12);
    assertEquals((await store.write(chunk(200))).ok, true);
    stored.add(200);
    await store.close();

    store = await openStore({ location, clock: systemClock });
    assertEquals((await keysUnder(store.kv, "body")).length, 0);
    const found = (await Array.fromAsync(store.kv.list({ prefix: ["fill"] }))).map((entry) => entry.key[1]);
    assertEquals(found, [...stored]);
  } finally {
    await store.close();
  }
});
