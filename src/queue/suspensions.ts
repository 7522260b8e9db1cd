/** The suspensions of destinations: which domains get nothing for now, until when, and why. */

import type { Awaitable } from "../base/awaitable.ts";
import type { Clock } from "../base/clock.ts";
import type { Deferred } from "../mail/outcome.ts";
import * as keys from "../storage/keys.ts";
import { LastingRows } from "../storage/lasting_rows.ts";
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
  readonly #rows: LastingRows<Suspension>;
  readonly #clock: Clock;

  /** Those of a store. */
  constructor(store: Store, clock: Clock) {
    this.#clock = clock;
    this.#rows = new LastingRows(store, clock, {
      key: keys.suspension,
      all: keys.suspensions,
      name: ({ domain }) => domain,
      size: ({ reason = "" }) => 500 + 2 * reason.length,
    });
  }

  /** All of them, by domain. */
  list(): Promise<Suspension[]> {
    return this.#rows.list();
  }

  /** The one of a domain (canonical); undefined when there is none. */
  async get(domain: string): Promise<Suspension | undefined> {
    return await this.#rows.get(domain);
  }

  /**
   * The same, at once where it is known.
   * @internal
   */
  find(domain: string): Awaitable<Suspension | undefined> {
    return this.#rows.get(domain);
  }

  /** Makes one, or replaces the one that is there. */
  async put(of: { domain: string; until?: number; reason?: string }): Promise<Suspension> {
    const since = this.#clock.now();
    return (await this.#rows.replace(of.domain, (old) => ({ ...of, since: old?.since ?? since }))).made;
  }

  /** Ends one; false when there was none. */
  async remove(domain: string): Promise<boolean> {
    return (await this.#rows.replace(domain, () => undefined)).old !== undefined;
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
