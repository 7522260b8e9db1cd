/** The walk up the tree of the DNS for DMARC's records and the organizational domain (RFC 9989 4.10). */

import { isAskable } from "../dns/names.ts";
import type { Resolver } from "../dns/resolver.ts";
import { type DmarcRecord, parseDmarcRecord } from "./dmarc_record.ts";

/** A record and the domain it speaks of. */
export interface DmarcFound {
  readonly domain: string;
  readonly record: DmarcRecord;
}

/** The DNS could not be asked, and why. */
export interface DmarcLookupFailure {
  readonly failure: string;
}

/** A domain of more labels than this is asked for itself, and then cut to one less. */
const MAX_LABELS = 8;

/** Looks for records, each name once. */
export class DmarcWalker {
  readonly #resolver: Pick<Resolver, "txt">;
  readonly #asked = new Map<string, Promise<DmarcRecord | undefined | DmarcLookupFailure>>();

  constructor(resolver: Pick<Resolver, "txt">) {
    this.#resolver = resolver;
  }

  /** The record at a domain; undefined when there is none, or more than one. */
  record(domain: string): Promise<DmarcRecord | undefined | DmarcLookupFailure> {
    let asked = this.#asked.get(domain);
    if (!asked) this.#asked.set(domain, asked = this.#ask(`_dmarc.${domain}`));
    return asked;
  }

  /** The records at the domain and above it, the longest name first, up to one that says where the tree ends. */
  async walk(domain: string): Promise<readonly DmarcFound[] | DmarcLookupFailure> {
    const found: DmarcFound[] = [];
    for (const target of targets(domain)) {
      const record = await this.record(target);
      if (record === undefined) continue;
      if ("failure" in record) return record;
      found.push({ domain: target, record });
      if (record.psd !== "u") break;
    }
    return found;
  }

  /** The organizational domain of a domain; itself where no record says otherwise. */
  async organization(domain: string): Promise<string | DmarcLookupFailure> {
    const found = await this.walk(domain);
    return "failure" in found ? found : organizationIn(found, domain);
  }

  async #ask(name: string): Promise<DmarcRecord | undefined | DmarcLookupFailure> {
    if (!isAskable(name)) return undefined;
    const answer = await this.#resolver.txt(name);
    if (answer.kind === "temporaryFailure") return { failure: answer.why };
    if (answer.kind !== "found") return undefined;
    const records = answer.records.map(parseDmarcRecord).filter((record) => record !== undefined);
    return records.length === 1 ? records[0] : undefined;
  }
}

/** The organizational domain, from what was found on the way up from a domain. */
export function organizationIn(found: readonly DmarcFound[], domain: string): string {
  for (const { domain: at, record: { psd } } of found) {
    if (psd === "n") return at;
    // one label below the public suffix
    if (psd === "y" && at !== domain) return domain.split(".").slice(-(at.split(".").length + 1)).join(".");
  }
  return found.at(-1)?.domain ?? domain;
}

/** The domains that are asked for, in this order: eight at most. */
function targets(domain: string): string[] {
  const labels = domain.split(".");
  const above = labels.slice(labels.length < MAX_LABELS ? 1 : 1 - MAX_LABELS);
  return [domain, ...above.map((_, i) => above.slice(i).join("."))];
}
