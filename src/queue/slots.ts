/** The slots for deliveries: one is kept for a record before it is durable, and filled by its claim. */

import type { Clock } from "../base/clock.ts";
import type { Transcripts } from "../observe/transcripts.ts";
import type { Leases } from "./leases.ts";
import { type Claim, claimInMemory, type QueueStore } from "./queue_store.ts";
import type { QueueRecord } from "./record.ts";
import type { Scheduler } from "./scheduler.ts";

/** What {@linkcode Slots} work with. */
export interface SlotsOptions {
  readonly queue: QueueStore;
  readonly clock: Clock;
  readonly scheduler: Scheduler;
  readonly leases: Leases;
  /** Hear that an attempt ended. */
  readonly transcripts: Transcripts;
  /** The next hop that a record shares with others: its domain, or the smart host. */
  destinationOf(record: { readonly domain: string }): string;
}

/** A claim whose turn it is. */
export interface Turn {
  readonly destination: string;
  readonly claim: Claim;
  /** Its place is another turn's by now. */
  handedOn?: true;
}

/** Claims in this server's hands: leased, and waiting for their turn or under way. */
export class Slots {
  readonly #options: SlotsOptions;
  #open = false;

  /** None is given before {@linkcode open}. */
  constructor(options: SlotsOptions) {
    this.#options = options;
  }

  /** From now on slots are given. */
  open(): void {
    this.#open = true;
  }

  /** No more slots: answers the claims that wait for their turn; they are out of our hands. */
  close(): Claim[] {
    this.#open = false;
    const waiting = this.#options.scheduler.drain();
    for (const claim of waiting) this.forget(claim);
    return waiting;
  }

  /** Are slots given? */
  get isOpen(): boolean {
    return this.#open;
  }

  /** A slot for a record that is about to be written; undefined: there is no room to deliver it at once. */
  reserve(record: QueueRecord): Reservation | undefined {
    const { scheduler, leases, queue, clock } = this.#options;
    const destination = this.#options.destinationOf(record);
    if (!this.#open || !scheduler.hasRoom(destination)) return undefined;
    scheduler.reserve(destination);
    leases.announce(record);
    const { owner, leaseMs } = queue;
    const lease = queue.isShared
      ? { owner, until: clock.now() + leaseMs, leaseEnds: clock.monotonic() + leaseMs }
      : undefined;
    return new Reservation(this, { record, destination, lease });
  }

  /** Gives the slot of a record back that did not come about; `destination`: where it was kept. */
  release(record: QueueRecord, destination: string): void {
    this.#options.leases.retract(record);
    this.#options.scheduler.unreserve(destination);
  }

  /** Puts a claim into the slot that is kept for it; `destination`: where it is, which may have another name by now. */
  fill(claim: Claim, destination: string): void {
    const { scheduler, leases } = this.#options;
    this.release(claim.record, destination);
    // On the embedded store it is simply due; on a shared one it stays leased until that ends.
    if (!this.#open) return this.forget(claim);
    leases.add(claim);
    scheduler.add(this.#options.destinationOf(claim.record), claim);
  }

  /** The claim whose turn it is; ended by {@linkcode end} and {@linkcode forget}. */
  next(): Turn | undefined {
    return this.#options.scheduler.next();
  }

  /** The claim that has the place of a turn from now on, since its message has been sent and only the answer is waited for. */
  nextBehind(turn: Turn): Turn | undefined {
    if (turn.handedOn) return undefined;
    const next = this.#options.scheduler.nextBehind(turn.destination);
    if (next) turn.handedOn = true;
    return next;
  }

  /** A turn ended: another claim may have it; `backOff`: its host has too much of us. */
  end({ destination, handedOn }: Turn, backOff: boolean): void {
    const { scheduler } = this.#options;
    if (handedOn) scheduler.learn(destination, backOff);
    else scheduler.done(destination, backOff);
  }

  /** How many wait for the hosts of this turn. */
  countBehind({ destination }: Turn): number {
    return this.#options.scheduler.waitingFor(destination);
  }

  /**
   * The first of those that wait for the host that this turn met in vain, and need not try it now; ended by
   * {@linkcode forget}. Who wants more or less of TLS may fare otherwise.
   */
  takeBehind({ destination, claim }: Turn): Claim | undefined {
    return this.#options.scheduler.takeBehind(
      destination,
      ({ record }) => !(record.forceRetry ?? record.asked) && record.tls === claim.record.tls,
    );
  }

  /** Takes out those of the records that wait for their turn, and gives their leases back. */
  async unclaim(records: readonly QueueRecord[]): Promise<Claim[]> {
    const { leases, scheduler, queue, destinationOf } = this.#options;
    const claims = records.map((record) => leases.find(record)).filter((claim) => claim !== undefined)
      .filter((claim) => scheduler.withdraw(destinationOf(claim.record), claim));
    await queue.unclaim(claims);
    for (const claim of claims) this.forget(claim);
    return claims;
  }

  /** A claim is settled, or out of our hands: its attempt is over. */
  forget(claim: Claim): void {
    const { id, part } = claim.record;
    this.#options.leases.remove(claim);
    this.#options.transcripts.emit(id, { kind: "attempted", part });
  }
}

/** The lease of a record that is about to be written. */
export interface Lease {
  readonly owner: string;
  /** Its end: milliseconds since 1970. */
  readonly until: number;
  /** Its end on the monotonic clock. */
  readonly leaseEnds: number;
}

/** A slot that is kept for a record until that is durable; disposed of without a commit, others may have it. */
export class Reservation implements Disposable {
  #open = true;

  /** What is to be written with the record; undefined: nothing, since nobody else sees it. */
  readonly lease: Lease | undefined;

  constructor(
    private readonly slots: Slots,
    private readonly of: {
      readonly record: QueueRecord;
      readonly destination: string;
      readonly lease: Lease | undefined;
    },
  ) {
    this.lease = of.lease;
  }

  /** The record is durable: it is delivered as soon as its turn comes. */
  commit(versionstamp: string): void {
    const { record, destination, lease } = this.of;
    this.#open = false;
    const claim = lease
      ? { record, dueKeyAt: lease.until, versionstamp, leaseEnds: lease.leaseEnds }
      : claimInMemory(record, versionstamp);
    this.slots.fill(claim, destination);
  }

  [Symbol.dispose](): void {
    if (this.#open) this.slots.release(this.of.record, this.of.destination);
    this.#open = false;
  }
}
