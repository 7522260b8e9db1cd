import { assert, assertEquals, assertMatch } from "@std/assert";
import { loadConfig } from "../../src/config/load.ts";
import { MailServer } from "../../src/mail_server.ts";
import * as keys from "../../src/storage/keys.ts";
import { FREE_PORTS, ServerProcess } from "../e2e/support/server_process.ts";
import { runCli } from "./run_cli.ts";

Deno.test("check --store tells what is wrong with the data of a server that is down, and mends it", async () => {
  const dir = await Deno.makeTempDir({ prefix: "dinopost_check_" });
  const check = (...args: string[]) => runCli(["check", "--store", ...args], { cwd: dir });
  try {
    assertEquals((await runCli(["check", "--repair"], { cwd: dir })).code, 64);
    const none = await check();
    assertEquals(none.code, 69);
    assertMatch(none.err, /^dinopost: There is no mail store in .*\n$/);
    {
      await using server = await ServerProcess.ready({ cwd: dir, env: FREE_PORTS });
      const inUse = await check();
      assertEquals(inUse.code, 75);
      assertMatch(inUse.err, /^dinopost: The data directory .* is used by another server \(process \d+\)/);
      server.signal("SIGTERM");
      await server.end();
    }
    const well = await check();
    assertEquals([well.err, well.code], ["", 0]);
    assertEquals(well.out, "0 messages in 0 mailboxes, 0 records in the queue, 0 bodies: all is well.\n");

    const kv = await Deno.openKv(`${dir}/data/dinopost.db`);
    await kv.set(keys.mailCount("postmaster@localhost"), new Deno.KvU64(3n));
    await kv.set(keys.body("06FZ000000000001", 0), new Uint8Array(10));
    kv.close();
    const wrong = await check();
    assertEquals(wrong.code, 65);
    assertMatch(wrong.out, /^mailbox postmaster@localhost: Its counters say 3 messages/);
    assertMatch(wrong.out, /^body 06FZ000000000001: Nobody owns it \(10 bytes\); --repair removes it$/m);
    assertEquals(
      wrong.err,
      'dinopost: 2 things are wrong; "dinopost check --store --repair" mends what can be mended\n',
    );
    const json = await check("--json", "--repair");
    assertEquals([json.err, json.code], ["", 0]);
    assertEquals(JSON.parse(json.out).faults.map((fault: { mended: boolean }) => fault.mended), [true, true]);
    assertEquals((await check()).code, 0);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});

Deno.test("with a shared store no command takes what lies in the data directory for its mail", async () => {
  const dir = await Deno.makeTempDir();
  const accounts = { "jo@a.test": { password: "hush" } };
  const listen = { smtp: [], pop3: [], admin: ["127.0.0.1:0"] };
  const before = await loadConfig({
    env: {},
    overrides: { domains: ["a.test"], accounts, listen, dataDir: dir },
  });
  try {
    await (await MailServer.start(before)).stop();
    const env = { DINOPOST_KV: "http://127.0.0.1:9", DINOPOST_DATA_DIR: dir, DINOPOST_DOMAINS: "a.test" };
    const checked = await runCli(["check", "--store"], { env });
    assertEquals([checked.code, checked.out], [78, ""]);
    assert(checked.err.includes("has its store elsewhere (kv: http://127.0.0.1:9)"), checked.err);
    const stdin = "From x Mon Nov 29 00:00:00 1982\nSubject: Hello\n\nHello\n";
    for (const [verb, ...more] of [["import", "-"], ["export"]]) {
      const refused = await runCli(["mailbox", verb!, "jo@a.test", ...more], { env, stdin });
      assertEquals([refused.code, refused.out], [69, ""], refused.err);
      assert(refused.err.includes("no server is running"), refused.err);
    }
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});
