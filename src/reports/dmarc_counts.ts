/** The counts of checked mail by day, domain and source (RFC 9990), kept in the store until they are reported. */

import { createHash } from "node:crypto";
import type { CheckResults } from "../authentication/check_results.ts";
import type { DmarcRecord } from "../authentication/dmarc_record.ts";
import type { Clock } from "../base/clock.ts";
import { splitMailbox } from "../mail/address.ts";
import type { Mailbox } from "../mail/envelope.ts";
import { DayCounts } from "../observe/day_counts.ts";
import type { Journal } from "../observe/journal.ts";
import * as keys from "../storage/keys.ts";
import type { Store } from "../storage/store.ts";

/** The policy that was applied. */
export interface PublishedPolicy
  extends Pick<DmarcRecord, "p" | "sp" | "np" | "adkim" | "aspf" | "fo" | "testing" | "rua"> {
  /** Where its record stands. */
  readonly domain: string;
}

/** What messages that are counted together have in common. */
export interface DmarcSource {
  readonly ip: string;
  readonly headerFrom: string;
  /** Empty for reports. */
  readonly envelopeFrom: string;
  readonly disposition: "pass" | "none" | "quarantine" | "reject";
  /** The policy asks for more than was done. */
  readonly isOverridden: boolean;
  /** That was its owner's wish: the policy is a test. */
  readonly isTest?: true;
  readonly aligned: { readonly dkim: boolean; readonly spf: boolean };
  readonly dkim: readonly { readonly domain: string; readonly selector: string; readonly result: string }[];
  readonly spf: { readonly domain: string; readonly result: string } | undefined;
}

/** One line of a report. */
export interface DmarcRow {
  readonly day: string;
  readonly policy: PublishedPolicy;
  readonly source: DmarcSource;
  readonly count: number;
}

/** Who forges from everywhere can't fill the memory in the minute that counts wait there, nor a report. */
const MAX_PENDING = 5_000;
/** Nor the store: rows of one day. What is counted in one of them already is counted on. */
const MAX_A_DAY = 20_000;
const MAX_ROWS = 10_000;
const MAX_SIGNATURES = 5;
/** So many URIs of a record are kept, with each row, and none that is longer: no address is. */
const MAX_URIS = 5;
const MAX_URI = 400;

/** Counts. */
export class DmarcCounts extends DayCounts<DmarcRow> {
  /** The names of the day's rows, as far as this process knows. */
  readonly #names = new Set<string>();
  #day = "";

  /** Keeps counts in `store`. */
  constructor(store: Store, by: { clock: Clock; journal: Journal }) {
    super(store, {
      key: (name, { day, policy }) => keys.dmarcRow(day, policy.domain, name),
      before: keys.dmarcRowsBefore,
      sum: (row, kept) => ({ ...row, count: row.count + kept.count }),
      size: () => 2000,
      failure: "checked mail not counted",
    }, by);
  }

  /** Counts a message, where a record applies whose owner wants to hear of it. */
  count(results: CheckResults, of: { ip: string; sender: Mailbox; isRefused: boolean }): void {
    const { record, recordDomain } = results.dmarc ?? {};
    if (!record || recordDomain === undefined) return;
    const { p, sp, np, adkim, aspf, fo, testing } = record;
    const rua = record.rua.filter((uri) => uri.length <= MAX_URI).slice(0, MAX_URIS);
    if (rua.length === 0) return;
    const policy = { domain: recordDomain, p, sp, np, adkim, aspf, fo, testing, rua };
    const day = this.today;
    const source = sourceOf(results, of);
    const name = createHash("sha256").update(JSON.stringify([day, policy, source])).digest("hex");
    const known = this.get(name);
    if (!known && !this.#mayCount(day, name)) return;
    this.set(name, { day, policy, source, count: (known?.count ?? 0) + 1 });
  }

  #mayCount(day: string, name: string): boolean {
    if (day !== this.#day) this.#names.clear();
    this.#day = day;
    if (this.waiting >= MAX_PENDING || (this.#names.size >= MAX_A_DAY && !this.#names.has(name))) {
      return false;
    }
    this.#names.add(name);
    return true;
  }

  /** The rows of the days that are over, by day and domain. */
  async *pastByDomain(): AsyncGenerator<Deno.KvEntry<DmarcRow>[]> {
    let group: Deno.KvEntry<DmarcRow>[] = [];
    for await (const entry of this.past()) {
      const { day, policy } = entry.value;
      const first = group[0]?.value;
      if (first && (first.day !== day || first.policy.domain !== policy.domain)) {
        yield group;
        group = [];
      }
      if (group.length < MAX_ROWS) group.push(entry);
    }
    if (group.length > 0) yield group;
  }
}

function sourceOf(
  { dmarc, spf, dkim = [] }: CheckResults,
  { ip, sender, isRefused }: { ip: string; sender: Mailbox; isRefused: boolean },
): DmarcSource {
  const { result, domain, policy = "none", disposition, aligned } = dmarc!;
  const passed = result === "pass";
  const isOverridden = !passed && !isRefused && policy !== "none";
  return {
    ip,
    headerFrom: domain,
    envelopeFrom: splitMailbox(sender).domain,
    // "pass" is for a policy that would have been enforced (RFC 9990, appendix A)
    disposition: passed && policy !== "none" ? "pass" : isRefused ? "reject" : "none",
    isOverridden,
    ...(isOverridden && disposition === "none" && { isTest: true }),
    aligned,
    dkim: dkim.slice(0, MAX_SIGNATURES).map((one) => ({
      domain: one.domain ?? "",
      selector: one.selector ?? "",
      result: one.result,
    })),
    spf: spf && { domain: spf.domain, result: spf.result },
  };
}
