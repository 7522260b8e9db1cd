/** The schema of the configuration: every key, its default, and what would be right for it. */

import * as z from "zod/mini";
import { parseSize } from "../base/units.ts";
import {
  isToken,
  readDomain,
  readDuration,
  readEndpoint,
  readMailbox,
  readNameServer,
  readNetwork,
  readRate,
  readSchedule,
} from "./values.ts";

/** How an environment variable is turned into the value of a key. */
export type Kind = "text" | "number" | "text or number" | "flag" | "list";

/** What is known of a key beside its type. */
export interface Hint {
  /** Completes the sentence "expected …". */
  want: string;
  /** Absent: the key can't be given by an environment variable. */
  kind?: Kind;
}

/** The hints of the schemas of all keys. */
export const hints: z.core.$ZodRegistry<Hint, z.core.$ZodType> = z.registry<Hint>();

type Leaf<T> = z.ZodMiniType<T>;

/** A key whose value is read by `reader`, which answers undefined for what it can't read. */
function read<I, T>(input: Leaf<I>, hint: Hint, reader: (value: I) => T | undefined): Leaf<T> {
  const schema = z.pipe(
    input,
    z.transform((value, context): T => {
      const result = reader(value);
      if (result !== undefined) return result;
      context.issues.push({ code: "custom", input: value, message: hint.want });
      return z.NEVER;
    }),
  );
  return schema.register(hints, hint);
}

const aText = z.string();
const textOrNumber = z.union([z.string(), z.number()]);
const textNumberOrList = z.union([z.string(), z.number(), z.array(textOrNumber)]);

function known<S extends z.core.$ZodType>(hint: Hint, schema: S): S {
  hints.add(schema, hint);
  return schema;
}

function duration(): Leaf<number> {
  const want = 'a duration such as "30s", "15m", "4h", "5d" or a number of milliseconds';
  return read(textOrNumber, { kind: "text or number", want }, readDuration);
}

function positiveDuration(): Leaf<number> {
  const want = 'a duration above zero, such as "30s", "5m" or a number of milliseconds';
  return read(textOrNumber, { kind: "text or number", want }, (v) => readDuration(v) || undefined);
}

function size(): Leaf<number> {
  const want = 'a size such as "25MiB", "1GiB", "10KB" or a number of bytes';
  return read(textOrNumber, { kind: "text", want }, (v) => parseSize(v) || undefined);
}

function whole(least: number, most = Number.MAX_SAFE_INTEGER): Leaf<number> {
  const range = most === Number.MAX_SAFE_INTEGER ? `of ${least} or more` : `from ${least} to ${most}`;
  return known(
    { kind: "number", want: `a whole number ${range}` },
    z.int().check(z.minimum(least), z.maximum(most)),
  );
}

function flag(): Leaf<boolean> {
  return known({ kind: "flag", want: "true or false" }, z.boolean());
}

function text(want: string): Leaf<string> {
  return known({ kind: "text", want }, z.string().check(z.minLength(1)));
}

function choice<const T extends string>(...options: T[]): Leaf<T> {
  const quoted = options.map((o) => `"${o}"`);
  const want = quoted.slice(0, -1).join(", ") + " or " + quoted.at(-1);
  return known({ kind: "text", want }, z.enum(options));
}

function domain(): Leaf<string> {
  return read(aText, { kind: "text", want: 'a domain such as "example.org"' }, readDomain);
}

function host(): Leaf<string> {
  const want = 'a host name such as "mail.example.org", without scheme and port';
  return read(aText, { kind: "text", want }, readDomain);
}

function mailbox(): Leaf<string> {
  return read(aText, { kind: "text", want: 'an address such as "jo@example.org"' }, readMailbox);
}

function list<T>(element: Leaf<T>, want: string): Leaf<T[]> {
  return known({ kind: "list", want }, z.array(element));
}

function listeners() {
  const endpoint = read(
    aText,
    { kind: "text", want: '"host:port" such as "127.0.0.1:2525" or "[::1]:2525"' },
    readEndpoint,
  );
  return list(endpoint, 'a list of "host:port", such as ["127.0.0.1:2525"]');
}

function networks() {
  const block = read(
    aText,
    { kind: "text", want: 'a network such as "192.0.2.0/24" or "2001:db8::/32"' },
    readNetwork,
  );
  return list(block, 'a list of networks, such as ["192.0.2.0/24"]');
}

function schedule(): Leaf<number[]> {
  const want = 'intervals of a second or more, such as "15m", ["1m", "5m", "1h"] or "1m, 5m*2, 1h*3"';
  return read(textNumberOrList, { kind: "text or number", want }, readSchedule);
}

function httpUrl(want: string): Leaf<string> {
  return known({ kind: "text", want }, z.url({ protocol: /^https?$/ }));
}

const commandPolicy = () => choice("always", "authenticated", "never");
const tlsPolicy = () => choice("never", "opportunistic", "require");
const checkPolicy = () => choice("off", "mark", "enforce");
const webhookEvent = () => choice("accepted", "delivered", "deferred", "bounced", "mailbox", "health");
const recordKey = z.string();

/** An object whose keys are names of the operator's. */
function table<S extends z.core.$ZodType>(value: S, want: string) {
  return known({ want }, z.record(recordKey, value));
}

const account = z.strictObject({
  password: z.exactOptional(text("a password")),
  passwordHash: z.exactOptional(text("a password hash in PHC format")),
  quota: z.exactOptional(size()),
  name: z.exactOptional(text("a name")),
  subFolders: z.exactOptional(flag()),
});

const smartHost = z.strictObject({
  host: text('a host such as "smtp.example.org"'),
  port: z.exactOptional(whole(1, 65535)),
  user: z.exactOptional(text("a user name")),
  password: z.exactOptional(text("a password")),
  tls: z.exactOptional(choice("never", "opportunistic", "require", "implicit")),
});

const outboundDomain = z.strictObject({
  tls: z.exactOptional(tlsPolicy()),
  maxConnections: z.exactOptional(whole(1)),
  smartHost: z.exactOptional(smartHost),
  rate: z.exactOptional(read(aText, { kind: "text", want: 'a rate such as "100/m" or "5/s"' }, readRate)),
});

const webhook = z.strictObject({
  url: httpUrl("an http or https URL"),
  events: list(webhookEvent(), 'a list of events, such as ["delivered", "bounced"]'),
  secret: z.exactOptional(text("a secret")),
  allowPrivate: z._default(flag(), false),
});

const listen = z.strictObject({
  smtp: z.prefault(listeners(), ["127.0.0.1:2525"]),
  submission: z.prefault(listeners(), []),
  submissions: z.prefault(listeners(), []),
  lmtp: z.prefault(listeners(), []),
  pop3: z.prefault(listeners(), ["127.0.0.1:1110"]),
  pop3s: z.prefault(listeners(), []),
  admin: z.prefault(listeners(), ["127.0.0.1:8025"]),
  imap: z.prefault(listeners(), []),
  imaps: z.prefault(listeners(), []),
  http: z.prefault(listeners(), []),
  https: z.prefault(listeners(), []),
});

const certificate = {
  cert: text("the path of a PEM file"),
  // without it the key is in the same file
  key: z.exactOptional(text("the path of a PEM file")),
};

const tls = z.strictObject({
  // without it the certificate is made
  cert: z.exactOptional(certificate.cert),
  key: certificate.key,
  minVersion: z._default(choice("TLSv1.2", "TLSv1.3"), "TLSv1.2"),
  sni: z._default(
    table(
      z.strictObject(certificate),
      'an object by host name, such as {"mail.example.org": {"cert": "…", "key": "…"}}',
    ),
    {},
  ),
  acme: z._default(
    z.nullable(
      z.strictObject({
        email: z.exactOptional(mailbox()),
        directory: z.exactOptional(httpUrl("the https URL of a certificate authority's directory")),
      }),
    ),
    null,
  ),
});

const relay = z.strictObject({
  networks: z.prefault(networks(), []),
  smartHost: z._default(z.nullable(smartHost), null),
  srs: z._default(flag(), false),
});

const nameServer = known(
  { kind: "text", want: 'null or the address of a name server, such as "127.0.0.1:5353"' },
  z.nullable(
    read(
      aText,
      { kind: "text", want: 'the address of a name server, such as "127.0.0.1:5353"' },
      readNameServer,
    ),
  ),
);

const dns = z.strictObject({
  nameServer: z._default(nameServer, null),
  timeout: z.prefault(positiveDuration(), "5s"),
  dnssec: z._default(flag(), false),
});

const outbound = z.strictObject({
  port: z._default(whole(1, 65535), 25),
  tls: z._default(tlsPolicy(), "opportunistic"),
  maxConnectionsPerDomain: z._default(whole(1), 20),
  family: z._default(choice("any", "ipv4", "ipv6"), "any"),
  allowPrivate: z._default(flag(), false),
  suppress: z._default(flag(), true),
  domains: z._default(
    table(outboundDomain, 'an object by domain, such as {"example.org": {"tls": "require"}}'),
    {},
  ),
});

const queue = z.strictObject({
  retry: z.prefault(schedule(), "15m"),
  warnAfter: z.prefault(duration(), "4h"),
  giveUpAfter: z.prefault(positiveDuration(), "5d"),
  concurrency: z._default(whole(0), 200),
  history: z.prefault(duration(), "7d"),
});

const limits = z.strictObject({
  messageSize: z.prefault(size(), "50MiB"),
  recipients: z._default(whole(1), 1000),
  connections: z._default(whole(1), 2000),
  connectionsPerIp: z._default(whole(1), 100),
  hops: z._default(whole(1), 50),
  commandTimeout: z.prefault(positiveDuration(), "5m"),
  dataTimeout: z.prefault(positiveDuration(), "10m"),
  errorsPerSession: z._default(whole(1), 20),
  submissionRate: z._default(
    read(
      z.nullable(aText),
      { kind: "text", want: 'null or a rate such as "200/h" or "1000/d"' },
      (value) => value === null ? null : readRate(value),
    ),
    null,
  ),
});

const checks = z.strictObject({
  spf: z._default(checkPolicy(), "mark"),
  dkim: z._default(checkPolicy(), "mark"),
  dmarc: z._default(checkPolicy(), "mark"),
  arc: z._default(checkPolicy(), "mark"),
  dnsbl: z._default(list(domain(), 'a list of domains, such as ["dnsbl.example.org"]'), []),
  greylist: z._default(flag(), false),
});

const captured = z.strictObject({
  messages: z.exactOptional(whole(1)),
  age: z.exactOptional(positiveDuration()),
  size: z.exactOptional(size()),
});

const capture = known(
  { kind: "flag", want: 'true, false or { "messages": 1000, "age": "7d", "size": "1GiB" }' },
  z.union([z.boolean(), captured]),
);

const log = z.strictObject({
  level: z._default(choice("DEBUG", "INFO", "WARN", "ERROR"), "INFO"),
  format: z._default(choice("text", "json"), "text"),
});

const kv = known(
  { kind: "text", want: "null or the http(s) URL of a KV Connect database" },
  z.nullable(httpUrl("the http(s) URL of a KV Connect database")),
);

/** The whole schema. `hostname` and `domains` have their defaults from the machine, see `resolve.ts`. */
export const schema = z.strictObject({
  hostname: z.exactOptional(domain()),
  domains: z.exactOptional(list(domain(), 'a list of domains, such as ["example.org"]')),
  dataDir: z._default(text("the path of a directory"), "./data"),
  kv: z._default(kv, null),
  lease: z.prefault(
    read(
      textOrNumber,
      { kind: "text or number", want: 'a duration of a second or more, such as "2m"' },
      (v) => {
        const ms = readDuration(v);
        return ms !== undefined && ms >= 1000 ? ms : undefined;
      },
    ),
    "2m",
  ),
  listen: z.prefault(listen, {}),
  tls: z._default(z.nullable(tls), null),
  auth: z.prefault(z.strictObject({ allowInsecure: z._default(flag(), false) }), {}),
  accounts: z._default(
    table(account, 'an object by address, such as {"jo@example.org": {"password": "…"}}'),
    {},
  ),
  aliases: z._default(
    table(
      list(mailbox(), "a list of addresses"),
      'an object by address, such as {"staff@example.org": ["jo@example.org"]}',
    ),
    {},
  ),
  catchAll: z._default(
    table(mailbox(), 'an object by domain, such as {"example.org": "jo@example.org"}'),
    {},
  ),
  subaddressSeparator: z._default(
    known(
      { kind: "text", want: 'a single character such as "+", or "" for none' },
      z.string().check(z.maxLength(1)),
    ),
    "+",
  ),
  relay: z.prefault(relay, {}),
  vrfy: z._default(commandPolicy(), "authenticated"),
  expn: z._default(commandPolicy(), "authenticated"),
  verb: z._default(commandPolicy(), "authenticated"),
  dns: z.prefault(dns, {}),
  outbound: z.prefault(outbound, {}),
  queue: z.prefault(queue, {}),
  limits: z.prefault(limits, {}),
  dkim: z.prefault(z.strictObject({ sign: z._default(flag(), true) }), {}),
  checks: z.prefault(checks, {}),
  webhooks: z._default(z.array(webhook), []),
  capture: z._default(capture, false),
  admin: z.prefault(
    z.strictObject({
      token: z._default(
        known(
          { kind: "text", want: "null or a token of visible ASCII characters, without blanks" },
          z.nullable(z.string().check(z.refine(isToken))),
        ),
        null,
      ),
      users: z._default(
        table(
          z.strictObject({
            token: known(
              { kind: "text", want: "a token of visible ASCII characters, without blanks" },
              z.string().check(z.minLength(1), z.refine(isToken)),
            ),
            role: choice("operator", "read-only"),
          }),
          'an object by name, such as {"anna": {"token": "…", "role": "operator"}}',
        ),
        {},
      ),
      hosts: z._default(list(host(), 'a list of host names, such as ["mail.example.org"]'), []),
      proxies: z.prefault(networks(), []),
      allowInsecure: z._default(flag(), false),
    }),
    {},
  ),
  log: z.prefault(log, {}),
});

/** What the schema answers. */
export type Parsed = z.infer<typeof schema>;
