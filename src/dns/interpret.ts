/** The meaning of a DNS packet for a question: found, no such record, no such name, a referral, or an error. */

import { concat, decode, encode } from "../base/bytes.ts";
import { canonicalName } from "./names.ts";
import type { DnsPacket, DnsRecord, RecordType } from "./packet.ts";

/** What the packet says. `ttlMs`: for how long; `records` are raw, `owner` is whose they are behind all aliases. */
export type Interpretation =
  | { kind: "found"; records: DnsRecord[]; owner: string; ttlMs: number }
  | { kind: "none" | "nxdomain"; ttlMs: number | undefined }
  | { kind: "alias"; target: string; ttlMs: number }
  | { kind: "temporaryFailure"; why: string };

/** How many aliases are followed within one packet and, by the resolver, from packet to packet. */
export const MAX_ALIASES = 8;

/** Reads the packet that answers the question for records of `type` at the canonical name `name`. */
export function interpret(packet: DnsPacket, name: string, type: RecordType): Interpretation {
  // who asks for an alias itself doesn't want it followed
  const chain = type === "CNAME" ? { name, ttlMs: Infinity } : followAliases(packet.answers, name);
  if (chain === undefined) {
    return { kind: "temporaryFailure", why: `The aliases of ${name} lead in a circle or too far` };
  }
  const records = packet.answers.filter((r) => r.type === type && canonicalName(r.name) === chain.name);
  // after aliases the RCODE speaks of the last name (RFC 6604 3)
  if (packet.rcode === "NXDOMAIN") return { kind: "nxdomain", ttlMs: negativeTtl(packet, chain.ttlMs) };
  if (records.length > 0) {
    return { kind: "found", records, owner: chain.name, ttlMs: Math.min(chain.ttlMs, shortestTtl(records)) };
  }
  const soa = packet.authorities.some((r) => r.type === "SOA");
  if (!soa && chain.name !== name) return { kind: "alias", target: chain.name, ttlMs: chain.ttlMs };
  if (!soa && packet.authorities.some((r) => r.type === "NS")) {
    // RFC 2308 2.2: name servers without an SOA are no answer but the advice to ask elsewhere
    return {
      kind: "temporaryFailure",
      why: `The name server refers to others for ${name} instead of asking them`,
    };
  }
  return { kind: "none", ttlMs: negativeTtl(packet, chain.ttlMs) };
}

/** A TXT record's text: its pieces without anything between them (RFC 7208 3.3); U+FFFD for what isn't UTF-8. */
export function textOfRecord(data: string | (string | Uint8Array)[] | Uint8Array): string {
  const pieces = Array.isArray(data) ? data : [data];
  // a character may be cut in two by the end of a piece
  return decode(concat(pieces.map((piece) => typeof piece === "string" ? encode(piece) : piece)));
}

function followAliases(answers: DnsRecord[], name: string): { name: string; ttlMs: number } | undefined {
  let ttlMs = Infinity;
  for (let i = 0; i <= MAX_ALIASES; i++) {
    const alias = answers.find((r) => r.type === "CNAME" && canonicalName(r.name) === name);
    if (alias?.type !== "CNAME") return { name, ttlMs };
    name = canonicalName(alias.data);
    ttlMs = Math.min(ttlMs, shortestTtl([alias]));
  }
  return undefined;
}

function shortestTtl(records: readonly DnsRecord[]): number {
  return Math.min(...records.map((r) => r.ttl ?? 0)) * 1000;
}

/** RFC 2308 5: the smaller of the SOA's own TTL and its minimum; undefined without an SOA. */
function negativeTtl(packet: DnsPacket, aliasTtlMs: number): number | undefined {
  const soa = packet.authorities.find((r) => r.type === "SOA");
  if (soa?.type !== "SOA") return undefined;
  return Math.min(aliasTtlMs, (soa.ttl ?? 0) * 1000, soa.data.minimum * 1000);
}
