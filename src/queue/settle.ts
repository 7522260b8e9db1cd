/** The meaning of an attempt's outcomes for a record: who is left, and who hears of what. Pure. */

import type { Notify } from "../mail/envelope.ts";
import type { Outcome } from "../mail/outcome.ts";
import { afterAttempt, clip } from "./last_attempt.ts";
import type { QueueRecipient, QueueRecord } from "./record.ts";
import type { RecipientOutcome } from "./result.ts";
import { isExpired, nextAttemptAt, type Schedule } from "./schedule.ts";

/** A recipient whose sender hears of it. */
export interface OutcomeToReport {
  readonly recipient: QueueRecipient;
  readonly action: "failed" | "delivered" | "relayed";
  readonly outcome: Outcome;
}

/** What is to be done after an attempt. */
export interface Settlement {
  /** The record as it goes on; undefined when nobody is left to serve. */
  readonly rest: QueueRecord | undefined;
  /** The outcomes as they count: a deferral at the end of the time is a failure, what wasn't tried is none. */
  readonly outcomes: readonly RecipientOutcome[];
  /** What the sender hears of now. */
  readonly toReport: readonly OutcomeToReport[];
}

/** Does somebody want to hear of this? By default of failures and delays (RFC 3461 4.1). */
export function wants(notify: Notify | undefined, what: "success" | "failure" | "delay"): boolean {
  if (notify === undefined) return what !== "success";
  return notify !== "never" && notify.includes(what);
}

/** For a recipient that an agent forgot: it can't wait without an attempt, or it would be due again at once. */
const NO_OUTCOME: Outcome = { kind: "deferred", status: "4.3.0", text: "The attempt came to nothing" };

/** Applies outcomes to a record. A recipient without an outcome is deferred. */
export function settle(
  record: QueueRecord,
  outcomes: readonly RecipientOutcome[],
  by: { schedule: Schedule; now: number },
): Settlement {
  const of = new Map(outcomes.map((o) => [o.recipient, o]));
  const rest: QueueRecipient[] = [];
  const toReport: OutcomeToReport[] = [];
  const counted: RecipientOutcome[] = [];
  let latest = Infinity;
  for (const recipient of record.recipients) {
    const got = of.get(recipient.address) ??
      { recipient: recipient.address, outcome: NO_OUTCOME, durationMs: 0 };
    if (got.waitsUntil !== undefined) {
      const { lastReply: _, ...facts } = recipient;
      rest.push({ ...facts, lastError: clip(got.outcome.text) });
      latest = Math.min(latest, got.waitsUntil);
      continue;
    }
    const outcome = isExpired(by.schedule, record.receivedAt, by.now) ? final(got.outcome) : got.outcome;
    counted.push(outcome === got.outcome ? got : { ...got, outcome });
    if (outcome.kind === "deferred") {
      rest.push(afterAttempt(recipient, outcome));
    } else if (outcome.kind === "failed") {
      // A report asks for no report, but the postmaster hears of its loss.
      if (wants(recipient.notify, "failure") || record.source === "report") {
        toReport.push({ recipient, action: "failed", outcome });
      }
    } else if (wants(recipient.notify, "success")) {
      if (outcome.stage === "mailbox") toReport.push({ recipient, action: "delivered", outcome });
      else if (outcome.relayedWithoutDsn) toReport.push({ recipient, action: "relayed", outcome });
    }
  }
  return {
    rest: rest.length === 0 ? undefined : later(record, rest, { ...by, latest }),
    outcomes: counted,
    toReport,
  };
}

function later(
  record: QueueRecord,
  recipients: readonly QueueRecipient[],
  by: { schedule: Schedule; now: number; latest: number },
): QueueRecord {
  const attempts = Math.max(1, ...recipients.map((r) => r.attempts));
  const next = nextAttemptAt(by.schedule, attempts, { receivedAt: record.receivedAt, now: by.now });
  const { forceRetry: _, asked: __, ...facts } = record;
  return { ...facts, recipients, dueAt: Math.min(next, by.latest) };
}

const EXPIRED = "Delivery time expired";

/** Out of time: what was "not now" is "never". What was said last stays as it was (RFC 3463 x.4.7, RFC 3464 2.3.6). */
function final(outcome: Outcome): Outcome {
  if (outcome.kind !== "deferred") return outcome;
  return {
    ...outcome,
    kind: "failed",
    status: "5.4.7",
    note: outcome.note === undefined ? EXPIRED : `${EXPIRED}; ${outcome.note}`,
  };
}
