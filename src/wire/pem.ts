/** Certificates and their keys as PEM files hold them (RFC 7468): found, matched, put in order, or told what is wrong. */

import process from "node:process";
import type { KeyObject, X509Certificate } from "node:crypto";

/** A certificate (with its chain) and its key, both PEM. */
export interface TlsMaterial {
  /** The certificate, and those that signed it; other blocks are passed over, so that one text may hold all. */
  readonly cert: string;
  /** The private key, not encrypted; it may be the same text. */
  readonly key: string;
}

const BLOCK = /-----BEGIN ([A-Z0-9 ]+)-----[\s\S]*?-----END \1-----/g;
const KEYS = new Set(["PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY"]);

/** What can't be a certificate or a key, by the name of its block, in words. */
const OTHERS: Readonly<Record<string, string>> = {
  "TRUSTED CERTIFICATE":
    "a TRUSTED CERTIFICATE, which OpenSSL alone can read (openssl x509 -in FILE makes a CERTIFICATE of it)",
  "CERTIFICATE REQUEST": "a request for a certificate",
  "NEW CERTIFICATE REQUEST": "a request for a certificate",
  "PKCS7": "a PKCS#7 file (openssl pkcs7 -print_certs takes the certificates out)",
  "PUBLIC KEY": "a public key",
  "OPENSSH PRIVATE KEY": "a key of OpenSSH",
  "DSA PRIVATE KEY": "a DSA key",
};

/** The keys that TLS can be spoken with here. */
export const USABLE_KEYS = "RSA from 2048 bits on, EC on P-256, P-384 or P-521, or Ed25519";

interface Block {
  readonly label: string;
  readonly text: string;
}

/**
 * The certificate that belongs to the key, then those that signed it, in order, and the key, whatever else the texts
 * hold and in whatever order. Throws an error that says in words what is wrong.
 */
export function readPem({ cert, key }: TlsMaterial): TlsMaterial {
  const certificates = readCertificates(cert);
  const keys = readKeys(key);
  const pairs = certificates.flatMap((own) => {
    const fits = keys.find(({ parsed }) => own.parsed.checkPrivateKey(parsed));
    return fits ? [{ own, key: fits }] : [];
  });
  const signs = ({ parsed: { subject } }: Certificate) =>
    certificates.some(({ parsed }) => parsed.subject !== subject && parsed.issuer === subject);
  // where keys of those that signed are there too, the server is who signed none of the others
  const pair = pairs.find(({ own }) => !signs(own)) ?? pairs[0];
  if (!pair) throw new Error("the key does not belong to the certificate");
  return { cert: `${inOrder(pair.own, certificates).join("\n")}\n`, key: `${pair.key.text}\n` };
}

interface Certificate extends Block {
  readonly parsed: X509Certificate;
}

function readCertificates(text: string): Certificate[] {
  const blocks = blocksOf(text);
  const trusted = blocks.find(({ label }) => label === "TRUSTED CERTIFICATE");
  const found = blocks.filter(({ label }) => label === "CERTIFICATE");
  if (trusted || found.length === 0) {
    throw new Error(absence("certificate", text, trusted ? [trusted] : blocks));
  }
  const { X509Certificate } = process.getBuiltinModule("node:crypto");
  return found.map((block, n) => {
    try {
      return { ...block, parsed: new X509Certificate(block.text) };
    } catch (error) {
      const which = found.length === 1 ? "the certificate" : `certificate ${n + 1} of ${found.length}`;
      throw new Error(`${which} can't be read: ${(error as Error).message}`);
    }
  });
}

function readKeys(text: string): (Block & { parsed: KeyObject })[] {
  const blocks = blocksOf(text);
  const isEncrypted = ({ label, text }: Block) =>
    label === "ENCRYPTED PRIVATE KEY" || /^Proc-Type: 4,ENCRYPTED/m.test(text);
  const found = blocks.filter((block) => KEYS.has(block.label) && !isEncrypted(block));
  if (found.length === 0) {
    if (blocks.some(isEncrypted)) {
      throw new Error(
        "the key is encrypted, and nobody is there to type its password (openssl pkey -in FILE decrypts it)",
      );
    }
    throw new Error(absence("private key", text, blocks.filter(({ label }) => label !== "CERTIFICATE")));
  }
  const { createPrivateKey } = process.getBuiltinModule("node:crypto");
  const keys: (Block & { parsed: KeyObject })[] = [];
  let fault = "";
  for (const block of found) {
    try {
      keys.push({ ...block, parsed: createPrivateKey(block.text) });
    } catch (error) {
      fault = (error as Error).message;
    }
  }
  if (keys.length === 0) throw new Error(`the key can't be read (${fault}), expected ${USABLE_KEYS}`);
  return keys;
}

/** Why there is none. */
function absence(what: "certificate" | "private key", text: string, blocks: readonly Block[]): string {
  if (text.trim() === "") return `the file for the ${what} is empty`;
  const other = blocks.map(({ label }) => OTHERS[label]).find((words) => words !== undefined);
  if (other !== undefined) return `there is ${other} where the ${what} should be`;
  const isBinary = text.startsWith("0") && text.includes("\ufffd");
  if (isBinary) return `the ${what} is not PEM but binary (DER or PKCS#12); openssl converts it`;
  return `there is no ${what} in the file`;
}

function blocksOf(text: string): Block[] {
  // the old name of RFC 7468 5.3 means the same
  const blocks = text.replaceAll("X509 CERTIFICATE-----", "CERTIFICATE-----").matchAll(BLOCK);
  return [...blocks].map(([block, label]) => ({ label: label!, text: block }));
}

/** The own one first, then always the one that signed the last (RFC 5246 7.4.2), then those that are left. */
function inOrder(own: Certificate, all: readonly Certificate[]): string[] {
  const left = new Set(all);
  const chain: string[] = [];
  for (let next: Certificate | undefined = own; next;) {
    chain.push(next.text);
    left.delete(next);
    const { issuer }: X509Certificate = next.parsed;
    next = issuer ? [...left].find(({ parsed }) => parsed.subject === issuer) : undefined;
  }
  return [...chain, ...[...left].map(({ text }) => text)];
}

const NAMES: Readonly<Record<string, string>> = {
  "rsa-pss": "RSA-PSS",
  ed25519: "Ed25519",
  ed448: "Ed448",
  dsa: "DSA",
};

/** What kind of key it is, as people call it: `RSA with 1024 bits`. */
export function keyKind(key: string): string {
  try {
    const parsed = process.getBuiltinModule("node:crypto").createPrivateKey(key);
    const { asymmetricKeyType: type = "", asymmetricKeyDetails: details } = parsed;
    if (type === "rsa") return `RSA with ${details?.modulusLength} bits`;
    if (type === "ec") return `EC on ${details?.namedCurve}`;
    return NAMES[type] ?? type;
  } catch {
    return "an unknown kind";
  }
}
