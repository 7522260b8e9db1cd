/** The delivery history of a message: each attempt, also after the message has left. */

import { idsFrom, isId, timeOfId } from "../base/ids.ts";
import type { Outcome } from "../mail/outcome.ts";
import { expiring } from "../storage/expiry.ts";
import * as keys from "../storage/keys.ts";
import type { Kv } from "../storage/port.ts";
import type { Store } from "../storage/store.ts";
import type { Write } from "../storage/write.ts";
import type { QueueRecord, Source } from "./record.ts";
import { clip } from "./last_attempt.ts";
import type { RecipientOutcome } from "./result.ts";

/** One attempt for one recipient, as it is kept. */
export interface KeptAttempt {
  /** Whom it was for. */
  readonly recipient: string;
  /** What came of it. */
  readonly outcome: Outcome;
  /** How long it took. */
  readonly durationMs: number;
}

/** What is kept of one instant in the history of a message. */
export interface HistoryEntry {
  /** When: milliseconds since 1970. */
  readonly at: number;
  /** So long it is kept: milliseconds since 1970. */
  readonly until: number;
  /** What was tried then. */
  readonly attempts: readonly KeptAttempt[];
  /** The operator dropped the message for those recipients. */
  readonly deleted?: readonly string[];
  /** The lines of an attempt that did not serve all: `* ` for each host, `> ` ours, `< ` the peer's. */
  readonly dialogue?: readonly string[];
  /** The message itself, kept when the record has ended. */
  readonly message?: {
    readonly sender: string;
    readonly receivedAt: number;
    readonly size: number;
    readonly source: Source;
    readonly authenticatedAs?: string;
  };
}

/**
 * What is kept of a message that left so soon after it came needs no key by its end, which would be a fifth of all that
 * a delivery writes: the time in its id tells when it is over.
 */
const SOON_MS = 3600_000;
/** So many rows are removed by one commit. */
const BATCH = 200;

/** Keeps an attempt for `keepFor` milliseconds; nothing when that is 0, or nothing was tried. */
export function attemptWrite(
  record: QueueRecord,
  outcomes: readonly RecipientOutcome[],
  options: { at: number; ended: boolean; keepFor: number; dialogue?: readonly string[] | undefined },
): Write {
  if (outcomes.length === 0) return { mutations: [], size: 0 };
  const attempts = outcomes.map(({ recipient, outcome, durationMs }) => ({
    recipient,
    outcome: { ...outcome, text: clip(outcome.text) },
    durationMs,
  }));
  const { at, keepFor, dialogue = [] } = options;
  const value: HistoryEntry = {
    at,
    until: at + keepFor,
    attempts,
    ...(dialogue.length > 0 && { dialogue: dialogue.map(clip) }),
    ...(options.ended ? { message: messageOf(record) } : {}),
  };
  const size = 400 + 240 * dialogue.length +
    attempts.reduce((sum, a) => sum + 200 + a.recipient.length + a.outcome.text.length, 0);
  return kept(record, value, size);
}

/** Keeps that the operator dropped a record, for `keepFor` milliseconds; nothing when that is 0. */
export function deletionWrite(record: QueueRecord, options: { at: number; keepFor: number }): Write {
  const deleted = record.recipients.map(({ address }) => address);
  const { at, keepFor } = options;
  const value: HistoryEntry = { at, until: at + keepFor, attempts: [], deleted, message: messageOf(record) };
  const size = 400 + deleted.reduce((sum, address) => sum + 20 + address.length, 0);
  return kept(record, value, size);
}

function messageOf(record: QueueRecord): NonNullable<HistoryEntry["message"]> {
  const { sender, receivedAt, body, source, authenticatedAs } = record;
  const from = authenticatedAs === undefined ? {} : { authenticatedAs };
  return { sender, receivedAt, size: body.size, source, ...from };
}

function kept(of: QueueRecord, value: HistoryEntry, size: number): Write {
  if (value.until <= value.at) return { mutations: [], size: 0 };
  const { id, part } = of;
  const isEnd = value.message !== undefined && isId(id) && value.at <= timeOfId(id) + SOON_MS;
  const mutations: Deno.KvMutation[] = isEnd
    ? [{ type: "set", key: keys.historyEnd(id, value.at, part), value }]
    : expiring(keys.historyEvent(id, value.at, part), value, value.until);
  return { mutations, size };
}

/** The history of a message (of one of its records) as it is kept at `now`, oldest entry first. */
export async function historyOf(kv: Kv, id: string, now: number, part?: number): Promise<HistoryEntry[]> {
  const entries: HistoryEntry[] = [];
  for (const all of [keys.historyEvents(id), keys.historyEnds(id)]) {
    for await (const { key, value } of kv.list<HistoryEntry>(all)) {
      if (value.until > now && (part === undefined || key[3] === part)) entries.push(value);
    }
  }
  return entries.sort((a, b) => a.at - b.at);
}

/**
 * Removes the history that is over at `now`, of what has no key by its end (see `expiry.ts`): `keepFor` milliseconds are
 * for what ends. Answers how much. It may be stopped anywhere. Rejects when the store fails.
 */
export async function sweepHistory(store: Store, now: number, keepFor: number): Promise<number> {
  let removed = 0;
  const over = keys.historyEndsBefore(idsFrom(now - keepFor - SOON_MS));
  for (;;) {
    const mutations: Deno.KvMutation[] = [];
    for await (const { key, value } of store.kv.list<HistoryEntry>(over)) {
      // it was to be kept for longer when it was written
      if (value.until > now) continue;
      mutations.push({ type: "delete", key });
      if (mutations.length === BATCH) break;
    }
    if (mutations.length > 0) await store.write({ mutations, size: 60 * mutations.length });
    removed += mutations.length;
    if (mutations.length < BATCH) return removed;
  }
}
