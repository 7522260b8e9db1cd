/** The verbs of the operator, for one message or many: retry, hold, release, bounce, delete. */

import type { Clock } from "../base/clock.ts";
import type { Journal } from "../observe/journal.ts";
import type { Router } from "../recipients/router.ts";
import { releaseBody } from "../storage/bodies/bodies.ts";
import { together } from "../storage/write.ts";
import type { DueClaims } from "./due_claims.ts";
import { emitConsequences } from "./events.ts";
import { deletionWrite } from "./history.ts";
import type { Leases } from "./leases.ts";
import type { QueueStore } from "./queue_store.ts";
import { type Changer, changeRecords } from "./record_change.ts";
import type { QueueRecord } from "./record.ts";
import type { OutcomeRecorder } from "./recorder.ts";
import type { Retries } from "./retries.ts";
import type { Slots } from "./slots.ts";
import type { Suspensions } from "./suspensions.ts";
import type { Known, WaitingIndex } from "./waiting_index.ts";

/** What can be done with messages. */
export const QUEUE_ACTIONS = ["retry", "hold", "release", "bounce", "delete"] as const;

/** One of them. */
export type QueueAction = typeof QUEUE_ACTIONS[number];

/**
 * An operator's wish can't be met: no such message, being delivered at this moment (all of it, or to some recipients, and
 * it was done for the others), held, its destinations suspended.
 */
export type Refusal = "gone" | "busy" | "partlyBusy" | "held" | "notHeld" | "suspended";

/** Why, in a sentence. */
export const REFUSALS: Readonly<Record<Refusal, string>> = {
  gone: "The message is not in the queue",
  busy: "The message is being delivered at this moment; try again shortly",
  partlyBusy:
    "To some recipients the message is being delivered at this moment; for the others it was done: try again shortly",
  held: "The message is held; release it first",
  notHeld: "The message is not held",
  suspended: "Delivery to its destinations is suspended",
};

/** What came of a wish for one message. */
export interface ActionResult {
  readonly id: string;
  /** Undefined: it was done, for one of the message's records at least, or for all where none may be left out. */
  readonly refusal: Refusal | undefined;
  /** The records that are due now or being delivered, after a retry. */
  readonly tried: readonly QueueRecord[];
}

/** What the {@linkcode Operator} works with. */
export interface OperatorOptions {
  readonly queue: QueueStore;
  /** Knows some messages without a look into the store. */
  readonly index: WaitingIndex;
  readonly clock: Clock;
  readonly journal: Journal;
  readonly router: Router;
  readonly slots: Slots;
  readonly leases: Leases;
  readonly due: DueClaims;
  readonly recorder: OutcomeRecorder;
  /** Hear of what will not be tried after all. */
  readonly retries: Retries;
  readonly suspensions?: Suspensions | undefined;
  /** How long the history of a message is kept after it left: milliseconds. */
  readonly historyMs: number;
}

/** A verb: which records of a message it is for, and what becomes of each. */
interface Verb {
  /** Answers why not, when it is for none. */
  chosen(records: readonly QueueRecord[]): readonly QueueRecord[] | Refusal;
  readonly change: Changer;
  /** All records, or the wish is not met. */
  readonly all?: boolean;
}

/** A record that may be known without a look into the store. */
type Chosen = Pick<Known, "record"> & Partial<Known>;

/** A message on which a verb acts. */
interface Acted {
  readonly id: string;
  readonly chosen: readonly Chosen[] | Refusal;
  readonly changed: QueueRecord[];
  done: number;
  readonly busy: QueueRecord[];
}

/** So many messages are changed together. */
const AT_ONCE = 200;

/** Changes what waits in the queue, as the operator wants it. */
export class Operator {
  constructor(private readonly options: OperatorOptions) {}

  /**
   * Does something to some messages, a few hundred at most. A retry makes due now what is neither held nor suspended,
   * of the records that `wants` chooses.
   */
  async act(
    action: QueueAction,
    ids: readonly string[],
    wants: (record: QueueRecord) => boolean = () => true,
  ): Promise<ActionResult[]> {
    const results = await this.#act(ids, await this.#verb(action, wants));
    if (action === "delete" || action === "hold") {
      for (const { id, refusal } of results) if (refusal === undefined) this.options.retries.withdrawn(id);
    }
    return results;
  }

  /** Holds messages for another server to have them; `take` gets each record as it was, once it is held. */
  async holdForExport(ids: readonly string[], take: (record: QueueRecord) => void): Promise<ActionResult[]> {
    return await this.#act(ids, {
      chosen: (records) => records,
      change: (record) => ({
        record: { ...record, held: true, ...(!record.held && { exported: true as const }) },
        done: () => {
          const { held: _, exported, ...free } = record;
          take(exported ? free : record);
        },
      }),
      all: true,
    });
  }

  /** Lets messages go on that were held for another server and can't be given to it, as they were before. */
  async keepAfterAll(ids: readonly string[]): Promise<void> {
    await this.#act(ids, {
      chosen: (records) => some(records, ({ exported }) => exported === true) ?? "notHeld",
      change: (record) => {
        if (!record.exported) return { record };
        const { held: _, exported: __, ...free } = record;
        return { record: free };
      },
    });
  }

  /** Makes all messages (of a domain) due now that are neither held nor suspended; answers how many. */
  async flush(domain?: string): Promise<number> {
    return await this.#makeDue(await this.toFlush(domain), false);
  }

  /** A domain was suspended, or otherwise than before: what waits for it is looked at now, and says so. */
  async suspended(domain: string): Promise<void> {
    await this.#makeDue((record) => record.domain === domain, true);
  }

  /** Tells which records (for a domain) may be tried. */
  async toFlush(domain?: string): Promise<(record: QueueRecord) => boolean> {
    const isSuspended = await this.#suspensions();
    return (record) => !isSuspended(record) && (domain ?? record.domain) === record.domain;
  }

  /** Does one of the records wait for its time that are wanted? */
  waits(records: readonly QueueRecord[], wants: (record: QueueRecord) => boolean): boolean {
    const now = this.options.clock.now();
    return records.some((record) => !record.held && record.dueAt > now && wants(record));
  }

  async #makeDue(wants: (record: QueueRecord) => boolean, suspendedToo: boolean): Promise<number> {
    const verb = await this.#retry(wants, suspendedToo);
    let count = 0;
    let ids: string[] = [];
    const act = async () => {
      const results = await this.#act(ids, verb);
      count += results.filter(({ refusal }) => refusal === undefined).length;
      ids = [];
    };
    for await (const records of this.options.queue.messages()) {
      if (this.waits(records, wants)) ids.push(records[0]!.id);
      if (ids.length === AT_ONCE) await act();
    }
    await act();
    return count;
  }

  async #verb(action: QueueAction, wants: (record: QueueRecord) => boolean): Promise<Verb> {
    switch (action) {
      case "retry":
        return await this.#retry(wants, false);
      case "hold":
        return { chosen: (records) => records, change: (record) => ({ record: held(record) }), all: true };
      case "release":
        return {
          chosen: (records) => some(records, ({ held }) => held === true) ?? "notHeld",
          change: (record) => {
            if (!record.held) return { record };
            const { held: _, exported: __, ...free } = record;
            return { record: this.#dueNow(free) };
          },
        };
      case "bounce":
        return { chosen: (records) => records, change: (record) => this.#bounced(record), all: true };
      case "delete":
        return { chosen: (records) => records, change: (record) => this.#deleted(record), all: true };
    }
  }

  async #retry(wants: (record: QueueRecord) => boolean, suspendedToo: boolean): Promise<Verb> {
    const isSuspended = suspendedToo ? () => false : await this.#suspensions();
    return {
      chosen: (records) => {
        const free = records.filter((record) => !record.held);
        if (free.length === 0) return "held";
        return some(free, (record) => wants(record) && !isSuspended(record)) ?? "suspended";
      },
      change: (record) => ({ record: record.held ? record : this.#dueNow(record) }),
    };
  }

  async #bounced(record: QueueRecord): Promise<Awaited<ReturnType<Changer>>> {
    const { recorder, journal, due, retries } = this.options;
    const outcome = {
      kind: "failed",
      status: "5.7.1",
      text: "The operator of the mail server returned the message",
    } as const;
    const outcomes = record.recipients.map(({ address }) => ({ recipient: address, outcome, durationMs: 0 }));
    const consequences = await recorder.consequences(record, outcomes);
    return {
      record: undefined,
      also: consequences.write,
      done: () => {
        emitConsequences(journal, record, { ...consequences, returned: true });
        retries.settled(record, consequences);
        for (const report of consequences.waiting) due.schedule(report.dueAt, report);
      },
    };
  }

  async #deleted(record: QueueRecord): Promise<Awaited<ReturnType<Changer>>> {
    const { queue, clock, historyMs: keepFor } = this.options;
    const history = deletionWrite(record, { at: clock.now(), keepFor });
    return { record: undefined, also: together(await releaseBody(queue.store.kv, record.body), history) };
  }

  /** Tells which records are for suspended destinations now; mail for mailboxes here never is. */
  async #suspensions(): Promise<(record: QueueRecord) => boolean> {
    const { suspensions, router } = this.options;
    const domains = new Set((await suspensions?.list() ?? []).map((s) => s.domain));
    return ({ domain }) => domains.has(domain) && !router.isLocal(domain);
  }

  /** The record, due now since somebody asked. */
  #dueNow(record: QueueRecord): QueueRecord {
    return { ...record, dueAt: this.options.clock.now(), forceRetry: true };
  }

  async #act(ids: readonly string[], verb: Verb): Promise<ActionResult[]> {
    const all = await Promise.all(ids.map((id) => this.#choose(id, verb)));
    const records = all.flatMap(({ chosen }) => typeof chosen === "string" ? [] : chosen)
      .map(({ record }) => record);
    const { leases, due } = this.options;
    const withdrawn: QueueRecord[] = [];
    try {
      // who looks for work meanwhile passes them over, and has none of them before it is changed
      await leases.changing(records, async () => {
        withdrawn.push(...await this.#unclaim(records));
        await this.#change(all, verb.change);
      });
    } finally {
      const waiting = [...withdrawn, ...all.flatMap(({ changed }) => changed)];
      this.#schedule(waiting.filter((record) => !record.held));
      due.withdrawn(withdrawn);
    }
    return all.map((of) => resultOf(of, verb));
  }

  async #choose(id: string, verb: Verb): Promise<Acted> {
    const { index, queue } = this.options;
    const known: readonly Chosen[] = index.known(id) ??
      (await queue.message(id)).map((record) => ({ record }));
    const records = known.map(({ record }) => record);
    const chosen = records.length === 0 ? "gone" : verb.chosen(records);
    return {
      id,
      chosen: typeof chosen === "string" ? chosen : known.filter(({ record }) => chosen.includes(record)),
      changed: [],
      done: 0,
      busy: [],
    };
  }

  /**
   * Changes the records that were chosen of each message, one after the other: the last owner of shared content deletes
   * it, and must know that it is the last.
   */
  async #change(all: readonly Acted[], change: Changer): Promise<void> {
    const { queue: { store }, leases } = this.options;
    const by = { store, leases };
    for (let n = 0;; n++) {
      const of = all.filter(({ chosen }) => typeof chosen !== "string" && n < chosen.length);
      if (of.length === 0) return;
      const records = of.map(({ chosen }) => chosen[n] as Chosen);
      const changes = await changeRecords(by, records, change);
      for (const [i, change] of changes.entries()) {
        if (change.status === "rejected") continue;
        const { value: result } = change;
        const acted = of[i]!;
        if (result.ok) {
          acted.done++;
          if (result.record) acted.changed.push(result.record);
        } else if (result.why === "busy") acted.busy.push(records[i]!.record);
      }
      const failed = changes.find((change) => change.status === "rejected");
      if (failed) throw failed.reason;
    }
  }

  /** Those records are in the index, due at their times. */
  #schedule(records: readonly QueueRecord[]): void {
    const { due } = this.options;
    if (records.length === 1) due.schedule(records[0]!.dueAt, records[0]);
    else if (records.length > 1) due.wake(Math.min(...records.map(({ dueAt }) => dueAt)));
  }

  /**
   * Puts those that wait in memory for their turn back into the index, where they can be changed; those that are being
   * delivered stay. Answers which have to be scheduled again.
   */
  async #unclaim(records: readonly QueueRecord[]): Promise<QueueRecord[]> {
    const { slots, due } = this.options;
    const claims = await slots.unclaim(records);
    // A claim that could not be given up is due at the end of its lease.
    for (const { dueKeyAt } of claims) due.schedule(dueKeyAt);
    return claims.map(({ record }) => record);
  }
}

function held(record: QueueRecord): QueueRecord {
  return record.held ? record : { ...record, held: true };
}

function some<T>(all: readonly T[], wanted: (one: T) => boolean): readonly T[] | undefined {
  const found = all.filter(wanted);
  return found.length > 0 ? found : undefined;
}

function resultOf({ id, chosen, changed, done, busy }: Acted, { all }: Verb): ActionResult {
  const refused = typeof chosen === "string"
    ? chosen
    : busy.length > 0
    ? done > 0 ? "partlyBusy" : "busy"
    : done === 0
    ? "gone"
    : undefined;
  // What can't be made due since it is being delivered gets what was asked for.
  const refusal = done > 0 && !all ? undefined : refused;
  return { id, refusal, tried: [...changed, ...busy] };
}
