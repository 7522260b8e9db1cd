/** The certificate that the server makes for itself: for which names, and whether one is good for them. */

import { isIP } from "node:net";
import process from "node:process";
import type { Config } from "../config/config.ts";
import type { TlsMaterial } from "../wire/tls.ts";

const LIFE_MS = 365 * 24 * 3600_000;
/** What clocks may be behind. */
const GRACE_MS = 3600_000;
/** RFC 5280 4.2.1.6: kinds of names. */
const DNS_NAME = 2;
const IP_ADDRESS = 7;

/**
 * The names and addresses that clients may know the server by: its own name, this machine, and what it listens on
 * (`0.0.0.0` and `::` are nobody's address).
 */
export function namesOf({ hostname, listen }: Config): string[] {
  const heard = Object.values(listen).flat().map((endpoint) => endpoint.hostname);
  const names = [hostname, "localhost", "127.0.0.1", "::1", ...heard].map((name) => name.toLowerCase());
  return [...new Set(names)].filter((name) => name !== "0.0.0.0" && name !== "::");
}

/** Is the certificate made for just these names? */
export function isGoodFor(cert: string, names: readonly string[]): boolean {
  const { subjectAltName = "" } = new (process.getBuiltinModule("node:crypto").X509Certificate)(cert);
  const there = subjectAltName.split(", ").map((one) => canonical(one.replace(/^(?:DNS|IP Address):/, "")));
  return there.length === names.length && new Set(names.map(canonical)).isSubsetOf(new Set(there));
}

/** One form of an address. */
function canonical(name: string): string {
  return isIP(name) === 6 ? new URL(`http://[${name}]`).hostname : name.toLowerCase();
}

/** Makes a certificate (P-256) that vouches for itself; the first name is its subject. */
export async function selfSigned(
  names: readonly string[],
  now: number,
  lifeMs = LIFE_MS,
): Promise<TlsMaterial> {
  // Only the first start needs it, and it takes longer to load than everything else together.
  const { generate } = await import("selfsigned");
  // X.520 allows a common name 64 characters
  const subject = names.find((name) => name.length <= 64)!;
  const made = await generate([{ name: "commonName", value: subject }], {
    keyType: "ec",
    curve: "P-256",
    algorithm: "sha256",
    notBeforeDate: new Date(now - GRACE_MS),
    notAfterDate: new Date(now + lifeMs),
    extensions: [{
      name: "subjectAltName",
      altNames: names.map((name) =>
        isIP(name) ? { type: IP_ADDRESS, ip: name } : { type: DNS_NAME, value: name }
      ),
    }],
  });
  return { cert: made.cert, key: made.private };
}
