/** The search for a host's TLSA records (RFC 7672 2.2): where they count, where they don't, and where nobody can say. */

import type { MailHost } from "../dns/mail_hosts.ts";
import type { Resolver } from "../dns/resolver.ts";
import type { DaneDemand } from "./demand.ts";
import { usableRecords } from "./tlsa.ts";

/** What came of the search; `unknown`: it can't be known now, so nothing may be sent there. */
export type DaneFinding =
  | { readonly kind: "none" }
  | { readonly kind: "demand"; readonly demand: DaneDemand }
  | { readonly kind: "unknown"; readonly why: string };

/** A host, as its addresses were found. */
export interface DaneHost extends Pick<MailHost, "host" | "secure" | "owner"> {
  readonly port: number;
  /** The domain whose mail it takes, and what that is an alias of: a certificate may be for these (RFC 7672 3.2.2). */
  readonly domains: readonly string[];
}

const NONE: DaneFinding = { kind: "none" };

/** Searches. The DNS without validation demands nothing, nor does a host in a zone without signatures. Never rejects. */
export async function findDane(of: DaneHost, resolver: Resolver): Promise<DaneFinding> {
  const { host, port, owner } = of;
  const bases = await basesOf(of, resolver);
  if ("kind" in bases) return bases;
  for (const base of bases) {
    const answer = await resolver.tlsa(`_${port}._tcp.${base}`);
    if (answer.kind === "temporaryFailure") {
      return { kind: "unknown", why: `The TLSA records of ${base} can't be looked up now: ${answer.why}` };
    }
    // "none" that is not secure is no attack: it is how zones with opt-out deny
    if (answer.kind !== "found" || !answer.secure) continue;
    const records = usableRecords(answer.records);
    const names = [...new Set([base, ...(owner === base ? [host] : []), ...of.domains])];
    const what = records.length > 0 ? "verified TLS" : "TLS";
    const why = `The TLSA records of ${base} (DANE) demand ${what}`;
    return { kind: "demand", demand: { by: "dane", why, records, base, names } };
  }
  return NONE;
}

/** The names below which the records may stand: what the host is an alias of, then the host (RFC 7672 2.2.2). */
async function basesOf(
  { host, owner, secure }: DaneHost,
  resolver: Resolver,
): Promise<string[] | Extract<DaneFinding, { kind: "unknown" }>> {
  if (secure === undefined) return [];
  if (secure) return owner === undefined ? [host] : [owner, host];
  if (owner === undefined) return [];
  // the alias may be signed, and what it leads to not
  const alias = await resolver.alias(host);
  // who stands in the way of this question alone must not make the records go away (RFC 7672 2.1.2)
  if (alias.kind === "temporaryFailure") {
    return { kind: "unknown", why: `Whether ${host} is a signed alias can't be looked up now: ${alias.why}` };
  }
  return alias.kind === "found" && alias.secure ? [host] : [];
}
