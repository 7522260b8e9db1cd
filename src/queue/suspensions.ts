/** In charge of pauses by destination: which domains get nothing for now, until when, and why. */

import type { Clock } from "../base/clock.ts";
import * as keys from "../storage/keys.ts";
import type { Store } from "../storage/store.ts";

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

  /** Those of a store. */
  constructor(store: Store, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
  }

  /** All of them, by domain. */
  async list(): Promise<Suspension[]> {
    const all: Suspension[] = [];
    for await (const { value } of this.#store.kv.list<Suspension>(keys.suspensions, { batchSize: 500 })) {
      if (this.#lasts(value)) all.push(value);
    }
    return all;
  }

  /** The one of a domain (canonical); undefined when there is none. */
  async get(domain: string): Promise<Suspension | undefined> {
    const { value } = await this.#store.kv.get<Suspension>(keys.suspension(domain));
    return value !== null && this.#lasts(value) ? value : undefined;
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
    return made;
  }

  /** Ends one; false when there was none. */
  async remove(domain: string): Promise<boolean> {
    const was = await this.get(domain) !== undefined;
    await this.#store.write({ mutations: [{ type: "delete", key: keys.suspension(domain) }], size: 100 });
    return was;
  }

  #lasts({ until }: Suspension): boolean {
    return until === undefined || until > this.#clock.now();
  }
}
