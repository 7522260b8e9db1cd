/** The suppression list: addresses that nothing is sent to, since what went there came back again and again. */

import type { Awaitable } from "../base/awaitable.ts";
import type { Clock } from "../base/clock.ts";
import { localKey } from "../mail/address.ts";
import type { Mailbox } from "../mail/envelope.ts";
import type { EnhancedStatus, Failed } from "../mail/outcome.ts";
import type { AttemptEvent, Journal } from "../observe/journal.ts";
import { expiring, removing } from "../storage/expiry.ts";
import * as keys from "../storage/keys.ts";
import { LastingRows } from "../storage/lasting_rows.ts";
import type { Store } from "../storage/store.ts";

/** Nothing is sent to one address. */
export interface Suppression {
  /** As it was written. */
  readonly address: Mailbox;
  /** Since when: milliseconds since 1970. */
  readonly since: number;
  /** When it ends by itself: milliseconds since 1970; absent: when somebody takes it off. */
  readonly until?: number;
  /** Why it is there: messages came back, its owner complained of one, or an operator put it there. */
  readonly by: "bounces" | "complaint" | "operator";
  /** Why, in a sentence. */
  readonly reason?: string;
}

/** What is kept of an address whose messages come back. */
export interface BounceCount {
  readonly address: Mailbox;
  readonly count: number;
  /** The last one. */
  readonly id: string;
  readonly until: number;
}

const DAY = 24 * 3600_000;
/** So many messages that come back, within that time and with none delivered between, put an address on the list. */
const BOUNCES = 3;
const COUNTED_MS = 30 * DAY;
/** So long it stays: an address may be given out again. */
const SUPPRESSED_MS = 30 * DAY;
/** What a peer says of an address, not of us, a message or a moment (RFC 3463 3.2, 3.3). */
const NO_SUCH_ADDRESS: ReadonlySet<EnhancedStatus> = new Set(["5.1.1", "5.1.3", "5.1.6", "5.1.10", "5.2.1"]);
const MAX_REASON = 300;

/** What {@linkcode Suppressions} work with. */
export interface SuppressionsOptions {
  /** For how long they last. */
  readonly clock: Clock;
  /** Tells of bounces, and hears of who is suppressed. */
  readonly journal: Journal;
  /** Called for each recipient that gets nothing. */
  readonly onSuppressed?: () => void;
}

/** The list in a store. What is over is as if it weren't there. */
export class Suppressions {
  readonly #store: Store;
  readonly #options: SuppressionsOptions;
  readonly #rows: LastingRows<Suppression>;
  /** The keys of addresses whose bounces are counted, as far as this process knows. */
  #counted: Set<string> | undefined;
  #tail: Promise<void> = Promise.resolve();
  readonly #unsubscribe: () => void;

  /** Counts the bounces of the journal from now on. */
  constructor(store: Store, options: SuppressionsOptions) {
    this.#store = store;
    this.#options = options;
    this.#rows = new LastingRows(store, options.clock, {
      key: keys.suppression,
      all: keys.suppressions,
      name: ({ address }) => localKey(address),
      size: ({ reason = "" }) => 1000 + 2 * reason.length,
    });
    this.#unsubscribe = options.journal.on((event) => {
      if (event.type === "bounced" || event.type === "delivered") this.#hear(event);
    });
  }

  /** Ends the counting, when what was heard is written. */
  async close(): Promise<void> {
    this.#unsubscribe();
    await this.#tail;
  }

  /** Resolves when all that was heard is counted. */
  get settled(): Promise<void> {
    return this.#tail;
  }

  /** All of them, by address. */
  async list(): Promise<Suppression[]> {
    return (await this.#rows.list()).sort((a, b) => localKey(a.address) < localKey(b.address) ? -1 : 1);
  }

  /** The one of an address; undefined when there is none. */
  async get(address: Mailbox): Promise<Suppression | undefined> {
    return await this.#rows.get(localKey(address));
  }

  /**
   * The same, at once where it is known.
   * @internal
   */
  find(address: Mailbox): Awaitable<Suppression | undefined> {
    return this.#rows.get(localKey(address));
  }

  /** Puts an address on the list, or changes what is said of it there; `by`: an operator, unless said. */
  async put(
    of: Pick<Suppression, "address" | "until" | "reason"> & Partial<Pick<Suppression, "by">>,
  ): Promise<Suppression> {
    const now = this.#options.clock.now();
    const { made } = await this.#rows.replace(localKey(of.address), (old) => ({
      by: old?.by ?? "operator",
      since: old?.since ?? now,
      ...of,
    }));
    return made;
  }

  /** Takes an address off; false when it was not there. Its bounces are counted from the beginning. */
  async remove(address: Mailbox): Promise<boolean> {
    const key = localKey(address);
    const { old } = await this.#rows.replace(key, () => undefined);
    await this.#forget(key);
    return old !== undefined;
  }

  /** The failure of a recipient that is on the list. */
  failureFor(found: Suppression): Failed {
    this.#options.onSuppressed?.();
    return { kind: "failed", status: "5.7.1", text: describeSuppression(found), stage: "route" };
  }

  /** One after the other: each reads what the one before wrote. */
  #hear(event: AttemptEvent): void {
    if (event.type === "delivered" && this.#counted?.has(localKey(event.recipient)) === false) return;
    if (event.type === "bounced" && !isHard(event)) return;
    this.#tail = this.#tail.then(() => this.#count(event)).catch((error) => {
      this.#options.journal.note("WARN", "a bounce was not counted", { error: String(error) });
    });
  }

  async #count({ type, recipient, id, ...event }: AttemptEvent): Promise<void> {
    const counted = await this.#countedKeys();
    const key = localKey(recipient);
    if (type === "delivered") return counted.has(key) ? await this.#forget(key) : undefined;
    const row = keys.bounceCount(key);
    const { value: old } = await this.#store.kv.get<BounceCount>(row);
    const now = this.#options.clock.now();
    const lasting = old && old.until > now ? old : undefined;
    if (lasting?.id === id) return;
    const count = (lasting?.count ?? 0) + 1;
    if (count < BOUNCES) {
      const value: BounceCount = { address: recipient, count, id, until: now + COUNTED_MS };
      const mutations = [...(old ? removing(row, old.until) : []), ...expiring(row, value, value.until)];
      await this.#store.write({ mutations, size: 600 });
      counted.add(key);
      return;
    }
    await this.#forget(key);
    const said = `${event.code} ${event.status} ${event.text}`.slice(0, MAX_REASON);
    const reason = `${count} messages came back, the last one with: ${said}`;
    await this.put({ address: recipient, by: "bounces", until: now + SUPPRESSED_MS, reason });
    this.#options.journal.note("WARN", "address suppressed", { address: recipient, reason });
  }

  async #forget(key: string): Promise<void> {
    const row = keys.bounceCount(key);
    const { value } = await this.#store.kv.get<BounceCount>(row);
    if (value) await this.#store.write({ mutations: removing(row, value.until), size: 300 });
    this.#counted?.delete(key);
  }

  async #countedKeys(): Promise<Set<string>> {
    if (this.#counted) return this.#counted;
    const found = new Set<string>();
    for await (const { value } of this.#store.kv.list<BounceCount>(keys.bounceCounts)) {
      found.add(localKey(value.address));
    }
    return this.#counted = found;
  }
}

/** Was it the peer who said that there is no such address? */
function isHard({ code, status, returned }: AttemptEvent): boolean {
  return code !== undefined && code >= 500 && !returned && NO_SUCH_ADDRESS.has(status);
}

/** A suppression in one sentence. */
export function describeSuppression({ address, since, until, reason }: Suppression): string {
  const end = until === undefined ? "" : ` until ${day(until)}`;
  const why = reason === undefined ? "" : `: ${reason}`;
  return `${address} is on the suppression list of this server since ${day(since)}${end}${why}`;
}

function day(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}
