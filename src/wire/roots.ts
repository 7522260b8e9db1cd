/** The certificates to trust, where the environment names more than the built-in ones. */

import { nodeTls } from "./tls_conn.ts";

const FURTHER = "NODE_EXTRA_CA_CERTS";
const CERTIFICATE = /-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g;

/**
 * Has node:tls trust what `DENO_CERT` names, too; to be called before it is loaded. Deno gives nobody its list of roots
 * unless all of `--allow-sys` is granted, so that {@linkcode trustedRoots} alone would need that.
 */
export function heedDenoCert(): void {
  const file = Deno.env.get("DENO_CERT");
  if (file && !Deno.env.get(FURTHER)) Deno.env.set(FURTHER, file);
}

/**
 * All that are trusted where `DENO_CERT` names further ones, which node:tls does not hear of (what NODE_EXTRA_CA_CERTS
 * names it takes by itself); undefined: the library knows all. Throws when the file can't be read.
 */
export function trustedRoots(): string[] | undefined {
  const file = Deno.env.get("DENO_CERT");
  if (file === undefined || file === "" || file === Deno.env.get(FURTHER)) return undefined;
  const further = Deno.readTextFileSync(file).match(CERTIFICATE) ?? [];
  return [...nodeTls().getCACertificates("default"), ...further];
}
