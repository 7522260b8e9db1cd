/**
 * The queue in the store: records, the due index, leases.
 *
 * Every record that isn't held has exactly one key in the due index. Who changes a record moves that key in the
 * same commit, under a check, so that two can never change it at once. On a shared store a lease is a due key that was
 * moved to its end: when the owner dies, the record is simply due again. On the embedded store there is nobody else to
 * see that: a claim is in memory alone (see `leases.ts`), its due key stays where it is, and is there when the process
 * dies.
 */

import { readDense } from "../storage/dense_read.ts";
import * as keys from "../storage/keys.ts";
import type { Store } from "../storage/store.ts";
import type { Write } from "../storage/write.ts";
import type { QueueRecord } from "./record.ts";

/** The value of a due key. */
export interface DueMark {
  /** The domain of the record, so that records for a destination that is full are passed over without a look. */
  readonly domain: string;
  /** Who has the record now, and when it was due before. */
  readonly lease?: { readonly owner: string; readonly at: number };
}

/** A place in the due index. */
export interface DuePlace {
  readonly when: number;
  readonly id: string;
  readonly part: number;
}

/** A record that is due. */
export interface DueEntry extends DuePlace {
  readonly mark: DueMark;
  readonly versionstamp: string;
}

/** A record that its holder may deliver until the lease ends. */
export interface Claim {
  readonly record: QueueRecord;
  /** It is in memory alone, and has no end. */
  readonly inMemory?: true;
  /** Where the due key is: milliseconds since 1970. */
  dueKeyAt: number;
  /** The versionstamp of the due key; of a claim in memory that of the record. */
  versionstamp: string;
  /** The end of the lease on the monotonic clock. */
  leaseEnds: number;
  /** Where the due key may be: a renewal was refused by the store, and nobody knows whether it happened. */
  maybeAt?: number;
  /** A renewal that is under way: the due key moves, so whoever checks it waits first. */
  renewing?: Promise<unknown>;
  /** The outcome is being written: no more renewals. */
  settling?: boolean;
}

/** One instant on both clocks. */
export interface Times {
  readonly now: number;
  readonly monotonic: number;
}

/** Records of the first reading of a list: a page of 100 messages, what tells that there are more, and some parts. */
const PAGE = 128;

/** How long a lease lasts unless configured otherwise: long enough for a renewal to fail twice, short enough for a dead owner not to matter. */
export const LEASE_MS = 120_000;

/** The claim of a record that is of the commit `versionstamp`, for the one process that there is. */
export function claimInMemory(record: QueueRecord, versionstamp: string): Claim {
  return { record, inMemory: true, dueKeyAt: record.dueAt, versionstamp, leaseEnds: Infinity };
}

/** A rough size of a record for the commit group. */
function sizeOf(record: QueueRecord): number {
  let size = 300 + record.sender.length + 2 * (record.subject?.length ?? 0);
  for (const r of record.recipients) {
    size += 120 + r.address.length + (r.lastReply?.length ?? 0) + (r.lastError?.length ?? 0) +
      (r.lastHost?.length ?? 0) + (r.orcpt?.length ?? 0);
  }
  return size;
}

/** The writes that make, move and end records. */
export const queueWrites = {
  /** A new record: due at `dueAt`, or leased to `lease.owner` until `lease.until`. */
  insert(record: QueueRecord, lease?: { owner: string; until: number }): Write {
    const mutations: Deno.KvMutation[] = [
      { type: "set", key: keys.queueItem(record.id, record.part), value: record },
    ];
    if (!record.held) mutations.push(dueAt(record, lease?.until ?? record.dueAt, lease?.owner));
    return { mutations, size: sizeOf(record) + 200 };
  },

  /** The holder of a claim puts the record back, changed. */
  putBack(claim: Claim, record: QueueRecord): Write {
    return {
      checks: [check(claim)],
      mutations: [
        { type: "delete", key: dueKey(claim) },
        { type: "set", key: keys.queueItem(record.id, record.part), value: record },
        dueAt(record, record.dueAt),
      ],
      size: sizeOf(record) + 300,
    };
  },

  /** The holder of a claim gives it up untouched: the record is due as it was before. */
  unclaim(claim: Claim): Write {
    const { record } = claim;
    return {
      checks: [check(claim)],
      mutations: [{ type: "delete", key: dueKey(claim) }, dueAt(record, record.dueAt)],
      size: 300,
    };
  },

  /** The holder of a claim ends the record. */
  end(claim: Claim): Write {
    return {
      checks: [check(claim)],
      mutations: [
        { type: "delete", key: dueKey(claim) },
        { type: "delete", key: keys.queueItem(claim.record.id, claim.record.part) },
      ],
      size: 200,
    };
  },

  /** The holder of a claim moves the end of its lease. */
  moveLease(claim: Claim, at: number, owner: string): Write {
    const { record } = claim;
    return {
      checks: [check(claim)],
      mutations: [{ type: "delete", key: dueKey(claim) }, dueAt(record, at, owner)],
      size: 300,
    };
  },
};

/** Sets the due key of a record: due at `at`, or leased to `owner` until then. */
export function dueAt(record: QueueRecord, at: number, owner?: string): Deno.KvMutation {
  const { domain } = record;
  const value: DueMark = owner === undefined ? { domain } : { domain, lease: { owner, at: record.dueAt } };
  return { type: "set", key: keys.queueDue(at, record.id, record.part), value };
}

function dueKey(claim: Claim): Deno.KvKey {
  return keys.queueDue(claim.dueKeyAt, claim.record.id, claim.record.part);
}

function placeOf(key: Deno.KvKey): DuePlace {
  return { when: key[2] as number, id: key[3] as string, part: key[4] as number };
}

function check(claim: Claim): Deno.AtomicCheck {
  const { inMemory, record: { id, part }, versionstamp } = claim;
  return { key: inMemory ? keys.queueItem(id, part) : dueKey(claim), versionstamp };
}

/** Reads and moves records in the store. */
export class QueueStore {
  /** `leaseMs` is how long a lease lasts. */
  constructor(readonly store: Store, readonly owner: string, readonly leaseMs: number = LEASE_MS) {}

  /** When the next record after `now` is due; undefined when none waits. */
  async nextDueAfter(now: number): Promise<number | undefined> {
    for await (const entry of this.store.kv.list(keys.queueDueAfter(now), { limit: 1 })) {
      return placeOf(entry.key).when;
    }
    return undefined;
  }

  /** What is due at `now`, oldest first, from a place on. */
  async *due(now: number, from?: DuePlace): AsyncGenerator<DueEntry> {
    if (from && from.when > now) return;
    const selector = from ? keys.queueDueBetween(from, now) : keys.queueDueUntil(now);
    for await (const entry of this.store.kv.list<DueMark>(selector, { batchSize: 200 })) {
      yield { ...placeOf(entry.key), mark: entry.value, versionstamp: entry.versionstamp };
    }
  }

  /** Do other processes see what this one claims? */
  get isShared(): boolean {
    return !this.store.embedded;
  }

  /** Renews the lease of a claim; false when it was lost. Rejects when the store fails. */
  async renew(claim: Claim, times: Times): Promise<boolean> {
    const at = times.now + this.leaseMs;
    claim.maybeAt = at;
    const result = await this.store.write(queueWrites.moveLease(claim, at, this.owner));
    if (!result.ok) return false;
    delete claim.maybeAt;
    claim.dueKeyAt = at;
    claim.versionstamp = result.versionstamp;
    claim.leaseEnds = times.monotonic + this.leaseMs;
    return true;
  }

  /** Is the claim still ours? Finds its due key again when a renewal happened that the store had rejected. */
  async isOurs(claim: Claim): Promise<boolean> {
    const { id, part } = claim.record;
    if (claim.inMemory) {
      const { versionstamp } = await this.store.kv.get(keys.queueItem(id, part));
      return versionstamp === claim.versionstamp;
    }
    for (const at of [claim.dueKeyAt, claim.maybeAt]) {
      if (at === undefined) continue;
      const entry = await this.store.kv.get<DueMark>(keys.queueDue(at, id, part));
      if (entry.versionstamp === null) continue;
      if (entry.versionstamp === claim.versionstamp) return true;
      if (at !== claim.maybeAt || entry.value.lease?.owner !== this.owner) continue;
      claim.dueKeyAt = at;
      claim.versionstamp = entry.versionstamp;
      delete claim.maybeAt;
      return true;
    }
    return false;
  }

  /** Gives claims up, untouched; those that were lost don't matter, and those in memory are not in the store. */
  async unclaim(claims: readonly Claim[]): Promise<void> {
    const stored = claims.filter(({ inMemory }) => !inMemory);
    await Promise.allSettled(stored.map(async (claim) => {
      await claim.renewing;
      await this.store.write(queueWrites.unclaim(claim));
    }));
  }

  /** The records of one message, by part. */
  async message(id: string): Promise<QueueRecord[]> {
    const records: QueueRecord[] = [];
    for await (const entry of this.store.kv.list<QueueRecord>(keys.queueItems(id))) records.push(entry.value);
    return records;
  }

  /** The messages of the queue, oldest first, from behind the id `after` on. */
  async *messages(after?: string): AsyncGenerator<QueueRecord[]> {
    let parts: QueueRecord[] = [];
    const all = after === undefined ? keys.queueItemsAll : keys.queueItemsAfter(after);
    for await (const record of this.#items(all)) {
      if (parts[0] && parts[0].id !== record.id) {
        yield parts;
        parts = [];
      }
      parts.push(record);
    }
    if (parts.length > 0) yield parts;
  }

  /** First no more than a page of a list, which is all that most want; who goes on is served by larger readings. */
  async *#items(all: Deno.KvListSelector): AsyncGenerator<QueueRecord> {
    const { kv } = this.store;
    let last: QueueRecord | undefined;
    const page = kv.list<QueueRecord>(all, { limit: PAGE, batchSize: PAGE });
    let count = 0;
    for await (const { value } of page) {
      yield last = value;
      count++;
    }
    if (!last || count < PAGE) return;
    const rest = keys.queueItemsFrom(last.id, last.part + 1);
    for await (const { value } of kv.list<QueueRecord>(rest, { batchSize: 500 })) yield value;
  }

  /** The records under some names, by name; those that are not there are left out. */
  async records(
    items: readonly { id: string; part: number }[],
  ): Promise<Map<string, Deno.KvEntry<QueueRecord>>> {
    if (items.length === 0) return new Map();
    const ids = items.map(({ id }) => id).sort();
    return await readDense<QueueRecord>(this.store.kv, {
      wanted: new Map(items.map((item) => [nameOf(item), keys.queueItem(item.id, item.part)])),
      range: keys.queueItemsBetween(ids[0]!, ids.at(-1)!),
      nameOf: (key) => nameOf(keys.queuePlace(key)!),
    });
  }
}

/** The name of a record, in logs too. */
export function nameOf({ id, part }: { readonly id: string; readonly part: number }): string {
  return `${id}/${part}`;
}
