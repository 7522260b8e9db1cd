import { assert, assertEquals } from "@std/assert";
import { readConfig } from "../../src/config/load.ts";

const PUBLIC = { smtp: ["0.0.0.0:25"] };

/** A configuration, and how its warnings begin. */
const TABLE: [config: unknown, warnings: string[]][] = [
  [{}, []],
  [{ hostname: "mail.example.org", listen: PUBLIC }, []],
  // who may send
  [{ relay: { networks: ["0.0.0.0/0"] } }, ["relay.networks[0]: 0.0.0.0/0 holds strangers: "]],
  [{ relay: { networks: ["10.0.0.0/8", "::/0"] } }, ["relay.networks[1]: ::/0 holds strangers: "]],
  [{ relay: { networks: ["10.0.0.0/8", "2001:db8::/32"] } }, []],
  [{ admin: { proxies: ["0.0.0.0/1"] } }, ["admin.proxies[0]: 0.0.0.0/1 holds strangers: "]],
  // names
  [{ hostname: "mail" }, ['hostname: "mail" has no dot: ']],
  [{ hostname: "localhost" }, []],
  [{ hostname: "localhost", listen: PUBLIC }, ['hostname: "localhost" has no dot: ']],
  [{ domains: ["a.example"], outbound: { domains: { "a.example": { tls: "require" } } } }, [
    'outbound.domains["a.example"]: does nothing: ',
  ]],
  // the queue
  [{ queue: { warnAfter: "6d" } }, ["queue.warnAfter: 6d is not before queue.giveUpAfter (5d): "]],
  [{ queue: { warnAfter: "4d" } }, []],
  [{ queue: { giveUpAfter: "10m", warnAfter: "5m" } }, [
    "queue.retry: the first interval, 15m, is not before ",
  ]],
  [{ queue: { concurrency: 0 } }, ["queue.concurrency: 0: mail to other servers waits "]],
  [{ lease: "5s" }, ["lease: 5s is short: "]],
  // passwords in clear
  [{ hostname: "a.example", auth: { allowInsecure: true }, listen: { submission: ["[::]:587"] } }, [
    "auth.allowInsecure: passwords may cross ",
  ]],
  [{ auth: { allowInsecure: true } }, []],
  [{ admin: { allowInsecure: true }, listen: { admin: ["0.0.0.0:80"] } }, [
    "admin.allowInsecure: the admin token ",
  ]],
  [{ relay: { smartHost: { host: "a.example", user: "u", password: "p", tls: "never" } } }, [
    "relay.smartHost.tls: the password ",
  ]],
  [{ hostname: "a.example", vrfy: "always", listen: PUBLIC }, ['vrfy: "always" tells every stranger ']],
  // webhooks
  [{ webhooks: [{ url: "http://127.0.0.1/", events: [] }] }, [
    "webhooks[0].events: an empty list",
    "webhooks[0].url: this is an address of the machine itself",
  ]],
  [{ webhooks: [{ url: "http://127.0.0.1/", events: ["bounced"], allowPrivate: true }] }, []],
  // what does nothing
  [{ listen: { smtp: [], pop3: [], admin: [] } }, ["listen: nothing is listened to"]],
];

Deno.test("readConfig() warns of what is legal and harmful", async () => {
  for (const [config, want] of TABLE) {
    const text = JSON.stringify(config);
    const { warnings } = await readConfig({ file: "d.jsonc", text, env: {} });
    assertEquals(warnings.length, want.length, `${text}: ${warnings.join("; ")}`);
    for (const [i, warning] of warnings.entries()) {
      assert(warning.startsWith(`d.jsonc:1: ${want[i]}`), warning);
    }
  }
});

Deno.test("a warning tells its line, or the variable", async () => {
  const text = '{\n// c\n"queue": {\n"concurrency": 0 } }';
  const env = { DINOPOST_HOSTNAME: "mail" };
  const { warnings } = await readConfig({ file: "d.jsonc", text, env });
  assertEquals(warnings.map((w) => w.split(": ").slice(0, 2)), [
    ["environment", "DINOPOST_HOSTNAME"],
    ["d.jsonc:4", "queue.concurrency"],
  ]);
});
