import { assert, assertEquals, assertMatch } from "@std/assert";
import { Home, serveOnce } from "../install/home.ts";

const ROOT = new URL("../../", import.meta.url).pathname;
const DENO = "/usr/local/bin/deno";

Deno.test("systemd finds nothing wrong with the service, and little that it need not be allowed", async () => {
  await using home = await Home.make();
  const unit = await Deno.readTextFile(`${ROOT}deploy/dinopost.service`);
  // whose path is that of this machine
  await Deno.writeTextFile(`${home.path}/dinopost.service`, unit.replaceAll(DENO, Deno.execPath()));
  const verified = await home.sh("systemd-analyze verify --man=no ./dinopost.service", home.path);
  assertEquals(verified, { code: 0, out: "", err: "" });
  const rated = await home.sh(
    "systemd-analyze security --offline=true --threshold=20 ./dinopost.service",
    home.path,
  );
  assertEquals(rated.code, 0, rated.out);
});

Deno.test("the service's command serves with the permissions that it gives", async () => {
  await using home = await Home.make();
  const unit = await Deno.readTextFile(`${ROOT}deploy/dinopost.service`);
  await Deno.writeTextFile(`${home.path}/dinopost.jsonc`, '{ "hostname": "mail.example.org" }');
  const command = /^ExecStart=(.*)$/m.exec(unit)![1]!
    .replaceAll(DENO, Deno.execPath())
    .replaceAll("/etc/dinopost.jsonc", `${home.path}/dinopost.jsonc`)
    .replaceAll("/var/lib/dinopost", `${home.path}/data`);
  const said = await serveOnce(home, { command, cwd: ROOT });
  assertMatch(said, / ready [^]*\nexit 0$/);
  assert(!/NotCapable|Requires/.test(said), said);
});
