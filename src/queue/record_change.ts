/** The change of records that nobody delivers now, one or many: what an operator wants of them. */

import * as keys from "../storage/keys.ts";
import type { Store } from "../storage/store.ts";
import { together, type Write } from "../storage/write.ts";
import type { Leases } from "./leases.ts";
import { type DueMark, queueWrites } from "./queue_store.ts";
import type { QueueRecord } from "./record.ts";

/** What an operator's wish came to. */
export type Change =
  | { readonly ok: true; readonly record: QueueRecord | undefined }
  | { readonly ok: false; readonly why: "gone" | "busy" };

/** What takes a record's place (itself: nothing is written), and what else is written then. */
export interface Changed {
  readonly record: QueueRecord | undefined;
  readonly also?: Write;
  /** Called when it is written. */
  readonly done?: () => void;
}

/** An operator's wish. */
export type Changer = (record: QueueRecord) => Changed | Promise<Changed>;

/** What a change works with: `leases` knows what is delivered here. */
export interface ChangeOptions {
  readonly store: Store;
  readonly leases: Pick<Leases, "change" | "isInHands">;
}

/** How often a change is tried while others change the same message. */
const MAX_TRIES = 50;

/**
 * Changes a record that nobody delivers now. `change` answers what takes its place (undefined: it ends) and what
 * else is written with it; it is asked again when something else changed meanwhile.
 */
export async function changeRecord(
  by: ChangeOptions,
  of: { readonly id: string; readonly part: number },
  change: Changer,
): Promise<Change> {
  const { store, leases } = by;
  const key = keys.queueItem(of.id, of.part);
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    const item = await store.kv.get<QueueRecord>(key);
    if (item.versionstamp === null) return { ok: false, why: "gone" };
    const free = leases.isInHands(of) ? "busy" : await freed(store, item);
    if (free === "busy") return { ok: false, why: "busy" };
    if (free === "changed") continue;
    const changed = await written(by, { record: item.value, free }, change);
    if (changed) return changed;
  }
  return { ok: false, why: "busy" };
}

/**
 * The same for many records, at most one of each message: those that share content must know of each other. Answers in
 * their order, and what failed does not hide what did not. What is known of a record is not read again: one check tells whether it is still so, and that no other
 * server delivers it, since who writes a record writes its due key with it, and who leases it moves that key.
 */
export async function changeRecords(
  by: ChangeOptions,
  all: readonly { readonly record: QueueRecord; readonly versionstamp?: string | undefined }[],
  change: Changer,
): Promise<PromiseSettledResult<Change>[]> {
  return await Promise.allSettled(all.map(async ({ record, versionstamp }) => {
    const known = versionstamp !== undefined && freeIf(record, versionstamp);
    return known && await written(by, { record, free: known }, change) ||
      await changeRecord(by, record, change);
  }));
}

/** The write that takes a record out of the index, if it is still of that commit. */
function freeIf(record: QueueRecord, versionstamp: string): Write {
  const { id, part, dueAt } = record;
  if (record.held) {
    return { checks: [{ key: keys.queueItem(id, part), versionstamp }], mutations: [], size: 200 };
  }
  const key = keys.queueDue(dueAt, id, part);
  return { checks: [{ key, versionstamp }], mutations: [{ type: "delete", key }], size: 300 };
}

/** Puts into the place of a record what is wanted; undefined when it changed meanwhile. */
async function written(
  { store, leases }: ChangeOptions,
  { record, free }: { record: QueueRecord; free: Write },
  change: Changer,
): Promise<Change | undefined> {
  const next = await change(record);
  if (next.record === record) return { ok: true, record }; // as it is wanted
  const own: Write = next.record
    ? queueWrites.insert(next.record)
    : { mutations: [{ type: "delete", key: keys.queueItem(record.id, record.part) }], size: 100 };
  const write = together(free, own, ...(next.also ? [next.also] : []));
  const result = await leases.change(record, () => store.write(write));
  if (!result) return { ok: false, why: "busy" };
  if (!result.ok) return undefined;
  next.done?.();
  return { ok: true, record: next.record };
}

/**
 * The write that takes a record out of the index, under the checks that nobody delivers or changes it. "busy":
 * somebody delivers it; "changed": it changes at this moment.
 */
async function freed(
  store: Store,
  { key, value, versionstamp }: Deno.KvEntry<QueueRecord>,
): Promise<Write | "busy" | "changed"> {
  const own: Deno.AtomicCheck = { key, versionstamp };
  if (value.held) return { checks: [own], mutations: [], size: 200 };
  const dueKey = keys.queueDue(value.dueAt, value.id, value.part);
  const due = await store.kv.get<DueMark>(dueKey);
  if (due.versionstamp === null) {
    // Without a key at its time it is leased, unless it was changed between the two readings.
    const again = await store.kv.get(key);
    return again.versionstamp === versionstamp ? "busy" : "changed";
  }
  if (due.value.lease) return "busy";
  const checks = [own, { key: dueKey, versionstamp: due.versionstamp }];
  return { checks, mutations: [{ type: "delete", key: dueKey }], size: 300 };
}

/**
 * Makes due at `now` what waits for a time after `latest`, which no policy asks for: the clock was set back. Answers
 * how many that are.
 */
export async function reschedule(by: ChangeOptions, now: number, latest: number): Promise<number> {
  const far: { id: string; part: number }[] = [];
  for await (
    const { key, value } of by.store.kv.list<DueMark>(keys.queueDueAfter(latest), { batchSize: 200 })
  ) {
    if (!value.lease) far.push({ id: key[3] as string, part: key[4] as number });
  }
  let count = 0;
  for (const place of far) {
    const changed = await changeRecord(by, place, (record) => ({
      record: record.dueAt <= latest
        ? record
        : { ...record, dueAt: now, receivedAt: Math.min(now, record.receivedAt) },
    }));
    if (changed.ok) count++;
  }
  return count;
}
