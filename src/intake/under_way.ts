/**
 * The messages that are under way into mailboxes here: their text comes, their commit is not done, or the queue has
 * them. Who waits for a message, or for none to come, asks here.
 */

import { localKey } from "../mail/address.ts";
import type { Mailbox } from "../mail/envelope.ts";
import type { QueueRecord } from "../queue/record.ts";
import type { DeliveryTarget } from "../recipients/expand.ts";
import type { RoutedRecipient } from "../recipients/route.ts";

/** The queue, as far as it is asked. */
export interface MessageLookup {
  message(id: string): Promise<readonly QueueRecord[]>;
}

/** The oldest of more that wait in the queue are forgotten: these are mailboxes that are full. */
const MAX_QUEUED = 1000;

/** Knows what is under way in this process. */
export class UnderWay {
  readonly #coming = new Map<string, readonly RoutedRecipient[]>();
  readonly #queued = new Map<string, ReadonlySet<Mailbox>>();
  readonly #listeners = new Set<() => void>();

  /** The text of a message begins to come. */
  begin(id: string, recipients: readonly RoutedRecipient[]): void {
    this.#coming.set(id, recipients);
  }

  /** It was accepted: those mailboxes have it. */
  accepted(id: string, targets: readonly DeliveryTarget[], mailboxes: readonly Mailbox[]): void {
    const done = new Set(mailboxes);
    const queued = targets.filter(({ kind, waits, address }) =>
      (kind === "mailbox" && !done.has(address)) || waits?.until !== undefined
    );
    if (queued.length === 0) return;
    this.#queued.set(id, new Set(queued.map(({ address }) => localKey(address))));
    for (const oldest of this.#queued.keys()) {
      if (this.#queued.size <= MAX_QUEUED) break;
      this.#queued.delete(oldest);
    }
  }

  /** Nothing more happens to it on its way in, and all that follows from it was told. */
  end(id: string): void {
    if (!this.#coming.delete(id)) return;
    for (const listener of this.#listeners) listener();
  }

  /** Calls `listener` when something has ended, until what it answers is called. */
  watch(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Is a message under way that may come into that mailbox (undefined: into any here)? */
  async mayReach(mailbox: Mailbox | undefined, queue: MessageLookup): Promise<boolean> {
    const wanted = mailbox === undefined ? undefined : localKey(mailbox);
    // first, since messages get from here into the queue, and not back
    if (this.#coming.values().some((all) => all.some((one) => leadsTo(one, wanted)))) return true;
    for (const [id, boxes] of this.#queued) {
      if (wanted !== undefined && !boxes.has(wanted)) continue;
      const waiting = (await queue.message(id)).flatMap(({ recipients }) => recipients);
      const still = waiting.map(({ address }) => localKey(address)).filter((key) => boxes.has(key));
      if (wanted === undefined ? still.length > 0 : still.includes(wanted)) return true;
      if (still.length > 0) continue;
      this.#queued.delete(id);
      // it has just left the queue, and may not have been told of yet
      return true;
    }
    return false;
  }
}

function leadsTo({ route }: RoutedRecipient, wanted: Mailbox | undefined): boolean {
  if (!route) return true;
  return route.targets.some(({ kind, address }) =>
    kind === "mailbox" && (wanted === undefined || localKey(address) === wanted)
  );
}
