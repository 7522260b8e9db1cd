/** In charge of how a queued message looks over HTTP: the contract's QueueItem, made of its records. */

import type { QueueRecord } from "../queue/record.ts";
import { splitMailbox } from "../mail/address.ts";

/** The state of a message or of one recipient. */
export type QueueState = "queued" | "deferred" | "held";

/** A recipient of a {@linkcode QueueItem}; times are ISO 8601 UTC. */
export interface QueueItemRecipient {
  readonly address: string;
  readonly domain: string;
  readonly state: QueueState;
  readonly attempts: number;
  readonly nextAttemptAt: string | null;
  readonly lastReply: string | null;
  readonly lastError: string | null;
}

/** A queued message. */
export interface QueueItem {
  readonly id: string;
  readonly sender: string;
  readonly recipients: readonly QueueItemRecipient[];
  readonly state: QueueState;
  readonly size: number;
  readonly receivedAt: string;
  readonly nextAttemptAt: string | null;
  readonly expiresAt: string;
  readonly authenticatedAs: string | null;
  readonly source: string;
}

/** The state of a record: due or being tried, waiting, or held. */
export function stateOf(record: QueueRecord, now: number): QueueState {
  if (record.held) return "held";
  return record.dueAt <= now ? "queued" : "deferred";
}

/** The records of one message as the contract shows them. */
export function queueItem(
  records: readonly QueueRecord[],
  options: { now: number; giveUpAfter: number },
): QueueItem {
  const first = records[0]!;
  const states = records.map((r) => stateOf(r, options.now));
  const next = records.filter((r) => !r.held).map((r) => r.dueAt);
  return {
    id: first.id,
    sender: first.sender,
    recipients: records.flatMap((record, i) =>
      record.recipients.map((r): QueueItemRecipient => ({
        address: r.address,
        domain: splitMailbox(r.address).domain,
        state: states[i]!,
        attempts: r.attempts,
        nextAttemptAt: record.held ? null : iso(record.dueAt),
        lastReply: r.lastReply ?? null,
        lastError: r.lastError ?? null,
      }))
    ),
    state: states.includes("queued") ? "queued" : states.includes("deferred") ? "deferred" : "held",
    size: first.body.size,
    receivedAt: iso(first.receivedAt),
    nextAttemptAt: next.length === 0 ? null : iso(Math.min(...next)),
    expiresAt: iso(first.receivedAt + options.giveUpAfter),
    authenticatedAs: first.authenticatedAs ?? null,
    source: first.source,
  };
}

/** Milliseconds since 1970 as ISO 8601 UTC. */
export function iso(ms: number): string {
  return new Date(ms).toISOString();
}
