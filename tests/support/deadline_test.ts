import { assertEquals, assertStringIncludes } from "@std/assert";
import { tempDir } from "../storage/stores.ts";

const PRELOAD = new URL("deadline.ts", import.meta.url).pathname;

const HANGING = `
const never = () => new Promise(() => void setInterval(() => {}, 1000));
Deno.test("waits for ever", never);
Deno.test({ name: "spins for ever", fn: () => { for (;;); } });
Deno.test("has a deadline of its own", { timeout: 60_000 }, () => new Promise((resolve) => setTimeout(resolve, 900)));
Deno.test(function quick() {});
Deno.test.ignore("is left out", never);
`;

Deno.test("a test that hangs fails under its name and place, and the others run", async () => {
  await using dir = await tempDir();
  await Deno.writeTextFile(`${dir.path}/hanging_test.ts`, HANGING);
  const { code, stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["test", "-A", "--no-check", "--no-config", `--preload=${PRELOAD}`, "hanging_test.ts"],
    cwd: dir.path,
    env: { NO_COLOR: "1", TEST_DEADLINE_MS: "600" },
    stderr: "null",
  }).output();
  const said = new TextDecoder().decode(stdout);
  assertEquals(code, 1, said);
  assertStringIncludes(said, "waits for ever => ./hanging_test.ts:3:6");
  assertStringIncludes(said, "spins for ever => ./hanging_test.ts:4:6");
  assertStringIncludes(said, "2 passed | 2 failed | 1 ignored");
});
