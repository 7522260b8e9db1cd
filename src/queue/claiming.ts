/**
 * The claims of records that are due. On the embedded store they are in memory alone; on a shared one the due keys are
 * moved to the ends of leases.
 */

import * as keys from "../storage/keys.ts";
import { MAX_KEYS_AT_ONCE } from "../storage/port.ts";
import { type Claim, claimInMemory, dueAt, type DueEntry, type DueMark, nameOf } from "./queue_store.ts";
import type { QueueStore, Times } from "./queue_store.ts";
import type { QueueRecord } from "./record.ts";

/** So often a claim of several is tried again although none of them was seen to have gone. */
const MOST_TRIES = 3;

/**
 * Claims what is due, in the order of `entries`; undefined where somebody else was quicker. Nobody in this process may
 * change the records meanwhile (`Leases.announce`). Rejects when the store fails.
 */
export async function claim(
  queue: QueueStore,
  entries: readonly DueEntry[],
  times: Times,
): Promise<(Claim | undefined)[]> {
  const found = await queue.records(entries);
  if (queue.isShared) return await new SharedClaims(queue, found, times).take(entries);
  return await Promise.all(entries.map((entry) => claimAlone(queue, entry, found.get(nameOf(entry)))));
}

/**
 * Nobody else can claim it, so nothing is written where the record is due as the index said when that was read. It may
 * have been changed since.
 */
async function claimAlone(
  queue: QueueStore,
  entry: DueEntry,
  found: Deno.KvEntry<QueueRecord> | undefined,
): Promise<Claim | undefined> {
  if (!found || found.value.held) return await removeDue(queue, entry);
  const { value: record, versionstamp } = found;
  const isThere = !entry.mark.lease && record.dueAt === entry.when;
  return isThere || await endLease(queue, entry, record) ? claimInMemory(record, versionstamp) : undefined;
}

/** Ends the lease of a process that is no more; false when the entry is no more, either. */
async function endLease({ store }: QueueStore, entry: DueEntry, record: QueueRecord): Promise<boolean> {
  const { key, check } = checked(entry);
  const mutations = [{ type: "delete" as const, key }, dueAt(record, record.dueAt)];
  return (await store.write({ checks: [check], mutations, size: 300 })).ok;
}

/** Only a store that something else changed has a due key without a record; it would be found due for ever. */
async function removeDue({ store }: QueueStore, entry: DueEntry): Promise<undefined> {
  const { key, check } = checked(entry);
  await store.write({ checks: [check], mutations: [{ type: "delete", key }], size: 100 });
}

function checked({ when, id, part, versionstamp }: DueEntry): { key: Deno.KvKey; check: Deno.AtomicCheck } {
  const key = keys.queueDue(when, id, part);
  return { key, check: { key, versionstamp } };
}

/**
 * Claims where others look at the same entries: each server begins elsewhere, and takes as many in one commit as a
 * commit has checks. When that fails those are left that are still there, instead of one after the other being tried.
 */
class SharedClaims {
  readonly #queue: QueueStore;
  readonly #times: Times;
  readonly #records = new Map<string, QueueRecord>();

  constructor(queue: QueueStore, found: ReadonlyMap<string, Deno.KvEntry<QueueRecord>>, times: Times) {
    this.#queue = queue;
    this.#times = times;
    for (const [name, { value }] of found) this.#records.set(name, value);
  }

  async take(entries: readonly DueEntry[]): Promise<(Claim | undefined)[]> {
    const { store, owner } = this.#queue;
    const claims = new Map<DueEntry, Claim | undefined>();
    const whole: DueEntry[] = [];
    for (const entry of inOrderOf(owner, entries)) {
      if (this.#records.has(nameOf(entry))) whole.push(entry);
      else await removeDue(this.#queue, entry);
    }
    const size = Math.min(store.limits.checks, MAX_KEYS_AT_ONCE);
    const chunks: DueEntry[][] = [];
    for (let i = 0; i < whole.length; i += size) chunks.push(whole.slice(i, i + size));
    await Promise.all(chunks.map(async (chunk) => {
      for (let left = chunk, tries = 0; left.length > 0; tries++) {
        const before = left.length;
        const taken = await this.#together(left);
        for (const [i, claim] of (taken ?? []).entries()) claims.set(left[i]!, claim);
        if (taken) return;
        left = await this.#unchanged(left);
        if (left.length < before || tries < MOST_TRIES) continue;
        for (const entry of left) claims.set(entry, (await this.#together([entry]))?.[0]);
        return;
      }
    }));
    return entries.map((entry) => claims.get(entry));
  }

  /** Takes all leases in one commit; undefined: one of them at least is somebody else's. */
  async #together(entries: readonly DueEntry[]): Promise<Claim[] | undefined> {
    const { store, leaseMs, owner } = this.#queue;
    const until = this.#times.now + leaseMs;
    const result = await store.write({
      checks: entries.map((entry) => checked(entry).check),
      mutations: entries.flatMap((entry) => [
        { type: "delete" as const, key: checked(entry).key },
        dueAt(this.#recordOf(entry), until, owner),
      ]),
      size: 300 * entries.length,
    });
    if (!result.ok) return undefined;
    const leaseEnds = this.#times.monotonic + leaseMs;
    const { versionstamp } = result;
    return entries.map((entry) => ({
      record: this.#recordOf(entry),
      dueKeyAt: until,
      versionstamp,
      leaseEnds,
    }));
  }

  #recordOf(entry: DueEntry): QueueRecord {
    return this.#records.get(nameOf(entry))!;
  }

  /** Those that are as they were when they were read. */
  async #unchanged(entries: readonly DueEntry[]): Promise<DueEntry[]> {
    const now = await this.#queue.store.kv.getMany<DueMark[]>(entries.map((entry) => checked(entry).key));
    return entries.filter((entry, i) => now[i]!.versionstamp === entry.versionstamp);
  }
}

/** In an order that is another one for each server. */
function inOrderOf(owner: string, entries: readonly DueEntry[]): DueEntry[] {
  const places = new Map(entries.map((entry) => [entry, hash(owner, nameOf(entry))]));
  return entries.toSorted((a, b) => places.get(a)! - places.get(b)!);
}

/** FNV-1a of 32 bits, its last steps mixed (as MurmurHash ends): ids differ in their last characters. */
function hash(...texts: readonly string[]): number {
  let found = 0x811c9dc5;
  for (const text of texts) {
    for (let i = 0; i < text.length; i++) found = Math.imul(found ^ text.charCodeAt(i), 0x01000193);
  }
  found = Math.imul(found ^ found >>> 16, 0x85ebca6b);
  return (found ^ found >>> 13) >>> 0;
}
