/** The pool of connections: how many a destination has, and which is kept for the next message for a moment. */

import type { Clock, Timer } from "../base/clock.ts";
import { Tasks } from "../base/tasks.ts";
import type { SmtpClient } from "../smtp/client/client.ts";

/** Limits of the pool. */
export interface PoolOptions {
  readonly clock: Clock;
  /** How long an idle connection is kept: longer would be a burden on the peer. Default 5 s. */
  readonly idleMs?: number;
  /** After so many transactions a connection is not used again, so that load moves between hosts. Default 100. */
  readonly maxTransactions?: number;
}

/** A connection on which the content of a message has ended: the next one may be put behind it. */
export interface Offer {
  readonly client: SmtpClient;
  readonly kind: string;
  /** The turn of that message, which goes to who takes the connection. */
  readonly turn: Turn;
  /** It is taken: it is given back by who took it. */
  taken(): void;
}

interface Destination {
  active: number;
  readonly offers: Offer[];
  readonly waiting: (() => void)[];
  /** In the order in which they came. */
  readonly idle: { readonly client: SmtpClient; readonly kind: string; readonly until: number }[];
}

/**
 * Turns and idle connections by destination. Who has a turn may have one connection, and takes an idle one first, so
 * there are never more connections than turns were given out at once.
 */
export class ConnectionPool {
  readonly #clock: Clock;
  readonly #idleMs: number;
  readonly #maxTransactions: number;
  readonly #destinations = new Map<string, Destination>();
  readonly #goodbyes = new Tasks(() => {}); // quit() never throws
  /** The next look at what is idle for too long: one for all, instead of a timer for each message. */
  #look: Timer | undefined;
  #closed = false;

  constructor(options: PoolOptions) {
    this.#clock = options.clock;
    this.#idleMs = options.idleMs ?? 5_000;
    this.#maxTransactions = options.maxTransactions ?? 100;
  }

  /** What goes on at a destination. */
  load(destination: string): { active: number; waiting: number; idle: number } {
    const d = this.#destinations.get(destination);
    return { active: d?.active ?? 0, waiting: d?.waiting.length ?? 0, idle: d?.idle.length ?? 0 };
  }

  /** Waits for a turn, first come first served; at most `max` have one at a time. Each turn ends by {@linkcode release}. */
  acquire(destination: string, max: number): Promise<void> {
    const d = this.#destination(destination);
    if (d.active < max) {
      d.active++;
      return Promise.resolve();
    }
    return new Promise((resolve) => d.waiting.push(resolve));
  }

  /** Ends a turn; the next in line has it now. */
  release(destination: string): void {
    const d = this.#destinations.get(destination);
    if (!d) return;
    const next = d.waiting.shift();
    if (next) return next();
    d.active--;
    this.#tidy(destination, d);
  }

  /**
   * An idle connection of that kind, the one that was used last; where there is none, one of another kind makes room.
   * Only for who has a turn.
   */
  take(destination: string, kind = ""): SmtpClient | undefined {
    const idle = this.#destinations.get(destination)?.idle ?? [];
    for (;;) {
      const at = idle.findLastIndex((parked) => parked.kind === kind);
      const [parked] = at < 0 ? [] : idle.splice(at, 1);
      if (!parked) break;
      if (parked.client.usable) return parked.client;
      parked.client.close();
    }
    const other = idle.shift();
    if (other) this.#quit(other.client);
    return undefined;
  }

  /** Offers a connection, until what this answers is called; undefined: it is not to be used again. */
  offer(destination: string, offer: Offer): (() => void) | undefined {
    if (this.#closed || offer.client.transactions >= this.#maxTransactions) return undefined;
    const { offers } = this.#destination(destination);
    offers.push(offer);
    return () => {
      const at = offers.indexOf(offer);
      if (at >= 0) offers.splice(at, 1);
    };
  }

  /** Takes an offered connection of that kind, with its turn: that which was offered last. */
  takeOffered(destination: string, kind = ""): Offer | undefined {
    const offers = this.#destinations.get(destination)?.offers ?? [];
    const at = offers.findLastIndex((offer) => offer.kind === kind);
    if (at < 0) return undefined;
    const [offer] = offers.splice(at, 1);
    offer!.taken();
    return offer;
  }

  /** Keeps a connection for the next message of that kind, or says goodbye to it. Only for who has a turn. */
  park(destination: string, client: SmtpClient, kind = ""): void {
    client.trace = undefined;
    if (!client.usable || this.#closed || client.transactions >= this.#maxTransactions) {
      return this.#quit(client);
    }
    const d = this.#destination(destination);
    d.idle.push({ client, kind, until: this.#clock.monotonic() + this.#idleMs });
    this.#look ??= this.#clock.schedule(this.#idleMs, () => this.#endIdle());
  }

  /** Says goodbye to what is idle at a destination, and offers nothing of it any more: its name means other hosts now. */
  empty(destination: string): void {
    const d = this.#destinations.get(destination);
    if (!d) return;
    d.offers.length = 0;
    for (const { client } of d.idle.splice(0)) this.#quit(client);
    this.#tidy(destination, d);
  }

  /** Says goodbye to all that is idle, and from now on to whatever becomes idle. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#look?.cancel();
    for (const destination of this.#destinations.keys()) this.empty(destination);
    while (this.#goodbyes.size > 0) await this.#goodbyes.settle(this.#clock, 60_000);
  }

  /** Says goodbye to what was idle for too long. */
  #endIdle(): void {
    this.#look = undefined;
    const now = this.#clock.monotonic();
    let next = Infinity;
    for (const [destination, d] of this.#destinations) {
      while (d.idle[0] && d.idle[0].until <= now) this.#quit(d.idle.shift()!.client);
      next = Math.min(next, d.idle[0]?.until ?? Infinity);
      this.#tidy(destination, d);
    }
    if (next < Infinity) this.#look = this.#clock.schedule(next - now, () => this.#endIdle());
  }

  #destination(name: string): Destination {
    let d = this.#destinations.get(name);
    if (!d) this.#destinations.set(name, d = { active: 0, offers: [], waiting: [], idle: [] });
    return d;
  }

  #quit(client: SmtpClient): void {
    this.#goodbyes.run("quit", () => client.quit());
  }

  #tidy(destination: string, d: Destination): void {
    if (d.active === 0 && d.idle.length === 0) this.#destinations.delete(destination);
  }
}

/** The turn that one job has, at one destination at a time. */
export class Turn {
  readonly #pool: ConnectionPool;
  readonly #clock: Clock;
  #destination: string | undefined;
  /** How long was waited for it: milliseconds. */
  waitedMs = 0;

  /** It has none yet. */
  constructor(pool: ConnectionPool, clock: Clock) {
    this.#pool = pool;
    this.#clock = clock;
  }

  /** Waits for a turn at a destination, and gives up that at another one; false: it had that one already. */
  async take(destination: string, max: number): Promise<boolean> {
    if (this.#destination === destination) return false;
    this.end();
    const from = this.#clock.monotonic();
    await this.#pool.acquire(destination, max);
    this.#destination = destination;
    this.waitedMs += this.#clock.monotonic() - from;
    return true;
  }

  /** Has the one of another job, which has none then. */
  takeOver(other: Turn): void {
    this.#destination = other.#destination;
    other.#destination = undefined;
  }

  /** Gives it up. */
  end(): void {
    if (this.#destination !== undefined) this.#pool.release(this.#destination);
    this.#destination = undefined;
  }
}
