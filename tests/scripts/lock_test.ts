import { assertEquals } from "@std/assert";

const ROOT = new URL("../..", import.meta.url).pathname;

Deno.test("deno.lock holds what the program needs, and nothing of tests", async () => {
  const lock = await Deno.makeTempFile({ suffix: ".lock" });
  try {
    await Deno.remove(lock);
    const args = ["cache", "-q", `--lock=${lock}`, "mod.ts", "src/edge.ts"];
    const { success } = await new Deno.Command(Deno.execPath(), { args, cwd: ROOT }).output();
    assertEquals(success, true);
    const [made, kept] = await Promise.all(
      [lock, `${ROOT}/deno.lock`].map((path) => Deno.readTextFile(path)),
    );
    assertEquals(kept, made, "a test that was run by hand wrote into it: `deno task lock` makes it anew");
  } finally {
    await Deno.remove(lock).catch(() => {});
  }
});
