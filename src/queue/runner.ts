/** In charge of the queue's work: claims what is due, has it delivered, settles, and sleeps until the next is due. */

import { type Clock, sleep, type Timer } from "../base/clock.ts";
import { Tasks } from "../base/tasks.ts";
import type { Journal } from "../observe/journal.ts";
import type { Write } from "../storage/write.ts";
import { type Claim, LEASE_MS, type QueueStore } from "./queue_store.ts";
import type { QueueRecord } from "./record.ts";
import { Scheduler, type SchedulerLimits } from "./scheduler.ts";
import type { RecipientOutcome } from "./settle.ts";
import type { Settler } from "./settler.ts";
import type { Waker } from "./waker.ts";

/** What a delivery of a claim came to. */
export interface DeliveryResult {
  readonly outcomes: readonly RecipientOutcome[];
  /** Done in the settling commit: a mailbox delivery. */
  readonly also?: { readonly write: Write; readonly keepsBody: boolean };
}

/** Somebody who watches one record's first attempt (VERB). */
export interface Watcher {
  /** So many records are under way; {@linkcode Watcher.done} is called for each. */
  begin(records: number): void;
  /** A line of the dialogue. */
  tell(line: string): void;
  /** The attempt ended. */
  done(): void;
}

/** What a {@linkcode Runner} works with. */
export interface RunnerOptions {
  readonly queue: QueueStore;
  readonly settler: Settler;
  readonly clock: Clock;
  readonly journal: Journal;
  readonly limits: SchedulerLimits;
  /** The next hop that a record shares with others: its domain, or the smart host. */
  destinationOf(record: QueueRecord): string;
  /** Delivers; never rejects. */
  deliver(claim: Claim, tell: ((line: string) => void) | undefined): Promise<DeliveryResult>;
  /** Makes the alarm clock. */
  waker(wake: () => void): Waker;
}

/** A destination with a full waiting room gets its next records after this. */
const PARK_MS = 15_000;
/** Records claimed at once. */
const BATCH = 200;
/** How long to wait when the store fails. */
const STORE_PAUSE_MS = 1000;
/** Leases are looked after this often. */
const RENEW_EVERY_MS = LEASE_MS / 3;

/** Runs the queue of one server. */
export class Runner {
  readonly #options: RunnerOptions;
  readonly #scheduler: Scheduler;
  readonly #tasks: Tasks;
  readonly #claims = new Map<string, Claim>();
  readonly #watchers = new Map<Claim, Watcher>();
  readonly #stop = new AbortController();
  #waker: Waker | undefined;
  #renewal: Timer | undefined;
  /** The index may hold records that are due. */
  #backlog = false;
  #refilling = false;
  #idle: (() => void)[] = [];

  constructor(options: RunnerOptions) {
    this.#options = options;
    this.#scheduler = new Scheduler(options.limits);
    this.#tasks = new Tasks((name, error) =>
      options.journal.note("ERROR", "queue task failed", { name, error: String(error) })
    );
  }

  /** Starts: looks what is due, and sets the alarm. */
  start(): void {
    this.#waker = this.#options.waker(() => this.wake());
    this.wake();
  }

  /** Looks into the index now. */
  wake(): void {
    this.#backlog = true;
    this.#pump();
  }

  /** Is there room to deliver this record at once? Then a place is kept until {@linkcode take} or {@linkcode giveUp}. */
  lease(record: QueueRecord): { owner: string; until: number } | undefined {
    if (this.#waker === undefined || this.#stop.signal.aborted) return undefined;
    const destination = this.#options.destinationOf(record);
    if (!this.#scheduler.hasRoom(destination)) return undefined;
    this.#scheduler.reserve(destination);
    return { owner: this.#options.queue.owner, until: this.#options.clock.now() + LEASE_MS };
  }

  /** A record for which {@linkcode lease} gave a lease is durable: it is delivered now. */
  take(record: QueueRecord, lease: { until: number; versionstamp: string }, watcher?: Watcher): void {
    const destination = this.#options.destinationOf(record);
    this.#scheduler.unreserve(destination);
    const leaseEnds = this.#options.clock.monotonic() + LEASE_MS;
    const claim: Claim = { record, leaseKeyAt: lease.until, versionstamp: lease.versionstamp, leaseEnds };
    if (watcher) this.#watchers.set(claim, watcher);
    this.#add(destination, claim);
    this.#pump();
  }

  /** A record for which {@linkcode lease} gave a lease did not come about. */
  giveUp(record: QueueRecord): void {
    this.#scheduler.unreserve(this.#options.destinationOf(record));
  }

  /** A record without a lease is in the index, due at `dueAt`. */
  expect(dueAt: number): void {
    if (dueAt <= this.#options.clock.now()) this.wake();
    else this.#waker?.arm(dueAt);
  }

  /** How many deliveries are under way or wait in memory. */
  get busy(): number {
    return this.#scheduler.active + this.#scheduler.waiting;
  }

  /** Resolves when nothing is due, waits or is under way. */
  async idle(): Promise<void> {
    while (!this.isIdle) await new Promise<void>((resolve) => this.#idle.push(resolve));
  }

  /** Starts nothing more, lets go what waits, and gives what is under way `graceMs`. */
  async stop(graceMs: number): Promise<void> {
    this.#stop.abort();
    this.#waker?.close();
    const waiting = this.#scheduler.drain();
    const { queue, clock } = this.#options;
    await Promise.allSettled(waiting.map((claim) => {
      this.#forget(claim);
      return queue.moveLease(claim, clock.now(), { leaseEnds: 0 });
    }));
    await this.#tasks.settle(clock, graceMs);
    this.#renewal?.cancel();
  }

  /** Is nothing due, waiting or under way? */
  get isIdle(): boolean {
    return this.#stop.signal.aborted ||
      (this.busy === 0 && !this.#refilling && (!this.#backlog || this.#options.limits.concurrency === 0));
  }

  #add(destination: string, claim: Claim): void {
    this.#claims.set(nameOf(claim.record), claim);
    this.#scheduler.add(destination, claim);
    this.#renewal ??= this.#options.clock.schedule(RENEW_EVERY_MS, () => this.#renew());
  }

  #forget(claim: Claim): void {
    this.#claims.delete(nameOf(claim.record));
    this.#watchers.get(claim)?.done();
    this.#watchers.delete(claim);
  }

  /** Starts what may start; fetches more when there is room. */
  #pump(): void {
    if (this.#stop.signal.aborted) return;
    for (let next = this.#scheduler.next(); next; next = this.#scheduler.next()) {
      const { destination, claim } = next;
      this.#tasks.run(`deliver ${nameOf(claim.record)}`, () => this.#deliver(destination, claim));
    }
    const { concurrency } = this.#options.limits;
    if (this.#backlog && !this.#refilling && concurrency > 0 && this.#scheduler.waiting < BATCH) {
      this.#refilling = true;
      this.#tasks.run("claim", () => this.#refill());
    }
    if (this.#idle.length > 0 && this.isIdle) { for (const resolve of this.#idle.splice(0)) resolve(); }
  }

  async #refill(): Promise<void> {
    const { queue, clock } = this.#options;
    try {
      this.#backlog = false;
      const times = { now: clock.now(), monotonic: clock.monotonic() };
      const claims = await queue.claim(BATCH, times, (id, part) => this.#claims.has(`${id}/${part}`));
      if (claims.length >= BATCH / 2) this.#backlog = true;
      await Promise.all(claims.map((claim) => this.#place(claim)));
      const next = this.#backlog ? undefined : await queue.nextDue();
      if (next !== undefined) {
        if (next > clock.now()) this.#waker?.arm(next);
        else if (claims.length > 0) this.#backlog = true;
        else this.#waker?.arm(clock.now() + STORE_PAUSE_MS);
      }
    } catch (error) {
      this.#options.journal.note("ERROR", "queue could not be read", { error: String(error) });
      this.#waker?.arm(clock.now() + STORE_PAUSE_MS);
    } finally {
      this.#refilling = false;
      this.#pump();
    }
  }

  async #place(claim: Claim): Promise<void> {
    const destination = this.#options.destinationOf(claim.record);
    if (this.#stop.signal.aborted || !this.#scheduler.hasRoom(destination)) {
      const at = this.#options.clock.now() + (this.#stop.signal.aborted ? 0 : PARK_MS);
      await this.#options.queue.moveLease(claim, at, { leaseEnds: 0 });
    } else this.#add(destination, claim);
  }

  async #deliver(destination: string, claim: Claim): Promise<void> {
    try {
      const watcher = this.#watchers.get(claim);
      const result = await this.#options.deliver(claim, watcher && ((line) => watcher.tell(line)));
      await this.#settle(claim, result);
    } finally {
      this.#forget(claim);
      this.#scheduler.done(destination);
      this.#pump();
    }
  }

  /** What was delivered must be written down, or it would be delivered again: tried until the store works. */
  async #settle(claim: Claim, result: DeliveryResult): Promise<void> {
    const { journal, clock, settler } = this.#options;
    claim.settling = true;
    await claim.renewing;
    for (;;) {
      try {
        const settled = await settler.settle(claim, result.outcomes, result.also);
        if (settled.kind === "lost") {
          journal.note("WARN", "lease lost", { id: claim.record.id, part: claim.record.part });
        } else {
          if (settled.rest) this.expect(settled.rest.dueAt);
          for (const { enlisted } of settled.reports) {
            for (const record of enlisted.records) this.expect(record.dueAt);
          }
        }
        return;
      } catch (error) {
        journal.note("ERROR", "outcome could not be written, trying again", {
          id: claim.record.id,
          error: String(error),
        });
        if (this.#stop.signal.aborted) return;
        await sleep(clock, STORE_PAUSE_MS, this.#stop.signal);
      }
    }
  }

  #renew(): void {
    this.#renewal = undefined;
    if (this.#claims.size === 0 || this.#stop.signal.aborted) return;
    this.#renewal = this.#options.clock.schedule(RENEW_EVERY_MS, () => this.#renew());
    const { queue, clock } = this.#options;
    const leaseEnds = clock.monotonic() + LEASE_MS;
    for (const claim of this.#claims.values()) {
      if (claim.settling || claim.leaseEnds > leaseEnds - RENEW_EVERY_MS) continue;
      this.#tasks.run(`renew ${nameOf(claim.record)}`, async () => {
        claim.renewing = queue.moveLease(claim, clock.now() + LEASE_MS, { leaseEnds }).catch(() => false);
        await claim.renewing;
      });
    }
  }
}

function nameOf(record: QueueRecord): string {
  return `${record.id}/${record.part}`;
}
