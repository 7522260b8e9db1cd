import { assertEquals, assertRejects } from "@std/assert";
import { ConfigError, loadConfig, readConfig } from "../../src/config/load.ts";

/** Keys of what can be turned off, at what means off. */
const OFF = {
  listen: { imap: [], imaps: [] },
  dkim: { sign: false },
  checks: { spf: "off", dkim: "off", dmarc: "off", arc: "off", dnsbl: [], greylist: false },
};

Deno.test("loadConfig() takes what is off without a word", async () => {
  const { warnings } = await readConfig({ text: JSON.stringify(OFF), env: {} });
  assertEquals(warnings, []);
});

Deno.test("loadConfig() refuses IMAP over captured mail, and takes it elsewhere", async () => {
  for (const kind of ["imap", "imaps"]) {
    const listen = { [kind]: ["127.0.0.1:0"] };
    const text = JSON.stringify({ capture: true, listen });
    await assertRejects(
      () => loadConfig({ text, env: {} }),
      ConfigError,
      `listen.${kind}: captured mail is read`,
    );
    const config = await loadConfig({ text: JSON.stringify({ listen }), env: {} });
    assertEquals(config.listen[kind as "imap"], [{ hostname: "127.0.0.1", port: 0 }]);
  }
});
