/** A resolver that answers from zones as data, and counts what it is asked. */

import type { DnsResult, MxRecord, Resolver } from "../../src/dns/resolver.ts";
import { canonicalName, reverseName } from "../../src/dns/names.ts";
import type { ZoneEntry, Zones } from "../../src/testing/dns_zones.ts";

/** Names of which nothing can be learnt now, or not one type of records: `example.com`, `TXT example.com`. */
export type Failing = ReadonlySet<string>;

const MAX_ALIASES = 8;

/** Answers from zones. */
export class ZoneResolver implements Resolver {
  /** All questions, as `MX name`. */
  readonly questions: string[] = [];

  constructor(private readonly zones: Zones, private readonly failing: Failing = new Set()) {}

  mx(domain: string): Promise<DnsResult<MxRecord>> {
    return this.#answer(
      "MX",
      domain,
      (entry) => entry.MX?.map(([preference, host]) => ({ preference, exchange: host === "." ? "" : host })),
    );
  }

  addresses(host: string, family: 4 | 6): Promise<DnsResult<string>> {
    return family === 4
      ? this.#answer("A", host, (entry) => entry.A)
      : this.#answer("AAAA", host, (entry) => entry.AAAA);
  }

  txt(name: string): Promise<DnsResult<string>> {
    return this.#answer("TXT", name, (entry) => entry.TXT);
  }

  ptr(ip: string): Promise<DnsResult<string>> {
    return this.#answer("PTR", reverseName(ip)!, (entry) => entry.PTR);
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

  #answer<T>(type: string, asked: string, of: (entry: ZoneEntry) => T[] | undefined): Promise<DnsResult<T>> {
    let name = canonicalName(asked);
    this.questions.push(`${type} ${name}`);
    for (let i = 0; i < MAX_ALIASES; i++) {
      if (this.failing.has(name) || this.failing.has(`${type} ${name}`)) {
        return Promise.resolve({ kind: "temporaryFailure", why: `${type} of ${name} can't be had` });
      }
      const entry = Object.hasOwn(this.zones, name) ? this.zones[name]! : undefined;
      const records = entry && of(entry);
      if (records && records.length > 0) return Promise.resolve({ kind: "found", records });
      if (entry?.CNAME === undefined) {
        const exists = entry || Object.keys(this.zones).some((owner) => owner.endsWith(`.${name}`));
        return Promise.resolve({ kind: exists ? "none" : "nxdomain" });
      }
      name = canonicalName(entry.CNAME);
    }
    return Promise.resolve({ kind: "temporaryFailure", why: "The aliases lead in a circle" });
  }
}
