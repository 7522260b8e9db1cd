import { assert, assertEquals } from "@std/assert";
import { runCli } from "./run_cli.ts";

Deno.test("help, completions and man tell nothing that is not built, and help hides nothing that is", async () => {
  const said = await Promise.all([
    runCli(["help"]),
    runCli(["help", "check"]),
    runCli(["help", "serve"]),
    runCli(["man"]),
    ...["bash", "zsh", "fish"].map((shell) => runCli(["completions", shell])),
  ]);
  for (const { code, out } of said) {
    assertEquals(code, 0);
    assert(out.length > 100);
    assert(!/not supported/.test(out), out);
    assert(/serve/.test(out) || out.includes("Usage: dinopost check"));
  }
});

Deno.test("a shell that has no completions is named", async () => {
  const { code, err } = await runCli(["completions", "csh"]);
  assertEquals([code, err], [64, 'dinopost: received the shell "csh", expected one of bash, zsh, fish\n']);
});
