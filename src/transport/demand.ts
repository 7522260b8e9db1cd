/** What a domain's own policy demands of the connections to one of its hosts. */

/** TLS, and a certificate that is right: never in clear. */
export interface TlsDemand {
  /** Who demands it. */
  readonly by: "sts" | "dane";
  /** In words, as the beginning of a sentence: `The policy of far.example (MTA-STS) demands verified TLS`. */
  readonly why: string;
}
