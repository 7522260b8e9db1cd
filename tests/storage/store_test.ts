import { assert, assertEquals, assertMatch, assertRejects, assertStringIncludes } from "@std/assert";
import { DatabaseSync } from "node:sqlite";
import { decode, encode } from "../../src/base/bytes.ts";
import { systemClock } from "../../src/base/clock.ts";
import { FORMAT } from "../../src/storage/format.ts";
import * as keys from "../../src/storage/keys.ts";
import { encodeKey } from "../../src/storage/kv_connect/key_codec.ts";
import { StorageError } from "../../src/storage/storage_error.ts";
import { openStore } from "../../src/storage/store.ts";
import { drop, put } from "../support/raw_kv.ts";
import { tempDir } from "./stores.ts";

const open = (location: string) => openStore({ location, clock: systemClock, network: { patienceMs: 100 } });

Deno.test("openStore() makes the file's folder for its owner alone, and marks a new store", async () => {
  await using dir = await tempDir();
  const location = `${dir.path}/a/b/kv.sqlite3`;
  const store = await open(location);
  assertEquals((await Deno.stat(`${dir.path}/a/b`)).mode! & 0o777, 0o700);
  assertEquals(store.embedded, true);
  assertEquals((await store.kv.get(keys.format)).value, FORMAT);
  await store.write({ mutations: [{ type: "set", key: ["a"], value: 1 }], size: 8 });
  await store.close();
  await store.close();

  const again = await open(location);
  assertEquals((await again.kv.get(["a"])).value, 1);
  await again.close();
});

Deno.test({
  name: "openStore() keeps the database for its owner alone, in any folder, and narrows one that is wider",
  ignore: Deno.build.os === "windows",
  async fn() {
    await using dir = await tempDir();
    await Deno.chmod(dir.path, 0o755);
    const location = `${dir.path}/kv.sqlite3`;
    const files = [location, `${location}-wal`, `${location}-shm`];
    const modes = () => Promise.all(files.map(async (file) => (await Deno.stat(file)).mode! & 0o777));
    const before = Deno.umask(0o022);
    try {
      const store = await open(location);
      assertEquals(await modes(), [0o600, 0o600, 0o600]);
      for (const file of files) await Deno.chmod(file, 0o644);
      // the second one stands for the next start after a crash: the files are still there
      const again = await open(location);
      assertEquals(await modes(), [0o600, 0o600, 0o600]);
      await again.close();
      await store.close();
    } finally {
      Deno.umask(before);
    }
  },
});

Deno.test("openStore() refuses what is no store of this dinopost", async () => {
  await using dir = await tempDir();
  const location = `${dir.path}/kv.sqlite3`;
  const contents: [entry: [Deno.KvKey, unknown], words: string[]][] = [
    // a newer format names both
    [[keys.format, FORMAT + 1], [`format ${FORMAT + 1}`, `format ${FORMAT}`, "newer"]],
    [[keys.format, "x"], ["unknown format (x)"]],
    [[["something"], 1], ["another program"]],
  ];
  for (const [[key, value], words] of contents) {
    const kv = await Deno.openKv(location);
    await kv.set(key, value);
    kv.close();
    const error = await assertRejects(() => open(location), StorageError);
    assertEquals(error.kind, "failed");
    for (const word of [location, ...words]) assertStringIncludes(error.message, word);
    await Deno.remove(location);
  }
});

Deno.test("openStore() refuses a file that is no database, and leaves it as it is", async () => {
  await using dir = await tempDir();
  const location = `${dir.path}/kv.sqlite3`;
  const text = "Dear Brain, this is a letter and no database.\n".repeat(100);
  await Deno.writeTextFile(location, text);
  const error = await assertRejects(() => open(location), StorageError, "is not a Deno KV database");
  assertStringIncludes(error.message, location);
  assertEquals(await Deno.readTextFile(location), text);
});

Deno.test("openStore() tells of a damaged file", async () => {
  await using dir = await tempDir();
  const location = `${dir.path}/kv.sqlite3`;
  const store = await open(location);
  for (let n = 0; n < 50; n++) {
    await store.write({
      mutations: [{ type: "set", key: ["a", n], value: new Uint8Array(4000) }],
      size: 4000,
    });
  }
  await store.close();
  const bytes = await Deno.readFile(location);
  bytes.fill(0xa5, 200); // the first page's header stays, so that it still looks like a database
  await Deno.writeFile(location, bytes);
  const error = await assertRejects(() => open(location), StorageError);
  assertStringIncludes(error.message, location);
  assertStringIncludes(error.message, "damaged");
});

Deno.test("openStore() tells when a folder is in the way, or a server can't be reached", async () => {
  await using dir = await tempDir();
  await Deno.mkdir(`${dir.path}/kv.sqlite3`);
  const error = await assertRejects(() => open(`${dir.path}/kv.sqlite3`), StorageError);
  assertStringIncludes(error.message, dir.path);
  const url = "http://127.0.0.1:1/";
  const { message } = await assertRejects(() => open(url), StorageError);
  assertStringIncludes(message, url);
  assertMatch(message, /[^.]\.$/, "one full stop");
});

Deno.test("Store.close() waits for the writes in flight", async () => {
  await using dir = await tempDir();
  const store = await open(`${dir.path}/kv.sqlite3`);
  const writing = Array.from({ length: 20 }, (_, n) => {
    return store.write({
      mutations: [{ type: "set", key: ["a", n], value: new Uint8Array(50_000) }],
      size: 50_000,
    });
  });
  await store.close();
  assert((await Promise.all(writing)).every((result) => result.ok));
  const again = await open(`${dir.path}/kv.sqlite3`);
  assertEquals((await Array.fromAsync(again.kv.list({ prefix: ["a"] }))).length, 20);
  await again.close();
});

Deno.test("openStore() says of a store that a newer Deno wrote which one it was, and what to do", async () => {
  await using dir = await tempDir();
  const location = `${dir.path}/kv.sqlite3`;
  const store = await open(location);
  assertEquals(decode((await store.kv.get<Uint8Array>(keys.formatWriter)).value!), Deno.version.deno);
  // a patch of the same V8 wrote it: it is read
  await put(store.kv, keys.formatWriter, encode("2.9999.0"));
  await store.close();
  const again = await open(location);
  assertEquals(
    decode((await again.kv.get<Uint8Array>(keys.formatWriter)).value!),
    "2.9999.0",
    "the newest stays",
  );
  await again.close();
  const database = new DatabaseSync(location);
  const key = encodeKey(keys.format);
  const { v } = database.prepare("SELECT v FROM kv WHERE k = ?").get(key) as { v: Uint8Array };
  v[1]! += 5; // the version of V8's format
  database.prepare("UPDATE kv SET v = ? WHERE k = ?").run(v, key);
  database.close();
  const error = await assertRejects(() => open(location), StorageError);
  assertStringIncludes(error.message, `${location} was written by Deno 2.9999.0`);
  assertStringIncludes(error.message, "run dinopost with Deno 2.9999.0 or newer");
});

Deno.test("openStore() renews the mark of an older Deno, and marks a store that has none", async () => {
  await using dir = await tempDir();
  const location = `${dir.path}/kv.sqlite3`;
  for (const before of [undefined, "2.7.14", "1.46.3"]) {
    const store = await open(location);
    if (before === undefined) await drop(store.kv, keys.formatWriter);
    else await put(store.kv, keys.formatWriter, encode(before));
    await store.close();
    const again = await open(location);
    assertEquals(decode((await again.kv.get<Uint8Array>(keys.formatWriter)).value!), Deno.version.deno);
    await again.close();
  }
});
