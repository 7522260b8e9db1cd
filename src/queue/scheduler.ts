/** The scheduler of deliveries: whose turn it is of the claimed records, fair between destinations, bounded for each. */

import type { Outcome, Stage } from "../mail/outcome.ts";
import type { Claim } from "./queue_store.ts";
import type { DestinationRate } from "./rate_limit.ts";

/** Who waits for one destination, and how many are under way. */
interface Lane {
  readonly waiting: Claim[];
  active: number;
  /** Records that are being accepted or claimed now and will be handed over. */
  reserved: number;
  /** Ends on this server: no connection is needed. */
  readonly here: boolean;
  /** How many may be under way: grows with each success, and is halved when a host has too much. */
  window: number;
  /** How many ended that way since the last success. */
  backOffs: number;
}

/** The bounds of a {@linkcode Scheduler}. */
export interface SchedulerLimits {
  /** Deliveries to other servers at once, in all; 0: they pause. */
  readonly concurrency: number;
  /** Deliveries at once to one destination. */
  perDestination(destination: string): number;
  /** How many messages the destination gets in a span of time; undefined: as many as it takes. Default: none has one. */
  rateOf?(destination: string): DestinationRate | undefined;
  /** Does the route end on this server? Such deliveries don't count for {@linkcode concurrency}. Default: none does. */
  isHere?(destination: string): boolean;
}

/** Claims that wait in memory: in all, and for one destination. More stay in the index. */
const MAX_WAITING = 20_000;
const MAX_WAITING_PER_LANE = 500;
/**
 * No destination gets more than this share of the room that is left, nor more than twice as many deliveries as are
 * still free beside the last one: so there is a place for one more destination, however many are full and slow.
 */
const SHARE_OF_ROOM = 0.1;
const SHARE_OF_FREE = 2;

/** How many deliveries a destination gets at once that nothing is known of. */
const FIRST_WINDOW = 5;
/** So many have failed before the one that stands for all who wait. */
const BACK_OFFS_BEFORE = 2;
/** Where an attempt ends whose host can't, or won't, deal with as many connections as it has. */
const BACKOFF_STAGES: ReadonlySet<Stage | undefined> = new Set<Stage>([
  "connect",
  "tls",
  "greeting",
  "ehlo",
  "auth",
]);

/** Does an attempt's end speak of the host, and not of the message? */
export function isBackoffSignal(attempts: readonly { readonly outcome: Outcome }[]): boolean {
  return attempts.length > 0 &&
    attempts.every(({ outcome: { kind, stage, code } }) =>
      kind === "deferred" && (BACKOFF_STAGES.has(stage) || code === 421)
    );
}

/** Did no connection come about, so that others who wait for that host would fare no better now? */
export function isConnectionFailure(attempts: readonly { readonly outcome: Outcome }[]): boolean {
  return isBackoffSignal(attempts) && attempts.every(({ outcome: { stage } }) => BACKOFF_STAGES.has(stage));
}

/** Takes claims in and gives them out, one destination after the other. */
export class Scheduler {
  readonly #lanes = new Map<string, Lane>();
  /** Destinations that have somebody waiting and room for one more, in turn. */
  readonly #turn = new Set<string>();
  /** The same for those that end on this server. */
  readonly #turnHere = new Set<string>();
  #waiting = 0;
  #reserved = 0;
  #active = 0;
  #activeHere = 0;
  #pauseMs = Infinity;

  constructor(private readonly limits: SchedulerLimits) {}

  /** How many deliveries are under way. */
  get active(): number {
    return this.#active + this.#activeHere;
  }

  /** How many claims wait in memory. */
  get waiting(): number {
    return this.#waiting;
  }

  /** How many destinations are remembered: those with somebody under way, waiting or expected. */
  get lanes(): number {
    return this.#lanes.size;
  }

  /** For how many more claims there is room in all. */
  get room(): number {
    return Math.max(0, MAX_WAITING - this.#waiting - this.#reserved);
  }

  /** Is anybody of that destination under way, waiting or expected? */
  has(destination: string): boolean {
    return this.#lanes.has(destination);
  }

  /** Is there room for one more claim of that destination? */
  hasRoom(destination: string): boolean {
    return this.#roomOf(destination) > 0;
  }

  /** Is at least half of its waiting room free, so that it is worth a look for more? */
  isLow(destination: string): boolean {
    return this.#roomOf(destination) * 2 >= this.#capacity;
  }

  /** Keeps a place for a record that is being accepted or claimed; ended by {@linkcode unreserve}. */
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

  /** After {@linkcode next} gave none: how many milliseconds until a destination's rate lets one go. */
  get pauseMs(): number {
    return this.#pauseMs;
  }

  /** The next claim to deliver now, if any; {@linkcode done} is called when it ended. */
  next(): { destination: string; claim: Claim } | undefined {
    this.#pauseMs = Infinity;
    return this.#nextOf(this.#turnHere) ??
      (this.#active < this.limits.concurrency ? this.#nextOf(this.#turn) : undefined);
  }

  #nextOf(turn: Set<string>): { destination: string; claim: Claim } | undefined {
    for (const destination of turn) {
      const lane = this.#lane(destination);
      if (!this.#mayStart(lane)) continue;
      const rate = this.limits.rateOf?.(destination);
      const wait = rate?.waitMs ?? 0;
      if (wait > 0) {
        this.#pauseMs = Math.min(this.#pauseMs, wait);
        continue;
      }
      rate?.take();
      // Deleted and added again, it comes last.
      turn.delete(destination);
      const claim = lane.waiting.shift()!;
      this.#waiting--;
      lane.active++;
      if (lane.here) this.#activeHere++;
      else this.#active++;
      this.#enqueue(destination, lane);
      return { destination, claim };
    }
    return undefined;
  }

  /**
   * The claim that takes the place of one that is under way to the same destination, if any: it waits no longer for it
   * than for a place. Others come first where places are few.
   */
  nextBehind(destination: string): { destination: string; claim: Claim } | undefined {
    const lane = this.#lanes.get(destination);
    if (!lane || lane.here || lane.waiting.length === 0) return undefined;
    if (this.#active >= this.limits.concurrency && this.#turn.size > 0) return undefined;
    const rate = this.limits.rateOf?.(destination);
    if (rate && rate.waitMs > 0) return undefined;
    rate?.take();
    const claim = lane.waiting.shift()!;
    this.#waiting--;
    if (lane.waiting.length === 0) this.#turn.delete(destination);
    return { destination, claim };
  }

  /** A delivery ended; `backOff`: its host has too much of us. */
  done(destination: string, backOff = false): void {
    const lane = this.#lane(destination);
    lane.active--;
    this.learn(destination, backOff);
    if (lane.here) this.#activeHere--;
    else this.#active--;
    this.#enqueue(destination, lane);
    this.#tidy(destination, lane);
  }

  /** What a delivery showed whose place another one has already. */
  learn(destination: string, backOff: boolean): void {
    const lane = this.#lanes.get(destination);
    if (!lane) return;
    lane.backOffs = backOff ? lane.backOffs + 1 : 0;
    lane.window = backOff
      ? Math.max(1, lane.window >> 1)
      : Math.min(lane.window + 1, this.limits.perDestination(destination));
  }

  /** Takes a claim out that waits, most likely for that destination; false when it does not wait (any more). */
  withdraw(destination: string, claim: Claim): boolean {
    if (this.#withdraw(destination, claim)) return true;
    // it may wait under the name that its destination had before
    return [...this.#lanes.keys()].some((name) => this.#withdraw(name, claim));
  }

  #withdraw(destination: string, claim: Claim): boolean {
    const lane = this.#lanes.get(destination);
    const at = lane?.waiting.indexOf(claim) ?? -1;
    if (!lane || at < 0) return false;
    lane.waiting.splice(at, 1);
    this.#waiting--;
    if (lane.waiting.length === 0) this.#turnOf(lane).delete(destination);
    this.#tidy(destination, lane);
    return true;
  }

  /** Those who wait for one destination wait for another one from now on: it was found to have the same hosts. */
  move(from: string, to: string): void {
    const lane = this.#lanes.get(from);
    if (!lane || lane.here || lane.waiting.length === 0) return;
    const target = this.#lane(to);
    target.waiting.push(...lane.waiting.splice(0));
    this.#turnOf(lane).delete(from);
    this.#enqueue(to, target);
    this.#tidy(from, lane);
  }

  /** Did the last ones to that destination fail, as the next ones will do most likely? */
  isFailing(destination: string): boolean {
    return (this.#lanes.get(destination)?.backOffs ?? 0) >= BACK_OFFS_BEFORE;
  }

  /** How many claims wait for one destination. */
  waitingFor(destination: string): number {
    return this.#lanes.get(destination)?.waiting.length ?? 0;
  }

  /**
   * Takes out the first one that waits for a destination to which a connection has just failed, when that leaves it one
   * at a time, and the last ones failed too: as long as some succeed, its hosts may only have too many of them.
   */
  takeBehind(destination: string, wants: (claim: Claim) => boolean): Claim | undefined {
    const lane = this.#lanes.get(destination);
    if (!lane || lane.here || lane.window >> 1 > 1 || !this.isFailing(destination)) return undefined;
    const at = lane.waiting.findIndex(wants);
    if (at < 0) return undefined;
    const [claim] = lane.waiting.splice(at, 1);
    this.#waiting--;
    if (lane.waiting.length === 0) this.#turnOf(lane).delete(destination);
    return claim;
  }

  /** Empties the waiting room, for shutting down. */
  drain(): Claim[] {
    const all: Claim[] = [];
    for (const [destination, lane] of this.#lanes) {
      all.push(...lane.waiting.splice(0));
      this.#tidy(destination, lane);
    }
    this.#turn.clear();
    this.#turnHere.clear();
    this.#waiting = 0;
    return all;
  }

  /** How many may wait for one destination. */
  get #capacity(): number {
    return Math.min(MAX_WAITING_PER_LANE, Math.ceil(this.room * SHARE_OF_ROOM));
  }

  #roomOf(destination: string): number {
    const lane = this.#lanes.get(destination);
    const here = lane?.here ?? this.#isHere(destination);
    if (!here && this.limits.concurrency === 0) return 0;
    return this.#capacity - (lane ? lane.waiting.length + lane.reserved : 0);
  }

  #mayStart(lane: Lane): boolean {
    if (lane.here) return true;
    const free = this.limits.concurrency - this.#active;
    return free > 0 && (lane.active === 0 || lane.active < (free - 1) * SHARE_OF_FREE);
  }

  #isHere(destination: string): boolean {
    return this.limits.isHere?.(destination) ?? false;
  }

  #lane(destination: string): Lane {
    let lane = this.#lanes.get(destination);
    if (!lane) {
      lane = {
        waiting: [],
        active: 0,
        reserved: 0,
        here: this.#isHere(destination),
        window: FIRST_WINDOW,
        backOffs: 0,
      };
      this.#lanes.set(destination, lane);
    }
    return lane;
  }

  #enqueue(destination: string, lane: Lane): void {
    const most = this.limits.perDestination(destination);
    if (lane.waiting.length === 0 || lane.active >= (lane.here ? most : Math.min(most, lane.window))) return;
    this.#turnOf(lane).add(destination);
  }

  #turnOf(lane: Lane): Set<string> {
    return lane.here ? this.#turnHere : this.#turn;
  }

  #tidy(destination: string, lane: Lane): void {
    if (lane.waiting.length + lane.active + lane.reserved === 0) this.#lanes.delete(destination);
  }
}
