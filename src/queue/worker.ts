/** In charge of the queue's work: claims what is due, has it delivered, settles, and sleeps until the next is due. */

import { type Clock, sleep, systemClock, type Timer } from "../base/clock.ts";
import { Tasks } from "../base/tasks.ts";
import type { Journal } from "../observe/journal.ts";
import { isStoreAway } from "../storage/storage_error.ts";
import { DueScan, type Picked } from "./due_scan.ts";
import type { Claim, QueueStore } from "./queue_store.ts";
import type { QueueRecord } from "./record.ts";
import { isBackoffSignal, Scheduler, type SchedulerLimits } from "./scheduler.ts";
import type { DeliveryResult } from "./result.ts";
import type { OutcomeRecorder } from "./recorder.ts";
import type { NewWork, Waker } from "./waker.ts";

/** Somebody who watches the first attempts for one message (VERB). */
export interface Watcher {
  /** So many records are under way; {@linkcode Watcher.done} is called for each. */
  begin(records: number): void;
  /** A line of the dialogue. */
  tell(line: string): void;
  /** The attempt ended. */
  done(): void;
}

/** The lease of a record that is delivered as soon as it is durable. */
export interface Lease {
  readonly owner: string;
  /** Its end: milliseconds since 1970. */
  readonly until: number;
  /** Its end on the monotonic clock. */
  readonly leaseEnds: number;
}

/** What a {@linkcode QueueWorker} works with. */
export interface RunnerOptions {
  readonly queue: QueueStore;
  readonly recorder: OutcomeRecorder;
  readonly clock: Clock;
  readonly journal: Journal;
  readonly limits: SchedulerLimits;
  /** The next hop that a record shares with others: its domain, or the smart host. */
  destinationOf(record: { readonly domain: string }): string;
  /** Delivers. When it rejects, the record is deferred. */
  deliver(claim: Claim, tell: ((line: string) => void) | undefined): Promise<DeliveryResult>;
  /** No record waits longer for its next attempt than this: milliseconds. */
  readonly longestWaitMs: number;
  /** Makes the alarm clock. */
  waker(wake: (work?: NewWork) => void): Waker;
  /** Tells the other servers of a shared store that there may be work for them. */
  call?(work: NewWork): void;
}

/** A clock that goes back by less is only being corrected. */
const SET_BACK_MS = 60_000;
/** How long to wait when the store fails. */
const STORE_PAUSE_MS = 1000;
/** Leases are looked after so often while they last. */
const RENEWALS = 3;

/** Runs the queue of one server. */
export class QueueWorker {
  readonly #options: RunnerOptions;
  readonly #scheduler: Scheduler;
  readonly #scan: DueScan;
  readonly #tasks: Tasks;
  /** What is in our hands, by name; undefined: it is being accepted, and may be in the index before we know. */
  readonly #claims = new Map<string, Claim | undefined>();
  readonly #watchers = new Map<Claim, Watcher>();
  readonly #stop = new AbortController();
  #waker: Waker | undefined;
  #renewal: Timer | undefined;
  /** Until a destination's rate lets one go. */
  #pause: Timer | undefined;
  /** The index may hold records that are due and have room. */
  #backlog = false;
  #looking = false;
  #lastLook = Infinity;
  #idle: (() => void)[] = [];

  constructor(options: RunnerOptions) {
    this.#options = options;
    const { queue, limits } = options;
    this.#scheduler = new Scheduler(limits);
    this.#scan = new DueScan({
      queue,
      scheduler: this.#scheduler,
      destinationOf: (of) => options.destinationOf(of),
      isOurs: (of) => this.#claims.has(nameOf(of)),
    });
    this.#tasks = new Tasks((name, error) =>
      options.journal.note("ERROR", "queue task failed", { name, error: String(error) })
    );
  }

  /** Starts: looks what is due, and sets the alarm. */
  start(): void {
    this.#waker = this.#options.waker((work) => this.#wakeUp(work));
    this.wake();
  }

  /** Looks through the index now: what is due from then on, or all of it. */
  wake(from = 0): void {
    this.#scan.rewind(from);
    this.#look();
    this.#options.call?.({ from });
  }

  /**
   * Is there room to deliver this record at once? Then a place is kept until {@linkcode take} or
   * {@linkcode giveUp}.
   */
  lease(record: QueueRecord): Lease | undefined {
    if (this.#waker === undefined || this.#stop.signal.aborted) return undefined;
    const destination = this.#options.destinationOf(record);
    if (!this.#scheduler.hasRoom(destination)) return undefined;
    this.#scheduler.reserve(destination);
    this.#claims.set(nameOf(record), undefined);
    const { queue, clock } = this.#options;
    return {
      owner: queue.owner,
      until: clock.now() + queue.leaseMs,
      leaseEnds: clock.monotonic() + queue.leaseMs,
    };
  }

  /** A record for which {@linkcode lease} gave a lease is durable: it is delivered now. */
  take(record: QueueRecord, lease: Lease & { readonly versionstamp: string }, watcher?: Watcher): void {
    const { until, leaseEnds, versionstamp } = lease;
    const claim: Claim = { record, leaseKeyAt: until, versionstamp, leaseEnds };
    if (watcher) this.#watchers.set(claim, watcher);
    this.#place(claim);
    this.#pump();
  }

  /** A record for which {@linkcode lease} gave a lease did not come about. */
  giveUp(record: QueueRecord): void {
    this.#claims.delete(nameOf(record));
    this.#scheduler.unreserve(this.#options.destinationOf(record));
  }

  /** A record without a lease is in the index, due at `dueAt`. For the domain `of` there may be no room. */
  expect(dueAt: number, of?: { readonly domain: string }): void {
    const isDue = dueAt <= this.#options.clock.now();
    if (isDue) this.#options.call?.({ from: dueAt, ...(of && { domains: [of.domain] }) });
    // While there is none, a look would only pass it over: with a long queue that is a look for each message.
    if (isDue && of && this.#scan.skip(this.#options.destinationOf(of), dueAt)) return;
    this.#scan.rewind(dueAt);
    if (isDue) this.#look();
    else this.#waker?.set(dueAt);
  }

  /**
   * Puts those of the records that wait in memory for their turn back into the index, so that an operator can change
   * them; those that are being delivered stay. Answers which are to be expected again when that is done.
   */
  async unclaim(records: readonly QueueRecord[]): Promise<QueueRecord[]> {
    const waiting = records.map((record) => this.#claims.get(nameOf(record))).filter((claim) =>
      claim !== undefined && this.#scheduler.withdraw(this.#options.destinationOf(claim.record), claim)
    ) as Claim[];
    await this.#options.queue.unclaim(waiting);
    for (const claim of waiting) {
      this.#forget(claim);
      // A claim that could not be given up is due at the end of its lease.
      this.#waker?.set(claim.leaseKeyAt);
    }
    return waiting.map((claim) => claim.record);
  }

  /** How many deliveries are under way or wait in memory. */
  get busy(): number {
    return this.#scheduler.active + this.#scheduler.waiting;
  }

  /** Resolves when nothing is due, waits or is under way. */
  async idle(): Promise<void> {
    while (!this.isIdle) await new Promise<void>((resolve) => this.#idle.push(resolve));
  }

  /**
   * Starts nothing more, lets go what waits, and gives what is under way `graceMs`. Answers how many still run: it
   * may be called again. Real time: a server stops also when its clock stands still.
   */
  async stop(graceMs: number): Promise<number> {
    this.#stop.abort();
    const closed = this.#waker?.close();
    const waiting = this.#scheduler.drain();
    for (const claim of waiting) this.#forget(claim);
    this.#tellIdle();
    await this.#options.queue.unclaim(waiting);
    if (waiting.length > 0) {
      this.#options.call?.({ from: Math.min(...waiting.map(({ record }) => record.dueAt)) });
    }
    const left = await this.#tasks.settle(systemClock, graceMs);
    this.#renewal?.cancel();
    this.#pause?.cancel();
    await closed;
    return left;
  }

  /** Is nothing due, waiting or under way? Records that pause don't count. */
  get isIdle(): boolean {
    const { active, waiting } = this.#scheduler;
    const rests = active === 0 && (waiting === 0 || this.#pause !== undefined);
    return this.#stop.signal.aborted || (rests && !this.#looking && !this.#backlog);
  }

  /** The alarm rings, or others put records into the part of the index that was looked through. */
  #wakeUp(work?: NewWork): void {
    if (!work || this.#scan.hear(work)) this.#look();
  }

  #look(): void {
    this.#backlog = true;
    this.#pump();
  }

  /** Takes a claim over for which a place is kept. */
  #place(claim: Claim): void {
    const destination = this.#options.destinationOf(claim.record);
    this.#scheduler.unreserve(destination);
    this.#claims.set(nameOf(claim.record), claim);
    // It stays leased: on the embedded store the next start finds it, on a shared one the end of the lease.
    if (this.#stop.signal.aborted) return this.#forget(claim);
    this.#scheduler.add(destination, claim);
    this.#renewal ??= this.#options.clock.schedule(this.#renewEveryMs, () => this.#renew());
  }

  #forget(claim: Claim): void {
    const name = nameOf(claim.record);
    if (this.#claims.get(name) === claim) this.#claims.delete(name);
    this.#watchers.get(claim)?.done();
    this.#watchers.delete(claim);
  }

  /** Starts what may start; looks for more when there may be some. */
  #pump(): void {
    if (this.#stop.signal.aborted) return;
    for (let next = this.#scheduler.next(); next; next = this.#scheduler.next()) {
      const { destination, claim } = next;
      this.#tasks.run(`deliver ${nameOf(claim.record)}`, () => this.#deliver(destination, claim));
    }
    this.#pause?.cancel();
    const { pauseMs } = this.#scheduler;
    this.#pause = pauseMs < Infinity ? this.#options.clock.schedule(pauseMs, () => this.#pump()) : undefined;
    if (this.#backlog && !this.#looking && this.#waker !== undefined) {
      this.#looking = true;
      this.#tasks.run("claim", () => this.#refill());
    }
    if (this.isIdle) this.#tellIdle();
  }

  #tellIdle(): void {
    for (const resolve of this.#idle.splice(0)) resolve();
  }

  async #refill(): Promise<void> {
    const { queue, clock, journal } = this.#options;
    try {
      this.#backlog = false;
      const times = { now: clock.now(), monotonic: clock.monotonic() };
      if (times.now < this.#lastLook - SET_BACK_MS) await this.#reschedule(times.now);
      this.#lastLook = times.now;
      const { picked, complete } = await this.#scan.look(times.now);
      if (picked.length > 0) await this.#claim(picked, times);
      if (!complete) this.#backlog = true;
      const next = await queue.nextDueAfter(times.now);
      if (next === undefined) return;
      // Time went on while it was looked.
      if (next <= clock.now()) this.#backlog = true;
      else this.#waker?.set(next);
    } catch (error) {
      if (!isStoreAway(error)) journal.note("ERROR", "queue could not be read", { error: String(error) });
      this.#waker?.set(clock.now() + STORE_PAUSE_MS);
    } finally {
      this.#looking = false;
      this.#pump();
    }
  }

  /** The clock was set back, perhaps while no server ran: what waits for a time far off is due now. */
  async #reschedule(now: number): Promise<void> {
    const { queue, journal, longestWaitMs } = this.#options;
    const count = await queue.reschedule(now, now + longestWaitMs + SET_BACK_MS);
    if (count > 0) journal.note("WARN", "the clock was set back; messages are due now", { count });
    this.#scan.rewind(now);
  }

  async #claim(
    picked: readonly Picked[],
    times: { now: number; monotonic: number },
  ): Promise<void> {
    try {
      const claims = await this.#options.queue.claim(picked.map((p) => p.entry), times);
      if (this.#stop.signal.aborted) await this.#options.queue.unclaim(claims.filter((c) => c !== undefined));
      for (const [i, claim] of claims.entries()) {
        if (claim) this.#place(claim);
        else this.#scheduler.unreserve(picked[i]!.destination);
      }
    } catch (error) {
      // Those that were claimed nevertheless are due again when the lease ends.
      for (const { destination } of picked) this.#scheduler.unreserve(destination);
      this.#scan.rewind(picked[0]!.entry.when);
      throw error;
    }
  }

  async #deliver(destination: string, claim: Claim): Promise<void> {
    let settled = false;
    let trouble = false;
    let result: DeliveryResult | undefined;
    try {
      result = await this.#attempt(claim);
      trouble = isBackoffSignal(result.outcomes);
      settled = await this.#settle(claim, result);
    } finally {
      result?.release?.();
      this.#forget(claim);
      this.#scheduler.done(destination, trouble);
      // Whoever has it now, it is due at the end of the lease at the latest.
      if (!settled) this.expect(claim.leaseKeyAt);
      if (this.#scan.roomFor(destination)) this.#backlog = true;
      this.#pump();
    }
  }

  async #attempt(claim: Claim): Promise<DeliveryResult> {
    const watcher = this.#watchers.get(claim);
    try {
      return await this.#options.deliver(claim, watcher && ((line) => watcher.tell(line)));
    } catch (error) {
      const outcome = {
        kind: "deferred",
        status: "4.3.0",
        text: `The attempt failed here: ${error instanceof Error ? error.message : String(error)}`,
      } as const;
      const { recipients } = claim.record;
      return { outcomes: recipients.map(({ address }) => ({ recipient: address, outcome, durationMs: 0 })) };
    }
  }

  /** What was delivered must be written down, or it would be delivered again: tried until the store works. */
  async #settle(claim: Claim, result: DeliveryResult): Promise<boolean> {
    const { journal, clock, recorder } = this.#options;
    for (let tries = 0;; tries++) {
      try {
        claim.settling = true;
        await claim.renewing;
        const settled = result.split
          ? await recorder.split(claim, result.split)
          : await recorder.settle(claim, result.outcomes, result.also?.write);
        if (settled.kind === "lost") {
          journal.note("WARN", "lease lost", { id: claim.record.id, part: claim.record.part });
          return false;
        }
        for (const record of settled.waiting) this.expect(record.dueAt);
        return true;
      } catch (error) {
        const { id } = claim.record;
        if (tries === 0) {
          journal.note("ERROR", "outcome could not be written, trying again", { id, error: String(error) });
        }
        // Between the tries the lease is kept.
        claim.settling = false;
        if (this.#stop.signal.aborted) return false;
        await sleep(clock, STORE_PAUSE_MS, this.#stop.signal);
      }
    }
  }

  get #renewEveryMs(): number {
    return this.#options.queue.leaseMs / RENEWALS;
  }

  #renew(): void {
    this.#renewal = undefined;
    if (this.#claims.size === 0 || this.#stop.signal.aborted) return;
    this.#renewal = this.#options.clock.schedule(this.#renewEveryMs, () => this.#renew());
    const { queue, clock, journal } = this.#options;
    const times = { now: clock.now(), monotonic: clock.monotonic() };
    for (const claim of this.#claims.values()) {
      if (
        !claim || claim.settling || claim.renewing ||
        claim.leaseEnds > times.monotonic + queue.leaseMs - this.#renewEveryMs
      ) continue;
      const renewing = queue.renew(claim, times).then((ours) => {
        // Somebody else has it: nothing more may be sent.
        if (!ours) claim.leaseEnds = -Infinity;
      }).catch((error) => {
        journal.note("WARN", "lease not renewed", { id: claim.record.id, error: String(error) });
      }).finally(() => delete claim.renewing);
      claim.renewing = renewing;
      this.#tasks.run(`renew ${nameOf(claim.record)}`, () => renewing);
    }
  }
}

function nameOf(of: { readonly id: string; readonly part: number }): string {
  return `${of.id}/${of.part}`;
}
