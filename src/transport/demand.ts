/** What a domain's own policy demands of the connections to one of its hosts. */

import type { TlsaRecord } from "../dns/resolver.ts";

/** TLS, and a certificate that is right: never in clear. */
export type TlsDemand = NameDemand | DaneDemand;

interface Demand {
  /** In words, as the beginning of a sentence: `The policy of far.example (MTA-STS) demands verified TLS`. */
  readonly why: string;
  /** A host that can't is a failure: the sender would rather have the message back than see it wait (RFC 8689 4.2.1). */
  readonly final?: true;
}

/**
 * An MTA-STS policy at `enforce`, or a sender by REQUIRETLS: the certificate is one for the host, by an authority that is
 * trusted here.
 */
export interface NameDemand extends Demand {
  readonly by: "sts" | "sender";
}

/** TLSA records of the host: the certificate is one that they name. */
export interface DaneDemand extends Demand {
  readonly by: "dane";
  /** Those that can be used; none: any certificate will do, but TLS has to be (RFC 7672 2.2). */
  readonly records: readonly TlsaRecord[];
  /** The name that is asked for by SNI: whose records they are. */
  readonly base: string;
  /** The names of which one stands in the certificate, where an authority vouches for it (RFC 7672 3.2.2). */
  readonly names: readonly string[];
}
