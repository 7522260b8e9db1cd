/** The DKIM-Signature field, read and judged by itself (RFC 6376 3.5, 6.1.1; RFC 8301; RFC 8463; RFC 8616). */

import { decode, octetsOf } from "../base/bytes.ts";
import { isDnsName } from "../dns/names.ts";
import { normalizeDomain } from "../mail/domain.ts";
import { type Canonicalization, type RawField, valueOf } from "./dkim_header.ts";
import { type DkimResult, type Refusal, refusal } from "./dkim_result.ts";
import { numberOfTag, octetsOfTag, parseTags, splitList, type TagList } from "./dkim_tags.ts";

/** The algorithms that signatures are verified and made by. */
export type Algorithm = "rsa-sha256" | "ed25519-sha256";

/** A signature that may be verified. */
export interface Signature {
  readonly field: RawField;
  readonly algorithm: Algorithm;
  readonly headerForm: Canonicalization;
  readonly bodyForm: Canonicalization;
  readonly domain: string;
  readonly selector: string;
  /** The domain of `i=`. */
  readonly identityDomain: string;
  /** The names of `h=`, as they were written. */
  readonly names: readonly string[];
  readonly bodyHash: Uint8Array;
  readonly signature: Uint8Array;
  /** `l=`: so many octets of the body are signed. */
  readonly limit?: number;
}

/** A field that was read: what it names in any case, and the signature or why it can't be verified. */
export interface ReadSignature {
  readonly named: Omit<DkimResult, "result">;
  readonly signature: Signature | Refusal;
}

/** Clocks differ: a signature may be so much from the future, in seconds. */
const MAX_AHEAD = 300;
const FORM = /^(simple|relaxed)(?:\/(simple|relaxed))?$/i;
const START = 8;

/** Reads a DKIM-Signature field; `now` in milliseconds since 1970. */
export function readSignature(field: RawField, now: number): ReadSignature {
  const tags = tagsOf(field);
  if (!tags) return { named: {}, signature: refusal("neutral", "not a list of tags") };
  const named = namedIn(tags);
  if (tags.get("v") !== "1") {
    const reason = tags.has("v") ? "not of version 1" : "without a version";
    return { named, signature: refusal("neutral", reason) };
  }
  const identity = identityOf(tags);
  const signature = signatureOf(field, tags, now);
  if ("result" in signature) return { named, signature };
  const { domain } = signature;
  if (identity === undefined) return { named, signature: refusal("neutral", "i= is no address") };
  const identityDomain = identity.domain ?? domain;
  if (identityDomain !== domain && !identityDomain.endsWith(`.${domain}`)) {
    return { named, signature: refusal("permerror", "i= is not within d=") };
  }
  if (signature.names.some((name) => !/^[!-9<-~]+$/.test(name))) {
    return { named, signature: refusal("neutral", "h= is no list of fields") };
  }
  if (!signature.names.some((name) => name.toLowerCase() === "from")) {
    return { named, signature: refusal("permerror", "From is not signed") };
  }
  return {
    named: { ...named, identity: `${identity.local}@${identityDomain}` },
    signature: { ...signature, identityDomain },
  };
}

/** The tags of a signature's field, U-labels and all. */
export function tagsOf(field: RawField): TagList | undefined {
  return parseTags(decode(octetsOf(valueOf(field))));
}

/** What a signature names, as far as it can be read. */
export function namedIn(tags: TagList): Omit<DkimResult, "result"> {
  const domain = normalizeDomain(tags.get("d") ?? "");
  const selector = normalizeDomain(tags.get("s") ?? "");
  const algorithm = tags.get("a")?.toLowerCase();
  const start = tags.get("b")?.replace(/[ \t\r\n]+/g, "").slice(0, START);
  return {
    ...(domain !== undefined && { domain }),
    ...(selector !== undefined && { selector }),
    ...(algorithm !== undefined && /^[a-z0-9-]+$/.test(algorithm) && { algorithm }),
    ...(start !== undefined && /^[A-Za-z0-9+/]+=*$/.test(start) && { start }),
  };
}

/** The tags that DKIM-Signature and ARC-Message-Signature have in common (RFC 8617 4.1.2), all but `v=` and `i=`. */
export function signatureOf(
  field: RawField,
  tags: TagList,
  now: number,
): Omit<Signature, "identityDomain"> | Refusal {
  const key = keyTags(tags, now);
  if ("result" in key) return key;
  const forms = FORM.exec(tags.get("c") ?? "simple/simple");
  if (!forms) return refusal("neutral", "c= is no known canonicalization");
  const bodyHash = octetsOfTag(tags.get("bh") ?? "");
  if (bodyHash === undefined || bodyHash.length === 0) return refusal("neutral", "bh= is no hash");
  if (!tags.has("h")) return refusal("neutral", "h= is missing");
  const limit = tags.has("l") ? numberOfTag(tags.get("l")!) : undefined;
  if (tags.has("l") && limit === undefined) return refusal("neutral", "l= is no number");
  if (tags.has("q") && !splitList(tags.get("q")!.toLowerCase()).includes("dns/txt")) {
    return refusal("neutral", "q= names no known method");
  }
  return {
    field,
    ...key,
    headerForm: formOf(forms[1]),
    bodyForm: formOf(forms[2]),
    names: splitList(tags.get("h")!),
    bodyHash,
    ...(limit !== undefined && { limit }),
  };
}

/** The tags that ARC-Seal has, too: whose key, by which algorithm, and when. */
export function keyTags(
  tags: TagList,
  now: number,
): Pick<Signature, "algorithm" | "domain" | "selector" | "signature"> | Refusal {
  const algorithm = (tags.get("a") ?? "").toLowerCase();
  if (algorithm === "rsa-sha1") return refusal("policy", "rsa-sha1 is no longer trusted");
  if (algorithm !== "rsa-sha256" && algorithm !== "ed25519-sha256") {
    return refusal("neutral", "a= is no known algorithm");
  }
  const { domain, selector } = namedIn(tags);
  if (domain === undefined) return refusal("neutral", "d= is no domain");
  if (selector === undefined || !isDnsName(`${selector}._domainkey.${domain}`)) {
    return refusal("neutral", "s= is no selector");
  }
  const signature = octetsOfTag(tags.get("b") ?? "");
  if (signature === undefined || signature.length === 0) return refusal("neutral", "b= is no signature");
  return inTime(tags, now) ?? { algorithm, domain, selector, signature };
}

/** `t=` and `x=`, in seconds since 1970. */
function inTime(tags: TagList, now: number): Refusal | undefined {
  const [made, over] = [tags.get("t"), tags.get("x")].map((tag) =>
    tag === undefined ? undefined : numberOfTag(tag) ?? NaN
  );
  if (Number.isNaN(made) || Number.isNaN(over)) return refusal("neutral", "t= or x= is no time");
  if (made !== undefined && over !== undefined && over <= made) {
    return refusal("neutral", "x= is not behind t=");
  }
  if (over !== undefined && over * 1000 <= now) return refusal("policy", "the signature is over");
  if (made !== undefined && made * 1000 > now + MAX_AHEAD * 1000) {
    return refusal("policy", "the signature is from the future");
  }
  return undefined;
}

/** `i=`: an address in quoted-printable; its domain is absent when there is none (RFC 6376 2.11, 3.5). */
function identityOf(tags: TagList): { local: string; domain?: string } | undefined {
  const value = tags.get("i");
  if (value === undefined) return { local: "" };
  const at = value.lastIndexOf("@");
  const domain = at < 0 ? undefined : normalizeDomain(value.slice(at + 1));
  if (domain === undefined) return undefined;
  const octets = new TextEncoder().encode(value.slice(0, at).replace(/[ \t\r\n]+/g, ""));
  const plain: number[] = [];
  for (let i = 0; i < octets.length; i++) {
    const hex = octets[i] === 61 ? String.fromCharCode(...octets.subarray(i + 1, i + 3)) : "";
    if (octets[i] === 61 && !/^[0-9A-F]{2}$/i.test(hex)) return undefined;
    plain.push(hex === "" ? octets[i]! : parseInt(hex, 16));
    if (hex !== "") i += 2;
  }
  return { local: decode(Uint8Array.from(plain)), domain };
}

function formOf(text: string | undefined): Canonicalization {
  return text?.toLowerCase() === "relaxed" ? "relaxed" : "simple";
}
