import { assert, assertEquals, assertRejects } from "@std/assert";
import { pathText } from "../../src/config/keys.ts";
import { ConfigError, loadConfig } from "../../src/config/load.ts";
import { UNSUPPORTED } from "../../src/config/unsupported.ts";

/** A setting that asks for the feature, by its key. */
const ASKING: Record<string, unknown> = {
  "listen.submission": { listen: { submission: ["127.0.0.1:0"] } },
  "listen.submissions": { listen: { submissions: ["127.0.0.1:0"] } },
  "listen.lmtp": { listen: { lmtp: ["127.0.0.1:0"] } },
  "listen.pop3s": { listen: { pop3s: ["127.0.0.1:0"] } },
  "tls": { tls: { cert: "a", key: "b" } },
  "relay.smartHost.user": { relay: { smartHost: { host: "a", user: "u", password: "p" } } },
  "relay.smartHost.password": { relay: { smartHost: { host: "a", user: "u", password: "p" } } },
  "relay.smartHost.tls": { relay: { smartHost: { host: "a", tls: "require" } } },
  "dns.dnssec": { dns: { dnssec: true } },
  "outbound.tls": { outbound: { tls: "require" } },
  "outbound.domains": { outbound: { domains: { "a.example": { maxConnections: 1 } } } },
  "dkim.sign": { dkim: { sign: false } },
  "checks.spf": { checks: { spf: "enforce" } },
  "checks.dkim": { checks: { dkim: "enforce" } },
  "checks.dmarc": { checks: { dmarc: "enforce" } },
  "checks.arc": { checks: { arc: "enforce" } },
  "checks.dnsbl": { checks: { dnsbl: ["dnsbl.example"] } },
  "checks.greylist": { checks: { greylist: true } },
  "webhooks": { webhooks: [{ url: "https://a.example/", events: ["bounced"] }] },
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

Deno.test("the defaults ask for nothing that is not supported", async () => {
  const config = await loadConfig({ env: {} });
  assertEquals(UNSUPPORTED.filter((feature) => feature.asked(config)), []);
});
