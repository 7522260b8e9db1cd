/** The channel binding `tls-server-end-point` (RFC 5929 4): the hash of a server's certificate. */

import process from "node:process";

const SEQUENCE = 0x30;
const OBJECT_IDENTIFIER = 0x06;

/**
 * The hash to use by the algorithm that the certificate is signed with, its identifier in hexadecimal. MD5 and SHA-1
 * are replaced by SHA-256; an algorithm with no hash of its own (Ed25519) or with parameters has no binding.
 */
const HASHES: Readonly<Record<string, string>> = {
  "2a864886f70d010104": "sha256", // md5WithRSAEncryption
  "2a864886f70d010105": "sha256", // sha1WithRSAEncryption
  "2a864886f70d01010b": "sha256",
  "2a864886f70d01010c": "sha384",
  "2a864886f70d01010d": "sha512",
  "2a8648ce3d0401": "sha256", // ecdsa-with-SHA1
  "2a8648ce3d040302": "sha256",
  "2a8648ce3d040303": "sha384",
  "2a8648ce3d040304": "sha512",
};

/** The binding for a certificate in PEM (the first one of a chain); undefined when it has none. */
export function serverEndPoint(pem: string): Uint8Array | undefined {
  const { X509Certificate, createHash } = process.getBuiltinModule("node:crypto");
  const der = new Uint8Array(new X509Certificate(pem).raw);
  const hash = HASHES[signatureAlgorithm(der) ?? ""];
  return hash === undefined ? undefined : new Uint8Array(createHash(hash).update(der).digest());
}

/** RFC 5280 4.1: a certificate is a sequence of what is signed, the algorithm (a sequence), and the signature. */
function signatureAlgorithm(der: Uint8Array): string | undefined {
  const whole = element(der, 0, SEQUENCE);
  const signed = whole && element(der, whole.start, SEQUENCE);
  const algorithm = signed && element(der, signed.end, SEQUENCE);
  const id = algorithm && element(der, algorithm.start, OBJECT_IDENTIFIER);
  return id && der.subarray(id.start, id.end).toHex();
}

/** Where the content of the DER element at an offset begins and ends; undefined when it is another one. */
function element(der: Uint8Array, at: number, tag: number): { start: number; end: number } | undefined {
  let length = der[at + 1];
  if (der[at] !== tag || length === undefined) return undefined;
  let start = at + 2;
  if (length >= 0x80) {
    const octets = length - 0x80;
    length = 0;
    for (let i = 0; i < octets; i++) length = length * 256 + (der[start++] ?? 0);
  }
  return { start, end: start + length };
}
