/** The hosts that take a domain's mail, in order (RFC 5321 section 5, RFC 7505). */

import { type Random, shuffled } from "../base/random.ts";
import { literalOf, parseLiteral } from "../mail/domain.ts";
import type { EnhancedStatus } from "../mail/outcome.ts";
import { interleaved, refusal } from "./addresses.ts";
import { canonicalIp, canonicalName, isDnsName, isIp } from "./names.ts";
import type { DnsResult, MxRecord, Resolver } from "./resolver.ts";

/** A host to try. */
export interface MailHost {
  /** As in the MX record; 0 when there is none. */
  preference: number;
  /** Its name, or the IP address of a literal. */
  host: string;
  /** A and AAAA interleaved, never empty. */
  addresses: string[];
  /** Its addresses were validated by DNSSEC; absent where nobody validates. */
  secure?: boolean;
  /** What the host is an alias of, in the end. */
  owner?: string;
}

/**
 * The hosts in the order in which they are to be tried, or why there are none: for ever or for now. `text` is one line
 * for people; `steps` say in short sentences how it came to this.
 */
export type MailHosts =
  | {
    kind: "hosts";
    how: "mx" | "implicit" | "literal" | "host";
    hosts: MailHost[];
    steps: string[];
    /** That these are the domain's hosts was validated by DNSSEC; absent where nobody validates. */
    secure?: boolean;
    /** What the domain is an alias of, in the end. */
    owner?: string;
  }
  | { kind: "failed" | "deferred"; status: EnhancedStatus; text: string; steps: string[] };

/** What the search for hosts needs to know. */
export interface MailHostsOptions {
  readonly resolver: Resolver;
  /** For the order of hosts of equal preference. */
  readonly random: Random;
  /** Names by which MX records may mean this server. */
  readonly ownNames: readonly string[];
  /** Addresses by which they may. */
  readonly ownAddresses?: readonly string[];
  /** Which addresses are used. */
  readonly family: "any" | "ipv4" | "ipv6";
  /** Hosts on loopback, private and link-local addresses may be connected to. */
  readonly allowPrivate: boolean;
}

/** More are never tried (a hostile zone must not keep us busy). */
const MAX_HOSTS = 5;
const MAX_ADDRESSES = 20;
/** Hosts whose addresses are looked up, so that some may be without. */
const MAX_LOOKED_UP = 10;

/** What became of the addresses of one candidate. */
interface LookedUp extends Candidate {
  addresses: string[];
  secure?: boolean;
  owner?: string;
  /** `10.0.0.1 (private)`. */
  refused: string[];
  ourselves: boolean;
  /** Why some address can't be looked up now. */
  lookupError?: string;
}

interface Candidate {
  preference: number;
  host: string;
}

interface Search {
  readonly domain: string;
  readonly how: "mx" | "implicit" | "literal" | "host";
  readonly options: MailHostsOptions;
  readonly steps: string[];
  /** The answer that the hosts were found by. */
  readonly answer?: Traits;
}

/** What an answer has beside its records. */
interface Traits {
  secure?: boolean;
  owner?: string;
}

/**
 * Finds the hosts for the mail of a domain in canonical form (lower case A-labels, or a literal in brackets).
 *
 * Refused addresses are a failure, not a delay: what the DNS says is definite, and a sender who learns at once that
 * `mx.example` points to 127.0.0.1 is better off than one who learns it after five days.
 */
export async function findMailHosts(domain: string, options: MailHostsOptions): Promise<MailHosts> {
  const steps: string[] = [];
  if (domain.startsWith("[")) return hostsOfLiteral(domain, { domain, how: "literal", options, steps });
  if (!isDnsName(domain)) {
    return ended("failed", { status: "5.1.2", text: `${shown(domain)} is not a domain`, steps });
  }
  const answer = await options.resolver.mx(domain);
  switch (answer.kind) {
    case "temporaryFailure": {
      steps.push(`MX of ${domain}: the lookup failed for now. ${shown(answer.why)}.`);
      const text = `The MX records of ${domain} can't be looked up now: ${shown(answer.why)}`;
      return ended("deferred", { status: "4.4.3", text, steps });
    }
    case "nxdomain":
      steps.push(`MX of ${domain}: the name doesn't exist (NXDOMAIN).`);
      return ended("failed", { status: "5.1.2", text: `The domain ${domain} doesn't exist`, steps });
    case "none":
      steps.push(`MX of ${domain}: none. The domain's own address takes its mail (implicit MX).`);
      return await hostsOf([{ preference: 0, host: domain }], {
        domain,
        how: "implicit",
        options,
        steps,
        answer,
      });
    case "found":
      return await hostsOfMx(answer.records, { domain, how: "mx", options, steps, answer });
  }
}

/**
 * Finds the addresses of one host that the operator named: a smart host or the next hop of a route, as a name, an IP
 * address or a literal. MX records play no part. A host that can't be found is never a failure of the message, so the
 * answer is then `deferred`.
 */
export async function findHost(host: string, options: MailHostsOptions): Promise<MailHosts> {
  const search: Search = { domain: host, how: "host", options, steps: [] };
  const ip = parseLiteral(host) ?? canonicalIp(host);
  const found = ip !== undefined
    ? hostsOfLiteral(literalOf(ip), search)
    : await hostsOf([{ preference: 0, host: canonicalName(host) }], search);
  if (found.kind !== "failed") return found;
  const status = found.status.replace("5", "4") as EnhancedStatus;
  return ended("deferred", { status, text: found.text, steps: found.steps.slice(0, -1) });
}

async function hostsOfMx(records: MxRecord[], search: Search): Promise<MailHosts> {
  const { domain, steps } = search;
  const sorted = inOrder(records, search.options.random);
  steps.push(`MX of ${domain}: ${list(sorted.map((r) => `${r.preference} ${shown(r.exchange) || "."}`))}.`);
  const named = sorted.filter((record) => record.exchange !== "");
  if (named.length === 0 && records.length > 0) {
    steps.push("A null MX: the domain wants no mail (RFC 7505).");
    return ended("failed", {
      status: "5.1.10",
      text: `The domain ${domain} accepts no mail (null MX)`,
      steps,
    });
  }
  const candidates: Candidate[] = [];
  for (const { preference, exchange } of named) {
    if (isIp(exchange)) steps.push(`${exchange} is left out: an MX must be a name, not an address.`);
    else if (!isDnsName(exchange)) steps.push(`${shown(exchange)} is left out: it is not a host's name.`);
    else if (!candidates.some(({ host }) => host === exchange)) {
      candidates.push({ preference, host: exchange });
    }
  }
  return await hostsOf(candidates, search);
}

/** By preference; those of equal preference in random order (RFC 5321 5.1), whatever order the DNS has. */
function inOrder(records: readonly MxRecord[], random: Random): MxRecord[] {
  // the sort is stable: what was shuffled stays so within a preference
  return shuffled(records, random).sort((a, b) => a.preference - b.preference);
}

function hostsOfLiteral(literal: string, search: Search): MailHosts {
  const { options, steps, how } = search;
  const ip = parseLiteral(literal);
  if (ip === undefined) {
    return ended("failed", {
      status: "5.1.2",
      text: `${shown(literal)} is not the address of a host`,
      steps,
    });
  }
  steps.push(`${literal} is an address: it is used as it is.`);
  const family = ip.includes(":") ? "ipv6" : "ipv4";
  const unwanted = options.family !== "any" && options.family !== family;
  const looked = judged({ preference: 0, host: ip }, unwanted ? [] : [ip], options);
  if (unwanted) steps.push(`Only ${familyName(options.family)} is used here.`);
  return conclusion([looked], { ...search, how });
}

async function hostsOf(candidates: readonly Candidate[], search: Search): Promise<MailHosts> {
  const { options, steps } = search;
  const own = new Set(options.ownNames.map(canonicalName));
  const self = candidates.find(({ host }) => own.has(host));
  const before = self ? candidates.filter(({ preference }) => preference < self.preference) : candidates;
  if (self) steps.push(cutText(self));
  if (before.length > MAX_LOOKED_UP) {
    steps.push(`Only the first ${MAX_LOOKED_UP} of ${before.length} hosts are looked at.`);
  }
  const looked = await Promise.all(
    before.slice(0, MAX_LOOKED_UP).map((candidate) => lookUp(candidate, options)),
  );
  return conclusion(looked, search, self !== undefined);
}

async function lookUp(candidate: Candidate, options: MailHostsOptions): Promise<LookedUp> {
  const { family, resolver } = options;
  const nothing: DnsResult<string> = { kind: "none" };
  const [v4, v6] = await Promise.all([
    family === "ipv6" ? nothing : resolver.addresses(candidate.host, 4),
    family === "ipv4" ? nothing : resolver.addresses(candidate.host, 6),
  ]);
  const found = [v4, v6].filter((answer) => answer.kind === "found");
  const traits = traitsOf({
    ...found[0],
    ...(found.some(({ secure }) => secure === false) && { secure: false }),
  });
  const looked = { ...judged(candidate, interleaved(recordsOf(v4), recordsOf(v6)), options), ...traits };
  const whys = [
    ...(v4.kind === "temporaryFailure" ? [`A: ${shown(v4.why)}`] : []),
    ...(v6.kind === "temporaryFailure" ? [`AAAA: ${shown(v6.why)}`] : []),
  ];
  return whys.length > 0 ? { ...looked, lookupError: whys.join("; ") } : looked;
}

function judged(candidate: Candidate, ips: readonly string[], options: MailHostsOptions): LookedUp {
  const own = new Set((options.ownAddresses ?? []).map((ip) => canonicalIp(ip)));
  const looked: LookedUp = { ...candidate, addresses: [], refused: [], ourselves: false };
  for (const ip of ips) {
    const why = refusal(ip, options.allowPrivate);
    if (own.has(canonicalIp(ip))) looked.ourselves = true;
    else if (why !== undefined) looked.refused.push(`${shown(ip)} (${why})`);
    else if (!looked.addresses.includes(ip)) looked.addresses.push(ip);
  }
  return looked;
}

/** Puts together what was found: the hosts before ourselves that have addresses, or why there are none. */
function conclusion(all: readonly LookedUp[], search: Search, cutByName = false): MailHosts {
  const { how, steps } = search;
  const self = all.find((host) => host.ourselves);
  const looked = self ? all.filter(({ preference }) => preference < self.preference) : all;
  for (const host of looked) describe(host, steps);
  if (self) steps.push(cutText(self));
  const usable = looked.filter(({ addresses }) => addresses.length > 0);
  const hosts: MailHost[] = [];
  let places = MAX_ADDRESSES;
  for (const one of usable.slice(0, MAX_HOSTS)) {
    if (places === 0) break;
    const { preference, host, addresses } = one;
    hosts.push({ preference, host, addresses: addresses.slice(0, places), ...traitsOf(one) });
    places -= hosts.at(-1)!.addresses.length;
  }
  if (hosts.length === 0) return noHosts(looked, search, cutByName || self !== undefined);
  const left = usable.reduce((sum, { addresses }) => sum + addresses.length, 0) - (MAX_ADDRESSES - places);
  if (left > 0) {
    steps.push(
      `At most ${MAX_HOSTS} hosts and ${MAX_ADDRESSES} addresses are tried: ${left} more are left out.`,
    );
  }
  return { kind: "hosts", how, hosts, steps, ...traitsOf(search.answer ?? {}) };
}

function traitsOf({ secure, owner }: Traits): Traits {
  return { ...(secure !== undefined && { secure }), ...(owner !== undefined && { owner }) };
}

function noHosts(
  looked: readonly LookedUp[],
  { domain, how, options, steps }: Search,
  cut: boolean,
): MailHosts {
  const uncertain = looked.find((host) => host.lookupError !== undefined);
  if (uncertain) {
    const text = `The addresses of ${uncertain.host} can't be looked up now: ${uncertain.lookupError}`;
    return ended("deferred", { status: "4.4.3", text, steps });
  }
  if (cut) {
    const text = `Mail for ${domain} would come back to this server, which doesn't take it`;
    return ended("failed", { status: "5.4.6", text, steps });
  }
  const refused = looked.find((host) => host.refused.length > 0);
  if (refused) {
    const text = `${refused.host} has no address that mail is sent to: ${list(refused.refused)}`;
    return ended("failed", { status: "5.4.4", text, steps });
  }
  const kind = options.family === "any" ? "address" : `${familyName(options.family)} address`;
  if (how === "implicit") {
    const text = `The domain ${domain} has neither mail servers nor an ${kind}`;
    return ended("failed", { status: "5.1.2", text, steps });
  }
  const text = how === "mx" ? `No mail server of ${domain} has an ${kind}` : `${domain} has no ${kind}`;
  return ended("failed", { status: "5.4.4", text, steps });
}

function describe({ host, addresses, refused, lookupError }: LookedUp, steps: string[]): void {
  if (addresses.length > 0 && addresses[0] !== host) steps.push(`${host} has ${list(addresses)}.`);
  if (refused.length > 0) steps.push(`No mail is sent to ${list(refused)} of ${host}.`);
  if (lookupError !== undefined) {
    steps.push(`The addresses of ${host} can't be looked up now. ${lookupError}.`);
  } else if (addresses.length === 0 && refused.length === 0 && !isIp(host)) {
    steps.push(`${host} has no address.`);
  }
}

function cutText({ host, preference }: Candidate): string {
  return `${host} is this server: it and every host from preference ${preference} on are left out.`;
}

function ended(
  kind: "failed" | "deferred",
  end: { status: EnhancedStatus; text: string; steps: string[] },
): MailHosts {
  end.steps.push(`${kind === "failed" ? "Failed" : "Deferred"} ${end.status}: ${end.text}.`);
  return { kind, ...end };
}

function recordsOf(answer: DnsResult<string>): readonly string[] {
  return answer.kind === "found" ? answer.records : [];
}

function familyName(family: "any" | "ipv4" | "ipv6"): string {
  return family === "ipv6" ? "IPv6" : "IPv4";
}

/** Some things by commas; a hostile zone's list is cut. */
function list(things: readonly string[]): string {
  const shownThings = things.slice(0, MAX_ADDRESSES).join(", ");
  return things.length > MAX_ADDRESSES
    ? `${shownThings} and ${things.length - MAX_ADDRESSES} more`
    : shownThings;
}

/** Text from outside on one printable line. */
function shown(text: string): string {
  return text.slice(0, 255).replace(/[^\x20-\x7e]/g, "?");
}
