import { assert, assertEquals, assertRejects } from "@std/assert";
import { pathText } from "../../src/config/keys.ts";
import { ConfigError, loadConfig, readConfig } from "../../src/config/load.ts";
import { UNSUPPORTED } from "../../src/config/unsupported.ts";

/** A setting that asks for the feature, by its key. */
const ASKING: Record<string, unknown> = {
  "listen.imap": { listen: { imap: ["127.0.0.1:0"] } },
  "listen.imaps": { listen: { imaps: ["127.0.0.1:0"] } },
};

/** The same keys at what means off. */
const OFF = {
  listen: { imap: [], imaps: [] },
  dkim: { sign: false },
  checks: { spf: "off", dkim: "off", dmarc: "off", arc: "off", dnsbl: [], greylist: false },
};

Deno.test("loadConfig() refuses what is not supported yet", async () => {
  for (const { path } of UNSUPPORTED) {
    const key = pathText(path);
    assert(key in ASKING, `no example for ${key}`);
    const text = JSON.stringify(ASKING[key]);
    const error = await assertRejects(() => loadConfig({ text, env: {} }), ConfigError, undefined, key);
    assert(error.message.includes("not supported yet"), error.message);
  }
});

Deno.test("what is not supported yet is known, and taken where it is off", async () => {
  const { warnings } = await readConfig({ text: JSON.stringify(OFF), env: {} });
  assertEquals(warnings, []);
  const config = await loadConfig({ env: {} });
  assertEquals(Object.keys(config.listen).includes("imap"), false);
});
