/** The completion of a configuration: defaults from the machine, absolute paths, names that fit each other. */

import { isAbsolute, resolve } from "node:path";
import { captureOf, NO_CHECKS } from "./capture.ts";
import { isLoopbackName } from "../base/ip.ts";
import { parsePhc, passwordFault } from "../base/passwords.ts";
import type { CertificateConfig, Config, Endpoint, OutboundDomainConfig, SmartHostConfig } from "./config.ts";
import type { Path } from "./keys.ts";
import type { Parsed } from "./schema.ts";
import { readDomain, readMailbox } from "./values.ts";

/** Something that is wrong with values that are right one by one. */
export interface Problem {
  path: Path;
  /** What was received and what would be right. */
  text: string;
}

/** What is needed beside the values. */
export interface ResolveOptions {
  /** The configuration file, absolute. */
  file: string | undefined;
  /** The directory that a relative path at that key starts from. */
  baseOf(path: Path): string;
  /** The machine's name. */
  machineName(): string;
  /** Nothing names a place for the data. */
  placeless: boolean;
}

function refuseImap(check: Check, { listen }: Parsed): void {
  for (const kind of ["imap", "imaps"] as const) {
    if (listen[kind].length === 0) continue;
    const text = "captured mail is read by page, API and POP3, not by IMAP; what works is []";
    check.complain(["listen", kind], text);
  }
}

/** Completes what the schema has read. The configuration is fit for use when there is no problem. */
export function resolveConfig(
  parsed: Parsed,
  options: ResolveOptions,
): { config: Config; problems: Problem[] } {
  // a machine's name need not be a domain
  const hostname = parsed.hostname ?? readDomain(options.machineName()) ?? "localhost";
  const domains = [...new Set(parsed.domains ?? ["localhost", hostname])];
  const check = new Check(domains);
  if (domains.length === 0) {
    check.complain(["domains"], "received an empty list, expected at least one domain");
  }
  const { tls } = parsed;
  const capture = captureOf(parsed.capture, { memory: options.placeless });
  if (capture) refuseImap(check, parsed);
  const config: Config = {
    ...parsed,
    ...(options.file === undefined ? {} : { file: options.file }),
    hostname,
    domains,
    dataDir: absolute(["dataDir"], parsed.dataDir),
    tls: tls && {
      minVersion: tls.minVersion,
      acme: tls.acme && { ...tls.acme, directory: tls.acme.directory ?? LETS_ENCRYPT },
      ...(tls.cert === undefined ? {} : certificate(["tls"], tls.cert, tls.key)),
      sni: Object.fromEntries(
        Object.entries(check.byDomain(["tls", "sni"], tls.sni, { local: false })).map((
          [name, files],
        ) => [name, certificate(["tls", "sni", name], files.cert, files.key)]),
      ),
    },
    accounts: check.byAddress("accounts", parsed.accounts),
    aliases: check.byAddress("aliases", parsed.aliases),
    catchAll: check.byDomain(["catchAll"], parsed.catchAll, { local: true }),
    relay: { ...parsed.relay, smartHost: parsed.relay.smartHost && completed(parsed.relay.smartHost) },
    outbound: { ...parsed.outbound, domains: outboundDomains(check, parsed.outbound.domains) },
    checks: capture ? NO_CHECKS : parsed.checks,
    capture,
  };
  check.certificate(tls);
  if (tls?.acme) check.acme(parsed, hostname);
  check.passwords(parsed.accounts);
  check.targets(parsed.aliases);
  if (parsed.relay.smartHost) check.smartHost(["relay", "smartHost"], parsed.relay.smartHost);
  if (capture) check.captured(parsed);
  else check.admin(parsed);
  check.users(parsed.admin);
  check.listeners(parsed.listen);
  return { config, problems: check.problems };

  /** Without a key of its own the certificate's file holds it. */
  function certificate(at: Path, cert: string, key: string | undefined): CertificateConfig {
    const own = absolute([...at, "cert"], cert);
    return { cert: own, key: key === undefined ? own : absolute([...at, "key"], key) };
  }

  function absolute(key: Path, path: string): string {
    return isAbsolute(path) ? path : resolve(options.baseOf(key), path);
  }
}

/** Who gives certificates to everybody for nothing. */
const LETS_ENCRYPT = "https://acme-v02.api.letsencrypt.org/directory";

type ParsedSmartHost = NonNullable<Parsed["relay"]["smartHost"]>;

/** Where TLS begins with the first octet (RFC 8314 7.3); STARTTLS is not spoken there. */
const SUBMISSIONS_PORT = 465;

/** A smart host with its port and its TLS. */
function completed(smartHost: ParsedSmartHost): SmartHostConfig {
  const { tls, port = tls === "implicit" ? SUBMISSIONS_PORT : 25, ...rest } = smartHost;
  const implicit = port === SUBMISSIONS_PORT && tls !== "never";
  return { ...rest, port, tls: implicit ? "implicit" : tls ?? "opportunistic" };
}

function outboundDomains(
  check: Check,
  parsed: Parsed["outbound"]["domains"],
): Record<string, OutboundDomainConfig> {
  const at = ["outbound", "domains"];
  for (const [name, { smartHost }] of Object.entries(parsed)) {
    if (smartHost) check.smartHost([...at, name, "smartHost"], smartHost);
  }
  const domains = check.byDomain(at, parsed, { local: false });
  return Object.fromEntries(
    Object.entries(domains).map(([name, { smartHost, ...rules }]) => [
      name,
      smartHost ? { ...rules, smartHost: completed(smartHost) } : rules,
    ]),
  );
}

function addressOf({ hostname, port }: Endpoint): string {
  return `${hostname.includes(":") ? `[${hostname}]` : hostname}:${port}`;
}

/** Looks at values beside each other and remembers what is wrong. */
class Check {
  readonly problems: Problem[] = [];
  readonly #domains: readonly string[];

  constructor(domains: readonly string[]) {
    this.#domains = domains;
  }

  complain(path: Path, text: string): void {
    this.problems.push({ path, text });
  }

  /** A table by address, with addresses made canonical; they belong to local domains. */
  byAddress<T>(key: string, table: Record<string, T>): Record<string, T> {
    const result = new Map<string, T>();
    for (const [name, value] of Object.entries(table)) {
      const address = readMailbox(name);
      if (address === undefined) {
        this.complain(
          [key, name],
          `received "${name}", expected an address such as "jo@${this.#domains[0]}"`,
        );
        continue;
      }
      this.#local([key, name], address.slice(address.lastIndexOf("@") + 1));
      this.#put(result, { path: [key, name], name: address, value });
    }
    return Object.fromEntries(result);
  }

  /** A table by domain, with domains made canonical. */
  byDomain<T>(key: Path, table: Record<string, T>, { local }: { local: boolean }): Record<string, T> {
    const result = new Map<string, T>();
    for (const [name, value] of Object.entries(table)) {
      const domain = readDomain(name);
      if (domain === undefined) {
        this.complain([...key, name], `received "${name}", expected a domain such as "example.org"`);
        continue;
      }
      if (local) this.#local([...key, name], domain);
      this.#put(result, { path: [...key, name], name: domain, value });
    }
    return Object.fromEntries(result);
  }

  certificate(tls: Parsed["tls"]): void {
    if (tls?.key === undefined || tls.cert !== undefined) return;
    this.complain(["tls", "cert"], "received nothing, expected the path of a PEM file");
  }

  /** What a certificate authority needs: a name that the world knows, and a port to prove it on. */
  acme({ tls, listen }: Parsed, hostname: string): void {
    if (tls?.cert !== undefined) {
      this.complain(["tls", "acme"], 'received it and "tls.cert", expected one of them');
    }
    if (listen.http.length + listen.https.length === 0) {
      this.complain(
        ["tls", "acme"],
        'received no listener to prove the names on, expected "listen.http" (port 80) or "listen.https" (port 443)',
      );
    }
    if (!hostname.includes(".")) {
      this.complain(
        ["tls", "acme"],
        `received the hostname "${hostname}", which no authority vouches for, expected a name in the DNS`,
      );
    }
    const { directory } = tls!.acme!;
    if (directory !== undefined && !directory.startsWith("https:")) {
      this.complain(["tls", "acme", "directory"], `received ${directory}, expected an https URL`);
    }
  }

  passwords(accounts: Parsed["accounts"]): void {
    for (const [name, { password, passwordHash }] of Object.entries(accounts)) {
      if (password !== undefined && passwordHash !== undefined) {
        this.complain(["accounts", name], 'received "password" and "passwordHash", expected one of them');
      } else if (password === undefined && passwordHash === undefined) {
        this.complain(["accounts", name], 'received neither, expected "password" or "passwordHash"');
      } else if (passwordHash !== undefined && !parsePhc(passwordHash)) {
        const want = 'expected Argon2id as a PHC string, such as "$argon2id$v=19$m=19456,t=2,p=1$…$…"';
        this.complain(["accounts", name, "passwordHash"], `received a hash that no password fits, ${want}`);
      } else if (password !== undefined) {
        const fault = passwordFault(password);
        if (fault !== undefined) this.complain(["accounts", name, "password"], fault);
      }
    }
  }

  targets(aliases: Parsed["aliases"]): void {
    for (const [name, targets] of Object.entries(aliases)) {
      if (targets.length === 0) {
        this.complain(["aliases", name], "received an empty list, expected at least one address");
      }
    }
  }

  smartHost(path: Path, smartHost: ParsedSmartHost): void {
    if ((smartHost.user === undefined) === (smartHost.password === undefined)) return;
    const missing = smartHost.user === undefined ? "user" : "password";
    this.complain(path, `"${missing}" is missing, expected "user" and "password" or neither`);
  }

  /** The HTTP surface speaks plain HTTP: off loopback its token and all mail could be read on the way. */
  admin({ listen, admin }: Parsed): void {
    if (admin.allowInsecure) return;
    for (const endpoint of listen.admin) {
      if (isLoopbackName(endpoint.hostname)) continue;
      const received = `received ${addressOf(endpoint)}`;
      const want =
        "expected an address on loopback, with a proxy for TLS before it, or admin.allowInsecure: true";
      this.complain(["listen", "admin"], `${received}, where HTTP is not encrypted; ${want}`);
    }
  }

  /** Who captures mail shows it to all who may ask, so somebody has to say who they are. */
  captured({ listen, admin }: Parsed): void {
    if (admin.token !== null || admin.allowInsecure) return;
    const { http: _http, https: _https, ...showing } = listen;
    for (const [kind, endpoints] of Object.entries(showing)) {
      for (const endpoint of endpoints) {
        if (isLoopbackName(endpoint.hostname)) continue;
        const received = `received ${addressOf(endpoint)}, which others reach too`;
        const want = "expected an address on loopback, or admin.token, or admin.allowInsecure: true";
        this.complain(["listen", kind], `${received}; in capture mode ${want}`);
      }
    }
  }

  /** Each has a name of his own, and a token: who did something is told by it. */
  users({ token, users }: Parsed["admin"]): void {
    const taken = new Map(token === null ? [] : [[token, "admin.token"]]);
    for (const [name, user] of Object.entries(users)) {
      if (name === "admin" || !/^[^\s\p{Cc}]{1,64}$/u.test(name)) {
        const want = 'expected a name without blanks; "admin" is who has admin.token';
        this.complain(["admin", "users", name], `received "${name}", ${want}`);
      }
      const other = taken.get(user.token);
      const path = ["admin", "users", name, "token"];
      if (other !== undefined) this.complain(path, `received the one of ${other}, expected another one`);
      taken.set(user.token, `admin.users.${name}`);
    }
  }

  /** An address takes one listener; port 0 is another one each time. */
  listeners(listen: Parsed["listen"]): void {
    const taken = new Map<string, string>();
    for (const [kind, endpoints] of Object.entries(listen)) {
      for (const [i, endpoint] of endpoints.entries()) {
        const key = `listen.${kind}`;
        const address = addressOf(endpoint);
        const other = taken.get(address);
        if (other !== undefined) {
          const where = other === key ? "there already" : `in ${other} too`;
          this.complain(["listen", kind, i], `received ${address}, which is ${where}, expected another port`);
        } else if (endpoint.port !== 0) taken.set(address, key);
      }
    }
  }

  #local(path: Path, domain: string): void {
    if (this.#domains.includes(domain)) return;
    this.complain(
      path,
      `received the domain ${domain}, expected one of "domains": ${this.#domains.join(", ")}`,
    );
  }

  #put<T>(table: Map<string, T>, entry: { path: Path; name: string; value: T }): void {
    if (table.has(entry.name)) this.complain(entry.path, `received "${entry.name}" twice, expected it once`);
    table.set(entry.name, entry.value);
  }
}
