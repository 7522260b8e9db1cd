/** A resolver whose TXT records are data. */

import type { DnsResult, Resolver } from "../../src/dns/resolver.ts";

/** The records of a name, each in its strings or as one; a name for which another one stands; a temporary failure. */
export type TxtZone = Readonly<
  Record<string, readonly string[] | { readonly cname: string } | { readonly failure: string }>
>;

/** Answers TXT questions from a zone of names in lower case; `asked` tells which. */
export class TxtResolver implements Resolver {
  readonly asked: string[] = [];

  constructor(private readonly zone: TxtZone) {}

  txt(name: string): Promise<DnsResult<string>> {
    this.asked.push(name);
    const found = this.zone[name];
    if (found === undefined) return Promise.resolve({ kind: "nxdomain" });
    if ("cname" in found) return this.txt(found.cname);
    if ("failure" in found) return Promise.resolve({ kind: "temporaryFailure", why: found.failure });
    return Promise.resolve({ kind: "found", records: [...found] });
  }

  mx(): never {
    throw new Error("Not asked here");
  }

  addresses(): never {
    throw new Error("Not asked here");
  }

  ptr(): never {
    throw new Error("Not asked here");
  }

  srv(): never {
    throw new Error("Not asked here");
  }

  tlsa(): never {
    throw new Error("Not asked here");
  }

  alias(): never {
    throw new Error("Not asked here");
  }

  close(): void {}
}
