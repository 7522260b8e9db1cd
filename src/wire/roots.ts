/** The certificates to trust, where the environment names more than the built-in ones. */

import { nodeTls } from "./tls_conn.ts";

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g;

/**
 * All that are trusted where `DENO_CERT` names further ones, which node:tls does not hear of (what NODE_EXTRA_CA_CERTS
 * names it takes by itself); undefined: the library knows all. Throws when the file can't be read.
 */
export function trustedRoots(): string[] | undefined {
  const file = Deno.env.get("DENO_CERT");
  if (file === undefined || file === "") return undefined;
  const further = Deno.readTextFileSync(file).match(CERTIFICATE) ?? [];
  return [...nodeTls().getCACertificates("default"), ...further];
}
