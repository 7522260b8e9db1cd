/** The recovery of what a process had claimed that is no more. */

import * as keys from "../storage/keys.ts";
import { type DueMark, LEASE_MS, type QueueStore } from "./queue_store.ts";

/**
 * Ends the leases of a process that is no more; only for the embedded store, which has one owner at a time. None is made
 * there: they are of an earlier version, or of the time when the store was a shared one. They end within the time that a
 * lease lasts, or, when the clock was set back meanwhile, perhaps behind `latest`, for which nothing else waits: so a
 * long queue is not read. One between the two, from before the clock was set back by less or of another configuration, is
 * due when it ends. Answers how many.
 */
export async function recover(queue: QueueStore, now: number, latest: number): Promise<number> {
  const until = now + Math.max(queue.leaseMs, LEASE_MS);
  const soon = keys.queueDueBetween({ when: now, id: "", part: 0 }, until);
  const far = keys.queueDueAfter(Math.max(until, latest));
  return await endLeases(queue, soon) + await endLeases(queue, far);
}

async function endLeases({ store, owner }: QueueStore, where: Deno.KvListSelector): Promise<number> {
  const moved: Promise<unknown>[] = [];
  for await (const { key, value, versionstamp } of store.kv.list<DueMark>(where, { batchSize: 500 })) {
    const { domain, lease } = value;
    if (!lease || lease.owner === owner) continue;
    const [id, part] = [key[3] as string, key[4] as number];
    const mark: DueMark = { domain };
    const mutations: Deno.KvMutation[] = [
      { type: "delete", key },
      { type: "set", key: keys.queueDue(lease.at, id, part), value: mark },
    ];
    moved.push(store.write({ checks: [{ key, versionstamp }], mutations, size: 200 }));
  }
  // all of them have their answer before somebody looks for those that were moved
  const failed = (await Promise.allSettled(moved)).find((one) => one.status === "rejected");
  if (failed) throw failed.reason;
  return moved.length;
}
