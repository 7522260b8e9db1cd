/** The suspensions of destinations: which domains get nothing for now, until when, and why. */

import type { Clock } from "../base/clock.ts";
import type { Deferred } from "../mail/outcome.ts";
import { expiring, removing } from "../storage/expiry.ts";
import * as keys from "../storage/keys.ts";
import type { Store } from "../storage/store.ts";
import type { QueueRecord } from "./record.ts";
import type { RecipientOutcome } from "./result.ts";

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
    const made = await this.#replace(of.domain, (old) => ({
      ...of,
      since: old && this.#lasts(old) ? old.since : this.#clock.now(),
    }));
    (await this.#known)?.set(of.domain, made);
    return made;
  }

  /** Ends one; false when there was none. */
  async remove(domain: string): Promise<boolean> {
    let was = false;
    await this.#replace(domain, (old) => {
      was = old !== null && this.#lasts(old);
      return undefined;
    });
    (await this.#known)?.delete(domain);
    return was;
  }

  /** Puts what `next` answers in the place of a domain's suspension, and answers it. */
  async #replace<T extends Suspension | undefined>(
    domain: string,
    next: (old: Suspension | null) => T,
  ): Promise<T> {
    const key = keys.suspension(domain);
    for (;;) {
      const { value: old, versionstamp } = await this.#store.kv.get<Suspension>(key);
      const made = next(old);
      const mutations: Deno.KvMutation[] = old?.until === undefined
        ? [{ type: "delete", key }]
        : removing(key, old.until);
      if (made?.until !== undefined) mutations.push(...expiring(key, made, made.until));
      else if (made) mutations.push({ type: "set", key, value: made });
      const size = 500 + (made?.reason?.length ?? 0) * 2;
      if ((await this.#store.write({ checks: [{ key, versionstamp }], mutations, size })).ok) return made;
    }
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
export function describeSuspension({ domain, until, reason }: Suspension): string {
  const end = until === undefined ? "" : ` until ${new Date(until).toISOString()}`;
  return `Delivery to ${domain} is suspended${end}${reason === undefined ? "" : `: ${reason}`}`;
}

/** What becomes of a record whose destination is suspended: nothing is tried; it waits, and says why. */
export function deferSuspended({ recipients }: QueueRecord, suspension: Suspension): RecipientOutcome[] {
  const text = describeSuspension(suspension);
  const outcome: Deferred = { kind: "deferred", status: "4.3.2", text, stage: "route" };
  const waitsUntil = suspension.until ?? Infinity;
  return recipients.map(({ address }) => ({ recipient: address, outcome, durationMs: 0, waitsUntil }));
}
