/** The leases of this server: its claims by name, renewed while they last. */

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

/** The records that this server delivers, or will deliver next. */
export class Leases {
  readonly #options: LeasesOptions;
  readonly #claims = new Map<string, Claim>();
  /** Records that are being accepted with a lease: they are in the index before their claim is here. */
  readonly #announced = new Set<string>();
  #renewal: Timer | undefined;
  #closed = false;

  constructor(options: LeasesOptions) {
    this.#options = options;
  }

  /** Is the record this server's, now or as soon as it is durable? */
  has(of: Named): boolean {
    // a scan of the index asks for each of its entries
    if (this.#claims.size === 0 && this.#announced.size === 0) return false;
    const name = nameOf(of);
    return this.#claims.has(name) || this.#announced.has(name);
  }

  /** The claim of a record. */
  find(of: Named): Claim | undefined {
    return this.#claims.get(nameOf(of));
  }

  /** A record is about to be written with a lease. Ended by {@linkcode retract}. */
  announce(record: Named): void {
    this.#announced.add(nameOf(record));
  }

  /** A record that was announced has its claim now, or did not come about. */
  retract(record: Named): void {
    this.#announced.delete(nameOf(record));
  }

  /** Takes a claim in: from now on it is renewed. */
  add(claim: Claim): void {
    this.#claims.set(nameOf(claim.record), claim);
    if (!this.#closed) this.#renewal ??= this.#schedule();
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
    return queue.store.embedded || clock.now() < claim.leaseKeyAt - margin;
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
