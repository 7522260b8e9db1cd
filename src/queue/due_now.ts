/** The retry that somebody asks for: what waits for its time is due now. */

import type { Changer, QueueStore } from "./queue_store.ts";
import type { QueueRecord } from "./record.ts";

/** So many messages are changed at once. */
const BATCH = 200;

/** The record, due now since somebody asked. */
export function dueNow(record: QueueRecord, now: number): QueueRecord {
  return { ...record, dueAt: now, forceRetry: true };
}

/** Makes due the records that wait for a time after `now` and are wanted; answers of how many messages. */
export async function makeDue(
  queue: QueueStore,
  by: { now: number; wants(record: QueueRecord): boolean },
): Promise<number> {
  let count = 0;
  let batch: QueueRecord[][] = [];
  const change: Changer = (record) => ({ record: record.held ? record : dueNow(record, by.now) });
  /** Answers of how many messages a record was made due. */
  const flush = async () => {
    const changed = await Promise.all(batch.map(async (records) => {
      const changes = await Promise.all(records.map((r) => queue.change(r, change)));
      return changes.some((c) => c.ok);
    }));
    count += changed.filter((ok) => ok).length;
    batch = [];
  };
  for await (const records of queue.messages()) {
    const wanted = records.filter((r) => !r.held && r.dueAt > by.now && by.wants(r));
    if (wanted.length > 0) batch.push(wanted);
    if (batch.length === BATCH) await flush();
  }
  await flush();
  return count;
}
