/**
 * In charge of the queue in the store: records, the due index, leases.
 *
 * Every record that isn't held has exactly one key in the due index. Who changes a record moves that key in the
 * same commit, under a check, so that two can never change it at once. A lease is a due key that was moved to its
 * end: when the owner dies, the record is simply due again.
 */

import * as keys from "../storage/keys.ts";
import type { Store } from "../storage/store.ts";
import { together, type Write } from "../storage/write.ts";
import type { QueueRecord } from "./record.ts";

/** The value of a due key: 0, or who has the lease and when the record was due before. */
export type DueMark = 0 | { readonly owner: string; readonly at: number };

/** A record that its holder may deliver until the lease ends. */
export interface Claim {
  readonly record: QueueRecord;
  /** Where the due key is: milliseconds since 1970. */
  leaseKeyAt: number;
  /** The versionstamp of the due key. */
  versionstamp: string;
  /** The end of the lease on the monotonic clock. */
  leaseEnds: number;
  /** A renewal that is under way: the due key moves, so whoever checks it waits first. */
  renewing?: Promise<unknown>;
  /** The outcome is being written: no more renewals. */
  settling?: true;
}

/** One instant on both clocks. */
export interface Times {
  readonly now: number;
  readonly monotonic: number;
}

/** How long a lease lasts: long enough for a renewal to fail twice, short enough for a dead owner not to matter. */
export const LEASE_MS = 120_000;

/** KV reads at most this many keys at once. */
const GET_MANY = 10;

/** A rough size of a record for the commit group. */
function sizeOf(record: QueueRecord): number {
  let size = 300 + record.sender.length;
  for (const r of record.recipients) {
    size += 120 + r.address.length + (r.lastReply?.length ?? 0) + (r.lastError?.length ?? 0) +
      (r.orcpt?.length ?? 0);
  }
  return size;
}

/** The writes that make, move and end records. */
export const queueWrites = {
  /** A new record: due at `dueAt`, or leased to `owner` until `leasedUntil`. */
  insert(record: QueueRecord, lease?: { owner: string; until: number }): Write {
    const due: DueMark = lease ? { owner: lease.owner, at: record.dueAt } : 0;
    const mutations: Deno.KvMutation[] = [
      { type: "set", key: keys.queueItem(record.id, record.part), value: record },
    ];
    if (!record.held) mutations.push(dueAt(record, lease?.until ?? record.dueAt, due));
    return { mutations, size: sizeOf(record) + 200 };
  },

  /** The holder of a claim puts the record back, changed. */
  putBack(claim: Claim, record: QueueRecord): Write {
    return {
      checks: [check(claim)],
      mutations: [
        { type: "delete", key: dueKey(claim) },
        { type: "set", key: keys.queueItem(record.id, record.part), value: record },
        dueAt(record, record.dueAt, 0),
      ],
      size: sizeOf(record) + 300,
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

  /** The holder of a claim moves its lease: renews it, or lets the record go until `at` without touching it. */
  moveLease(claim: Claim, at: number, owner: string): Write {
    const { record } = claim;
    const mark: DueMark = { owner, at: record.dueAt };
    return {
      checks: [check(claim)],
      mutations: [{ type: "delete", key: dueKey(claim) }, dueAt(record, at, mark)],
      size: 300,
    };
  },
};

function dueAt(record: QueueRecord, at: number, value: DueMark): Deno.KvMutation {
  return { type: "set", key: keys.queueDue(at, record.id, record.part), value };
}

function dueKey(claim: Claim): Deno.KvKey {
  return keys.queueDue(claim.leaseKeyAt, claim.record.id, claim.record.part);
}

function itemOf(key: Deno.KvKey): { id: string; part: number } {
  return { id: key[3] as string, part: key[4] as number };
}

function check(claim: Claim): Deno.AtomicCheck {
  return { key: dueKey(claim), versionstamp: claim.versionstamp };
}

/** What an operator's wish came to. */
export type Change = { readonly ok: true } | { readonly ok: false; readonly why: "gone" | "busy" };

/** Reads and moves records in the store. */
export class QueueStore {
  constructor(readonly store: Store, readonly owner: string) {}

  /** When the earliest due key is; undefined when nothing waits. */
  async nextDue(): Promise<number | undefined> {
    for await (const entry of this.store.kv.list(keys.queueDueAll, { limit: 1 })) {
      return entry.key[2] as number;
    }
    return undefined;
  }

  /** Takes leases on up to `max` records that are due, oldest first, but not on those that are `mine` already. */
  async claim(max: number, times: Times, mine: (id: string, part: number) => boolean): Promise<Claim[]> {
    const entries: Deno.KvEntry<DueMark>[] = [];
    const due = this.store.kv.list<DueMark>(keys.queueDueUntil(times.now), {
      limit: max,
      batchSize: Math.min(max, 500),
    });
    for await (const entry of due) {
      const { id, part } = itemOf(entry.key);
      // A lease of ours that ran out while the store failed: its delivery still runs here.
      if (!mine(id, part)) entries.push(entry);
    }
    const records = await this.#records(entries.map((e) => itemOf(e.key)));
    const claims = await Promise.all(entries.map((entry, i) => this.#claim(entry, records[i], times)));
    return claims.filter((c) => c !== undefined);
  }

  async #claim(
    entry: Deno.KvEntry<DueMark>,
    record: QueueRecord | undefined,
    times: Times,
  ): Promise<Claim | undefined> {
    const checks = [{ key: entry.key, versionstamp: entry.versionstamp }];
    if (!record) {
      // Only a store that something else changed has such a key; it would be found due for ever.
      await this.store.write({ checks, mutations: [{ type: "delete", key: entry.key }], size: 100 });
      return undefined;
    }
    const until = times.now + LEASE_MS;
    const mark: DueMark = { owner: this.owner, at: entry.value === 0 ? record.dueAt : entry.value.at };
    const result = await this.store.write({
      checks,
      mutations: [{ type: "delete", key: entry.key }, dueAt(record, until, mark)],
      size: 300,
    });
    if (!result.ok) return undefined;
    const leaseEnds = times.monotonic + LEASE_MS;
    return { record, leaseKeyAt: until, versionstamp: result.versionstamp, leaseEnds };
  }

  /** Moves the lease of a claim; false when it was lost. */
  async moveLease(
    claim: Claim,
    at: number,
    options: { owner?: string; leaseEnds: number },
  ): Promise<boolean> {
    const result = await this.store.write(queueWrites.moveLease(claim, at, options.owner ?? this.owner));
    if (!result.ok) return false;
    claim.leaseKeyAt = at;
    claim.versionstamp = result.versionstamp;
    claim.leaseEnds = options.leaseEnds;
    return true;
  }

  /**
   * Ends the leases of a process that is no more; only for the embedded store, which has one owner at a time.
   * Answers how many.
   */
  async recover(): Promise<number> {
    const moved: Promise<unknown>[] = [];
    for await (const entry of this.store.kv.list<DueMark>(keys.queueDueAll, { batchSize: 500 })) {
      if (entry.value === 0 || entry.value.owner === this.owner) continue;
      const { id, part } = itemOf(entry.key);
      const mutations: Deno.KvMutation[] = [
        { type: "delete", key: entry.key },
        { type: "set", key: keys.queueDue(entry.value.at, id, part), value: 0 },
      ];
      const checks = [{ key: entry.key, versionstamp: entry.versionstamp }];
      moved.push(this.store.write({ checks, mutations, size: 200 }));
    }
    await Promise.all(moved);
    return moved.length;
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
    for await (const { value } of this.store.kv.list<QueueRecord>(all, { batchSize: 200 })) {
      if (parts[0] && parts[0].id !== value.id) {
        yield parts;
        parts = [];
      }
      parts.push(value);
    }
    if (parts.length > 0) yield parts;
  }

  /**
   * Changes a record that nobody delivers now. `change` answers what takes its place (undefined: it ends) and what
   * else is written with it.
   */
  async change(
    record: QueueRecord,
    change: (
      record: QueueRecord,
    ) =>
      | { record: QueueRecord | undefined; also?: Write }
      | Promise<{ record: QueueRecord | undefined; also?: Write }>,
  ): Promise<Change> {
    const key = keys.queueItem(record.id, record.part);
    const [item, due] = await this.store.kv.getMany<[QueueRecord, DueMark]>([
      key,
      keys.queueDue(record.dueAt, record.id, record.part),
    ]);
    if (item.versionstamp === null) return { ok: false, why: "gone" };
    const now = item.value;
    if (!now.held && (due.versionstamp === null || due.value !== 0 || now.dueAt !== record.dueAt)) {
      return { ok: false, why: "busy" };
    }
    const next = await change(now);
    const mutations: Deno.KvMutation[] = now.held ? [] : [{ type: "delete", key: due.key }];
    if (!next.record) mutations.push({ type: "delete", key });
    const own: Write = {
      checks: [
        { key, versionstamp: item.versionstamp },
        ...(now.held ? [] : [{ key: due.key, versionstamp: due.versionstamp }]),
      ],
      mutations,
      size: 300,
    };
    const put = next.record ? [queueWrites.insert(next.record)] : [];
    const result = await this.store.write(together(own, ...put, ...(next.also ? [next.also] : [])));
    return result.ok ? { ok: true } : { ok: false, why: "busy" };
  }

  async #records(items: readonly { id: string; part: number }[]): Promise<(QueueRecord | undefined)[]> {
    const groups: Promise<Deno.KvEntryMaybe<QueueRecord>[]>[] = [];
    for (let i = 0; i < items.length; i += GET_MANY) {
      const group = items.slice(i, i + GET_MANY).map(({ id, part }) => keys.queueItem(id, part));
      groups.push(this.store.kv.getMany<QueueRecord[]>(group) as Promise<Deno.KvEntryMaybe<QueueRecord>[]>);
    }
    return (await Promise.all(groups)).flat().map((e) => e.value ?? undefined);
  }
}
