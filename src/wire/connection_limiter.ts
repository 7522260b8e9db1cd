/** The limiter of concurrent connections, in all and from one address; it makes room among the idle. */

import { type Clock, systemClock } from "../base/clock.ts";

/** Why a connection is not served. */
export type ConnectionRefusal = "connections" | "perAddress";

/** A connection that may be sent away when others need the room. */
export interface IdleConnection {
  /** Since when the peer is waited for, on the clock's monotonic time; undefined: it has work under way and stays. */
  readonly idleSince: number | undefined;
  /** Sends the peer away, soon. After that `idleSince` is undefined. */
  evict(): void;
}

/** Limits on connections. */
export interface ConnectionLimits {
  /** How many connections are served at a time in all. */
  readonly maxConnections: number;
  /** How many of one remote address. */
  readonly maxPerAddress: number;
  /** Tells how long somebody is idle (default: the system's). */
  readonly clock?: Clock;
}

/** Who is idle for less than this is not sent away: it may just be far from here. */
const LEAST_IDLE_MS = 5_000;

/** The connections of one server, whatever listener they came through. */
export class ConnectionLimiter {
  readonly #limits: ConnectionLimits;
  readonly #clock: Clock;
  readonly #perAddress = new Map<string, number>();
  readonly #idle = new Set<IdleConnection>();
  #count = 0;

  /** Empty at first. */
  constructor(limits: ConnectionLimits) {
    this.#limits = limits;
    this.#clock = limits.clock ?? systemClock;
  }

  /** How many connections are there. */
  get count(): number {
    return this.#count;
  }

  /** Counts a connection in, or tells why not. When all places are taken, the one that is idle longest goes. */
  enter(address: string): ConnectionRefusal | undefined {
    const ofAddress = this.#perAddress.get(address) ?? 0;
    if (ofAddress >= this.#limits.maxPerAddress) return "perAddress";
    if (this.#count >= this.#limits.maxConnections && !this.#evict()) return "connections";
    this.#count++;
    this.#perAddress.set(address, ofAddress + 1);
    return undefined;
  }

  /** Counts a connection out. */
  leave(address: string): void {
    this.#count--;
    const left = (this.#perAddress.get(address) ?? 1) - 1;
    if (left > 0) this.#perAddress.set(address, left);
    else this.#perAddress.delete(address);
  }

  /** Adds one that may be sent away; the answer takes it out again. */
  watch(idle: IdleConnection): () => void {
    this.#idle.add(idle);
    return () => void this.#idle.delete(idle);
  }

  #evict(): boolean {
    let longest: IdleConnection | undefined;
    let since = this.#clock.monotonic() - LEAST_IDLE_MS;
    for (const idle of this.#idle) {
      const { idleSince } = idle;
      if (idleSince === undefined || idleSince > since) continue;
      since = idleSince;
      longest = idle;
    }
    longest?.evict();
    return longest !== undefined;
  }
}
