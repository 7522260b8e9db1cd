/** The check of DMARC: is mail that claims a domain in From really of its owner (RFC 9989)? */

import type { Resolver } from "../dns/resolver.ts";
import type { DmarcPolicy, DmarcRecord } from "./dmarc_record.ts";
import { DmarcWalker, organizationIn } from "./dmarc_walk.ts";

/** A domain that SPF or a DKIM signature speaks of, with what came of it; only `pass` authenticates. */
export interface DmarcIdentifier {
  readonly domain: string;
  readonly result: string;
}

/** What is known of a message. */
export interface DmarcRequest {
  /** The domains of From, canonical. */
  readonly from: readonly string[];
  readonly spf: DmarcIdentifier | undefined;
  readonly dkim: readonly DmarcIdentifier[];
}

/** What came of it (RFC 8601 2.7.4, RFC 9989 9.2). */
export interface DmarcVerdict {
  /** `none`: no record applies; `permerror`: From names no domain, or too many. */
  readonly result: "pass" | "fail" | "none" | "temperror" | "permerror";
  /** The domain of From; empty when there is none. */
  readonly domain: string;
  /** What the record asks for where mail fails, be it a test or not. */
  readonly policy?: DmarcPolicy;
  /**
   * What is to be done with this message: `policy` when it fails, and a step milder when its owner tests; of a
   * `temperror` what would have to be done.
   */
  readonly disposition: DmarcPolicy;
  /** The record that applies, and the domain it stands at. */
  readonly record?: DmarcRecord;
  readonly recordDomain?: string;
  /** Whose pass counts; the second of two may be left out. */
  readonly aligned: { readonly spf: boolean; readonly dkim: boolean };
  /** In words, where it is not a pass. */
  readonly reason?: string;
}

/** Someone who names more domains in From than this wants us to be busy. */
const MAX_DOMAINS = 3;
const MILDER: Readonly<Record<DmarcPolicy, DmarcPolicy>> = {
  none: "none",
  quarantine: "none",
  reject: "quarantine",
};
const NOBODY = { spf: false, dkim: false };

/**
 * Checks a message, with what a walker has found so far; with several domains in From each of them, and the strictest verdict counts (RFC 9989 11.5). Never
 * rejects.
 */
export async function checkDmarc(
  request: DmarcRequest,
  resolver: Pick<Resolver, "txt">,
  walker: DmarcWalker = new DmarcWalker(resolver),
): Promise<DmarcVerdict> {
  const domains = [...new Set(request.from)];
  const [domain = ""] = domains;
  const unchecked = { result: "permerror", domain, aligned: NOBODY } as const;
  if (domains.length === 0) return { ...unchecked, disposition: "none", reason: "From names no domain" };
  // whose policy would be the strictest is not found out: nobody who means well does that
  const reason = `From names ${domains.length} domains`;
  if (domains.length > MAX_DOMAINS) return { ...unchecked, disposition: "reject", reason };
  const verdicts = await Promise.all(
    domains.map((domain) => checkDomain(domain, request, { walker, resolver })),
  );
  return verdicts.reduce((worst, next) => severity(next) > severity(worst) ? next : worst);
}

function severity({ result, disposition }: DmarcVerdict): number {
  if (result === "fail") return disposition === "reject" ? 5 : disposition === "quarantine" ? 3 : 2;
  return result === "temperror" ? 4 : result === "none" ? 1 : 0;
}

interface Tools {
  readonly walker: DmarcWalker;
  readonly resolver: Pick<Resolver, "txt">;
}

async function checkDomain(domain: string, request: DmarcRequest, tools: Tools): Promise<DmarcVerdict> {
  const verdict = { domain, disposition: "none", aligned: NOBODY } as const;
  const found = await discover(domain, tools);
  if (found === undefined) return { ...verdict, result: "none", reason: "no DMARC record" };
  if ("failure" in found) return { ...verdict, result: "temperror", reason: found.failure };
  const { record, policy, recordDomain } = found;
  const known = { ...verdict, record, policy, recordDomain };
  const { aligned, failure } = await alignment(domain, record, { request, tools });
  if (aligned.spf || aligned.dkim) return { ...known, aligned, result: "pass" };
  const disposition = record.testing ? MILDER[policy] : policy;
  // what could not be asked might have passed
  if (failure !== undefined) return { ...known, result: "temperror", disposition, reason: failure };
  return { ...known, result: "fail", disposition, reason: "neither SPF nor DKIM passes for this domain" };
}

interface Discovered {
  readonly record: DmarcRecord;
  readonly recordDomain: string;
  readonly policy: DmarcPolicy;
}

/** The record that applies to a domain: its own, else its organization's, else its public suffix's (RFC 9989 4.10.1). */
async function discover(
  domain: string,
  { walker, resolver }: Tools,
): Promise<Discovered | undefined | { readonly failure: string }> {
  const own = await walker.record(domain);
  if (own) {
    if ("failure" in own) return own;
    return own.p && { record: own, recordDomain: domain, policy: own.p };
  }
  const found = await walker.walk(domain);
  if ("failure" in found) return found;
  const organization = organizationIn(found, domain);
  const chosen = found.find((one) => one.domain === organization) ??
    found.find(({ record }) => record.psd === "y");
  if (!chosen?.record.p) return undefined;
  const { record, domain: recordDomain } = chosen;
  const { p, sp = p, np = sp } = { ...record, p: chosen.record.p };
  if (np === sp) return { record, recordDomain, policy: sp };
  const answer = await resolver.txt(domain);
  if (answer.kind === "temporaryFailure") return { failure: answer.why };
  return { record, recordDomain, policy: answer.kind === "nxdomain" ? np : sp };
}

/**
 * Whose domain is aligned with that of From (RFC 9989 4.4, 4.10.2); `failure`: the DNS could not tell of one. Once there
 * is a pass nothing more is asked.
 */
async function alignment(
  domain: string,
  { adkim, aspf }: DmarcRecord,
  { request: { spf, dkim }, tools: { walker } }: { request: DmarcRequest; tools: Tools },
): Promise<{ aligned: { spf: boolean; dkim: boolean }; failure?: string }> {
  const identifiers = [
    ...dkim.map((one) => ({ ...one, kind: "dkim" as const, mode: adkim })),
    ...(spf ? [{ ...spf, kind: "spf" as const, mode: aspf }] : []),
  ].filter(({ result }) => result === "pass" || result === "temperror");
  const same = (kind: "dkim" | "spf") =>
    identifiers.some((one) => one.kind === kind && one.result === "pass" && one.domain === domain);
  const aligned = { spf: same("spf"), dkim: same("dkim") };
  let failure: string | undefined;
  for (const { kind, result, domain: other, mode } of identifiers) {
    if (aligned.spf || aligned.dkim) return { aligned };
    const shared = other === domain || (mode === "r" && await shareOrganization(domain, other, walker));
    if (typeof shared === "object") failure ??= shared.failure;
    else if (shared && result === "pass") aligned[kind] = true;
    else if (shared) failure ??= `${kind === "spf" ? "SPF" : "DKIM"} of ${other} can't be checked now`;
  }
  return { aligned, ...(failure !== undefined && { failure }) };
}

async function shareOrganization(
  a: string,
  b: string,
  walker: DmarcWalker,
): Promise<boolean | { readonly failure: string }> {
  // no name above both: whatever the DNS says, they have no organization in common
  if (a.slice(a.lastIndexOf(".") + 1) !== b.slice(b.lastIndexOf(".") + 1)) return false;
  const first = await walker.organization(a);
  if (typeof first === "object") return first;
  // an organization that isn't above the other domain can't be its own
  if (b !== first && !b.endsWith(`.${first}`)) return false;
  const second = await walker.organization(b);
  return typeof second === "object" ? second : first === second;
}
