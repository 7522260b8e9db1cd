/** The queue as the rest of the program sees it: accepts messages, runs them, and answers the operator. */

import { Tasks } from "../base/tasks.ts";
import type { Mailbox } from "../mail/envelope.ts";
import { Transcripts } from "../observe/transcripts.ts";
import type { Success } from "../recipients/expand.ts";
import { readBody } from "../storage/bodies/bodies.ts";
import { BounceWriter } from "./bounces.ts";
import { ContentCache } from "./content_cache.ts";
import { Dispatcher } from "./dispatch.ts";
import { DueClaims } from "./due_claims.ts";
import { EnqueuePlanner } from "./enqueue.ts";
import { emitReports } from "./events.ts";
import { historyOf, type KeptAttempt } from "./history.ts";
import { Leases } from "./leases.ts";
import type { NewMessage } from "./message.ts";
import { type Job, Jobs } from "./jobs.ts";
import { Operator, type QueueAction, type Refusal } from "./operator.ts";
import type { DeliveryQueueOptions } from "./options.ts";
import { QueueStore } from "./queue_store.ts";
import { type QueueRecord, UNSPLIT } from "./record.ts";
import { recover } from "./recovery.ts";
import { OutcomeRecorder } from "./recorder.ts";
import { Retries } from "./retries.ts";
import { Scheduler } from "./scheduler.ts";
import { matcher, type QueueFilter } from "./search.ts";
import { Signatures } from "./signatures.ts";
import { type Reservation, Slots } from "./slots.ts";
import { FULL_PAUSE_MS } from "./split.ts";
import { countQueue, type QueueStats } from "./stats.ts";
import { successReports } from "./success_reports.ts";
import type { ImportedQueue } from "./transfer.ts";
import type { Write } from "../storage/write.ts";
import { type Waiting, WaitingIndex } from "./waiting_index.ts";
import { QueueWorker } from "./worker.ts";

export type { Job, QueueAction, Refusal, Waiting };

/** What {@linkcode DeliveryQueue.accept} takes beside the message. */
export interface AcceptOptions {
  /** What the sender hears of at once. */
  readonly successes?: readonly Success[];
}

/** Why nothing is tried. */
const PAUSED = "Deliveries to other servers pause: queue.concurrency is 0";

/** What is under way at the end is cut off, and gets so long to be written down: milliseconds. */
const CUT_OFF_MS = 1000;

/** The queue of messages that are not yet where they belong. */
export class DeliveryQueue {
  /** What happens in the deliveries of a message. */
  readonly transcripts: Transcripts = new Transcripts();
  readonly #options: DeliveryQueueOptions;
  readonly #queue: QueueStore;
  readonly #reporter: BounceWriter;
  readonly #planner: EnqueuePlanner;
  readonly #slots: Slots;
  readonly #due: DueClaims;
  readonly #worker: QueueWorker;
  readonly #operator: Operator;
  readonly #retries: Retries;
  readonly #jobs: Jobs;
  readonly #index: WaitingIndex;
  readonly #contents = new ContentCache();
  readonly #longestWaitMs: number;
  #recovery: Promise<void> | undefined;

  /** Does nothing before {@linkcode start}. */
  constructor(given: DeliveryQueueOptions) {
    const index = new WaitingIndex(given.store, given.clock, given.tally);
    const options = this.#options = { ...given, store: index.store };
    const { store, clock, journal, ids, router, hostname, schedule } = options;
    const { transcripts } = this;
    const queue = new QueueStore(store, ids.next(), options.leaseMs);
    const tasks = new Tasks((name, error) =>
      journal.note("ERROR", "queue task failed", { name, error: String(error) })
    );
    const destinationOf = (of: { readonly domain: string }) =>
      of.domain === UNSPLIT ? UNSPLIT : options.destinationOf(of);
    const isHere = (destination: string) => destination === UNSPLIT || router.isLocal(destination);
    const longestWaitMs = this.#longestWaitMs = Math.max(FULL_PAUSE_MS, ...schedule.retry);
    const reporter = new BounceWriter({ kv: store.kv, clock, ids, router, hostname });
    const planner = new EnqueuePlanner(options.mailStore);
    const scheduler = new Scheduler({ ...options, isHere });
    const leases = new Leases({ queue, clock, journal, tasks });
    const slots = new Slots({ queue, clock, scheduler, leases, transcripts, destinationOf });
    const isSent = (destination: string) => !isHere(destination) && !scheduler.isFailing(destination);
    const readAhead = (records: readonly QueueRecord[]) =>
      this.#contents.readAhead(store.kv, records.filter((record) => isSent(destinationOf(record))));
    const claiming = { queue, scheduler, slots, leases, destinationOf, longestWaitMs, readAhead };
    const due = new DueClaims({ ...options, ...claiming });
    options.onJoin?.((...names) => [scheduler, due].forEach((of) => of.move(...names)));
    const recorder = new OutcomeRecorder({ ...options, queue, reporter, planner });
    const dispatcher = new Dispatcher({
      ...options,
      leases,
      signatures: new Signatures(options.signer),
      contents: this.#contents,
      transcripts,
    });
    const retries = new Retries({ queue, clock, tasks });
    const parts = {
      clock,
      journal,
      tasks,
      queue,
      leases,
      scheduler,
      slots,
      due,
      dispatcher,
      recorder,
      retries,
    };
    this.#worker = new QueueWorker(parts);
    this.#operator = new Operator({ ...options, queue, index, slots, leases, due, recorder, retries });
    const standstill = (of: { readonly domain: string }) =>
      options.concurrency > 0 || isHere(of.domain) ? undefined : PAUSED;
    this.#jobs = new Jobs({ operator: this.#operator, retries, clock, ids, tasks, standstill });
    this.#retries = retries;
    this.#index = index;
    this.#queue = queue;
    this.#reporter = reporter;
    this.#planner = planner;
    this.#slots = slots;
    this.#due = due;
  }

  /** Starts the work. On the embedded store what a dead process had claimed is due at once. */
  start(): void {
    const { store, journal, clock } = this.#options;
    this.#worker.start();
    if (!store.embedded) return;
    // its numbers are asked for again and again; a long queue is read while the server works
    this.#index.tally.start();
    const now = clock.now();
    this.#recovery = recover(this.#queue, now, now + this.#longestWaitMs).then((count) => {
      if (count > 0) journal.note("INFO", "deliveries of the last run are taken up again", { count });
    }).catch((error) => journal.note("ERROR", "queue recovery failed", { error: String(error) }))
      .finally(() => {
        this.#recovery = undefined;
        // also when it failed: some may be due that lie before the place that was looked at
        this.#due.wake();
      });
  }

  /** Stops the work: what waits stays in the store, what is under way gets `graceMs` and is cut off then. */
  async stop(graceMs: number): Promise<void> {
    this.#jobs.close();
    this.#retries.close();
    const left = await this.#worker.stop(graceMs);
    if (left > 0) {
      this.#options.agent.abort?.();
      await this.#worker.stop(CUT_OFF_MS);
    }
    await this.#options.agent.close();
    await this.#recovery;
    await this.#index.tally.close();
  }

  /**
   * Keeps the numbers of a long queue for the next run, once it is stopped: answers what the store is to be closed with.
   * @internal
   */
  async keep(): Promise<() => Write | undefined> {
    return await this.#index.tally.keep();
  }

  /** Is nothing due or under way? */
  get isIdle(): boolean {
    return this.#recovery === undefined && this.#worker.isIdle;
  }

  /** Resolves when nothing is due or under way. */
  async idle(): Promise<void> {
    await this.#recovery;
    await this.#worker.idle();
  }

  /**
   * Takes a message over. Resolves when it is durable: from that instant on it is ours (RFC 5321 4.2.5). Answers the
   * mailboxes that have it then, or false when the content was swept away meanwhile; rejects when the store fails.
   */
  async accept(message: NewMessage, options: AcceptOptions = {}): Promise<readonly Mailbox[] | false> {
    const { store, journal } = this.#options;
    const { successes = [] } = options;
    let reserved: Map<QueueRecord, Reservation> | undefined;
    let isWritten = false;
    try {
      const plan = this.#planner.plan(message, (record) => {
        const slot = record.dueAt <= message.receivedAt ? this.#slots.reserve(record) : undefined;
        if (slot) (reserved ??= new Map()).set(record, slot);
        return slot?.lease;
      });
      const { reports, write } = successes.length === 0
        ? { reports: [], write: plan.write }
        : await successReports(message, {
          successes,
          beside: plan.write,
          limits: store.limits,
          reporter: this.#reporter,
          planner: this.#planner,
        });
      const result = await store.write(write);
      if (!result.ok) return false;
      isWritten = true;
      if (reports.length > 0) emitReports(journal, message.id, reports);
      if (reserved) {
        this.transcripts.emit(message.id, {
          kind: "attempts",
          parts: [...reserved.keys()].map((r) => r.part),
        });
      }
      for (const record of plan.records) {
        const slot = reserved?.get(record);
        if (!slot) this.#due.schedule(record.dueAt, record);
        else {
          this.#contents.keep(record, message.body.inMemory);
          slot.commit(result.versionstamp);
        }
      }
      for (const { plan: { records } } of reports) {
        for (const record of records) this.#due.schedule(record.dueAt);
      }
      if (reserved) this.#worker.run();
      return plan.mailboxes;
    } catch (error) {
      // nobody knows for sure that it did not happen: then it is due, and found
      if (reserved) this.#due.schedule(message.receivedAt);
      throw error;
    } finally {
      for (const slot of reserved?.values() ?? []) slot[Symbol.dispose]();
      if (reserved && !isWritten) this.#due.withdrawn(reserved.keys());
    }
  }

  /** The messages, oldest first, from behind the id `after` on; each as its records. */
  async *messages(after?: string): AsyncGenerator<readonly QueueRecord[]> {
    if (this.#index.isExact) yield* this.#index.view().messages(after);
    else yield* this.#queue.messages(after);
  }

  /**
   * The queue in numbers: from memory on the embedded store, once that was read.
   * @internal
   */
  async stats(): Promise<QueueStats> {
    const { store, clock } = this.#options;
    if (store.embedded) return await this.#index.tally.stats(() => clock.now());
    return await countQueue(this.messages(), clock.now());
  }

  /**
   * How many messages wait, once that was read; undefined: more than there is room for. Rejects when the store fails.
   * @internal
   */
  async count(): Promise<number | undefined> {
    if (this.#options.store.embedded) return await this.#index.tally.size();
    const waiting = await this.waiting({ whole: true });
    return waiting.whole ? waiting.size : undefined;
  }

  /**
   * All that waits, as far as it is known now; `whole`: as far as there is room for it in memory.
   * @internal
   */
  async waiting(options: { whole?: boolean } = {}): Promise<Waiting> {
    const view = this.#index.view();
    if (!options.whole || view.whole) return view;
    await this.#index.read();
    return this.#index.view();
  }

  /**
   * The ids of the messages that fit, oldest first.
   * @internal
   */
  async select(filter: QueueFilter): Promise<string[]> {
    const fits = matcher(filter, this.#options.clock.now());
    return await this.#idsOf(fits);
  }

  /** One message's records; empty when it is gone. */
  async message(id: string): Promise<QueueRecord[]> {
    return this.#index.known(id)?.map(({ record }) => record) ?? await this.#queue.message(id);
  }

  /** The attempts made for a message, oldest first. */
  async attempts(id: string): Promise<(KeptAttempt & { readonly at: number })[]> {
    const history = await historyOf(this.#options.store.kv, id, this.#options.clock.now());
    return history.flatMap(({ at, attempts }) => attempts.map((a) => ({ at, ...a })));
  }

  /** The content of a queued message. */
  text(record: QueueRecord): AsyncGenerator<Uint8Array> {
    return readBody(this.#options.store.kv, record.body);
  }

  /** Makes a message due now. A held one stays held ({@linkcode release} it), and what is suspended waits. */
  retry(id: string): Promise<Refusal | undefined> {
    return this.#act("retry", id);
  }

  /** Keeps a message until it is released. */
  hold(id: string): Promise<Refusal | undefined> {
    return this.#act("hold", id);
  }

  /** Lets a held message go on: due now. */
  release(id: string): Promise<Refusal | undefined> {
    return this.#act("release", id);
  }

  /** Returns a message to its sender now. */
  bounce(id: string): Promise<Refusal | undefined> {
    return this.#act("bounce", id);
  }

  /** Drops a message; nobody hears of it. */
  delete(id: string): Promise<Refusal | undefined> {
    return this.#act("delete", id);
  }

  async #act(action: QueueAction, id: string): Promise<Refusal | undefined> {
    return (await this.#operator.act(action, [id]))[0]!.refusal;
  }

  /** Makes all messages (of a domain) due now that are neither held nor suspended; answers how many. */
  flush(domain?: string): Promise<number> {
    return this.#operator.flush(domain);
  }

  /**
   * The same as a job, which tells what came of it.
   * @internal
   */
  async flushJob(domain?: string): Promise<Job> {
    const wants = await this.#operator.toFlush(domain);
    const ids = await this.#idsOf((records) => this.#operator.waits(records, wants));
    return this.#jobs.start("retry", ids, wants);
  }

  /**
   * What is done to many messages, and what was done lately.
   * @internal
   */
  get jobs(): Jobs {
    return this.#jobs;
  }

  /**
   * Writes messages for another server to take them over, and holds them here.
   * @internal
   */
  async *exported(ids: readonly string[]): AsyncGenerator<Uint8Array> {
    const { store, clock, hostname } = this.#options;
    const { exportQueue } = await import("./transfer.ts"); // what most servers never need
    yield* exportQueue(ids, { operator: this.#operator, store, clock, hostname });
  }

  /**
   * Takes over what another server exported. Throws a `TransferBroken`.
   * @internal
   */
  async import(source: AsyncIterable<Uint8Array>): Promise<ImportedQueue> {
    const { store, clock, ids } = this.#options;
    const { importQueue } = await import("./transfer.ts");
    return await importQueue(source, { store, clock, ids, wake: (dueAt) => this.#due.wake(dueAt) });
  }

  async #idsOf(fits: (records: readonly QueueRecord[]) => boolean): Promise<string[]> {
    const ids: string[] = [];
    // what is done to them is done sooner when they are known
    if (this.#options.store.embedded) await this.#index.read();
    for await (const records of this.messages()) if (fits(records)) ids.push(records[0]!.id);
    return ids;
  }

  /** A domain was suspended, or otherwise than before: what waits for it is looked at now, and says so. */
  suspended(domain: string): Promise<void> {
    return this.#operator.suspended(domain);
  }
}
