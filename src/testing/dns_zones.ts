/** The DNS zones as plain data, and the answers that an authoritative server gives from them. */

import { Buffer } from "node:buffer";
import type { DnsRecord } from "../dns/packet.ts";

/** The records of one name. */
export interface ZoneEntry {
  /** Preference and host; `[[0, "."]]` is a null MX. */
  MX?: [number, string][];
  /** IPv4 addresses. */
  A?: string[];
  /** IPv6 addresses. */
  AAAA?: string[];
  /** Texts. */
  TXT?: string[];
  /** Priority, weight, port and target of a service. */
  SRV?: [number, number, number, string][];
  /** The canonical name. */
  CNAME?: string;
  /** Names of an address. */
  PTR?: string[];
  /** Usage, selector, matching type, and the data in hexadecimal. */
  TLSA?: [number, number, number, string][];
  /** No signature covers it: no answer that it is part of is validated. */
  insecure?: boolean;
  /** Seconds, for all records of the name; 60 unless said. */
  TTL?: number;
}

/** Records by owner name: lower case, without the final dot. */
export type Zones = Record<string, ZoneEntry>;

/** What the zones say about a question. */
export interface ZoneAnswer {
  rcode: "NOERROR" | "NXDOMAIN";
  answers: DnsRecord[];
  /** Holds an SOA record when there is no answer. */
  authorities: DnsRecord[];
  /** Signatures cover all of it. */
  secure: boolean;
}

const DEFAULT_TTL = 60;
const MAX_ALIASES = 8;

/**
 * Answers a question; CNAMEs are followed as far as the zones lead. `negativeTtl` (seconds) stands in the SOA of
 * negative answers. A name exists when it or a name below it is in the zones.
 */
export function answerFromZones(
  zones: Zones,
  question: { name: string; type: string },
  negativeTtl: number,
): ZoneAnswer {
  const answers: DnsRecord[] = [];
  let name = question.name;
  let secure = true;
  for (let i = 0; i <= MAX_ALIASES; i++) {
    const entry = entryOf(zones, name);
    if (!entry) return { rcode: "NXDOMAIN", answers, authorities: [soa(name, negativeTtl)], secure };
    if (entry.insecure) secure = false;
    const found = recordsOf(entry, name, question.type);
    answers.push(...found);
    if (found.length > 0) return { rcode: "NOERROR", answers, authorities: [], secure };
    if (entry.CNAME === undefined || question.type === "CNAME") {
      return { rcode: "NOERROR", answers, authorities: [soa(name, negativeTtl)], secure };
    }
    answers.push({ type: "CNAME", name, ttl: entry.TTL ?? DEFAULT_TTL, data: entry.CNAME });
    name = entry.CNAME.toLowerCase().replace(/\.$/, "");
  }
  return { rcode: "NOERROR", answers, authorities: [], secure };
}

function entryOf(zones: Zones, name: string): ZoneEntry | undefined {
  if (Object.hasOwn(zones, name)) return zones[name];
  return Object.keys(zones).some((owner) => owner.endsWith(`.${name}`)) ? {} : undefined;
}

function recordsOf(entry: ZoneEntry, name: string, type: string): DnsRecord[] {
  const ttl = entry.TTL ?? DEFAULT_TTL;
  switch (type) {
    case "MX":
      return (entry.MX ?? []).map(([preference, exchange]) => ({
        type,
        name,
        ttl,
        data: { preference, exchange },
      }));
    case "CNAME":
      return entry.CNAME === undefined ? [] : [{ type, name, ttl, data: entry.CNAME }];
    case "A":
    case "AAAA":
    case "PTR":
      return (entry[type] ?? []).map((data) => ({ type, name, ttl, data }));
    case "TLSA":
      return (entry.TLSA ?? []).map(([usage, selector, matchingType, hex]) => {
        const data = { usage, selector, matchingType, certificate: Buffer.from(hex, "hex") };
        return { type, name, ttl, data };
      });
    case "SRV":
      return (entry.SRV ?? []).map(([priority, weight, port, target]) => {
        return { type, name, ttl, data: { priority, weight, port, target } };
      });
    case "TXT":
      return (entry.TXT ?? []).map((text) => ({ type, name, ttl, data: pieces(text) }));
    default:
      return [];
  }
}

/** A text in the pieces of at most 255 octets that a TXT record is made of. */
function pieces(text: string): Uint8Array[] {
  const bytes = Buffer.from(text); // the codec takes no plain Uint8Array here
  const list: Uint8Array[] = [];
  for (let at = 0; at < bytes.length || at === 0; at += 255) list.push(bytes.subarray(at, at + 255));
  return list;
}

function soa(name: string, ttl: number): DnsRecord {
  const apex = name.split(".").slice(-2).join(".");
  const data = {
    mname: `ns.${apex}`,
    rname: `hostmaster.${apex}`,
    serial: 1,
    refresh: 3600,
    retry: 600,
    expire: 86400,
    minimum: ttl,
  };
  return { type: "SOA", name: apex, ttl, data };
}
