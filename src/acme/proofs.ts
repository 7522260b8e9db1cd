/** What is shown to a certificate authority that looks whether a name is ours. */

import type { ProofCertificate } from "./certificates.ts";

/** Where HTTP-01 looks (RFC 8555 8.3). */
export const PROOF_PATH = "/.well-known/acme-challenge/";
/** How the two ways to prove a name are called. */
export type ProofMethod = "http-01" | "tls-alpn-01";

/** The proofs that are looked for now. */
export class Proofs {
  /** The answer to HTTP-01, by token, whatever host is asked for. */
  readonly http: Map<string, string> = new Map();
  /** What answers TLS-ALPN-01, by name. */
  readonly tls: Map<string, ProofCertificate> = new Map();
}
