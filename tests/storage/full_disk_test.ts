import { assert, assertEquals, assertRejects } from "@std/assert";
import { systemClock } from "../../src/base/clock.ts";
import { BodyWriter } from "../../src/storage/bodies/bodies.ts";
import { StorageError } from "../../src/storage/storage_error.ts";
import { openStore } from "../../src/storage/store.ts";
import type { Write } from "../../src/storage/write.ts";
import { keysUnder, tempDir } from "./stores.ts";

async function mount(...args: string[]): Promise<boolean> {
  try {
    return (await new Deno.Command("mount", { args, stderr: "null" }).output()).success;
  } catch {
    return false;
  }
}

/** A small disk of its own; undefined where this user may not mount one. */
async function smallDisk(path: string): Promise<AsyncDisposable | undefined> {
  if (Deno.build.os !== "linux" || Deno.uid() !== 0) return undefined;
  if (!await mount("-t", "tmpfs", "-o", "size=3m", "tmpfs", path)) return undefined;
  return {
    async [Symbol.asyncDispose]() {
      await new Deno.Command("umount", { args: [path] }).output();
    },
  };
}

const chunk = (n: number): Write => ({
  mutations: [{ type: "set", key: ["fill", n], value: new Uint8Array(60_000).fill(n) }],
  size: 60_000,
});

Deno.test("a full disk rejects writes, keeps what it has, and takes writes again by itself", async () => {
  await using dir = await tempDir();
  await using disk = await smallDisk(dir.path);
  if (!disk) return; // not root, or no tmpfs here: the fateful KV of the commit group's tests has to do
  const location = `${dir.path}/kv.sqlite3`;
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

    assert(await mount("-o", "remount,size=12m", dir.path));
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
