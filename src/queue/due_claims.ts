/** The claims of what is due: looks through the index, now and when the alarm fires, and claims what has room. */

import type { Clock } from "../base/clock.ts";
import type { Journal } from "../observe/journal.ts";
import { isStoreAway } from "../storage/storage_error.ts";
import { claim } from "./claiming.ts";
import { DueScan, type Picked } from "./due_scan.ts";
import type { Leases } from "./leases.ts";
import type { QueueStore, Times } from "./queue_store.ts";
import type { QueueRecord } from "./record.ts";
import { reschedule } from "./record_change.ts";
import type { Scheduler } from "./scheduler.ts";
import type { Slots } from "./slots.ts";
import type { NewWork, Waker } from "./waker.ts";

/** What {@linkcode DueClaims} work with. */
export interface DueClaimsOptions {
  readonly queue: QueueStore;
  readonly scheduler: Scheduler;
  readonly slots: Slots;
  readonly leases: Leases;
  readonly clock: Clock;
  readonly journal: Journal;
  /** The next hop that a record shares with others: its domain, or the smart host. */
  destinationOf(record: { readonly domain: string }): string;
  /** Reads what the deliveries of records will send, which are about to have their turn. */
  readAhead(records: readonly QueueRecord[]): Promise<void>;
  /** No record waits longer for its next attempt than this: milliseconds. */
  readonly longestWaitMs: number;
  /** Makes the alarm clock. */
  waker(wake: (work?: NewWork) => void): Waker;
  /** Says to the other servers of a shared store that there may be work for them. */
  notifyPeers?: ((work: NewWork) => void) | undefined;
}

/** A clock that goes back by less is only being corrected. */
const SET_BACK_MS = 60_000;
/** How long to wait when the store fails. */
const STORE_PAUSE_MS = 1000;

/** The due index as the worker sees it. */
export class DueClaims {
  readonly #options: DueClaimsOptions;
  readonly #scan: DueScan;
  #waker: Waker | undefined;
  #onDue: () => void = () => {};
  #hasMore = false;
  #lastLook = Infinity;

  constructor(options: DueClaimsOptions) {
    this.#options = options;
    const { queue, scheduler, leases } = options;
    leases.onMissed((when) => this.schedule(when));
    this.#scan = new DueScan({
      queue,
      scheduler,
      destinationOf: (of) => options.destinationOf(of),
      isOurs: (of) => leases.has(of),
    });
  }

  /** Looks through all of the index, and sets the alarm; `onDue`: there may be something to {@linkcode claim}. */
  start(onDue: () => void): void {
    this.#onDue = onDue;
    this.#waker = this.#options.waker((work) => {
      if (!work || this.#scan.hear(work)) this.#look();
    });
    this.wake();
  }

  /** The alarm is off. */
  async close(): Promise<void> {
    await this.#waker?.close();
  }

  /** May the index hold records that are due and have room? */
  get hasMore(): boolean {
    return this.#hasMore;
  }

  /** Looks through the index now: what is due from then on, or all of it. */
  wake(from = 0): void {
    this.#scan.rewind(from);
    this.#look();
    this.notifyPeers({ from });
  }

  /** Says to the other servers of a shared store that there may be work for them. */
  notifyPeers(work: NewWork): void {
    this.#options.notifyPeers?.(work);
  }

  /** A record without a lease is in the index, due at `dueAt`. For the domain `of` there may be no room. */
  schedule(dueAt: number, of?: { readonly domain: string }): void {
    const isDue = dueAt <= this.#options.clock.now();
    if (isDue) this.notifyPeers({ from: dueAt, ...(of && { domains: [of.domain] }) });
    // While there is none, a look would only skip it: with a long queue that is a look for each message.
    if (isDue && of && this.#scan.skip(this.#options.destinationOf(of), dueAt)) return;
    this.#scan.rewind(dueAt);
    if (isDue) this.#look();
    else this.#waker?.set(dueAt);
  }

  /** A delivery to that destination ended: there may be room for what was skipped. */
  freed(destination: string): void {
    if (this.#scan.roomFor(destination)) this.#hasMore = true;
  }

  /** Records wait for their turn no more: there may be room for others. */
  withdrawn(records: Iterable<{ readonly domain: string }>): void {
    for (const record of records) this.freed(this.#options.destinationOf(record));
    if (this.#hasMore) this.#onDue();
  }

  /** What was passed over for one destination is another one's from now on. */
  move(from: string, to: string): void {
    this.#scan.move(from, to);
  }

  /** Claims what is due and has room, as far as one look goes; whatever comes later sets the alarm. */
  async claim(): Promise<void> {
    const { queue, clock, journal } = this.#options;
    try {
      this.#hasMore = false;
      const times = { now: clock.now(), monotonic: clock.monotonic() };
      if (times.now < this.#lastLook - SET_BACK_MS) await this.#reschedule(times.now);
      this.#lastLook = times.now;
      const { picked, complete } = await this.#scan.look(times.now);
      if (picked.length > 0) await this.#lease(picked, times);
      if (!complete) this.#hasMore = true;
      const next = await queue.nextDueAfter(times.now);
      if (next === undefined) return;
      // Time went on while it was looked.
      if (next <= clock.now()) this.#hasMore = true;
      else this.#waker?.set(next);
    } catch (error) {
      if (!isStoreAway(error)) journal.note("ERROR", "queue could not be read", { error: String(error) });
      this.#waker?.set(clock.now() + STORE_PAUSE_MS);
    }
  }

  #look(): void {
    this.#hasMore = true;
    this.#onDue();
  }

  /** The clock was set back, perhaps while no server ran: what waits for a time far off is due now. */
  async #reschedule(now: number): Promise<void> {
    const { queue: { store }, leases, journal, longestWaitMs } = this.#options;
    try {
      const count = await reschedule({ store, leases }, now, now + longestWaitMs + SET_BACK_MS);
      if (count > 0) journal.note("WARN", "the clock was set back; messages are due now", { count });
    } finally {
      // also when it fails in part: those that are due now lie before what the next try looks at
      this.#scan.rewind(now);
    }
  }

  async #lease(all: readonly Picked[], times: Times): Promise<void> {
    const { queue, slots, scheduler, leases } = this.#options;
    // from now on nobody here changes them
    const picked = all.filter(({ entry, destination }) => {
      const isFree = leases.announce(entry);
      if (!isFree) this.#giveBack(destination);
      return isFree;
    });
    if (picked.length === 0) return;
    try {
      const claims = await claim(queue, picked.map((p) => p.entry), times);
      const ours = claims.filter((claim) => claim !== undefined);
      // who finds nothing read ahead reads it when its turn comes
      if (slots.isOpen) await this.#options.readAhead(ours.map(({ record }) => record)).catch(() => {});
      if (!slots.isOpen) await queue.unclaim(ours);
      for (const [i, claim] of claims.entries()) {
        const { entry, destination } = picked[i]!;
        if (claim) {
          slots.fill(claim, destination);
          // it has another one's place now
          if (!scheduler.has(destination)) this.freed(destination);
        } else {
          leases.retract(entry);
          this.#giveBack(destination);
        }
      }
    } catch (error) {
      // Those that were claimed nevertheless are due again when the lease ends.
      for (const { entry } of picked) leases.retract(entry);
      this.#scan.putBack(picked);
      throw error;
    }
  }

  /** A place is not needed after all: others may have been passed over for want of it. */
  #giveBack(destination: string): void {
    this.#options.scheduler.unreserve(destination);
    this.freed(destination);
  }
}
