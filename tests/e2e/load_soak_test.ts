import { assert, assertMatch } from "@std/assert";

Deno.test("the soak at half load finds each message again, in the sink or in the mailbox", async () => {
  const script = new URL("../../scripts/load_soak.ts", import.meta.url).pathname;
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--lock=tests/deno.lock", script, "--minutes", "0.05", "--rate", "60"],
    stdout: "piped",
    stderr: "piped",
  }).output();
  const said = new TextDecoder().decode(stdout);
  assert(success, said + new TextDecoder().decode(stderr));
  assertMatch(said, /\n180 accepted, 0 lost: 135 of 135 arrived, 45 of 45 were in the mailbox\n/);
});
