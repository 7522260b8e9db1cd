/** The resolver, whose answers can be relied on: it never says "there is none" when nobody knows. */

import { messageOf } from "../base/errors.ts";
import type { Clock } from "../base/clock.ts";
import type { Random } from "../base/random.ts";
import { AnswerCache, type Perishable } from "./cache.ts";
import type { DnsClient } from "./dns_client.ts";
import { interpret, MAX_ALIASES, textOfRecord } from "./interpret.ts";
import { canonicalIp, canonicalName, isAskable, isDnsName, reverseName } from "./names.ts";
import { type NameServer, parseNameServer, SystemNameServers } from "./name_servers.ts";
import type { DnsRecord } from "./packet.ts";
import { Semaphore } from "../base/semaphore.ts";

/**
 * What the DNS says: the records, a name without such records, a name that doesn't exist, or a temporary failure, with
 * the reason as a sentence for people. `secure`: a trusted name server validated that by DNSSEC, aliases included; absent
 * where none is trusted. `owner`: the name behind the aliases, where there were some.
 */
export type DnsResult<T> =
  | { kind: "found"; records: T[]; secure?: boolean; owner?: string }
  | { kind: "none"; secure?: boolean }
  | { kind: "nxdomain"; secure?: boolean }
  | { kind: "temporaryFailure"; why: string };

/** A mail exchanger (RFC 5321 5.1). */
export interface MxRecord {
  /** 0 to 65535; the smallest comes first. */
  preference: number;
  /** Lower case, no final dot; empty for a null MX (RFC 7505). */
  exchange: string;
}

/** What a TLSA record says of a server's certificate (RFC 6698 2.1, RFC 7671). */
export interface TlsaRecord {
  /** 2: an authority's (DANE-TA), 3: the server's own (DANE-EE). */
  readonly usage: number;
  /** 0: the whole certificate, 1: its key. */
  readonly selector: number;
  /** 0: as it is, 1: its SHA-256, 2: its SHA-512. */
  readonly matchingType: number;
  /** The certificate or key, or its digest. */
  readonly data: Uint8Array;
}

/** The questions that dinopost has. None of them rejects. Aliases are followed. */
export interface Resolver {
  /** The mail exchangers, in no particular order. */
  mx(domain: string): Promise<DnsResult<MxRecord>>;
  /** The addresses of one family, in the order in which the DNS gave them. */
  addresses(host: string, family: 4 | 6): Promise<DnsResult<string>>;
  /** The TXT records, each in one piece. */
  txt(name: string): Promise<DnsResult<string>>;
  /** The names of an address. */
  ptr(ip: string): Promise<DnsResult<string>>;
  /** The TLSA records at `_25._tcp.HOST`. */
  tlsa(name: string): Promise<DnsResult<TlsaRecord>>;
  /** The SRV records as in a zone file, without the final dot: `0 1 993 mail.example.org` (RFC 2782). */
  srv(name: string): Promise<DnsResult<string>>;
  /** What a name is an alias of, one step of it. */
  alias(name: string): Promise<DnsResult<string>>;
  /** Ends what is under way; later questions end in a temporary failure. */
  close(): void;
}

/** Settings of a {@linkcode SystemResolver}. */
export interface SystemResolverOptions {
  /** `ip:port` of the one name server to ask; without it the system's are asked. */
  readonly nameServer?: string;
  /** How long one question may take in all, milliseconds. */
  readonly timeoutMs: number;
  /** For time-outs and the time that answers hold. */
  readonly clock: Clock;
  /** For what makes queries hard to guess. */
  readonly random: Random;
  /** The name server validates DNSSEC and is trusted: `secure` is its AD bit. */
  readonly trustAd?: boolean;
  /**
   * MX records are asked for by our own client alone, which gets the TTL and one answer for a no: many strangers' domains
   * have none. Deliveries go where there are some.
   */
  readonly ownMx?: boolean;
  /** Called for each query that got no reply in its time. */
  readonly onTimeout?: () => void;
}

/**
 * What the platform is asked first: the questions of every delivery. PTR is none of its: it reads /etc/hosts
 * instead of the DNS (for A and AAAA, too, where that is what an operator means by it).
 */
const PLAIN = ["MX", "A", "AAAA"] as const;
type Plain = typeof PLAIN[number];
type Wanted = Plain | "TXT" | "PTR" | "TLSA" | "SRV" | "CNAME";
type Answer = DnsResult<MxRecord | TlsaRecord | string>;

const SECOND = 1000;
/** `Deno.resolveDns` doesn't give the TTL: its answers are kept for so long, since few hold for less. */
const UNKNOWN_TTL = 5 * SECOND;
/** Who says less is asked no more often: a message asks for the same names several times. */
const MIN_TTL = 5 * SECOND;
const MAX_TTL = 24 * 60 * 60 * SECOND;
const MAX_NEGATIVE_TTL = 5 * 60 * SECOND;
/** A temporary failure, and a "no" without a TTL. */
const SHORT_TTL = 5 * SECOND;
const MAX_REMEMBERED = 10_000;
/** Each question that is under way holds a socket. */
const MAX_AT_ONCE = 100;

/**
 * Asks the system's or one configured name server. What is there is found by `Deno.resolveDns`; its `NotFound` stands
 * for NXDOMAIN, NODATA, SERVFAIL and REFUSED alike, so a client of our own asks again and reads the RCODE. Where a "no" is
 * what is mostly said (AAAA) that client asks first.
 */
export class SystemResolver implements Resolver {
  readonly #options: SystemResolverOptions;
  readonly #server: NameServer | undefined;
  readonly #cache: AnswerCache<Answer>;
  readonly #semaphore = new Semaphore(MAX_AT_ONCE);
  readonly #closing = new AbortController();
  #client: Promise<DnsClient> | undefined;

  /** Throws a `TypeError` when `nameServer` is no address. */
  constructor(options: SystemResolverOptions) {
    this.#options = options;
    this.#cache = new AnswerCache(options.clock, MAX_REMEMBERED);
    if (options.nameServer !== undefined) {
      this.#server = parseNameServer(options.nameServer);
      if (!this.#server) {
        throw new TypeError(`Not a name server: "${options.nameServer}"; expected "ip" or "ip:port"`);
      }
    }
  }

  async mx(domain: string): Promise<DnsResult<MxRecord>> {
    return await this.#ask("MX", canonicalName(domain)) as DnsResult<MxRecord>;
  }

  async addresses(host: string, family: 4 | 6): Promise<DnsResult<string>> {
    return await this.#ask(family === 4 ? "A" : "AAAA", canonicalName(host)) as DnsResult<string>;
  }

  async txt(name: string): Promise<DnsResult<string>> {
    return await this.#ask("TXT", canonicalName(name)) as DnsResult<string>;
  }

  async ptr(ip: string): Promise<DnsResult<string>> {
    const name = reverseName(ip);
    if (name === undefined) return { kind: "temporaryFailure", why: `"${ip}" is not an IP address` };
    return await this.#ask("PTR", name) as DnsResult<string>;
  }

  async tlsa(name: string): Promise<DnsResult<TlsaRecord>> {
    return await this.#ask("TLSA", canonicalName(name)) as DnsResult<TlsaRecord>;
  }

  async srv(name: string): Promise<DnsResult<string>> {
    return await this.#ask("SRV", canonicalName(name)) as DnsResult<string>;
  }

  async alias(name: string): Promise<DnsResult<string>> {
    return await this.#ask("CNAME", canonicalName(name)) as DnsResult<string>;
  }

  close(): void {
    this.#closing.abort();
    this.#cache.clear();
    this.#client?.then((client) => client.close(), () => {});
  }

  #ask(type: Wanted, name: string): Promise<Answer> | Answer {
    if (!isAskable(name)) {
      return { kind: "temporaryFailure", why: `${JSON.stringify(name)} is not a name of the DNS` };
    }
    if (this.#closing.signal.aborted) return { kind: "temporaryFailure", why: "The resolver is closed" };
    return this.#cache.get(`${type} ${name}`, () => this.#semaphore.run(() => this.#find(type, name)));
  }

  async #find(type: Wanted, name: string): Promise<Perishable<Answer>> {
    const { clock, timeoutMs, trustAd, ownMx } = this.#options;
    const end = clock.monotonic() + timeoutMs;
    try {
      // AD can't be had from the platform, which takes names of hosts only
      if (trustAd || !isPlain(type) || !isDnsName(name) || (type === "MX" && ownMx)) {
        return await this.#askClient(type, name, end);
      }
      // most hosts have no AAAA, which only our own client can know: the platform may know a name of /etc/hosts
      const first = type === "AAAA" ? await this.#askClient(type, name, end) : undefined;
      if (first && first.value.kind !== "nxdomain") return first;
      const records = await this.#askPlatform(type, name);
      if (records.length > 0) return { value: { kind: "found", records }, keepMs: UNKNOWN_TTL };
      return first ?? await this.#askClient(type, name, end);
    } catch (error) {
      return temporaryFailure(messageOf(error));
    }
  }

  /** Finds records, or none for whatever reason. */
  async #askPlatform(type: Plain, name: string): Promise<(MxRecord | string)[]> {
    const { clock, timeoutMs, onTimeout } = this.#options;
    const stop = new AbortController();
    const onClose = () => stop.abort();
    let late = false;
    // with a signal the platform gives up after 2 s by itself, without one after 15; half is left for the second try
    const timer = clock.schedule(timeoutMs / 2, () => {
      late = true;
      stop.abort();
    });
    this.#closing.signal.addEventListener("abort", onClose, { once: true });
    try {
      return await platformRecords(type, name, { signal: stop.signal, server: this.#server });
    } catch (error) {
      // a closed port is reported as a time-out, too
      if (late || error instanceof Deno.errors.TimedOut) onTimeout?.();
      return [];
    } finally {
      timer.cancel();
      this.#closing.signal.removeEventListener("abort", onClose);
    }
  }

  async #askClient(type: Wanted, name: string, end: number): Promise<Perishable<Answer>> {
    const client = await (this.#client ??= this.#makeClient());
    const asked = name;
    let secure = true;
    let keepMs = MAX_TTL;
    for (let aliases = 0; aliases <= MAX_ALIASES; aliases++) {
      const reply = await client.ask({ name, type }, end - this.#options.clock.monotonic());
      if (reply.kind === "temporaryFailure") return temporaryFailure(reply.why);
      secure &&= reply.packet.authentic;
      const said = interpret(reply.packet, name, type);
      switch (said.kind) {
        case "temporaryFailure":
          return temporaryFailure(said.why);
        case "none":
        case "nxdomain":
          return {
            value: { kind: said.kind, ...(this.#options.trustAd && { secure }) },
            keepMs: Math.max(MIN_TTL, Math.min(keepMs, said.ttlMs ?? SHORT_TTL, MAX_NEGATIVE_TTL)),
          };
        case "found": {
          const records = said.records.map(fromRaw);
          const value: Answer = {
            kind: "found",
            records,
            ...(this.#options.trustAd && { secure }),
            ...(said.owner !== asked && { owner: said.owner }),
          };
          return { value, keepMs: Math.max(MIN_TTL, Math.min(keepMs, said.ttlMs)) };
        }
        case "alias":
          name = said.target;
          keepMs = Math.min(keepMs, said.ttlMs);
      }
    }
    return temporaryFailure(`The aliases lead in a circle or too far, last to ${name}`);
  }

  /** Loaded late: most answers are positive, and the codec costs some 25 ms of the start. */
  async #makeClient(): Promise<DnsClient> {
    const { clock, random, onTimeout } = this.#options;
    const server = this.#server;
    const system = new SystemNameServers(clock);
    const { DnsClient } = await import("./dns_client.ts");
    const client = new DnsClient({
      servers: () => server ? [server] : system.list(),
      clock,
      random,
      ...(onTimeout && { onTimeout }),
    });
    if (this.#closing.signal.aborted) client.close();
    return client;
  }
}

// deno-lint-ignore no-control-regex
const BEYOND_ASCII = /[^\x00-\x7f]/;

async function platformRecords(
  type: Plain,
  name: string,
  { signal, server }: { signal: AbortSignal; server: NameServer | undefined },
): Promise<(MxRecord | string)[]> {
  const options = { signal, ...(server && { nameServer: { ipAddr: server.ip, port: server.port } }) };
  const query = `${name}.`; // with its dot it is never tried below the domains of resolv.conf's "search"
  if (type !== "MX") return await Deno.resolveDns(query, type, options);
  const records = await Deno.resolveDns(query, type, options);
  // The platform shows A-labels as what they stand for, which is no name to ask for: then the reply itself is read.
  if (records.some(({ exchange }) => BEYOND_ASCII.test(exchange))) return [];
  return records.map(({ preference, exchange }) => ({ preference, exchange: canonicalName(exchange) }));
}

function isPlain(type: Wanted): type is Plain {
  return (PLAIN as readonly string[]).includes(type);
}

function fromRaw(record: DnsRecord): MxRecord | TlsaRecord | string {
  switch (record.type) {
    case "MX":
      return { preference: record.data.preference, exchange: canonicalName(record.data.exchange) };
    case "TXT":
      return textOfRecord(record.data);
    case "TLSA": {
      const { usage, selector, matchingType, certificate } = record.data;
      return { usage, selector, matchingType, data: new Uint8Array(certificate) };
    }
    case "A":
    case "AAAA":
      return canonicalIp(record.data) ?? record.data;
    case "SRV": {
      const { priority, weight, port, target } = record.data;
      return `${priority} ${weight} ${port} ${canonicalName(target)}`;
    }
    case "SOA": // never asked for
      return canonicalName(record.data.mname);
    default:
      return canonicalName(record.data);
  }
}

function temporaryFailure(why: string): Perishable<Answer> {
  return { value: { kind: "temporaryFailure", why }, keepMs: SHORT_TTL };
}
