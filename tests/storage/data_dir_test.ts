import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { lockDataDir, StoreInUse } from "../../src/storage/data_dir.ts";
import { tempDir } from "./stores.ts";

Deno.test("lockDataDir() makes the folder for its owner alone and keeps others out", async () => {
  await using dir = await tempDir();
  const path = `${dir.path}/data`;
  const lock = await lockDataDir(path);
  assertEquals((await Deno.stat(path)).mode! & 0o777, 0o700);
  const error = await assertRejects(() => lockDataDir(path), StoreInUse);
  assertEquals(error.pid, Deno.pid);
  assertStringIncludes(error.message, path);
  assertStringIncludes(error.message, `process ${Deno.pid}`);
  lock.release();
  lock.release();
  (await lockDataDir(path)).release();
});

Deno.test("lockDataDir() takes over from a process that was killed", async () => {
  await using dir = await tempDir();
  await using other = await holdInOtherProcess(dir.path);
  assertEquals((await assertRejects(() => lockDataDir(dir.path), StoreInUse)).pid, other.pid);
  other.kill("SIGKILL");
  await other.status;
  const lock = await lockDataDir(dir.path);
  assertEquals(await Deno.readTextFile(`${dir.path}/lock`), `${Deno.pid}\n`);
  lock.release();
});

/** Starts a process that holds the folder; answers when it has it. */
async function holdInOtherProcess(dir: string) {
  const program = `
    import { lockDataDir } from ${JSON.stringify(import.meta.resolve("../../src/storage/data_dir.ts"))};
    await lockDataDir(${JSON.stringify(dir)});
    console.log("locked");
    setInterval(() => {}, 1000);`;
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-check", "-A", `data:application/typescript,${encodeURIComponent(program)}`],
    stdout: "piped",
  }).spawn();
  const reader = child.stdout.getReader();
  assertEquals(new TextDecoder().decode((await reader.read()).value), "locked\n");
  await reader.cancel();
  return child;
}
