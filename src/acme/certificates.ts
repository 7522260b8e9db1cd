/** The certificates of ACME as octets: the request for one, the one that proves a name, the id of one (RFC 9773). */

import process from "node:process";
import { encode } from "../base/bytes.ts";
import { base64url, sha256 } from "./account_key.ts";

const KIND = { name: "ECDSA", namedCurve: "P-256" } as const;
const SIGNING = { name: "ECDSA", hash: "SHA-256" } as const;
/** acmeIdentifier (RFC 8737 3). */
const ACME_IDENTIFIER = "1.3.6.1.5.5.7.1.31";
const AUTHORITY_KEY_IDENTIFIER = "2.5.29.35";
/** What clocks may be behind. */
const GRACE_MS = 3600_000;

/** Loaded when a certificate is wanted, which is rare: it takes a fifth of a second. */
const library = () => import("@peculiar/x509");

/** A key, and the request for its certificate (PKCS#10). */
export interface CertificateRequest {
  readonly der: Uint8Array;
  /** PEM, PKCS#8. */
  readonly key: string;
}

/** Makes a key on P-256 and asks for its certificate. */
export async function makeRequest(names: readonly string[]): Promise<CertificateRequest> {
  const { Pkcs10CertificateRequestGenerator, SubjectAlternativeNameExtension } = await library();
  const keys = await crypto.subtle.generateKey(KIND, true, ["sign", "verify"]);
  const request = await Pkcs10CertificateRequestGenerator.create({
    keys,
    signingAlgorithm: SIGNING,
    extensions: [
      new SubjectAlternativeNameExtension(names.map((value) => ({ type: "dns" as const, value }))),
    ],
  });
  const pkcs8 = new Uint8Array(await crypto.subtle.exportKey("pkcs8", keys.privateKey));
  return { der: new Uint8Array(request.rawData), key: pem("PRIVATE KEY", pkcs8) };
}

/** What shows on a TLS connection that an account asked for a name (RFC 8737 3). */
export interface ProofCertificate {
  readonly der: Uint8Array;
  /** Signs for it, by ECDSA on P-256. */
  readonly key: CryptoKey;
}

/** Makes it; its key is thrown away with it. */
export async function makeProof(name: string, authorization: string, now: number): Promise<ProofCertificate> {
  const { Extension, SubjectAlternativeNameExtension, X509CertificateGenerator } = await library();
  const keys = await crypto.subtle.generateKey(KIND, false, ["sign", "verify"]);
  const digest = await sha256(encode(authorization));
  const certificate = await X509CertificateGenerator.createSelfSigned({
    name: "CN=ACME proof",
    keys,
    serialNumber: "01",
    notBefore: new Date(now - GRACE_MS),
    notAfter: new Date(now + 24 * GRACE_MS),
    signingAlgorithm: SIGNING,
    extensions: [
      new SubjectAlternativeNameExtension([{ type: "dns", value: name }]),
      // critical, an OCTET STRING within
      new Extension(ACME_IDENTIFIER, true, Uint8Array.of(4, digest.length, ...digest)),
    ],
  });
  return { der: new Uint8Array(certificate.rawData), key: keys.privateKey };
}

/** The id by which an authority knows a certificate (RFC 9773 4.1); undefined: it does not name its signer's key. */
export async function certificateId(chain: string): Promise<string | undefined> {
  const { AuthorityKeyIdentifierExtension, X509Certificate } = await library();
  const certificate = new X509Certificate(chain);
  const signer = certificate.getExtension<InstanceType<typeof AuthorityKeyIdentifierExtension>>(
    AUTHORITY_KEY_IDENTIFIER,
  )?.keyId;
  if (signer === undefined) return undefined;
  // the library leaves out the octet that keeps a number from being negative
  const serial = certificate.serialNumber;
  const octets = Uint8Array.fromHex(/^[89a-f]/i.test(serial) ? `00${serial}` : serial);
  return `${base64url(Uint8Array.fromHex(signer))}.${base64url(octets)}`;
}

/** What is needed of a certificate to know when to renew it. */
export interface CertificateFacts {
  /** In lower case. */
  readonly names: readonly string[];
  /** Milliseconds since 1970. */
  readonly from: number;
  readonly to: number;
}

/** Reads the first certificate of a chain; throws when there is none. */
export function certificateFacts(chain: string): CertificateFacts {
  const certificate = new (process.getBuiltinModule("node:crypto").X509Certificate)(chain);
  const { subjectAltName = "", validFrom, validTo } = certificate;
  return {
    names: subjectAltName.split(", ").map((name) => name.replace(/^DNS:/, "").toLowerCase()),
    from: Date.parse(validFrom),
    to: Date.parse(validTo),
  };
}

/** RFC 7468. */
function pem(label: string, der: Uint8Array): string {
  const lines = der.toBase64().match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join("\n")}\n-----END ${label}-----\n`;
}
