/**
 * The retries that somebody waits for: each message is followed until its attempt is over, here or on another server of
 * a shared store, or it will not be tried after all.
 */

import type { Clock, Timer } from "../base/clock.ts";
import type { Tasks } from "../base/tasks.ts";
import type { Outcome } from "../mail/outcome.ts";
import { historyOf } from "./history.ts";
import type { QueueStore } from "./queue_store.ts";
import type { QueueRecord } from "./record.ts";
import type { Consequences } from "./result.ts";

/** How the attempt for a message ended: `deferred` when somebody is still to be served; or why there was none. */
export type RetryEnd = Outcome["kind"] | { readonly text: string };

/** What {@linkcode Retries} work with. */
export interface RetriesOptions {
  readonly queue: QueueStore;
  readonly clock: Clock;
  /** Where the looks into the store run. */
  readonly tasks: Tasks;
}

/** What was heard of nothing is looked for so often, and so many messages each time. */
const LOOK_MS = 2000;
const LOOK_AT = 500;

/** Messages whose attempt somebody waits for. */
export class Retries {
  readonly #options: RetriesOptions;
  readonly #followed = new Map<string, Set<Retry>>();
  /** In the order in which they are looked at. */
  readonly #all = new Set<Retry>();
  #timer: Timer | undefined;

  constructor(options: RetriesOptions) {
    this.#options = options;
  }

  /** Follows a message from now on; it is to be made due next, and `ended` is called once. */
  follow(id: string, ended: (end: RetryEnd) => void): Retry {
    const retry = new Retry(id, this.#options.clock.now(), (end) => {
      this.#forget(retry);
      ended(end);
    });
    const followed = this.#followed.get(id);
    if (followed) followed.add(retry);
    else this.#followed.set(id, new Set([retry]));
    this.#all.add(retry);
    this.#lookLater();
    return retry;
  }

  /** An attempt is over, and what came of it is durable. */
  settled(record: QueueRecord, of: Pick<Consequences, "outcomes" | "rest" | "waiting">): void {
    for (const retry of this.#followed.get(record.id) ?? []) {
      const isTried = of.outcomes.length > 0;
      retry.settled(record.part, {
        kinds: of.outcomes.map(({ outcome }) => outcome.kind),
        parts: isTried ? [] : of.waiting.filter(({ id }) => id === record.id),
        why: isTried ? undefined : of.rest?.recipients[0]?.lastError,
      });
    }
  }

  /** A message was held or deleted. */
  withdrawn(id: string): void {
    for (const retry of this.#followed.get(id) ?? []) retry.end({ text: WITHDRAWN });
  }

  /** Nobody waits any more. */
  close(): void {
    this.#all.clear();
    this.#followed.clear();
    this.#timer?.cancel();
  }

  #forget(retry: Retry): void {
    this.#all.delete(retry);
    const followed = this.#followed.get(retry.id);
    followed?.delete(retry);
    if (followed?.size === 0) this.#followed.delete(retry.id);
    if (this.#all.size > 0) return;
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #lookLater(): void {
    const { clock, tasks } = this.#options;
    this.#timer ??= clock.schedule(LOOK_MS, () => {
      this.#timer = undefined;
      tasks.run("look after retries", () => this.#look());
    });
  }

  /** What another server did, and what became of a message without an attempt, is seen in the store alone. */
  async #look(): Promise<void> {
    try {
      for (const retry of [...this.#all].slice(0, LOOK_AT)) {
        // the next look is at the others
        if (this.#all.delete(retry)) this.#all.add(retry);
        await this.#lookAt(retry);
      }
    } finally {
      if (this.#all.size > 0) this.#lookLater();
    }
  }

  async #lookAt(retry: Retry): Promise<void> {
    const { queue, clock } = this.#options;
    const records = await queue.message(retry.id);
    for (const part of retry.open) {
      const record = records.find((one) => one.part === part);
      if (record?.held) return retry.end({ text: WITHDRAWN });
      if (record && record.dueAt <= clock.now()) continue;
      const kinds = record ? ["deferred" as const] : await this.#kinds(retry, part);
      if (kinds.includes("deleted")) return retry.end({ text: WITHDRAWN });
      const parts = record || kinds.length > 0
        ? []
        : records.filter((r) => !r.held && r.dueAt <= clock.now());
      retry.settled(part, { kinds: kinds.filter((kind) => kind !== "deleted"), parts });
    }
  }

  /** What the history tells of a record that is gone. */
  async #kinds({ id, since }: Retry, part: number): Promise<(Outcome["kind"] | "deleted")[]> {
    const { queue, clock } = this.#options;
    const entries = await historyOf(queue.store.kv, id, clock.now(), part);
    return entries.filter(({ at }) => at >= since).flatMap(({ attempts, deleted }) =>
      deleted ? ["deleted" as const] : attempts.map(({ outcome }) => outcome.kind)
    );
  }
}

const WITHDRAWN = "It was held or deleted before it was tried";

/** A message that is followed. */
export class Retry {
  /** The records that are still to be tried, as far as is known. */
  readonly #open = new Set<number>();
  #begun = false;
  readonly #closed = new Set<number>();
  readonly #kinds = new Set<Outcome["kind"]>();
  /** Why one of them was not tried. */
  #why = "It left the queue, and its history is not kept";
  #ended: ((end: RetryEnd) => void) | undefined;

  constructor(readonly id: string, readonly since: number, ended: (end: RetryEnd) => void) {
    this.#ended = ended;
  }

  /** The records that are still to be tried. */
  get open(): readonly number[] {
    return [...this.#open];
  }

  /** Those records are tried now. */
  begin(records: readonly QueueRecord[]): void {
    this.#begun = true;
    this.#add(records);
    this.#endWhenAllAre();
  }

  /** An attempt for a record is over; `parts` took its place, or `why` it was not tried. */
  settled(
    part: number,
    of: {
      readonly kinds: readonly Outcome["kind"][];
      readonly parts: readonly QueueRecord[];
      readonly why?: string | undefined;
    },
  ): void {
    this.#why = of.why ?? this.#why;
    this.#closed.add(part);
    this.#open.delete(part);
    for (const kind of of.kinds) this.#kinds.add(kind);
    this.#add(of.parts);
    this.#endWhenAllAre();
  }

  /** It is over. */
  end(end: RetryEnd): void {
    const ended = this.#ended;
    this.#ended = undefined;
    ended?.(end);
  }

  #add(records: readonly QueueRecord[]): void {
    for (const { part } of records) if (!this.#closed.has(part)) this.#open.add(part);
  }

  #endWhenAllAre(): void {
    if (!this.#begun || this.#open.size > 0) return;
    const kind = (["deferred", "failed", "delivered"] as const).find((one) => this.#kinds.has(one));
    this.end(kind ?? { text: this.#why });
  }
}
