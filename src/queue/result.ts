/** Results of a delivery attempt, and what follows from them: splits, reports, what waits. */

import type { Signed } from "../authentication/dkim_outgoing.ts";
import type { Mailbox } from "../mail/envelope.ts";
import type { Action } from "../dsn/request.ts";
import type { Outcome } from "../mail/outcome.ts";
import type { Release } from "../mailbox/quotas.ts";
import type { Success } from "../recipients/expand.ts";
import type { Write } from "../storage/write.ts";
import type { EnqueuePlan, NewMessage } from "./message.ts";
import type { QueueRecord } from "./record.ts";

/** What an attempt came to for one recipient. */
export interface RecipientOutcome {
  readonly recipient: Mailbox;
  readonly outcome: Outcome;
  readonly durationMs: number;
  readonly dialogue?: readonly string[];
  /**
   * Nothing was tried, on purpose: the recipient waits, at most until then (milliseconds since 1970, or Infinity).
   * That counts as no attempt, and the time to give up does not come meanwhile.
   */
  readonly waitsUntil?: number;
}

/** What splitting a record came to. */
export interface SplitResult {
  /** What takes the record's place. */
  readonly plan: EnqueuePlan;
  /** What its sender asked to hear of and hears of now. */
  readonly successes: readonly Success[];
}

/** What a delivery of a claim came to. */
export interface DeliveryResult {
  readonly outcomes: readonly RecipientOutcome[];
  /** Done in the settling commit: a mailbox delivery, which takes the content over. */
  readonly also?: { readonly write: Write };
  /** Nothing was delivered: others take the record's place. */
  readonly split?: SplitResult;
  /** The signatures that were made for it, which stay with the record. */
  readonly signed?: Signed;
  /** Called when the outcome is written: room in mailboxes that was taken for it. */
  readonly release?: Release;
}

/** A report that is written together with what it speaks of. */
export interface PlannedReport {
  readonly message: NewMessage;
  /** Its way to who hears of it. */
  readonly plan: EnqueuePlan;
  readonly action: Action;
}

/** What follows from a delivery. */
export interface Consequences {
  /** The outcomes as they count. */
  readonly outcomes: readonly RecipientOutcome[];
  /** The record as it goes on; undefined: it ends. */
  readonly rest: QueueRecord | undefined;
  /** The mailboxes that have a copy now. */
  readonly mailboxes: readonly Mailbox[];
  readonly reports: readonly PlannedReport[];
  /** What is in the index then: the rest of the record, what it was split into, and reports. */
  readonly waiting: readonly QueueRecord[];
  /** All of it, beside what becomes of the record itself. */
  readonly write: Write;
}
