/** The events of the queue in the journal: what became of recipients, copies and reports, once that is durable. */

import { localReason } from "../mail/outcome.ts";
import type { Mailbox } from "../mail/envelope.ts";
import type { Journal } from "../observe/journal.ts";
import type { QueueRecord } from "./record.ts";
import type { Consequences, PlannedReport, RecipientOutcome } from "./result.ts";

/** Tells what followed from a delivery of a record; `returned`: from its return by an operator. */
export function emitConsequences(
  journal: Journal,
  record: QueueRecord,
  of: Consequences & { readonly returned?: true },
): void {
  const { id, sender, body: { size } } = record;
  const { returned, rest } = of;
  for (const outcome of of.outcomes) {
    emitOutcome(journal, id, { ...outcome, nextAttemptAt: rest?.dueAt, ...(returned && { returned }) });
  }
  emitCopies(journal, { id, sender, size }, of.mailboxes);
  emitReports(journal, id, of.reports);
}

/** Tells of the reports about a message, and of those that are in mailboxes already. */
export function emitReports(journal: Journal, about: string, reports: readonly PlannedReport[]): void {
  for (const { message: { id, targets, body: { size } }, plan, action } of reports) {
    const to = targets[0]!.recipient.address;
    journal.emit({ type: "report", id: about, report: id, action, to });
    emitCopies(journal, { id, sender: "", size }, plan.mailboxes);
  }
}

function emitCopies(
  journal: Journal,
  message: { readonly id: string; readonly sender: Mailbox; readonly size: number },
  mailboxes: readonly Mailbox[],
): void {
  for (const mailbox of mailboxes) journal.emit({ type: "mailbox", mailbox, ...message });
}

function emitOutcome(
  journal: Journal,
  id: string,
  of: RecipientOutcome & { readonly nextAttemptAt: number | undefined; readonly returned?: true },
): void {
  const { recipient, durationMs, nextAttemptAt, outcome, returned } = of;
  const { kind, status, code, host, address, tls, inClear } = outcome;
  journal.emit({
    type: kind === "failed" ? "bounced" : kind,
    id,
    recipient,
    status,
    text: localReason(outcome),
    durationMs,
    ...(returned && { returned }),
    ...(code === undefined ? {} : { code }),
    ...(host === undefined ? {} : { host }),
    ...(address === undefined ? {} : { address }),
    ...(tls === undefined ? {} : { tls }),
    ...(inClear === undefined ? {} : { inClear }),
    ...(kind === "deferred" && nextAttemptAt !== undefined ? { nextAttemptAt } : {}),
  });
}
