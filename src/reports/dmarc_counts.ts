/** The counts of checked mail by day, domain and source (RFC 9990), kept in the store until they are reported. */

import { createHash } from "node:crypto";
import type { CheckResults } from "../authentication/check_results.ts";
import type { DmarcRecord } from "../authentication/dmarc_record.ts";
import type { Clock, Timer } from "../base/clock.ts";
import { Tasks } from "../base/tasks.ts";
import { splitMailbox } from "../mail/address.ts";
import type { Mailbox } from "../mail/envelope.ts";
import type { Journal } from "../observe/journal.ts";
import { expiring, removing } from "../storage/expiry.ts";
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
  readonly aligned: { readonly dkim: boolean; readonly spf: boolean };
  readonly dkim: readonly { readonly domain: string; readonly selector: string; readonly result: string }[];
  readonly spf: { readonly domain: string; readonly scope: string; readonly result: string } | undefined;
}

/** One line of a report. */
export interface DmarcRow {
  readonly day: string;
  readonly policy: PublishedPolicy;
  readonly source: DmarcSource;
  readonly count: number;
}

const DAY_MS = 24 * 60 * 60_000;
/** So long counts wait in memory: what a crash costs. */
const WRITE_MS = 60_000;
const KEPT_MS = 4 * DAY_MS;
/** Who forges from everywhere can't fill the memory in that time, nor a report. */
const MAX_PENDING = 5_000;
const MAX_ROWS = 10_000;
const MAX_SIGNATURES = 5;
/** So many URIs of a record are kept, with each row, and none that is longer: no address is. */
const MAX_URIS = 5;
const MAX_URI = 400;
const MAX_AT_ONCE = 50;

/** Counts. */
export class DmarcCounts {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #tasks: Tasks;
  #pending = new Map<string, DmarcRow>();
  #timer: Timer | undefined;

  /** Keeps counts in `store`. */
  constructor(store: Store, { clock, journal }: { clock: Clock; journal: Journal }) {
    this.#store = store;
    this.#clock = clock;
    this.#tasks = new Tasks((_, error) =>
      journal.note("WARN", "checked mail not counted", { error: String(error) })
    );
  }

  /** Counts a message, where a record applies whose owner wants to hear of it. */
  count(results: CheckResults, of: { ip: string; sender: Mailbox; isRefused: boolean }): void {
    const { record, recordDomain } = results.dmarc ?? {};
    if (!record || recordDomain === undefined) return;
    const { p, sp, np, adkim, aspf, fo, testing } = record;
    const rua = record.rua.filter((uri) => uri.length <= MAX_URI).slice(0, MAX_URIS);
    if (rua.length === 0) return;
    const policy = { domain: recordDomain, p, sp, np, adkim, aspf, fo, testing, rua };
    const day = new Date(this.#clock.now()).toISOString().slice(0, 10);
    const source = sourceOf(results, of);
    const key = JSON.stringify([day, policy, source]);
    const known = this.#pending.get(key);
    if (!known && this.#pending.size >= MAX_PENDING) return;
    this.#pending.set(key, { day, policy, source, count: (known?.count ?? 0) + 1 });
    this.#timer ??= this.#clock.schedule(WRITE_MS, () => this.#tasks.run("write", () => this.write()));
  }

  /** Writes what is counted. */
  async write(): Promise<void> {
    this.#timer?.cancel();
    this.#timer = undefined;
    const pending = this.#pending;
    this.#pending = new Map();
    for (const [key, row] of pending) await this.#merge(createHash("sha256").update(key).digest("hex"), row);
  }

  /** The rows of the days that are over, by day and domain. */
  async *past(): AsyncGenerator<Deno.KvEntry<DmarcRow>[]> {
    const today = new Date(this.#clock.now()).toISOString().slice(0, 10);
    let group: Deno.KvEntry<DmarcRow>[] = [];
    for await (const entry of this.#store.kv.list<DmarcRow>(keys.dmarcRowsBefore(today))) {
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

  /** Takes rows away; false when somebody else was quicker. */
  async take(rows: readonly Deno.KvEntry<DmarcRow>[]): Promise<boolean> {
    for (let at = 0; at < rows.length; at += MAX_AT_ONCE) {
      const some = rows.slice(at, at + MAX_AT_ONCE);
      const checks = some.map(({ key, versionstamp }) => ({ key, versionstamp }));
      const mutations = some.flatMap(({ key, value }) => removing(key, endOf(value)));
      if (!(await this.#store.write({ checks, mutations, size: 400 * some.length })).ok) return false;
    }
    return true;
  }

  async #merge(digest: string, row: DmarcRow): Promise<void> {
    const key = keys.dmarcRow(row.day, row.policy.domain, digest);
    for (;;) {
      const { value, versionstamp } = await this.#store.kv.get<DmarcRow>(key);
      const whole = { ...row, count: row.count + (value?.count ?? 0) };
      const mutations = expiring(key, whole, endOf(row));
      if ((await this.#store.write({ checks: [{ key, versionstamp }], mutations, size: 2000 })).ok) return;
    }
  }
}

function endOf({ day }: Pick<DmarcRow, "day">): number {
  return Date.parse(day) + KEPT_MS;
}

function sourceOf(
  { dmarc, spf, dkim = [] }: CheckResults,
  { ip, sender, isRefused }: { ip: string; sender: Mailbox; isRefused: boolean },
): DmarcSource {
  const { result, domain, disposition, aligned } = dmarc!;
  const passed = result === "pass";
  return {
    ip,
    headerFrom: domain,
    envelopeFrom: splitMailbox(sender).domain,
    disposition: passed ? "pass" : isRefused ? "reject" : "none",
    isOverridden: !passed && !isRefused && disposition !== "none",
    aligned,
    dkim: dkim.slice(0, MAX_SIGNATURES).map((one) => ({
      domain: one.domain ?? "",
      selector: one.selector ?? "",
      result: one.result,
    })),
    spf: spf && { domain: spf.domain, scope: spf.identity === "helo" ? "helo" : "mfrom", result: spf.result },
  };
}
