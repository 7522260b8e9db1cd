/** TLSA records against a peer's certificates (RFC 6698, 7671, 7672 3): which can be used, and whether one fits. */

import process from "node:process";
import type { KeyObject, X509Certificate } from "node:crypto";
import { Buffer } from "node:buffer";
import type { TlsaRecord } from "../dns/resolver.ts";
import type { DaneDemand } from "./demand.ts";

/** RFC 7672 3.1: those of an authority, and of the server itself. */
const DANE_TA = 2;
const DANE_EE = 3;
/** RFC 7671 9: the stronger the later; the number is the matching type. */
const DIGESTS: readonly { readonly type: number; readonly name: string; readonly octets: number }[] = [
  { type: 1, name: "sha256", octets: 32 },
  { type: 2, name: "sha512", octets: 64 },
];
const MAX_PATH = 8;

/**
 * The records that can be used for SMTP (RFC 7672 3.1): of an authority or the server itself, of a kind and form that is
 * known. Of the digests of a usage and selector the strongest alone counts (RFC 7671 9).
 */
export function usableRecords(records: readonly TlsaRecord[]): TlsaRecord[] {
  const usable = records.filter(isUsable);
  return usable.filter(({ usage, selector, matchingType }) =>
    matchingType === 0 ||
    !usable.some((other) =>
      other.usage === usage && other.selector === selector && other.matchingType > matchingType
    )
  );
}

function isUsable({ usage, selector, matchingType, data }: TlsaRecord): boolean {
  if (usage !== DANE_TA && usage !== DANE_EE) return false;
  if (selector !== 0 && selector !== 1) return false;
  if (matchingType !== 0) {
    return DIGESTS.some(({ type, octets }) => type === matchingType && octets === data.length);
  }
  return selector === 0 ? parsed(data) !== undefined : keyOf(data) !== undefined;
}

/**
 * Judges the certificates of a peer (DER, as it sent them) by records that can be used: undefined when one of these fits,
 * else a clause that says what is wrong. `now`: milliseconds since 1970.
 */
export function daneFault(
  chain: readonly Uint8Array[],
  { records, names }: Pick<DaneDemand, "records" | "names">,
  now: number,
): string | undefined {
  const certificates = chain.map(parsed).filter((one) => one !== undefined);
  const [leaf] = certificates;
  if (!leaf) return "it showed no certificate that can be read";
  // names and dates don't count (RFC 7672 3.1.1)
  if (records.some((record) => record.usage === DANE_EE && fits(leaf, record))) return undefined;
  const authorities = records.filter(({ usage }) => usage === DANE_TA);
  if (authorities.length === 0 || !leadsTo(leaf, certificates.slice(1), { authorities, now })) {
    return "its TLSA records name other certificates";
  }
  if (!isValid(leaf, now)) return `its certificate is not valid now, but from ${datesOf(leaf)}`;
  if (names.some((name) => isFor(leaf, name))) return undefined;
  return `its certificate is for ${leaf.subjectAltName ?? leaf.subject}, not for ${names.join(" or ")}`;
}

interface Trust {
  readonly authorities: readonly TlsaRecord[];
  readonly now: number;
}

/**
 * Is there a path from the certificate to an authority that a record names? It may be one that the peer sent, or one
 * that stands in the record itself, as a certificate or as a key. The server's own key is no authority (RFC 7672 3.1.2).
 */
function leadsTo(leaf: X509Certificate, sent: readonly X509Certificate[], trust: Trust): boolean {
  const whole = trust.authorities.filter(({ matchingType }) => matchingType === 0);
  const given = whole.filter(({ selector }) => selector === 0).map(({ data }) => parsed(data)!);
  const keys = whole.filter(({ selector }) => selector === 1).map(({ data }) => keyOf(data)!);
  const known = [...sent, ...given];
  const visited = new Set<X509Certificate>();
  function climb(from: X509Certificate, steps: number): boolean {
    if (keys.some((key) => isSignedBy(from, key))) return true;
    if (steps === MAX_PATH) return false;
    return known.some((issuer) => {
      if (visited.has(issuer) || !isIssuer(issuer, from) || !isValid(issuer, trust.now)) return false;
      visited.add(issuer);
      return trust.authorities.some((record) => fits(issuer, record)) || climb(issuer, steps + 1);
    });
  }
  return climb(leaf, 0);
}

function isIssuer(issuer: X509Certificate, of: X509Certificate): boolean {
  try {
    return issuer.ca && of.checkIssued(issuer) && isSignedBy(of, issuer.publicKey);
  } catch {
    return false;
  }
}

function isSignedBy(certificate: X509Certificate, key: KeyObject): boolean {
  try {
    return certificate.verify(key);
  } catch {
    return false; // a key of another kind than the signature
  }
}

function fits(certificate: X509Certificate, { selector, matchingType, data }: TlsaRecord): boolean {
  const selected = selector === 0
    ? certificate.raw
    // `pubkey` of the TLS library is the bare point where the key is an EC one
    : certificate.publicKey.export({ type: "spki", format: "der" });
  const digest = DIGESTS.find(({ type }) => type === matchingType);
  const { createHash } = process.getBuiltinModule("node:crypto");
  const wanted = digest ? createHash(digest.name).update(selected).digest() : selected;
  return wanted.equals(data);
}

function isValid(certificate: X509Certificate, now: number): boolean {
  return Date.parse(certificate.validFrom) <= now && now <= Date.parse(certificate.validTo);
}

function datesOf({ validFrom, validTo }: X509Certificate): string {
  return [validFrom, validTo].map((text) => new Date(text).toISOString()).join(" to ");
}

/** `checkHost` of a certificate knows no wildcards here. */
function isFor({ subject, subjectAltName: subjectaltname }: X509Certificate, name: string): boolean {
  const { checkServerIdentity } = process.getBuiltinModule("node:tls");
  const CN = /^CN=(.*)$/m.exec(subject)?.[1];
  const peer = { subject: { CN }, subjectaltname } as Parameters<typeof checkServerIdentity>[1];
  return checkServerIdentity(name, peer) === undefined;
}

function parsed(der: Uint8Array): X509Certificate | undefined {
  const { X509Certificate } = process.getBuiltinModule("node:crypto");
  try {
    return new X509Certificate(Buffer.from(der));
  } catch {
    return undefined;
  }
}

function keyOf(der: Uint8Array): KeyObject | undefined {
  const { createPublicKey } = process.getBuiltinModule("node:crypto");
  try {
    return createPublicKey({ key: Buffer.from(der), format: "der", type: "spki" });
  } catch {
    return undefined;
  }
}
