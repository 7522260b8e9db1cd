/** The view of a queued message over HTTP: the contract's QueueItem, made of its records. */

import { z } from "@hono/zod-openapi";
import { splitMailbox } from "../mail/address.ts";
import { localReason, type Outcome } from "../mail/outcome.ts";
import type { QueueRecord } from "../queue/record.ts";
import { messageState, nextAttempt, QUEUE_STATES, recordState } from "../queue/stats.ts";
import { timeSchema } from "./schemas.ts";
import { iso } from "./times.ts";

export { iso };

/** The states of a message and of its recipients. */
export const STATES = [...QUEUE_STATES, "delivered", "failed"] as const;

const state = z.enum(STATES).openapi({
  description: "queued: due now or being tried; deferred: waits for its time; held: until it is released",
});

/** The contract's QueueItem. */
export const queueItemSchema = z.object({
  id: z.string(),
  sender: z.string().openapi({ description: "Empty for reports" }),
  subject: z.string().nullable().openapi({ description: "As people read it, cut; null where there is none" }),
  recipients: z.array(z.object({
    address: z.string(),
    domain: z.string(),
    state,
    attempts: z.int(),
    nextAttemptAt: timeSchema.nullable(),
    lastReply: z.string().nullable(),
    lastError: z.string().nullable(),
  })),
  state,
  size: z.int(),
  receivedAt: timeSchema,
  nextAttemptAt: timeSchema.nullable(),
  expiresAt: timeSchema,
  authenticatedAs: z.string().nullable(),
  source: z.string(),
}).openapi("QueueItem");

/** A queued message as it is shown. */
export type QueueItem = z.infer<typeof queueItemSchema>;

/** One attempt at one recipient. */
export const attemptSchema = z.object({
  at: timeSchema,
  recipient: z.string(),
  host: z.string().nullable().openapi({ description: "Whose answer counts, of the hosts that were tried" }),
  address: z.string().nullable().openapi({ description: "The IP address of that host" }),
  reply: z.string(),
  enhanced: z.string(),
  tls: z.string().nullable(),
  inClear: z.string().optional().openapi({
    description: "Why it went in clear, although the host offers encryption",
  }),
  durationMs: z.int(),
}).openapi("Attempt");

/** The records of one message as the contract shows them. */
export function queueItem(
  records: readonly QueueRecord[],
  options: { now: number; giveUpAfter: number },
): QueueItem {
  const first = records[0]!;
  const states = records.map((r) => recordState(r, options.now));
  const next = nextAttempt(records);
  return {
    id: first.id,
    sender: first.sender,
    subject: first.subject ?? null,
    recipients: records.flatMap((record, i) =>
      record.recipients.map((r) => ({
        address: r.address,
        domain: splitMailbox(r.address).domain,
        state: states[i]!,
        attempts: r.attempts,
        nextAttemptAt: record.held ? null : iso(record.dueAt),
        lastReply: r.lastReply ?? null,
        lastError: r.lastError ?? null,
      }))
    ),
    state: messageState(records, options.now),
    size: first.body.size,
    receivedAt: iso(first.receivedAt),
    nextAttemptAt: next === undefined ? null : iso(next),
    expiresAt: iso(first.receivedAt + options.giveUpAfter),
    authenticatedAs: first.authenticatedAs ?? null,
    source: first.source,
  };
}

/** An item whose message is given up. */
export function failedItem(item: QueueItem): QueueItem {
  const recipients = item.recipients.map((r) => ({ ...r, state: "failed" as const, nextAttemptAt: null }));
  return { ...item, recipients, state: "failed", nextAttemptAt: null };
}

/** An attempt as it is shown. */
export function attemptView(
  attempt: { at: number; recipient: string; outcome: Outcome; durationMs: number },
): z.infer<typeof attemptSchema> {
  const { at, recipient, outcome, durationMs } = attempt;
  return {
    at: iso(at),
    recipient,
    host: outcome.host ?? null,
    address: outcome.address ?? null,
    reply: outcome.code === undefined ? localReason(outcome) : `${outcome.code} ${outcome.text}`,
    enhanced: outcome.status,
    tls: outcome.tls ?? null,
    ...(outcome.inClear === undefined ? {} : { inClear: outcome.inClear }),
    durationMs: Math.round(durationMs),
  };
}
