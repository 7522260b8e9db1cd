/** In charge of pauses by destination: which domains get nothing for now, until when, and why. */

import type { Clock } from "../base/clock.ts";
import type { Deferred } from "../mail/outcome.ts";
import * as keys from "../storage/keys.ts";
import type { Store } from "../storage/store.ts";
import type { QueueRecord } from "./record.ts";
import type { RecipientOutcome } from "./settle.ts";

/** No delivery to one domain. */
export interface Suspension {
  /** The domain, canonical. */
  readonly domain: string;
  /** When it ends by itself: milliseconds since 1970; absent: when somebody ends it. */
  readonly until?: number;
  /** Why, in the operator's words. */
  readonly reason?: string;
  /** When it began: milliseconds since 1970. */
  readonly since: number;
}

/** The suspensions in a store. Those that are over are as if they weren't there. */
export class Suspensions {
  readonly #store: Store;
  readonly #clock: Clock;
  /** All of them, on a store that nobody else writes to: each delivery asks. */
  #known: Promise<Map<string, Suspension>> | undefined;

  /** Those of a store. */
  constructor(store: Store, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
  }

  /** All of them, by domain. */
  async list(): Promise<Suspension[]> {
    return (await this.#read()).filter((one) => this.#lasts(one));
  }

  /** The one of a domain (canonical); undefined when there is none. */
  async get(domain: string): Promise<Suspension | undefined> {
    const value = this.#store.embedded
      ? (await this.#all()).get(domain)
      : (await this.#store.kv.get<Suspension>(keys.suspension(domain))).value;
    return value && this.#lasts(value) ? value : undefined;
  }

  /** Makes one, or replaces the one that is there. */
  async put(of: { domain: string; until?: number; reason?: string }): Promise<Suspension> {
    const now = this.#clock.now();
    const made: Suspension = { ...of, since: (await this.get(of.domain))?.since ?? now };
    const key = keys.suspension(of.domain);
    const expiry = of.until === undefined ? {} : { expireIn: Math.max(1, of.until - now) };
    await this.#store.write({
      mutations: [{ type: "set", key, value: made, ...expiry }],
      size: 300 + (of.reason?.length ?? 0) * 2,
    });
    (await this.#known)?.set(of.domain, made);
    return made;
  }

  /** Ends one; false when there was none. */
  async remove(domain: string): Promise<boolean> {
    const was = await this.get(domain) !== undefined;
    await this.#store.write({ mutations: [{ type: "delete", key: keys.suspension(domain) }], size: 100 });
    (await this.#known)?.delete(domain);
    return was;
  }

  #all(): Promise<Map<string, Suspension>> {
    return this.#known ??= this.#read().then(
      (all) => new Map(all.map((one) => [one.domain, one])),
      (error) => {
        this.#known = undefined;
        throw error;
      },
    );
  }

  async #read(): Promise<Suspension[]> {
    const all: Suspension[] = [];
    for await (const { value } of this.#store.kv.list<Suspension>(keys.suspensions, { batchSize: 500 })) {
      all.push(value);
    }
    return all;
  }

  #lasts({ until }: Suspension): boolean {
    return until === undefined || until > this.#clock.now();
  }
}

/** A suspension in one sentence. */
export function tellSuspension({ domain, until, reason }: Suspension): string {
  const end = until === undefined ? "" : ` until ${new Date(until).toISOString()}`;
  return `Delivery to ${domain} is suspended${end}${reason === undefined ? "" : `: ${reason}`}`;
}

/** What becomes of a record whose destination is suspended: nothing is tried; it waits, and says why. */
export function putOff({ recipients }: QueueRecord, suspension: Suspension): RecipientOutcome[] {
  const text = tellSuspension(suspension);
  const outcome: Deferred = { kind: "deferred", status: "4.3.2", text, stage: "route" };
  const waitsUntil = suspension.until ?? Infinity;
  return recipients.map(({ address }) => ({ recipient: address, outcome, durationMs: 0, waitsUntil }));
}
