/**
 * The leases of this server: its claims by name, on a shared store renewed while they last. On the embedded store they
 * are all that keeps two from having a record at once: who delivers it has a claim here, and who changes it says so.
 */

import type { Clock, Timer } from "../base/clock.ts";
import type { Tasks } from "../base/tasks.ts";
import type { Journal } from "../observe/journal.ts";
import { type Claim, nameOf, type QueueStore } from "./queue_store.ts";

/** What {@linkcode Leases} work with. */
export interface LeasesOptions {
  readonly queue: QueueStore;
  readonly clock: Clock;
  readonly journal: Journal;
  /** Where renewals run. */
  readonly tasks: Tasks;
}

/** Leases are looked after so often while they last. */
const RENEWALS = 3;
/**
 * A lease is given up for lost so long before it ends, since others see its end at their own time: as a part of the
 * lease, five seconds of two minutes.
 */
const MARGIN = 1 / 24;

/** What names a record. */
interface Named {
  readonly id: string;
  readonly part: number;
}

/** The same, and where in the due index it was met. */
interface Met extends Named {
  readonly when?: number;
}

/** The records that this server delivers, or will deliver next. */
export class Leases {
  readonly #options: LeasesOptions;
  readonly #claims = new Map<string, Claim>();
  /** Records that are being accepted with a lease: they are in the index before their claim is here. */
  readonly #announced = new Set<string>();
  /** Records whose change is being written: by how many, and the first place at which they were passed over for that. */
  readonly #changing = new Map<string, { count: number; missed: number }>();
  #onMissed: (when: number) => void = () => {};
  #renewal: Timer | undefined;
  #closed = false;

  constructor(options: LeasesOptions) {
    this.#options = options;
  }

  /**
   * Is the record this server's, now or as soon as it is durable, or is it being changed? Who passes it over for that
   * hears of it by {@linkcode onMissed}, should the change come to nothing.
   */
  has(of: Met): boolean {
    // a scan of the index asks for each of its entries
    if (this.#claims.size + this.#announced.size + this.#changing.size === 0) return false;
    const name = nameOf(of);
    if (this.#isInHands(name)) return true;
    const change = this.#changing.get(name);
    if (change) change.missed = Math.min(change.missed, of.when ?? 0);
    return change !== undefined;
  }

  /** Told when a record is free that was passed over since it was being changed, and where in the index that was. */
  onMissed(listener: (when: number) => void): void {
    this.#onMissed = listener;
  }

  /** Is the record delivered, about to be, or being accepted? */
  isInHands(of: Named): boolean {
    return this.#isInHands(nameOf(of));
  }

  #isInHands(name: string): boolean {
    return this.#claims.has(name) || this.#announced.has(name);
  }

  /**
   * Writes a change of a record that nobody delivers: until that is over, nobody here begins to. Undefined: somebody
   * has it. Rejects when the write does.
   */
  async change<T>(of: Named, write: () => Promise<T>): Promise<T | undefined> {
    return this.isInHands(of) ? undefined : await this.changing([of], write);
  }

  /** Nobody here begins to deliver these records before `act` is over; who does already goes on. */
  async changing<T>(all: readonly Named[], act: () => Promise<T>): Promise<T> {
    for (const of of all) {
      const change = this.#changing.get(nameOf(of)) ?? { count: 0, missed: Infinity };
      change.count++;
      this.#changing.set(nameOf(of), change);
    }
    try {
      return await act();
    } finally {
      for (const of of all) this.#changed(of);
    }
  }

  #changed(of: Named): void {
    const change = this.#changing.get(nameOf(of))!;
    if (--change.count > 0) return;
    this.#changing.delete(nameOf(of));
    if (change.missed < Infinity) this.#onMissed(change.missed);
  }

  /** The claim of a record. */
  find(of: Named): Claim | undefined {
    return this.#claims.get(nameOf(of));
  }

  /** A record is about to be claimed, or written with a claim: false when it can't be. Ended by {@linkcode retract}. */
  announce(record: Met): boolean {
    if (this.has(record)) return false;
    this.#announced.add(nameOf(record));
    return true;
  }

  /** A record that was announced has its claim now, or gets none. */
  retract(record: Named): void {
    this.#announced.delete(nameOf(record));
  }

  /** Takes a claim in: from now on it is renewed, where it has an end. */
  add(claim: Claim): void {
    this.#claims.set(nameOf(claim.record), claim);
    if (!this.#closed && !claim.inMemory) this.#renewal ??= this.#schedule();
  }

  /** Forgets a claim, which is settled, given up or lost. */
  remove(claim: Claim): void {
    const name = nameOf(claim.record);
    if (this.#claims.get(name) === claim) this.#claims.delete(name);
  }

  /** On a shared store others may take a record when its lease ends: then this server must not end a transaction any more. */
  isSurelyOurs(claim: Claim): boolean {
    const { clock, queue } = this.#options;
    const margin = queue.leaseMs * MARGIN;
    if (clock.monotonic() >= claim.leaseEnds - margin) return false;
    // The monotonic clock stands still while a machine sleeps; others go by the time of day.
    return queue.store.embedded || clock.now() < claim.dueKeyAt - margin;
  }

  /** Renews no more. */
  close(): void {
    this.#closed = true;
    this.#renewal?.cancel();
  }

  get #renewEveryMs(): number {
    return this.#options.queue.leaseMs / RENEWALS;
  }

  #schedule(): Timer {
    return this.#options.clock.schedule(this.#renewEveryMs, () => this.#renewAll());
  }

  #renewAll(): void {
    this.#renewal = undefined;
    if (this.#claims.size === 0 || this.#closed) return;
    this.#renewal = this.#schedule();
    const { queue, clock } = this.#options;
    const latest = clock.monotonic() + queue.leaseMs - this.#renewEveryMs;
    for (const claim of this.#claims.values()) {
      if (!claim.settling && !claim.renewing && claim.leaseEnds <= latest) this.#renew(claim);
    }
  }

  #renew(claim: Claim): void {
    const { queue, clock, journal, tasks } = this.#options;
    const times = { now: clock.now(), monotonic: clock.monotonic() };
    const renewing = queue.renew(claim, times).then((ours) => {
      // Somebody else has it: nothing more may be sent.
      if (!ours) claim.leaseEnds = -Infinity;
    }).catch((error) => {
      journal.note("WARN", "lease not renewed", { id: claim.record.id, error: String(error) });
    }).finally(() => delete claim.renewing);
    claim.renewing = renewing;
    tasks.run(`renew ${nameOf(claim.record)}`, () => renewing);
  }
}
