/** The verbs of the operator: retry, hold, release, bounce, delete, flush. */

import type { Clock } from "../base/clock.ts";
import type { Journal } from "../observe/journal.ts";
import type { Router } from "../recipients/router.ts";
import { releaseBody } from "../storage/bodies/bodies.ts";
import { together } from "../storage/write.ts";
import type { DueClaims } from "./due_claims.ts";
import { dueNow, makeDue } from "./due_now.ts";
import { emitConsequences } from "./events.ts";
import { deletionWrite } from "./history.ts";
import type { Changer, QueueStore } from "./queue_store.ts";
import type { QueueRecord } from "./record.ts";
import type { OutcomeRecorder } from "./recorder.ts";
import type { Slots } from "./slots.ts";
import type { Suspensions } from "./suspensions.ts";

/** An operator's wish can't be met: no such message, being delivered at this moment, its destinations suspended. */
export type Refusal = "gone" | "busy" | "notHeld" | "suspended";

/** What the {@linkcode Operator} works with. */
export interface OperatorOptions {
  readonly queue: QueueStore;
  readonly clock: Clock;
  readonly journal: Journal;
  readonly router: Router;
  readonly slots: Slots;
  readonly due: DueClaims;
  readonly recorder: OutcomeRecorder;
  readonly suspensions?: Suspensions | undefined;
  /** How long the history of a message is kept after it left: milliseconds. */
  readonly historyMs: number;
}

/** Changes what waits in the queue, as the operator wants it. */
export class Operator {
  constructor(private readonly options: OperatorOptions) {}

  /** Makes a message due now. A held one stays held ({@linkcode release} it), and what is suspended waits. */
  async retry(id: string): Promise<Refusal | undefined> {
    const isSuspended = await this.#suspensions();
    const free = (await this.options.queue.message(id)).filter((r) => !r.held);
    if (free.length > 0 && free.every(isSuspended)) return "suspended";
    const results = await this.#each(
      id,
      (record) => ({ record: record.held || isSuspended(record) ? record : this.#dueNow(record) }),
    );
    // What can't be made due since it is being delivered gets what was asked for.
    return results.done > 0 ? undefined : results.refused;
  }

  /** Keeps a message until it is released. */
  async hold(id: string): Promise<Refusal | undefined> {
    return (await this.#each(id, (record) => ({ record: { ...record, held: true } }))).refused;
  }

  /** Lets a held message go on: due now. */
  async release(id: string): Promise<Refusal | undefined> {
    const records = await this.options.queue.message(id);
    if (records.length > 0 && !records.some((r) => r.held)) return "notHeld";
    const results = await this.#each(id, (record) => {
      if (!record.held) return { record };
      const { held: _, ...free } = record;
      return { record: this.#dueNow(free) };
    });
    return results.done > 0 ? undefined : results.refused;
  }

  /** Returns a message to its sender now. */
  async bounce(id: string): Promise<Refusal | undefined> {
    const { recorder, journal, due } = this.options;
    const outcome = {
      kind: "failed",
      status: "5.7.1",
      text: "The operator of the mail server returned the message",
    } as const;
    const results = await this.#each(id, async (record) => {
      const outcomes = record.recipients.map(({ address }) => ({
        recipient: address,
        outcome,
        durationMs: 0,
      }));
      const consequences = await recorder.consequences(record, outcomes);
      return {
        record: undefined,
        also: consequences.write,
        done: () => {
          emitConsequences(journal, record, { ...consequences, returned: true });
          for (const report of consequences.waiting) due.schedule(report.dueAt, report);
        },
      };
    });
    return results.refused;
  }

  /** Drops a message; nobody hears of it. */
  async delete(id: string): Promise<Refusal | undefined> {
    const { queue, clock, historyMs: keepFor } = this.options;
    return (await this.#each(id, async (record) => {
      const history = deletionWrite(record, { at: clock.now(), keepFor });
      return { record: undefined, also: together(await releaseBody(queue.store.kv, record.body), history) };
    })).refused;
  }

  /** Makes all messages (of a domain) due now that are neither held nor suspended; answers how many. */
  async flush(domain?: string): Promise<number> {
    const isSuspended = await this.#suspensions();
    return await this.#makeDue((record) =>
      !isSuspended(record) && (domain ?? record.domain) === record.domain
    );
  }

  /** A domain was suspended, or otherwise than before: what waits for it is looked at now, and says so. */
  async suspended(domain: string): Promise<void> {
    await this.#makeDue((record) => record.domain === domain);
  }

  async #makeDue(wants: (record: QueueRecord) => boolean): Promise<number> {
    const { queue, clock, due } = this.options;
    const now = clock.now();
    try {
      return await makeDue(queue, { now, wants });
    } finally {
      due.wake(now);
    }
  }

  /** Tells which records are for suspended destinations now; mail for mailboxes here never is. */
  async #suspensions(): Promise<(record: QueueRecord) => boolean> {
    const { suspensions, router } = this.options;
    const domains = new Set((await suspensions?.list() ?? []).map((s) => s.domain));
    return ({ domain }) => domains.has(domain) && !router.isLocal(domain);
  }

  #dueNow(record: QueueRecord): QueueRecord {
    return dueNow(record, this.options.clock.now());
  }

  /** Changes each record of a message; `refused` tells of one that could not be changed, though others were. */
  async #each(id: string, change: Changer): Promise<{ done: number; refused: Refusal | undefined }> {
    const { queue, due } = this.options;
    const records = await queue.message(id);
    if (records.length === 0) return { done: 0, refused: "gone" };
    let [done, busy] = [0, false];
    const waiting = await this.#unclaim(records);
    try {
      // One after the other: the last owner of shared content deletes it, and must know that it is the last.
      for (const record of records) {
        const result = await queue.change(record, change);
        if (result.ok) {
          done++;
          if (result.record && !result.record.held) waiting.push(result.record);
        } else if (result.why === "busy") busy = true;
      }
    } finally {
      for (const record of waiting) due.schedule(record.dueAt, record);
    }
    return { done, refused: busy ? "busy" : done === 0 ? "gone" : undefined };
  }

  /**
   * Puts those that wait in memory for their turn back into the index, where they can be changed; those that are being
   * delivered stay. Answers which have to be scheduled again.
   */
  async #unclaim(records: readonly QueueRecord[]): Promise<QueueRecord[]> {
    const { slots, due } = this.options;
    const claims = await slots.unclaim(records);
    // A claim that could not be given up is due at the end of its lease.
    for (const { leaseKeyAt } of claims) due.schedule(leaseKeyAt);
    return claims.map(({ record }) => record);
  }
}
