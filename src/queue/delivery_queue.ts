/** In charge of the queue as the rest of the house sees it: takes messages over, runs them, answers the operator. */

import type { Clock } from "../base/clock.ts";
import type { IdMaker } from "../base/ids.ts";
import type { DeliveryAgent } from "../delivery/delivery.ts";
import type { Accounts } from "../mailbox/accounts.ts";
import type { MailStore } from "../mailbox/mail_store.ts";
import type { Journal } from "../observe/journal.ts";
import type { Router } from "../routing/router.ts";
import { readBody, releaseBody } from "../storage/bodies.ts";
import type { Store } from "../storage/store.ts";
import { together } from "../storage/write.ts";
import { enlist, type Enlisted, type NewMessage } from "./enlist.ts";
import { type KeptAttempt, lifeOf } from "./life.ts";
import { deliverToMailbox } from "./local_delivery.ts";
import { type Claim, QueueStore } from "./queue_store.ts";
import type { QueueRecord } from "./record.ts";
import { Reporter } from "./reporter.ts";
import { type DeliveryResult, Runner, type Watcher } from "./runner.ts";
import type { Schedule } from "./schedule.ts";
import { Settler } from "./settler.ts";
import type { Waker } from "./waker.ts";

/** What a {@linkcode DeliveryQueue} works with. */
export interface DeliveryQueueOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly ids: IdMaker;
  readonly journal: Journal;
  readonly router: Router;
  readonly accounts: Accounts;
  readonly mailStore: MailStore;
  readonly agent: DeliveryAgent;
  readonly hostname: string;
  readonly schedule: Schedule;
  /** Deliveries at once, in all; 0: remote delivery pauses. */
  readonly concurrency: number;
  /** Deliveries at once to one destination. */
  readonly perDestination: (destination: string) => number;
  /** The next hop that records share: their domain, or one smart host for all. */
  readonly destinationOf: (record: QueueRecord) => string;
  /** How long the life of a message is kept after it left: milliseconds. */
  readonly historyMs: number;
  /** Makes the alarm clock of the retries. */
  readonly waker: (wake: () => void) => Waker;
}

/** An operator's wish can't be met: no such message, or it is being delivered at this moment. */
export type Refusal = "gone" | "busy" | "notHeld";

/** A lease is given up for lost this long before it ends, since its end is seen by others at their own time. */
const LEASE_MARGIN_MS = 5000;

/** The queue of messages that are not yet where they belong. */
export class DeliveryQueue {
  readonly #options: DeliveryQueueOptions;
  readonly #queue: QueueStore;
  readonly #reporter: Reporter;
  readonly #runner: Runner;

  constructor(options: DeliveryQueueOptions) {
    this.#options = options;
    const { store, clock, journal, ids, router, hostname } = options;
    this.#queue = new QueueStore(store, ids.next());
    this.#reporter = new Reporter({ kv: store.kv, clock, ids, router, hostname });
    const settler = new Settler({
      store,
      clock,
      journal,
      reporter: this.#reporter,
      schedule: options.schedule,
      historyMs: options.historyMs,
      enlist: (message) => this.#plan(message, () => undefined),
      message: (id) => this.#queue.message(id),
    });
    this.#runner = new Runner({
      queue: this.#queue,
      settler,
      clock,
      journal,
      limits: { concurrency: options.concurrency, perDestination: options.perDestination },
      destinationOf: options.destinationOf,
      deliver: (claim, tell) => this.#deliver(claim, tell),
      waker: options.waker,
    });
  }

  /** Starts the work. On the embedded store what a dead process had claimed is due at once. */
  start(): void {
    this.#runner.start();
    if (!this.#options.store.embedded) return;
    this.#queue.recover().then((count) => {
      if (count === 0) return;
      this.#options.journal.note("INFO", "deliveries of the last run are taken up again", { count });
      this.#runner.wake();
    }).catch((error) =>
      this.#options.journal.note("ERROR", "queue recovery failed", { error: String(error) })
    );
  }

  /** Stops the work: what waits stays in the store, what is under way gets `graceMs`. */
  async stop(graceMs: number): Promise<void> {
    await this.#runner.stop(graceMs);
    await this.#options.agent.close();
  }

  /** Is nothing due or under way? */
  get isIdle(): boolean {
    return this.#runner.isIdle;
  }

  /** Resolves when nothing is due or under way. */
  idle(): Promise<void> {
    return this.#runner.idle();
  }

  /**
   * Takes a message over. Resolves when it is durable: from that instant on it is ours (RFC 5321 4.2.5). Answers
   * false when the text was swept away meanwhile; rejects when the store fails. `watcher` sees the first attempts.
   */
  async accept(message: NewMessage, watcher?: Watcher): Promise<boolean> {
    const leased: { record: QueueRecord; until: number }[] = [];
    const enlisted = this.#plan(message, (record) => {
      const lease = record.dueAt <= message.receivedAt ? this.#runner.lease(record) : undefined;
      if (lease) leased.push({ record, until: lease.until });
      return lease;
    });
    let versionstamp: string | undefined;
    try {
      const result = await this.#options.store.write(enlisted.write);
      if (result.ok) versionstamp = result.versionstamp;
    } finally {
      if (versionstamp === undefined) { for (const { record } of leased) this.#runner.giveUp(record); }
    }
    if (versionstamp === undefined) return false;
    this.#hand(enlisted, leased, { versionstamp, watcher });
    return true;
  }

  #hand(
    enlisted: Enlisted,
    leased: readonly { record: QueueRecord; until: number }[],
    how: { versionstamp: string; watcher: Watcher | undefined },
  ): void {
    how.watcher?.begin(enlisted.records.length);
    for (const { record, until } of leased) {
      this.#runner.take(record, { until, versionstamp: how.versionstamp }, how.watcher);
    }
    if (leased.length === enlisted.records.length) return;
    const taken = new Set(leased.map((l) => l.record));
    for (const record of enlisted.records) {
      if (taken.has(record)) continue;
      this.#runner.expect(record.dueAt);
      how.watcher?.done();
    }
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
    const life = await lifeOf(this.#options.store.kv, id);
    return life.flatMap(({ at, attempts }) => attempts.map((a) => ({ at, ...a })));
  }

  /** The text of a queued message. */
  text(record: QueueRecord): AsyncGenerator<Uint8Array> {
    return readBody(this.#options.store.kv, record.body);
  }

  /** Makes a message due now. A held one stays held: {@linkcode release} it. */
  async retry(id: string): Promise<Refusal | undefined> {
    const dueAt = this.#options.clock.now();
    const refused = await this.#each(
      id,
      (record) => ({ record: record.held ? record : { ...record, dueAt } }),
    );
    if (!refused) this.#runner.wake();
    return refused;
  }

  /** Keeps a message until it is released. */
  hold(id: string): Promise<Refusal | undefined> {
    return this.#each(id, (record) => ({ record: { ...record, held: true } }));
  }

  /** Lets a held message go on: due now. */
  async release(id: string): Promise<Refusal | undefined> {
    const records = await this.#queue.message(id);
    if (records.length > 0 && !records.some((r) => r.held)) return "notHeld";
    const dueAt = this.#options.clock.now();
    const refused = await this.#each(id, ({ held: _, ...record }) => ({ record: { ...record, dueAt } }));
    if (!refused) this.#runner.wake();
    return refused;
  }

  /** Returns a message to its sender now. */
  async bounce(id: string): Promise<Refusal | undefined> {
    const text = "The operator of the mail server returned the message";
    const refused = await this.#each(id, async (record) => {
      const failed = record.recipients.map((
        recipient,
      ) => ({ recipient, action: "failed", status: "5.7.1", text } as const));
      const report = await this.#reporter.report(record, failed);
      const release = await releaseBody(this.#options.store.kv, record.body);
      const told = report ? [this.#plan(report, () => undefined).write] : [];
      return { record: undefined, also: together(release, ...told) };
    });
    this.#runner.wake();
    return refused;
  }

  /** Drops a message; nobody is told. */
  delete(id: string): Promise<Refusal | undefined> {
    return this.#each(id, async (record) => ({
      record: undefined,
      also: await releaseBody(this.#options.store.kv, record.body),
    }));
  }

  /** Makes all messages (of a domain) due now that are not held; answers how many. */
  async flush(domain?: string): Promise<number> {
    const dueAt = this.#options.clock.now();
    let count = 0;
    const batch: Promise<void>[] = [];
    for await (const records of this.#queue.messages()) {
      const wanted = records.filter((r) =>
        !r.held && r.dueAt > dueAt && (domain === undefined || r.domain === domain)
      );
      if (wanted.length === 0) continue;
      batch.push(
        Promise.all(wanted.map((r) => this.#queue.change(r, (record) => ({ record: { ...record, dueAt } }))))
          .then((changes) => void (count += changes.some((c) => c.ok) ? 1 : 0)),
      );
      if (batch.length >= 200) await Promise.all(batch.splice(0));
    }
    await Promise.all(batch);
    this.#runner.wake();
    return count;
  }

  async #each(id: string, change: Parameters<QueueStore["change"]>[1]): Promise<Refusal | undefined> {
    const records = await this.#queue.message(id);
    if (records.length === 0) return "gone";
    let done = 0;
    let refused: Refusal | undefined;
    // One after the other: the last owner of a shared text deletes it, and must know that it is the last.
    for (const record of records) {
      const result = await this.#queue.change(record, change);
      if (result.ok) done++;
      else refused = result.why;
    }
    return done === 0 ? refused : undefined;
  }

  #plan(
    message: NewMessage,
    lease: (record: QueueRecord) => { owner: string; until: number } | undefined,
  ): Enlisted {
    return enlist(message, { mailStore: this.#options.mailStore, lease });
  }

  async #deliver(claim: Claim, tell: ((line: string) => void) | undefined): Promise<DeliveryResult> {
    const { record } = claim;
    const { agent, router, clock, store } = this.#options;
    if (router.isLocal(record.domain)) return await deliverToMailbox(record, this.#options);
    const attempts = await agent.deliver({
      id: record.id,
      sender: record.sender,
      recipients: record.recipients,
      domain: record.domain,
      size: record.body.size,
      parameters: record,
      text: () => readBody(store.kv, record.body),
      stillOurs: () => clock.monotonic() < claim.leaseEnds - LEASE_MARGIN_MS,
      ...(tell === undefined ? {} : { tell }),
    });
    return { outcomes: attempts };
  }
}
