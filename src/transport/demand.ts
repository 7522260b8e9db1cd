/** What a domain's own policy demands of the connections to one of its hosts. */

import type { TlsaRecord } from "../dns/resolver.ts";

/** TLS, and a certificate that is right: never in clear. */
export type TlsDemand = StsDemand | DaneDemand;

/** An MTA-STS policy at `enforce`: the certificate is one for the host, by an authority that is trusted here. */
export interface StsDemand {
  readonly by: "sts";
  /** In words, as the beginning of a sentence: `The policy of far.example (MTA-STS) demands verified TLS`. */
  readonly why: string;
}

/** TLSA records of the host: the certificate is one that they name. */
export interface DaneDemand {
  readonly by: "dane";
  /** In words, as the beginning of a sentence. */
  readonly why: string;
  /** Those that can be used; none: any certificate will do, but TLS has to be (RFC 7672 2.2). */
  readonly records: readonly TlsaRecord[];
  /** The name that is asked for by SNI: whose records they are. */
  readonly base: string;
  /** The names of which one stands in the certificate, where an authority vouches for it (RFC 7672 3.2.2). */
  readonly names: readonly string[];
}
