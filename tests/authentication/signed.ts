/** Messages signed as a test wants them, rightly or not: what `src` would never sign. */

import { createHash, generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { Buffer } from "node:buffer";
import { rawFields, selectFields, signedHeader } from "../../src/authentication/dkim_header.ts";

/** A pair of keys, and the record of the public one. */
export interface Pair {
  readonly privateKey: KeyObject;
  readonly record: string;
}

/** RSA of so many bits. */
export function rsaPair(bits: number): Pair {
  const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: bits });
  const spki = publicKey.export({ type: "spki", format: "der" });
  return { privateKey, record: `v=DKIM1; k=rsa; p=${spki.toString("base64")}` };
}

/** Ed25519. */
export function ed25519Pair(): Pair {
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  const raw = publicKey.export({ type: "spki", format: "der" }).subarray(-32);
  return { privateKey, record: `v=DKIM1; k=ed25519; p=${raw.toString("base64")}` };
}

/** The usual header section and body of a test's message. */
export const HEADER = "From: Brain <brain@ex.test>\r\nTo: pinky@other.test\r\nSubject: Narf\r\n";
export const BODY = "Zort\r\n";

/** SHA-256 in base64. */
export function bodyHash(body: string): string {
  return createHash("sha256").update(body, "latin1").digest("base64");
}

/**
 * Puts a field with these tags over a header section, signed; `b=` comes last. The body's hash is the tags' own
 * business. Octets are characters. `all`: it covers the header section as it stands, as seals do.
 */
export function signedWith(
  pair: Pair,
  tags: string,
  { header = HEADER, name = "DKIM-Signature", form = "relaxed", hash = "sha256", all = false } = {},
): string {
  const field = `${name}: ${tags}; b=`;
  const fields = rawFields(Buffer.from(`${field}\r\n${header}\r\n`, "latin1"));
  const own = fields[0]!;
  const names = /(?:^|;)\s*h=([^;]*)/.exec(tags)?.[1]?.split(":") ?? [];
  const text = signedHeader(all ? fields.slice(1) : selectFields(fields, names, own), {
    own,
    form: form as "simple" | "relaxed",
  });
  const octets = Buffer.from(text, "latin1");
  const signature = pair.privateKey.asymmetricKeyType === "ed25519"
    ? sign(null, createHash("sha256").update(octets).digest(), pair.privateKey)
    : sign(hash, octets, pair.privateKey);
  return `${field}${signature.toString("base64")}\r\n${header}`;
}
