/** Public keys of signers: their records in the DNS, and what they verify (RFC 6376 3.6, 6.1.2; RFC 8301 3.2; RFC 8463). */

import { Buffer } from "node:buffer";
import { createHash, createPublicKey, type KeyObject, verify } from "node:crypto";
import { concat, octetsOf } from "../base/bytes.ts";
import type { Resolver } from "../dns/resolver.ts";
import { type Refusal, refusal } from "./dkim_result.ts";
import type { Algorithm } from "./dkim_signature.ts";
import { octetsOfTag, parseTags, splitList } from "./dkim_tags.ts";

/** A signer's public key. */
export interface PublicKey {
  readonly key: KeyObject;
  readonly bits: number;
  /** `t=y`: the signer tests only. */
  readonly testing: boolean;
  /** `t=s`: `i=` must be of the very domain of `d=`. */
  readonly strict: boolean;
}

/** RFC 8301 3.2: fewer may not pass. More than the 4,096 that must be taken the platform can't read. */
const MIN_BITS = 1024;
/** A name with more records than this is nobody's key. */
const MAX_RECORDS = 8;
/** What stands before the 32 octets of a key in its SPKI form (RFC 8410 4). */
const ED25519 = Uint8Array.fromHex("302a300506032b6570032100");

/** The keys of a selector that may verify by this algorithm: one, as a rule. Never rejects. */
export async function findKeys(
  of: { readonly selector: string; readonly domain: string; readonly algorithm: Algorithm },
  resolver: Pick<Resolver, "txt">,
): Promise<readonly PublicKey[] | Refusal> {
  const found = await resolver.txt(`${of.selector}._domainkey.${of.domain}`);
  if (found.kind === "temporaryFailure") return refusal("temperror", "the key could not be asked for");
  if (found.kind !== "found") return refusal("permerror", "no key");
  const all = found.records.slice(0, MAX_RECORDS).map((record) => readKey(record, of.algorithm));
  const keys = all.filter((one): one is PublicKey => !("result" in one));
  if (keys.length > 0) return keys;
  // a text that is no key at all may stand beside one that tells why
  return all.find((one): one is Refusal => one !== NO_KEY) ?? NO_KEY;
}

const NO_KEY = refusal("permerror", "the record is no key");

/** Reads a key record for signatures by this algorithm. */
export function readKey(record: string, algorithm: Algorithm): PublicKey | Refusal {
  const tags = parseTags(record);
  const p = tags?.get("p");
  if (!tags || p === undefined) return NO_KEY;
  // RFC 6376 3.6.1: where it is, it is the first one
  if (tags.has("v") && ([...tags.keys()][0] !== "v" || tags.get("v") !== "DKIM1")) return NO_KEY;
  if (p === "") return refusal("permerror", "the key is revoked");
  const kind = tags.get("k") ?? "rsa";
  if (kind !== algorithm.slice(0, algorithm.indexOf("-"))) {
    return refusal("permerror", "the key is for another algorithm");
  }
  if (tags.has("h") && !splitList(tags.get("h")!).includes("sha256")) {
    return refusal("permerror", "the key is for another hash");
  }
  if (tags.has("s") && !splitList(tags.get("s")!).some((service) => service === "*" || service === "email")) {
    return refusal("permerror", "the key is not for mail");
  }
  const flags = splitList(tags.get("t") ?? "");
  const octets = octetsOfTag(p);
  const key = octets && (kind === "rsa" ? rsaKey(octets) : ed25519Key(octets));
  if (!key) return refusal("permerror", "the key can't be read");
  const bits = key.asymmetricKeyDetails?.modulusLength ?? 256;
  if (kind === "rsa" && bits < MIN_BITS) {
    return refusal("policy", `an RSA key of ${bits} bits is no longer trusted`);
  }
  return { key, bits, testing: flags.includes("y"), strict: flags.includes("s") };
}

/** Does the key say that this header was signed? */
export function isSignedBy(
  { key }: PublicKey,
  of: { readonly header: string; readonly algorithm: Algorithm; readonly signature: Uint8Array },
): boolean {
  try {
    if (of.algorithm === "rsa-sha256") {
      return verify("sha256", octetsOf(of.header), key, of.signature);
    }
    const digest = createHash("sha256").update(of.header, "latin1").digest();
    return verify(null, digest, key, of.signature);
  } catch {
    // a signature of another length, a key that the platform can't use
    return false;
  }
}

/** SPKI as all write it, or the bare key, as RFC 6376 3.6.1 has it. */
function rsaKey(octets: Uint8Array): KeyObject | undefined {
  for (const type of ["spki", "pkcs1"] as const) {
    try {
      const key = createPublicKey({ key: Buffer.from(octets), format: "der", type });
      if (key.asymmetricKeyType === "rsa") return key;
    } catch {
      // the other form, or none
    }
  }
  return undefined;
}

function ed25519Key(octets: Uint8Array): KeyObject | undefined {
  if (octets.length !== 32) return undefined;
  try {
    return createPublicKey({ key: Buffer.from(concat([ED25519, octets])), format: "der", type: "spki" });
  } catch {
    return undefined;
  }
}
