/** The check of SPF: may this client send mail of that domain (RFC 7208)? */

import ipaddr from "ipaddr.js";
import type { Clock } from "../base/clock.ts";
import { canonicalName, isAskable } from "../dns/names.ts";
import type { DnsResult, Resolver } from "../dns/resolver.ts";
import { expandMacros, type MacroString, parseMacroString, usesMacro } from "./spf_macro.ts";
import {
  isSpfRecord,
  parseSpfRecord,
  type SpfDirective,
  type SpfMechanism,
  type SpfQualified,
  type SpfRecord,
} from "./spf_record.ts";

/** The results (RFC 7208 2.6). */
export type SpfResult = SpfQualified | "none" | "temperror" | "permerror";

/** What is known of a client and what it says. */
export interface SpfRequest {
  /** The client's address. */
  readonly ip: string;
  /** What it called itself. */
  readonly helo: string;
  /** The reverse-path; empty: that of a report. */
  readonly sender: string;
  /** Our own name, for explanations. */
  readonly receiver: string;
}

/** What came of it. */
export interface SpfVerdict {
  readonly result: SpfResult;
  /** Which name was asked for: the sender's, or with an empty one that of HELO (RFC 7208 2.4). */
  readonly identity: "mailfrom" | "helo";
  /** The domain that was asked for, in lower case; empty when there is none. */
  readonly domain: string;
  /** The mechanism that matched, as it stands in the record, or in words why there is a result without one. */
  readonly reason: string;
  /** What the domain has to say to who was refused: its own words, in printable ASCII (RFC 7208 6.2). */
  readonly explanation?: string;
}

/** What the check works with. */
export interface SpfOptions {
  readonly resolver: Pick<Resolver, "txt" | "addresses" | "mx" | "ptr">;
  readonly clock: Clock;
}

/** Checks a client. Never rejects. */
export function checkSpf(request: SpfRequest, options: SpfOptions): Promise<SpfVerdict> {
  return new SpfCheck(request, options).verdict();
}

/** Terms that ask the DNS (RFC 7208 4.6.4). */
const MAX_TERMS = 10;
/** Of their questions so many may find nothing. */
const MAX_VOID = 2;
/** Hosts of one `mx` whose addresses are asked for, and names of an address that are. */
const MAX_NAMES = 10;
/** No question is asked later than this, whatever the record wants: the least that RFC 7208 4.6.4 allows. */
const MAX_MS = 20_000;
/** An explanation is cut behind so many characters: it goes into a reply. */
const MAX_EXPLANATION = 300;

/** A result that ends the whole check; everything else is a value of its own type. */
interface Ending {
  readonly result: SpfResult;
  readonly reason: string;
  /** What explains it, and for which domain. */
  readonly explain?: { readonly text: MacroString; readonly domain: string };
}

class SpfCheck {
  readonly #request: SpfRequest;
  readonly #options: SpfOptions;
  readonly #ip: readonly number[];
  readonly #local: string;
  readonly #domain: string;
  readonly #end: number;
  #terms = 0;
  #voids = 0;
  /** The names of the client that lead back to it. */
  #names: Promise<readonly string[]> | undefined;

  constructor(request: SpfRequest, options: SpfOptions) {
    this.#request = request;
    this.#options = options;
    this.#ip = ipaddr.process(request.ip).toByteArray();
    const sender = request.sender || request.helo;
    const at = sender.lastIndexOf("@");
    this.#local = sender.slice(0, Math.max(at, 0)) || "postmaster";
    this.#domain = canonicalName(sender.slice(at + 1));
    this.#end = options.clock.monotonic() + MAX_MS;
  }

  async verdict(): Promise<SpfVerdict> {
    const identity = this.#request.sender === "" ? "helo" : "mailfrom";
    const { result, reason, explain } = await this.#check(this.#domain);
    const explanation = explain && await this.#explanation(explain);
    const domain = this.#domain;
    return { result, identity, domain, reason, ...(explanation !== undefined && { explanation }) };
  }

  /** check_host() (RFC 7208 4). */
  async #check(domain: string): Promise<Ending> {
    if (!isQualified(domain)) return { result: "none", reason: "no domain" };
    const found = await this.#ask(domain, (name) => this.#options.resolver.txt(name));
    if ("result" in found) return found;
    const records = found.records.filter(isSpfRecord);
    if (records.length === 0) return { result: "none", reason: `${domain} has no SPF record` };
    if (records.length > 1) return permerror(`${domain} has ${records.length} SPF records`);
    const record = parseSpfRecord(records[0]!);
    if (typeof record === "string") return permerror(`SPF record of ${domain}: ${record}`);
    return await this.#evaluate(record, domain);
  }

  async #evaluate(record: SpfRecord, domain: string): Promise<Ending> {
    for (const directive of record.directives) {
      const matched = await this.#matches(directive.mechanism, domain);
      if (typeof matched === "object") return matched;
      if (matched) return matchOf(directive, record, domain);
    }
    if (!record.redirect) return { result: "neutral", reason: "no mechanism matches" };
    if (++this.#terms > MAX_TERMS) return TOO_MANY_TERMS;
    const target = await this.#expand(record.redirect, domain);
    const other = await this.#check(target);
    return other.result === "none"
      ? permerror(`"redirect=" leads to ${target}, which has no SPF record`)
      : other;
  }

  #matches(mechanism: SpfMechanism, domain: string): boolean | Promise<boolean | Ending> | Ending {
    switch (mechanism.kind) {
      case "all":
        return true;
      case "ip4":
      case "ip6":
        return isWithin(this.#ip, mechanism.network, mechanism.prefix);
      default:
        if (++this.#terms > MAX_TERMS) return TOO_MANY_TERMS;
        return this.#asks(mechanism, domain);
    }
  }

  async #asks(
    mechanism: Exclude<SpfMechanism, { kind: "all" | "ip4" | "ip6" }>,
    domain: string,
  ): Promise<boolean | Ending> {
    const target = mechanism.domain ? await this.#expand(mechanism.domain, domain) : domain;
    switch (mechanism.kind) {
      case "include":
        return await this.#include(target);
      case "exists": {
        const found = await this.#askCounted(target, (name) => this.#options.resolver.addresses(name, 4));
        return "result" in found ? found : found.records.length > 0;
      }
      case "a":
        return await this.#hasAddress(target, mechanism.prefixes);
      case "mx":
        return await this.#isExchanger(target, mechanism.prefixes);
      case "ptr":
        return (await this.#validatedNames()).some((name) => name === target || name.endsWith(`.${target}`));
    }
  }

  async #include(target: string): Promise<boolean | Ending> {
    const other = await this.#check(target);
    switch (other.result) {
      case "pass":
        return true;
      case "none":
        return permerror(`"include:${target}" leads to a domain without an SPF record`);
      case "temperror":
      case "permerror":
        return other;
      default:
        return false;
    }
  }

  async #hasAddress(host: string, prefixes: readonly [number, number]): Promise<boolean | Ending> {
    const found = await this.#askCounted(host, (name) => this.#addresses(name));
    return "result" in found ? found : this.#isAmong(found.records, prefixes);
  }

  async #isExchanger(domain: string, prefixes: readonly [number, number]): Promise<boolean | Ending> {
    const found = await this.#askCounted(domain, (name) => this.#options.resolver.mx(name));
    if ("result" in found) return found;
    const hosts = found.records.map(({ exchange }) => exchange).filter((exchange) => exchange !== "");
    if (hosts.length > MAX_NAMES) return permerror(`${domain} has more than ${MAX_NAMES} MX hosts`);
    for (const host of hosts) {
      // a host without an address of the client's family is nothing strange, so it is not counted
      const addresses = await this.#ask(host, (name) => this.#addresses(name));
      if ("result" in addresses) return addresses;
      if (this.#isAmong(addresses.records, prefixes)) return true;
    }
    return false;
  }

  /** The names of the client that have its address (RFC 7208 5.5); none when the DNS can't say. */
  #validatedNames(): Promise<readonly string[]> {
    return this.#names ??= this.#findNames();
  }

  async #findNames(): Promise<readonly string[]> {
    const found = await this.#askCounted(this.#request.ip, (ip) => this.#options.resolver.ptr(ip));
    if ("result" in found) return [];
    const names = found.records.slice(0, MAX_NAMES).map(canonicalName).filter(isAskable);
    const lookedUp = await Promise.all(names.map((name) => this.#addresses(name)));
    return names.filter((_, i) => {
      const answer = lookedUp[i]!;
      return answer.kind === "found" && this.#isAmong(answer.records, [32, 128]);
    });
  }

  #addresses(name: string): Promise<DnsResult<string>> {
    return this.#options.resolver.addresses(name, this.#ip.length === 4 ? 4 : 6);
  }

  #isAmong(addresses: readonly string[], [v4, v6]: readonly [number, number]): boolean {
    const prefix = this.#ip.length === 4 ? v4 : v6;
    return addresses.some((address) => isWithin(this.#ip, ipaddr.parse(address).toByteArray(), prefix));
  }

  /** The same as {@linkcode #ask} for terms whose questions may not find nothing too often. */
  async #askCounted<T>(name: string, ask: (name: string) => Promise<DnsResult<T>>) {
    const found = await this.#ask(name, ask);
    if ("result" in found || found.records.length > 0) return found;
    return ++this.#voids > MAX_VOID ? TOO_MANY_VOIDS : found;
  }

  async #ask<T>(
    name: string,
    ask: (name: string) => Promise<DnsResult<T>>,
  ): Promise<{ readonly records: readonly T[] } | Ending> {
    // what is no name of the DNS has no records there; the address of PTR is asked for as it is
    if (!isAskable(name) && name !== this.#request.ip) return { records: [] };
    if (this.#options.clock.monotonic() > this.#end) {
      return { result: "temperror", reason: `The look-ups took longer than ${MAX_MS / 1000} s` };
    }
    const answer = await ask(name);
    switch (answer.kind) {
      case "found":
        return { records: answer.records };
      case "temporaryFailure":
        return { result: "temperror", reason: answer.why };
      default:
        return { records: [] };
    }
  }

  /** The domain that a domain-spec comes to: of one that is too long the labels on the left go (RFC 7208 7.3). */
  async #expand(text: MacroString, domain: string): Promise<string> {
    let name = canonicalName(await this.#fill(text, domain));
    while (name.length > 253 && name.includes(".")) name = name.slice(name.indexOf(".") + 1);
    return name;
  }

  async #fill(text: MacroString, domain: string): Promise<string> {
    const { helo, receiver, sender } = this.#request;
    const isV4 = this.#ip.length === 4;
    const own = this.#domain;
    return expandMacros(text, {
      s: sender.includes("@") ? sender : `${this.#local}@${own}`,
      l: this.#local,
      o: own,
      d: domain,
      i: isV4 ? this.#ip.join(".") : nibbles(this.#ip),
      p: usesMacro(text, "p") ? await this.#ownName(domain) : "",
      v: isV4 ? "in-addr" : "ip6",
      h: helo,
      c: ipaddr.fromByteArray([...this.#ip]).toString(),
      r: receiver,
      t: String(Math.floor(this.#options.clock.now() / 1000)),
    });
  }

  /** The client's name for `%{p}`: the domain itself before its subdomains, before others (RFC 7208 7.3). */
  async #ownName(domain: string): Promise<string> {
    const names = await this.#validatedNames();
    return names.find((name) => name === domain) ?? names.find((name) => name.endsWith(`.${domain}`)) ??
      names[0] ?? "unknown";
  }

  /** Whatever goes wrong on the way to it, there is none (RFC 7208 6.2). */
  async #explanation({ text, domain }: NonNullable<Ending["explain"]>): Promise<string | undefined> {
    const name = await this.#expand(text, domain);
    const found = await this.#ask(name, (it) => this.#options.resolver.txt(it));
    if ("result" in found || found.records.length !== 1) return undefined;
    const explanation = parseMacroString(found.records[0]!, true);
    const filled = explanation && await this.#fill(explanation, domain);
    if (!filled || !/^[\x20-\x7e]+$/.test(filled)) return undefined;
    return filled.slice(0, MAX_EXPLANATION);
  }
}

const TOO_MANY_TERMS = permerror(`More than ${MAX_TERMS} terms ask the DNS`);
const TOO_MANY_VOIDS = permerror(`More than ${MAX_VOID} questions find nothing`);

function permerror(reason: string): Ending {
  return { result: "permerror", reason };
}

function matchOf({ result, text }: SpfDirective, { explanation }: SpfRecord, domain: string): Ending {
  const ending = { result, reason: text };
  return result === "fail" && explanation ? { ...ending, explain: { text: explanation, domain } } : ending;
}

/** Two labels at least, each one possible, and no address in brackets (RFC 7208 4.3). */
function isQualified(domain: string): boolean {
  return domain.includes(".") && domain[0] !== "[" && isAskable(domain);
}

function isWithin(ip: readonly number[], network: readonly number[], prefix: number): boolean {
  if (ip.length !== network.length) return false;
  const whole = prefix >> 3;
  for (let i = 0; i < whole; i++) if (ip[i] !== network[i]) return false;
  const rest = prefix & 7;
  return rest === 0 || ((ip[whole]! ^ network[whole]!) >> (8 - rest)) === 0;
}

/** An IPv6 address as its 32 nibbles between dots, in upper case as explanations are wont to show them. */
function nibbles(ip: readonly number[]): string {
  return ip.flatMap((byte) => [byte >> 4, byte & 15]).map((n) => n.toString(16).toUpperCase()).join(".");
}
