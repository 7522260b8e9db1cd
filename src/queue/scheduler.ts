/** In charge of whose turn it is: claimed records by destination, fair between destinations, bounded for each. */

import type { Claim } from "./queue_store.ts";

/** Who waits for one destination, and how many are under way. */
interface Lane {
  readonly waiting: Claim[];
  active: number;
  /** Records that are being accepted now and will be handed over. */
  reserved: number;
}

/** The bounds of a {@linkcode Scheduler}. */
export interface SchedulerLimits {
  /** Deliveries at once, in all. */
  readonly concurrency: number;
  /** Deliveries at once to one destination. */
  perDestination(destination: string): number;
}

/** Claims that wait in memory: in all, and for one destination. More stay in the index. */
const MAX_WAITING = 2000;
const MAX_WAITING_PER_LANE = 500;

/** Takes claims in and gives them out, one destination after the other. */
export class Scheduler {
  readonly #lanes = new Map<string, Lane>();
  /** Destinations that have somebody waiting and room for one more, in turn. */
  readonly #turn: string[] = [];
  readonly #queuedForTurn = new Set<string>();
  #waiting = 0;
  #reserved = 0;
  #active = 0;

  constructor(private readonly limits: SchedulerLimits) {}

  /** How many deliveries are under way. */
  get active(): number {
    return this.#active;
  }

  /** How many claims wait in memory. */
  get waiting(): number {
    return this.#waiting;
  }

  /** How many more claims may be taken in. */
  get room(): number {
    return Math.max(0, MAX_WAITING - this.#waiting - this.#reserved);
  }

  /** Is there room for one more claim of that destination? */
  hasRoom(destination: string): boolean {
    if (this.limits.concurrency === 0 || this.room === 0) return false;
    const lane = this.#lanes.get(destination);
    return !lane || lane.waiting.length + lane.reserved < MAX_WAITING_PER_LANE;
  }

  /** Keeps a place for a record that is being accepted; ended by {@linkcode add} or {@linkcode unreserve}. */
  reserve(destination: string): void {
    this.#lane(destination).reserved++;
    this.#reserved++;
  }

  /** Gives a kept place back. */
  unreserve(destination: string): void {
    const lane = this.#lane(destination);
    lane.reserved--;
    this.#reserved--;
    this.#tidy(destination, lane);
  }

  /** Takes a claim in. */
  add(destination: string, claim: Claim): void {
    const lane = this.#lane(destination);
    lane.waiting.push(claim);
    this.#waiting++;
    this.#enqueue(destination, lane);
  }

  /** The next claim to deliver now, if any; {@linkcode done} must be told when it ended. */
  next(): { destination: string; claim: Claim } | undefined {
    if (this.#active >= this.limits.concurrency) return undefined;
    const destination = this.#turn.shift();
    if (destination === undefined) return undefined;
    this.#queuedForTurn.delete(destination);
    const lane = this.#lane(destination);
    const claim = lane.waiting.shift()!;
    lane.active++;
    this.#waiting--;
    this.#active++;
    this.#enqueue(destination, lane);
    return { destination, claim };
  }

  /** A delivery ended. */
  done(destination: string): void {
    const lane = this.#lane(destination);
    lane.active--;
    this.#active--;
    this.#enqueue(destination, lane);
    this.#tidy(destination, lane);
  }

  /** Empties the waiting room, for shutting down. */
  drain(): Claim[] {
    const all: Claim[] = [];
    for (const [destination, lane] of this.#lanes) {
      all.push(...lane.waiting.splice(0));
      this.#tidy(destination, lane);
    }
    this.#turn.length = 0;
    this.#queuedForTurn.clear();
    this.#waiting = 0;
    return all;
  }

  #lane(destination: string): Lane {
    let lane = this.#lanes.get(destination);
    if (!lane) this.#lanes.set(destination, lane = { waiting: [], active: 0, reserved: 0 });
    return lane;
  }

  #enqueue(destination: string, lane: Lane): void {
    if (lane.waiting.length === 0 || this.#queuedForTurn.has(destination)) return;
    if (lane.active >= this.limits.perDestination(destination)) return;
    this.#queuedForTurn.add(destination);
    this.#turn.push(destination);
  }

  #tidy(destination: string, lane: Lane): void {
    if (lane.waiting.length + lane.active + lane.reserved === 0) this.#lanes.delete(destination);
  }
}
