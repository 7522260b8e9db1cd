/** The certificates that are trusted beside the built-in ones: those of the files that `DENO_CERT` and `NODE_EXTRA_CA_CERTS` name. */

import process from "node:process";
import type { Journal } from "../observe/journal.ts";

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/**
 * All trusted certificates, PEM, one each: `node:tls` on Deno hears of neither variable. Undefined when no variable names
 * a file: then the built-in ones are right.
 */
export function trustedRoots(
  variable: (name: string) => string | undefined,
  journal: Journal,
): string[] | undefined {
  const further: string[] = [];
  for (const name of ["DENO_CERT", "NODE_EXTRA_CA_CERTS"]) {
    const path = variable(name);
    if (path === undefined || path === "") continue;
    try {
      further.push(...Deno.readTextFileSync(path).match(CERTIFICATE) ?? []);
    } catch (error) {
      journal.note("ERROR", "certificates to trust can't be read", {
        variable: name,
        path,
        error: String(error),
      });
    }
  }
  if (further.length === 0) return undefined;
  return [...process.getBuiltinModule("node:tls").rootCertificates, ...further];
}

/** A variable of the environment; undefined where it may not be read. */
export function environmentVariable(name: string): string | undefined {
  try {
    return Deno.env.get(name);
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) return undefined;
    throw error;
  }
}
