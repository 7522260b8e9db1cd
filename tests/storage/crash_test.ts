import { assert, assertEquals } from "@std/assert";
import { systemClock } from "../../src/base/clock.ts";
import { BodySweeper } from "../../src/storage/bodies/bodies.ts";
import * as keys from "../../src/storage/keys.ts";
import { openStore } from "../../src/storage/store.ts";
import { keysUnder, tempDir } from "./stores.ts";

const resolve = (path: string) => JSON.stringify(import.meta.resolve(path));

/** A program that writes a text of 20 MiB and tells after each MiB; then lets it go and sweeps, telling each commit. */
function program(location: string): string {
  return `
    import { BodyWriter, BodySweeper, releaseBody } from ${resolve("../../src/storage/bodies/bodies.ts")};
    import { openStore } from ${resolve("../../src/storage/store.ts")};
    import { systemClock as clock } from ${resolve("../../src/base/clock.ts")};
    const store = await openStore({ location: ${JSON.stringify(location)}, clock });
    const tell = (what) => Deno.stdout.writeSync(new TextEncoder().encode(what + "\\n"));
    const writer = new BodyWriter(store, { id: "A", clock });
    for (let i = 1; i <= 20; i++) {
      await writer.append(new Uint8Array(1024 * 1024).fill(i));
      tell("written");
    }
    const draft = writer.finish();
    await store.write(draft.write(1));
    tell("stored");
    await store.write(releaseBody(store.kv, draft.ref(1)));
    tell("released");
    const telling = { ...store, kv: store.kv, async write(change) {
      const result = await store.write(change);
      tell("swept");
      return result;
    } };
    await new BodySweeper(telling, { clock, graceMs: 3600000 }).sweep(true);
    tell("end");
    setInterval(() => {}, 1000);`;
}

/** Runs the program until it has told that for the nth time, and kills it there. */
async function runUntil(location: string, what: string, count: number): Promise<void> {
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--no-check",
      "-A",
      "--unstable-kv",
      `data:text/javascript,${encodeURIComponent(program(location))}`,
    ],
    stdout: "piped",
  }).spawn();
  let heard = "";
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  while (heard.split(what).length <= count) {
    const { value, done } = await reader.read();
    assert(!done, `the program ended early: ${heard}`);
    heard += value;
  }
  child.kill("SIGKILL");
  await child.status;
  await reader.cancel();
}

const INSTANTS: [what: string, count: number, marked: boolean, rows: number][] = [
  // being written
  ["written", 1, true, 0],
  ["written", 11, true, 0],
  // being removed
  ["released", 1, true, 2],
  ["swept", 1, true, 2],
  // absent
  ["end", 1, false, 0],
];

for (const [what, count, marked, rows] of INSTANTS) {
  Deno.test(`SIGKILL at "${what}" ${count} leaves no file that a sweep at start does not find`, async () => {
    await using dir = await tempDir();
    const location = `${dir.path}/kv.sqlite3`;
    await runUntil(location, what, count);
    const store = await openStore({ location, clock: systemClock });
    try {
      const before = await Array.fromAsync(store.kv.files!.ids());
      if (what === "written") assertEquals(before, ["A"]);
      // the kill may come a step later than what was heard
      const mark = await store.kv.get(keys.bodyPending("A"));
      if (what !== "swept") {
        assertEquals(mark.value !== null, marked);
        assertEquals((await keysUnder(store.kv, "body")).length, rows);
      }
      const sweeper = new BodySweeper(store, { clock: systemClock, graceMs: 3_600_000 });
      assertEquals(await sweeper.sweep(true), mark.value !== null ? 1 : 0);
      assertEquals(await keysUnder(store.kv), ["format", "format/deno"]);
      assertEquals(await Array.fromAsync(store.kv.files!.ids()), []);
    } finally {
      await store.close();
    }
  });
}

Deno.test("SIGKILL after the accepting commit leaves the text to its owner", async () => {
  await using dir = await tempDir();
  const location = `${dir.path}/kv.sqlite3`;
  // the program goes on to release the text at once, so the kill may come before or after that
  await runUntil(location, "stored", 1);
  const store = await openStore({ location, clock: systemClock });
  try {
    const released = (await store.kv.get(keys.bodyPending("A"))).versionstamp !== null;
    const sweeper = new BodySweeper(store, { clock: systemClock, graceMs: 3_600_000 });
    const size = await store.kv.files!.size("A");
    if (!released) assertEquals(size, 20 * 1024 * 1024 - 60 * 1024);
    assertEquals(await sweeper.sweep(true), released ? 1 : 0);
    assertEquals((await keysUnder(store.kv, "body")).length, released ? 0 : 2);
    assertEquals((await Array.fromAsync(store.kv.files!.ids())).length, released ? 0 : 1);
  } finally {
    await store.close();
  }
});
