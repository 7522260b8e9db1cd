/** In charge of the queue as the rest of the program sees it: accepts messages, runs them, answers the operator. */

import { readBody, releaseBody } from "../storage/bodies/bodies.ts";
import type { Success } from "../recipients/expand.ts";
import * as keys from "../storage/keys.ts";
import { together } from "../storage/write.ts";
import type { Mailbox } from "../mail/envelope.ts";
import { dueNow, makeDue } from "./due_now.ts";
import { type LeaseOf, planEnqueue } from "./enqueue.ts";
import type { EnqueuePlan, NewMessage } from "./message.ts";
import { ContentCache } from "./content_cache.ts";
import { deletionWrite, historyOf, type KeptAttempt } from "./history.ts";
import { deliverToMailbox } from "./local_delivery.ts";
import type { DeliveryQueueOptions } from "./options.ts";
import { type Changer, type Claim, QueueStore } from "./queue_store.ts";
import { type QueueRecord, UNSPLIT } from "./record.ts";
import { BounceWriter } from "./bounces.ts";
import { type Lease, QueueWorker, type Watcher } from "./worker.ts";
import type { DeliveryResult } from "./result.ts";
import { OutcomeRecorder } from "./recorder.ts";
import { FULL_PAUSE_MS, needsSplit, split } from "./split.ts";
import { type SuccessReports, successReports, tellReports } from "./success_reports.ts";
import { deferSuspended } from "./suspensions.ts";

/** An operator's wish can't be met: no such message, being delivered at this moment, its destinations suspended. */
export type Refusal = "gone" | "busy" | "notHeld" | "suspended";

/** What {@linkcode DeliveryQueue.accept} takes beside the message. */
export interface AcceptOptions {
  /** Sees the first attempts. */
  readonly watcher?: Watcher | undefined;
  /** What the sender is told at once. */
  readonly successes?: readonly Success[];
}

/** What is under way at the end is cut off, and gets so long to be written down: milliseconds. */
const CUT_OFF_MS = 1000;
/**
 * A lease is given up for lost so long before it ends, since others see its end at their own time: as a part of the
 * lease, five seconds of two minutes.
 */
const LEASE_MARGIN = 1 / 24;

/** The queue of messages that are not yet where they belong. */
export class DeliveryQueue {
  readonly #options: DeliveryQueueOptions;
  readonly #queue: QueueStore;
  readonly #reporter: BounceWriter;
  readonly #recorder: OutcomeRecorder;
  readonly #runner: QueueWorker;
  readonly #fresh = new ContentCache();
  #recovery: Promise<void> | undefined;

  /** Does nothing before {@linkcode start}. */
  constructor(options: DeliveryQueueOptions) {
    this.#options = options;
    const { store, clock, journal, ids, router, hostname } = options;
    this.#queue = new QueueStore(store, ids.next(), options.leaseMs);
    this.#reporter = new BounceWriter({ kv: store.kv, clock, ids, router, hostname });
    this.#recorder = new OutcomeRecorder({
      queue: this.#queue,
      clock,
      journal,
      reporter: this.#reporter,
      schedule: options.schedule,
      historyMs: options.historyMs,
      planEnqueue: (message) => this.#plan(message),
    });
    this.#runner = new QueueWorker({
      queue: this.#queue,
      recorder: this.#recorder,
      clock,
      journal,
      limits: {
        ...options,
        isHere: (destination) => destination === UNSPLIT || router.isLocal(destination),
      },
      destinationOf: (of) => of.domain === UNSPLIT ? UNSPLIT : options.destinationOf(of),
      deliver: (claim, tell) => this.#deliver(claim, tell),
      longestWaitMs: Math.max(FULL_PAUSE_MS, ...options.schedule.retry),
      waker: options.waker,
      ...(options.call === undefined ? {} : { call: options.call }),
    });
  }

  /** Starts the work. On the embedded store what a dead process had claimed is due at once. */
  start(): void {
    this.#runner.start();
    if (!this.#options.store.embedded) return;
    this.#recovery = this.#queue.recover().then((count) => {
      if (count === 0) return;
      this.#options.journal.note("INFO", "deliveries of the last run are taken up again", { count });
      this.#runner.wake();
    }).catch((error) =>
      this.#options.journal.note("ERROR", "queue recovery failed", { error: String(error) })
    )
      .finally(() => this.#recovery = undefined);
  }

  /** Stops the work: what waits stays in the store, what is under way gets `graceMs` and is cut off then. */
  async stop(graceMs: number): Promise<void> {
    const left = await this.#runner.stop(graceMs);
    if (left > 0) {
      this.#options.agent.abort?.();
      await this.#runner.stop(CUT_OFF_MS);
    }
    await this.#options.agent.close();
    await this.#recovery;
  }

  /** Is nothing due or under way? */
  get isIdle(): boolean {
    return this.#recovery === undefined && this.#runner.isIdle;
  }

  /** Resolves when nothing is due or under way. */
  async idle(): Promise<void> {
    await this.#recovery;
    await this.#runner.idle();
  }

  /**
   * Takes a message over. Resolves when it is durable: from that instant on it is ours (RFC 5321 4.2.5). Answers the
   * mailboxes that have it then, or false when the text was swept away meanwhile; rejects when the store fails.
   */
  async accept(message: NewMessage, options: AcceptOptions = {}): Promise<readonly Mailbox[] | false> {
    const leased = new Map<QueueRecord, Lease>();
    const leaseOf: LeaseOf = (record) => {
      const lease = record.dueAt <= message.receivedAt ? this.#runner.lease(record) : undefined;
      if (lease) leased.set(record, lease);
      return lease;
    };
    let versionstamp: string | undefined;
    let own: EnqueuePlan;
    let reports: SuccessReports;
    try {
      own = this.#plan(message, leaseOf);
      reports = await successReports(message, {
        successes: options.successes ?? [],
        beside: own.write,
        limits: this.#options.store.limits,
        reporter: this.#reporter,
        plan: (report) => this.#plan(report),
      });
      const result = await this.#options.store.write(together(own.write, reports.write));
      if (result.ok) versionstamp = result.versionstamp;
    } finally {
      if (versionstamp === undefined) { for (const record of leased.keys()) this.#runner.giveUp(record); }
    }
    if (versionstamp === undefined) return false;
    tellReports(this.#options.journal, message, reports);
    const { records, mailboxes } = own;
    options.watcher?.begin(records.length);
    for (const record of records) {
      const lease = leased.get(record);
      if (lease) this.#fresh.keep(record, message.body.inMemory);
      if (lease) this.#runner.take(record, { ...lease, versionstamp }, options.watcher);
      else {
        this.#runner.expect(record.dueAt, record);
        options.watcher?.done();
      }
    }
    for (const record of reports.enqueued.flatMap((e) => e.records)) this.#runner.expect(record.dueAt);
    return mailboxes;
  }

  /** The messages, oldest first, from behind the id `after` on; each as its records. */
  messages(after?: string): AsyncGenerator<QueueRecord[]> {
    return this.#queue.messages(after);
  }

  /** One message's records; empty when it is gone. */
  message(id: string): Promise<QueueRecord[]> {
    return this.#queue.message(id);
  }

  /** The attempts made for a message, oldest first. */
  async attempts(id: string): Promise<(KeptAttempt & { readonly at: number })[]> {
    const history = await historyOf(this.#options.store.kv, id, this.#options.clock.now());
    return history.flatMap(({ at, attempts }) => attempts.map((a) => ({ at, ...a })));
  }

  /** The text of a queued message. */
  text(record: QueueRecord): AsyncGenerator<Uint8Array> {
    return readBody(this.#options.store.kv, record.body);
  }

  /** Makes a message due now. A held one stays held ({@linkcode release} it), and what is suspended waits. */
  async retry(id: string): Promise<Refusal | undefined> {
    const paused = await this.#paused();
    const free = (await this.#queue.message(id)).filter((r) => !r.held);
    if (free.length > 0 && free.every(paused)) return "suspended";
    const results = await this.#each(
      id,
      (record) => ({ record: record.held || paused(record) ? record : this.#dueNow(record) }),
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
    const records = await this.#queue.message(id);
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
      const what = await this.#recorder.consequences(record, outcomes);
      return { record: undefined, also: what.write, done: () => this.#recorder.tell(record, what) };
    });
    return results.refused;
  }

  /** Drops a message; nobody is told. */
  async delete(id: string): Promise<Refusal | undefined> {
    const { store, clock, historyMs: keepFor } = this.#options;
    return (await this.#each(id, async (record) => {
      const history = deletionWrite(record, { at: clock.now(), keepFor });
      return { record: undefined, also: together(await releaseBody(store.kv, record.body), history) };
    })).refused;
  }

  /** Makes all messages (of a domain) due now that are neither held nor suspended; answers how many. */
  async flush(domain?: string): Promise<number> {
    const paused = await this.#paused();
    return await this.#makeDue((record) => !paused(record) && (domain ?? record.domain) === record.domain);
  }

  /** A domain was suspended, or otherwise than before: what waits for it is looked at now, and says so. */
  async suspended(domain: string): Promise<void> {
    await this.#makeDue((record) => record.domain === domain);
  }

  async #makeDue(wants: (record: QueueRecord) => boolean): Promise<number> {
    const now = this.#options.clock.now();
    try {
      return await makeDue(this.#queue, { now, wants });
    } finally {
      this.#runner.wake(now);
    }
  }

  /** Tells which records are for suspended destinations now; mail for mailboxes here never is. */
  async #paused(): Promise<(record: QueueRecord) => boolean> {
    const { suspensions, router } = this.#options;
    const domains = new Set((await suspensions?.list() ?? []).map((s) => s.domain));
    return ({ domain }) => domains.has(domain) && !router.isLocal(domain);
  }

  #dueNow(record: QueueRecord): QueueRecord {
    return dueNow(record, this.#options.clock.now());
  }

  /** Changes each record of a message; `refused` tells of one that could not be changed, though others were. */
  async #each(id: string, change: Changer): Promise<{ done: number; refused: Refusal | undefined }> {
    const records = await this.#queue.message(id);
    if (records.length === 0) return { done: 0, refused: "gone" };
    let [done, busy] = [0, false];
    const expected = await this.#runner.unclaim(records);
    try {
      // One after the other: the last owner of a shared text deletes it, and must know that it is the last.
      for (const record of records) {
        const result = await this.#queue.change(record, change);
        if (result.ok) {
          done++;
          if (result.record && !result.record.held) expected.push(result.record);
        } else if (result.why === "busy") busy = true;
      }
    } finally {
      for (const record of expected) this.#runner.expect(record.dueAt, record);
    }
    return { done, refused: busy ? "busy" : done === 0 ? "gone" : undefined };
  }

  #plan(message: NewMessage, lease: LeaseOf = () => undefined): EnqueuePlan {
    const { mailStore, store } = this.#options;
    const planned = planEnqueue(message, { mailStore, lease });
    // Ids of one server never meet; those of two may, once in four billion times within the same millisecond.
    if (store.embedded || message.body.inMemory === undefined) return planned;
    const unused = {
      checks: [{ key: keys.body(message.id, 0), versionstamp: null }],
      mutations: [],
      size: 0,
    };
    return { ...planned, write: together(planned.write, unused) };
  }

  /** On a shared store others may take a record when its lease ends: then this server must not end a text any more. */
  #isSurelyOurs(claim: Claim): boolean {
    const { clock, store } = this.#options;
    const margin = this.#queue.leaseMs * LEASE_MARGIN;
    if (clock.monotonic() >= claim.leaseEnds - margin) return false;
    // The monotonic clock stands still while a machine sleeps; others go by the time of day.
    return store.embedded || clock.now() < claim.leaseKeyAt - margin;
  }

  async #deliver(claim: Claim, tell: ((line: string) => void) | undefined): Promise<DeliveryResult> {
    const { record } = claim;
    const { agent, router, store, suspensions } = this.#options;
    if (await needsSplit(record, this.#options)) return await split(record, this.#options);
    if (router.isLocal(record.domain)) return await deliverToMailbox(record, this.#options);
    const suspension = await suspensions?.get(record.domain);
    if (suspension) return { outcomes: deferSuspended(record, suspension) };
    const attempts = await agent.deliver({
      id: record.id,
      sender: record.sender,
      recipients: record.recipients,
      domain: record.domain,
      size: record.body.size,
      parameters: record,
      text: () => this.#fresh.take(record) ?? readBody(store.kv, record.body),
      stillOurs: () => this.#isSurelyOurs(claim),
      ...(tell === undefined ? {} : { tell }),
      ...((record.forceRetry ?? record.asked) && { ignoreHostCache: true }),
    });
    return { outcomes: attempts };
  }
}
