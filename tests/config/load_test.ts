import { assert, assertEquals, assertRejects } from "@std/assert";
import { ConfigError, loadConfig } from "../../src/config/load.ts";

const RETRY = 'expected intervals of a second or more, such as "15m", ["1m", "5m", "1h"] or "1m, 5m*2, 1h*3"';
const DURATION = 'expected a duration such as "30s", "15m", "4h", "5d" or a number of milliseconds';
const SIZE = 'expected a size such as "25MiB", "1GiB", "10KB" or a number of bytes';
const ENDPOINT = 'expected "host:port" such as "127.0.0.1:2525" or "[::1]:2525"';
const CAPTURE = 'true, false or { "messages": 1000, "age": "7d", "size": "1GiB" }';
const PLAIN_HTTP =
  "where HTTP is not encrypted; expected an address on loopback, with a proxy for TLS before it, " +
  "or admin.allowInsecure: true";
const MAILBOX = 'expected an address such as "jo@example.org"';

async function messageFor(text: string, env: Record<string, string> = {}): Promise<string> {
  const error = await assertRejects(
    () => loadConfig({ file: "d.jsonc", text, env }),
    ConfigError,
    undefined,
    text,
  );
  return error.message;
}

Deno.test("the HTTP surface may listen elsewhere when that is said", async () => {
  const text = '{ "listen": { "admin": ["[::]:8025"] } }';
  const config = await loadConfig({ file: "d.jsonc", text, env: { DINOPOST_ADMIN_ALLOW_INSECURE: "true" } });
  assertEquals(config.listen.admin, [{ hostname: "::", port: 8025 }]);
  assertEquals(await messageFor(text), `d.jsonc:1: listen.admin: received [::]:8025, ${PLAIN_HTTP}`);
});

Deno.test("loadConfig() tells what is wrong with a file, where, and what would be right", async () => {
  const table: [string, string][] = [
    // syntax
    ['{\n  "queue": {}\n  "limits": {}\n}', 'd.jsonc:3: a "," is missing before this'],
    ['{ "queue": {', 'd.jsonc:1: a "}" is missing'],
    ["{ hostname: 1 }", "d.jsonc:1: this word has no meaning here; text needs double quotes"],
    ["[]", "d.jsonc:1: received a list, expected an object: { … }"],
    ["{} {}", "d.jsonc:1: nothing more is expected after the end of the configuration"],
    ['{\n"capture": false,\n"capture": false }', "d.jsonc:3: capture: given twice, first on line 2"],
    ['{ "__proto__": {} }', "d.jsonc:1: __proto__: this key is not known"],
    // unknown keys
    ['{\n\n"hostnam": "a" }', "d.jsonc:3: hostnam: this key is not known; did you mean hostname?"],
    ['{ "dataDri": "a" }', "d.jsonc:1: dataDri: this key is not known; did you mean dataDir?"],
    [
      '{ "queue": {\n"rety": 1 } }',
      "d.jsonc:2: queue.rety: this key is not known; did you mean queue.retry?",
    ],
    [
      '{ "admin": { "user": {} } }',
      "d.jsonc:1: admin.user: this key is not known; did you mean admin.users?",
    ],
    ['{ "retry": "1m" }', "d.jsonc:1: retry: this key is not known; did you mean queue.retry?"],
    [
      '{ "log": { "colourful": true } }',
      "d.jsonc:1: log.colourful: this key is not known; known here: level, format",
    ],
    // values
    ['{ "queue": {\n"retry": "soon" } }', `d.jsonc:2: queue.retry: received "soon", ${RETRY}`],
    ['{ "queue": { "retry": [] } }', `d.jsonc:1: queue.retry: received an empty list, ${RETRY}`],
    ['{ "queue": { "retry": "5m*0" } }', `d.jsonc:1: queue.retry: received "5m*0", ${RETRY}`],
    ['{ "queue": { "retry": 999 } }', `d.jsonc:1: queue.retry: received 999, ${RETRY}`],
    ['{ "queue": { "warnAfter": "x" } }', `d.jsonc:1: queue.warnAfter: received "x", ${DURATION}`],
    ['{ "limits": { "messageSize": "big" } }', `d.jsonc:1: limits.messageSize: received "big", ${SIZE}`],
    [
      '{ "limits": { "hops": 1.5 } }',
      "d.jsonc:1: limits.hops: received 1.5, expected a whole number of 1 or more",
    ],
    [
      '{ "outbound": { "port": 70000 } }',
      "d.jsonc:1: outbound.port: received 70000, expected a whole number from 1 to 65535",
    ],
    [
      '{ "listen": { "smtp": ["127.0.0.1:2525",\n"2525"] } }',
      `d.jsonc:2: listen.smtp[1]: received "2525", ${ENDPOINT}`,
    ],
    ['{ "listen": { "smtp": ["::1:25"] } }', `d.jsonc:1: listen.smtp[0]: received "::1:25", ${ENDPOINT}`],
    [
      '{ "listen": { "smtp": "127.0.0.1:25" } }',
      'd.jsonc:1: listen.smtp: received "127.0.0.1:25", expected a list of "host:port", such as ["127.0.0.1:2525"]',
    ],
    [
      '{ "capture": "yes" }',
      `d.jsonc:1: capture: received "yes", expected ${CAPTURE}`,
    ],
    [
      '{ "vrfy": "sometimes" }',
      'd.jsonc:1: vrfy: received "sometimes", expected "always", "authenticated" or "never"',
    ],
    ['{ "hostname": "a b" }', 'd.jsonc:1: hostname: received "a b", expected a domain such as "example.org"'],
    [
      '{ "hostname": "1.2.3.4" }',
      'd.jsonc:1: hostname: received "1.2.3.4", expected a domain such as "example.org"',
    ],
    ['{ "hostname": 25 }', 'd.jsonc:1: hostname: received 25, expected a domain such as "example.org"'],
    ['{ "domains": [] }', "d.jsonc:1: domains: received an empty list, expected at least one domain"],
    [
      '{ "log": null }',
      "d.jsonc:1: log: received null, expected an object; its keys are level, format",
    ],
    [
      '{ "relay": "192.0.2.0/24" }',
      'd.jsonc:1: relay: received "192.0.2.0/24", expected an object; its keys are networks, smartHost, srs',
    ],
    [
      '{ "tls": "cert.pem" }',
      'd.jsonc:1: tls: received "cert.pem", expected null or an object; ' +
      "its keys are cert, key, minVersion, sni, acme",
    ],
    [
      '{ "aliases": ["jo@example.org"] }',
      "d.jsonc:1: aliases: received a list, expected an object by address, " +
      'such as {"staff@example.org": ["jo@example.org"]}',
    ],
    [
      '{ "admin": { "token": "t", "users": {\n"anna": { "token": "t", "role": "operator" } } } }',
      "d.jsonc:2: admin.users.anna.token: received the one of admin.token, expected another one",
    ],
    [
      '{ "admin": { "users": { "admin": { "token": "t", "role": "operator" } } } }',
      'd.jsonc:1: admin.users.admin: received "admin", expected a name without blanks; ' +
      '"admin" is who has admin.token',
    ],
    [
      '{ "admin": { "users": { "anna": { "token": "t", "role": "boss" } } } }',
      'd.jsonc:1: admin.users.anna.role: received "boss", expected "operator" or "read-only"',
    ],
    [
      '{ "lease": "10ms" }',
      'd.jsonc:1: lease: received "10ms", expected a duration of a second or more, such as "2m"',
    ],
    [
      '{ "hostname": "mail.a.org", "tls": { "acme": {} } }',
      "d.jsonc:1: tls.acme: received no listener to prove the names on, " +
      'expected "listen.http" (port 80) or "listen.https" (port 443)',
    ],
    [
      '{ "hostname": "a", "listen": { "http": ["0.0.0.0:80"] }, "tls": { "acme": {} } }',
      'd.jsonc:1: tls.acme: received the hostname "a", which no authority vouches for, expected a name in the DNS',
    ],
    [
      '{ "hostname": "mail.a.org", "listen": { "https": ["0.0.0.0:443"] }, "tls": { "cert": "c.pem", "acme": {} } }',
      'd.jsonc:1: tls.acme: received it and "tls.cert", expected one of them',
    ],
    [
      '{ "hostname": "mail.a.org", "listen": { "http": ["0.0.0.0:80"] }, "tls": { "acme": { "directory": "http://a/" } } }',
      "d.jsonc:1: tls.acme.directory: received http://a/, expected an https URL",
    ],
    [
      '{ "tls": { "key": "a.pem" } }',
      "d.jsonc:1: tls.cert: received nothing, expected the path of a PEM file",
    ],
    [
      '{ "relay": { "networks": ["10.0.0.0/33"] } }',
      'd.jsonc:1: relay.networks[0]: received "10.0.0.0/33", expected a network such as "192.0.2.0/24" or "2001:db8::/32"',
    ],
    // values beside each other
    [
      '{ "domains": ["a.org"], "accounts": {\n"jo@b.org": { "password": "x" } } }',
      'd.jsonc:2: accounts["jo@b.org"]: received the domain b.org, expected one of "domains": a.org',
    ],
    [
      '{ "domains": ["a.org"], "aliases": { "x@a.org": ["jo"] } }',
      `d.jsonc:1: aliases["x@a.org"][0]: received "jo", ${MAILBOX}`,
    ],
    [
      '{ "domains": ["a.org"], "accounts": { "jo@a.org": {} } }',
      'd.jsonc:1: accounts["jo@a.org"]: received neither, expected "password" or "passwordHash"',
    ],
    [
      '{ "domains": ["a.org"], "accounts": { "jo@a.org": {\n"passwordHash": "$2y$10$abcdefghijklmnopqrstuv" } } }',
      'd.jsonc:2: accounts["jo@a.org"].passwordHash: received a hash that no password fits, ' +
      'expected Argon2id as a PHC string, such as "$argon2id$v=19$m=19456,t=2,p=1$…$…"',
    ],
    [
      '{ "domains": ["a.org"], "accounts": { "jo@a.org": { "password": "p\ufffdss" } } }',
      'd.jsonc:1: accounts["jo@a.org"].password: received a password that is not UTF-8, expected UTF-8',
    ],
    [
      '{ "domains": ["a.org"], "accounts": { "j@a.org": { "password": "x" }, "j@A.org": { "password": "y" } } }',
      'd.jsonc:1: accounts["j@A.org"]: received "j@a.org" twice, expected it once',
    ],
    [
      '{ "outbound": { "domains": { "a.org": { "smartHost": { "host": "b.org", "user": "jo" } } } } }',
      'd.jsonc:1: outbound.domains["a.org"].smartHost: "password" is missing, expected "user" and "password" or neither',
    ],
    [
      '{ "relay": { "smartHost": { "host": "b.org", "tls": "implict" } } }',
      'd.jsonc:1: relay.smartHost.tls: received "implict", expected "never", "opportunistic", "require" or "implicit"',
    ],
    [
      '{ "relay": { "smartHost": { "port": 25 } } }',
      'd.jsonc:1: relay.smartHost.host: received nothing, expected a host such as "smtp.example.org"',
    ],
    // what is missing is what is misspelt
    [
      '{ "relay": { "smartHost": {\n"hst": "x" } } }',
      "d.jsonc:2: relay.smartHost.hst: this key is not known; did you mean relay.smartHost.host?",
    ],
    [
      '{ "webhooks": [{ "ulr": "https://a.org", "events": ["bounced"] }] }',
      "d.jsonc:1: webhooks[0].ulr: this key is not known; did you mean webhooks[0].url?",
    ],
    // a number without a unit
    [
      '{ "dns": { "timeout": "5" } }',
      'd.jsonc:1: dns.timeout: received "5", expected a duration above zero, such as "30s", "5m" or a number of milliseconds',
    ],
    ['{ "queue": { "retry": "60000" } }', `d.jsonc:1: queue.retry: received "60000", ${RETRY}`],
    // what no request could carry
    ...['"two words"', '""', '"schlüssel"'].map((token): [string, string] => [
      `{ "admin": { "token": ${token} } }`,
      `d.jsonc:1: admin.token: received ${
        token === '""' ? "an empty text" : "a text"
      }, expected null or a token of visible ASCII characters, without blanks`,
    ]),
    // an address for two
    [
      '{ "listen": { "smtp": ["127.0.0.1:25"],\n"submission": ["127.0.0.1:587", "127.0.0.1:25"] } }',
      "d.jsonc:2: listen.submission[1]: received 127.0.0.1:25, which is in listen.smtp too, expected another port",
    ],
    [
      '{ "listen": { "lmtp": ["[::1]:24", "[::1]:0", "[::1]:0", "[::1]:24"] } }',
      "d.jsonc:1: listen.lmtp[3]: received [::1]:24, which is there already, expected another port",
    ],
    [
      '{ "capture": 1,\n"vrfi": 2 }',
      `d.jsonc:1: capture: received 1, expected ${CAPTURE}\n` +
      "d.jsonc:2: vrfi: this key is not known; did you mean vrfy?",
    ],
    // not built yet
    [
      '{ "listen": { "admin": ["127.0.0.1:1", "[::1]:1", "localhost:1", "0.0.0.0:8025"] } }',
      `d.jsonc:1: listen.admin: received 0.0.0.0:8025, ${PLAIN_HTTP}`,
    ],
    // who captures shows everything to everybody
    [
      '{ "capture": true,\n"listen": { "smtp": ["0.0.0.0:1025"] } }',
      "d.jsonc:2: listen.smtp: received 0.0.0.0:1025, which others reach too; in capture mode " +
      "expected an address on loopback, or admin.token, or admin.allowInsecure: true",
    ],
  ];
  for (const [text, want] of table) assertEquals(await messageFor(text), want);
});

Deno.test("loadConfig() tells of all faults at once, a line each, in the order of the file", async () => {
  const text = `{
    "hostnam": "a.example",
    "domains": ["example.org"],
    "listen": { "smtp": "127.0.0.1:25", "imap": ["127.0.0.1:143"] },
    "accounts": {
      "jo@elsewhere.example": { "password": "x", "quota": "big" },
      "jim@example.org": {}
    },
    "queue": { "retry": "soon", "retry": "later" },
    "relay": { "smartHost": { "port": 25 } }
  }`;
  const message = await messageFor(text, { DINOPOST_HOSTNAM: "a", DINOPOST_LOG_LEVEL: "LOUD" });
  const got = message.split("\n").map((line) => line.replace(/^(\S+ \S+ (?:\S+ ){3}).*$/, "$1").trim());
  assertEquals(got, [
    "environment: DINOPOST_HOSTNAM: this variable is",
    'environment: DINOPOST_LOG_LEVEL: received "LOUD", expected',
    "d.jsonc:2: hostnam: this key is",
    'd.jsonc:4: listen.smtp: received "127.0.0.1:25", expected',
    'd.jsonc:6: accounts["jo@elsewhere.example"].quota: received "big", expected',
    'd.jsonc:7: accounts["jim@example.org"]: received neither, expected',
    "d.jsonc:9: queue.retry: given twice, first",
    'd.jsonc:9: queue.retry: received "soon", expected',
    "d.jsonc:10: relay.smartHost.host: received nothing, expected",
  ]);
  const twice = await messageFor('{\n"queue": {}\n"limits": {}\n"log": {} }');
  assertEquals(twice, 'd.jsonc:3: a "," is missing before this\nd.jsonc:4: a "," is missing before this');
});

Deno.test("loadConfig() never shows a secret", async () => {
  for (
    const text of [
      '{ "domains": ["a.org"], "accounts": { "jo@a.org": { "password": 12345 } } }',
      '{ "admin": { "token": 12345 } }',
      '{ "domains": ["a.org"], "accounts": { "jo@a.org": { "passwordHash": "12345" } } }',
      '{ "domains": ["a.org"], "accounts": { "jo@a.org": "12345" } }',
      '{ "admin": { "users": { "anna": "12345" } } }',
      '{ "admin": "12345" }',
      '{ "kv": "ftp://jo:12345@a.org" }',
      '{ "relay": { "smartHost": "smtp://jo:12345@a.org" } }',
      '{ "outbound": { "domains": { "a.org": { "smartHost": "smtp://jo:12345@a.org" } } } }',
      '{ "webhooks": ["https://a.org/?secret=12345"] }',
    ]
  ) assert(!(await messageFor(text)).includes("12345"), text);
});

Deno.test("loadConfig() tells which environment variable is wrong", async () => {
  const table: [Record<string, string>, string][] = [
    [
      { DINOPOST_QEUE_RETRY: "1m" },
      "environment: DINOPOST_QEUE_RETRY: this variable is not known; did you mean DINOPOST_QUEUE_RETRY?",
    ],
    [{ DINOPOST_QUEUE_RETRY: "x" }, `environment: DINOPOST_QUEUE_RETRY: received "x", ${RETRY}`],
    [
      { DINOPOST_LIMITS_HOPS: "many" },
      'environment: DINOPOST_LIMITS_HOPS: received "many", expected a whole number of 1 or more',
    ],
    [
      { DINOPOST_ACCOUNTS: "{}" },
      'environment: DINOPOST_ACCOUNTS: "accounts" can\'t be given in one variable; put it into the file',
    ],
    [
      { DINOPOST_CAPTURE: "maybe" },
      `environment: DINOPOST_CAPTURE: received "maybe", expected ${CAPTURE}`,
    ],
    [{ DINOPOST_PORT: "2525" }, "environment: DINOPOST_PORT: this variable is not known"],
  ];
  for (const [env, want] of table) {
    const message = await messageFor("{}", env);
    assertEquals(message.slice(0, want.length), want);
  }
});

Deno.test("loadConfig() completes an empty configuration with the defaults", async () => {
  const { hostname, domains, dataDir, ...rest } = await loadConfig({ env: {} });
  assert(domains.includes("localhost") && domains.includes(hostname));
  assertEquals(dataDir, `${Deno.cwd()}/data`);
  const loopback = (port: number) => [{ hostname: "127.0.0.1", port }];
  assertEquals(rest, {
    kv: null,
    lease: 120_000,
    listen: {
      smtp: loopback(2525),
      submission: [],
      submissions: [],
      lmtp: [],
      pop3: loopback(1110),
      pop3s: [],
      imap: [],
      imaps: [],
      admin: loopback(8025),
      http: [],
      https: [],
    },
    tls: null,
    auth: { allowInsecure: false },
    accounts: {},
    aliases: {},
    catchAll: {},
    subaddressSeparator: "+",
    relay: { networks: [], smartHost: null, srs: false },
    vrfy: "authenticated",
    expn: "authenticated",
    verb: "authenticated",
    dns: { nameServer: null, timeout: 5000, dnssec: false },
    outbound: {
      port: 25,
      tls: "opportunistic",
      maxConnectionsPerDomain: 20,
      family: "any",
      allowPrivate: false,
      suppress: true,
      domains: {},
    },
    queue: {
      retry: [900_000],
      warnAfter: 14_400_000,
      giveUpAfter: 432_000_000,
      concurrency: 200,
      history: 604_800_000,
    },
    limits: {
      messageSize: 52_428_800,
      recipients: 1000,
      connections: 2000,
      connectionsPerIp: 100,
      hops: 50,
      commandTimeout: 300_000,
      dataTimeout: 600_000,
      errorsPerSession: 20,
      submissionRate: null,
    },
    dkim: { sign: true },
    checks: { spf: "mark", dkim: "mark", dmarc: "mark", arc: "mark", dnsbl: [], greylist: false },
    webhooks: [],
    capture: false,
    admin: { token: null, users: {}, hosts: [], proxies: [], allowInsecure: false },
    log: { level: "INFO", format: "text" },
  });
});

Deno.test("loadConfig() reads a whole file with comments and trailing commas", async () => {
  const text = `// who we are
  {
    "hostname": "Mail.HowStuffWorks.com.",
    "domains": ["HowStuffWorks.com", "bücher.example",],
    "dataDir": "store",
    "listen": { "smtp": ["0.0.0.0:25", "[::1]:2525", "localhost:0"], "admin": [] },
    "accounts": { "brain@howstuffworks.COM": { "password": "x", "quota": "1GiB", "name": "Brain" } },
    "aliases": { "staff@howstuffworks.com": ["brain@howstuffworks.com", "jsmith@mindspring.com"] },
    "catchAll": { "HowStuffWorks.com": "brain@howstuffworks.com" },
    "relay": { "networks": ["192.0.2.0/24", "2001:DB8::/32", "127.0.0.1"], "smartHost": { "host": "relay.example" } },
    "dns": { "nameServer": " 127.0.0.1 ", "timeout": 2500 },
    "queue": { "retry": "1m, 5m*2, 1h*3" }, /* and so on */
  }`;
  const config = await loadConfig({ file: "/etc/dinopost/d.jsonc", text, env: {} });
  assertEquals(config.file, "/etc/dinopost/d.jsonc");
  assertEquals(config.hostname, "mail.howstuffworks.com");
  assertEquals(config.domains, ["howstuffworks.com", "xn--bcher-kva.example"]);
  assertEquals(config.dataDir, "/etc/dinopost/store");
  assertEquals(config.listen.smtp, [
    { hostname: "0.0.0.0", port: 25 },
    { hostname: "::1", port: 2525 },
    { hostname: "localhost", port: 0 },
  ]);
  assertEquals(config.accounts, {
    "brain@howstuffworks.com": { password: "x", quota: 1_073_741_824, name: "Brain" },
  });
  assertEquals(config.catchAll, { "howstuffworks.com": "brain@howstuffworks.com" });
  assertEquals(config.relay.networks, ["192.0.2.0/24", "2001:db8::/32", "127.0.0.1/32"]);
  assertEquals(config.relay.smartHost, { host: "relay.example", port: 25, tls: "opportunistic" });
  assertEquals(config.dns, { nameServer: "127.0.0.1:53", timeout: 2500, dnssec: false });
  assertEquals(config.queue.retry, [60_000, 300_000, 300_000, 3_600_000, 3_600_000, 3_600_000]);
});

Deno.test("loadConfig() takes a duration for ever, and each date that comes of it can be told", async () => {
  const queue = { retry: "100000000d", warnAfter: "100000000d", giveUpAfter: 9e15, history: "100000000d" };
  const config = await loadConfig({ text: JSON.stringify({ queue, lease: "100000000d" }), env: {} });
  const { retry, warnAfter, giveUpAfter, history } = config.queue;
  for (const ms of [...retry, warnAfter, giveUpAfter, history, config.lease, giveUpAfter + history]) {
    assert(new Date(Date.now() + ms).toISOString().length > 0);
  }
});

Deno.test("loadConfig() completes a smart host: port 465 is TLS from the first octet, and the other way round", async () => {
  const rows: [object, number, string][] = [
    [{}, 25, "opportunistic"],
    [{ port: 587 }, 587, "opportunistic"],
    [{ port: 587, tls: "require" }, 587, "require"],
    [{ port: 465 }, 465, "implicit"],
    [{ port: 465, tls: "require" }, 465, "implicit"],
    [{ port: 465, tls: "never" }, 465, "never"],
    [{ tls: "implicit" }, 465, "implicit"],
    [{ port: 2465, tls: "implicit" }, 2465, "implicit"],
  ];
  for (const [given, port, tls] of rows) {
    const smartHost = { host: "relay.example", ...given };
    const text = JSON.stringify({
      relay: { smartHost },
      outbound: { domains: { "A.example": { smartHost } } },
    });
    const { relay, outbound } = await loadConfig({ file: "/d.jsonc", text, env: {} });
    const expected = { host: "relay.example", port, tls };
    assertEquals<unknown>([relay.smartHost, outbound.domains["a.example"]], [expected, {
      smartHost: expected,
    }]);
  }
});

Deno.test("loadConfig() lets the environment win over the file, and overrides over both", async () => {
  const config = await loadConfig({
    file: "/etc/d.jsonc",
    text: '{ "dataDir": "a", "hostname": "file.example", "queue": { "concurrency": 1, "history": "1d" } }',
    env: {
      PATH: "/bin",
      DINOPOST_HOSTNAME: "env.example",
      DINOPOST_DOMAINS: "one.example, two.example",
      DINOPOST_LISTEN_SMTP: "127.0.0.1:0, [::1]:0",
      DINOPOST_LISTEN_POP3: "",
      DINOPOST_QUEUE_CONCURRENCY: "7",
      DINOPOST_QUEUE_WARN_AFTER: "1h",
      DINOPOST_QUEUE_RETRY: "60000",
      DINOPOST_DNS_TIMEOUT: "2500",
      DINOPOST_DNS_NAME_SERVER: "null",
      DINOPOST_OUTBOUND_ALLOW_PRIVATE: "true",
      DINOPOST_RELAY_SMART_HOST_HOST: "relay.example",
      DINOPOST_ADMIN_TOKEN: "t",
      DINOPOST_DATA_DIR: "b",
      // what Kubernetes sets for a service of this name
      DINOPOST_SERVICE_HOST: "10.0.0.1",
      DINOPOST_PORT: "tcp://10.0.0.1:25",
      DINOPOST_PORT_25_TCP_ADDR: "10.0.0.1",
    },
    overrides: { hostname: "option.example", listen: { admin: [] } },
  });
  assertEquals(config.hostname, "option.example");
  assertEquals(config.domains, ["one.example", "two.example"]);
  assertEquals(config.listen.smtp.map((e) => e.hostname), ["127.0.0.1", "::1"]);
  assertEquals([config.listen.pop3, config.listen.admin], [[], []]);
  assertEquals([config.queue.concurrency, config.queue.warnAfter], [7, 3_600_000]);
  assertEquals(config.queue.history, 86_400_000);
  assertEquals([config.queue.retry, config.dns.timeout, config.dns.nameServer], [[60_000], 2500, null]);
  assert(config.outbound.allowPrivate);
  assertEquals(config.relay.smartHost?.host, "relay.example");
  assertEquals(config.admin.token, "t");
  assertEquals(config.dataDir, `${Deno.cwd()}/b`); // from the environment: from where the process stands
});

Deno.test("loadConfig() refuses a file that is not there", async () => {
  const error = await assertRejects(() => loadConfig({ file: "/nowhere/d.jsonc", env: {} }), ConfigError);
  assertEquals(error.message, "/nowhere/d.jsonc: there is no such file");
});

Deno.test("loadConfig() keeps its message in one line", async () => {
  const message = await messageFor('{ "a\\nb\\u001b[31m": 1 }');
  assert(!/[\p{Cc}]/u.test(message), message);
});

Deno.test("loadConfig() takes the names and addresses that mail has: underscores, dots, long local parts", async () => {
  const long = `${"l".repeat(240)}@app_web_1`;
  const config = await loadConfig({
    env: {},
    overrides: {
      hostname: "mail_server.example.net",
      domains: ["app_web_1", "example.org"],
      aliases: { [long]: ["a..b@docomo.example", "c.@docomo.example"] },
    },
  });
  assertEquals(config.hostname, "mail_server.example.net");
  assertEquals(config.domains, ["app_web_1", "example.org"]);
  assertEquals(config.aliases, { [long]: ["a..b@docomo.example", "c.@docomo.example"] });
  for (const target of [".a@example.org", `${"l".repeat(243)}@example.org`]) {
    await assertRejects(() =>
      loadConfig({ env: {}, overrides: { domains: ["example.org"], aliases: { "x@example.org": [target] } } })
    );
  }
});
