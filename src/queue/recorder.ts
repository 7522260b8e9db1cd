/** In charge of writing down what an attempt came to: queue, life, report and mailbox in one commit. */

import type { Clock } from "../base/clock.ts";
import type { Mailbox } from "../mail/envelope.ts";
import { localReason, type OutcomeFacts, peerText } from "../mail/outcome.ts";
import type { Journal } from "../observe/journal.ts";
import { releaseBody } from "../storage/bodies/bodies.ts";
import { expiring } from "../storage/expiry.ts";
import * as keys from "../storage/keys.ts";
import { together, type Write } from "../storage/write.ts";
import type { EnqueuePlan, NewMessage } from "./message.ts";
import { KeyedLock } from "../base/semaphore.ts";
import { attemptWrite } from "./history.ts";
import { type Claim, type QueueStore, queueWrites } from "./queue_store.ts";
import type { QueueRecipient, QueueRecord } from "./record.ts";
import type { BounceWriter, Reported } from "./bounces.ts";
import { expiresAt, isExpired, isLate, type Schedule } from "./schedule.ts";
import { lastOf, settle, type Settlement, wants } from "./settle.ts";
import type { RecipientOutcome, SplitResult } from "./result.ts";

/** What a {@linkcode OutcomeRecorder} works with. */
export interface RecorderOptions {
  readonly queue: QueueStore;
  readonly clock: Clock;
  readonly journal: Journal;
  readonly reporter: BounceWriter;
  readonly schedule: Schedule;
  /** How long the life of a message is kept after it left: milliseconds. */
  readonly historyMs: number;
  /** Plans a report's way. */
  planEnqueue(message: NewMessage): EnqueuePlan;
}

/** What settling came to. */
export type Settled =
  /** Written; these wait in the index now: the rest of the record, and reports. */
  | { readonly kind: "done"; readonly waiting: readonly QueueRecord[] }
  /** Somebody else has the record now: nothing was written. */
  | { readonly kind: "lost" };

/** What follows from outcomes, beside what becomes of the record itself. */
export interface Consequences {
  readonly settlement: Settlement;
  readonly reports: readonly Made[];
  /** The life of the message, the reports, and the text let go when nobody is left. */
  readonly write: Write;
}

/** A report that was enlisted. */
interface Made {
  readonly message: NewMessage;
  readonly enqueued: EnqueuePlan;
  readonly action: string;
}

/** Checks fail when another server settles a record of the same message; that can't go on for long. */
const MAX_TRIES = 20;

/** That a sender was warned is kept so long over the end of the message. */
const WARNED_KEPT_MS = 24 * 3600_000;

/** Settles attempts. */
export class OutcomeRecorder {
  /** The records of one message share a counter and a warning: one after the other, they don't fail each other. */
  readonly #lock = new KeyedLock();

  constructor(private readonly options: RecorderOptions) {}

  /**
   * Writes down the outcomes of a claim. `delivery` is done in the same commit: a mailbox takes the text over. Rejects
   * when the store fails; then nothing was written.
   */
  settle(claim: Claim, outcomes: readonly RecipientOutcome[], delivery?: Write): Promise<Settled> {
    const { id, body } = claim.record;
    if (!body.shared) return this.#settle(claim, outcomes, delivery);
    return this.#lock.run(id, () => this.#settle(claim, outcomes, delivery));
  }

  async #settle(claim: Claim, outcomes: readonly RecipientOutcome[], delivery?: Write): Promise<Settled> {
    const { record } = claim;
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      const what = await this.consequences(record, outcomes, delivery);
      const { rest } = what.settlement;
      const own = rest ? queueWrites.putBack(claim, rest) : queueWrites.end(claim);
      const result = await this.options.queue.store.write(together(own, what.write));
      if (result.ok) {
        this.tell(record, what);
        return { kind: "done", waiting: waitingOf(what) };
      }
      if (!(await this.options.queue.isOurs(claim))) return { kind: "lost" };
    }
    throw new Error(
      `The queue record ${record.id}/${record.part} could not be settled in ${MAX_TRIES} tries`,
    );
  }

  /** Puts other records in the place of a claim's. */
  async split(claim: Claim, { plan, successes }: SplitResult): Promise<Settled> {
    const { queue, reporter, planEnqueue } = this.options;
    const { id, sender, body } = claim.record;
    const reports = (await reporter.successes(claim.record, successes, { brief: true }))
      .map(({ action, message }) => ({ action, message, enqueued: planEnqueue(message) }));
    const writes = [plan.write, ...reports.map((r) => r.enqueued.write)];
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      const result = await queue.store.write(together(queueWrites.end(claim), ...writes));
      if (result.ok) {
        for (const mailbox of plan.mailboxes) {
          this.options.journal.emit({ type: "mailbox", id, mailbox, sender, size: body.size });
        }
        this.#tellReports(id, reports);
        return { kind: "done", waiting: [...plan.records, ...reports.flatMap((r) => r.enqueued.records)] };
      }
      if (!(await queue.isOurs(claim))) break;
    }
    return { kind: "lost" };
  }

  /** What is to be written when these are the outcomes for a record, beside the record itself. */
  async consequences(
    record: QueueRecord,
    outcomes: readonly RecipientOutcome[],
    delivery?: Write,
  ): Promise<Consequences> {
    const { clock, schedule, queue } = this.options;
    const now = clock.now();
    const settlement = settle(record, outcomes, { schedule, now });
    const { reports, warned } = await this.#reports(record, settlement, now);
    const writes: Write[] = [
      this.#history(record, settlement, { now, dialogue: outcomes[0]?.dialogue }),
      ...reports.map((r) => r.enqueued.write),
      ...(warned ? [warned] : []),
    ];
    if (delivery) writes.push(delivery);
    else if (!settlement.rest) writes.push(await releaseBody(queue.store.kv, record.body));
    return { settlement, reports, write: together(...writes) };
  }

  async #reports(
    record: QueueRecord,
    settlement: Settlement,
    now: number,
  ): Promise<{ reports: Made[]; warned: Write | undefined }> {
    const reports: Made[] = [];
    const told = settlement.told.map((t): Reported => ({
      recipient: t.recipient,
      action: t.action,
      ...facts(t.outcome),
    }));
    await this.#make(reports, record, told.filter((t) => t.action === "failed"));
    await this.#make(reports, record, told.filter((t) => t.action !== "failed"));
    // What is suspended outlives the time to give up; by then its sender has the warning, which is for once.
    const { schedule } = this.options;
    const isTime = isLate(schedule, record.receivedAt, now) && !isExpired(schedule, record.receivedAt, now);
    const late = settlement.rest && isTime ? await this.#late(record, settlement) : undefined;
    if (!late) return { reports, warned: undefined };
    const willRetryUntil = expiresAt(schedule, record.receivedAt);
    const made = await this.#make(reports, record, late.reported, { willRetryUntil });
    return { reports, warned: made ? late.warned : undefined };
  }

  async #make(
    made: Made[],
    record: QueueRecord,
    reported: readonly Reported[],
    more?: { willRetryUntil: number },
  ): Promise<boolean> {
    const message = await this.options.reporter.report(record, reported, more);
    if (!message) return false;
    made.push({ message, enqueued: this.options.planEnqueue(message), action: reported[0]!.action });
    return true;
  }

  /**
   * Who is late of the whole message, when its sender wasn't told yet: one warning per message. Copies that go on in
   * the name of a list's owner are the owner's, who has a warning of his own.
   */
  async #late(
    record: QueueRecord,
    settlement: Settlement,
  ): Promise<{ reported: Reported[]; warned: Write } | undefined> {
    const { queue, schedule } = this.options;
    const { id, part, sender } = record;
    if (sender === "") return undefined;
    const key = keys.queueWarned(id);
    const { value, versionstamp } = await queue.store.kv.get<readonly Mailbox[]>(key);
    if (value?.includes(sender)) return undefined;
    const siblings = (await queue.message(id)).filter((r) => r.part !== part && r.sender === sender);
    const waiting = [settlement.rest!, ...siblings].flatMap((r) => r.recipients).filter((r) =>
      r.attempts > 0 || r.lastError !== undefined
    );
    const reported = waiting.filter((r) => wants(r.notify, "delay")).map((recipient): Reported => {
      const own = settlement.outcomes.find((o) => o.recipient === recipient.address)?.outcome;
      const why = facts(own ?? lastOf(recipient) ?? unknown(recipient));
      return { recipient, action: "delayed", ...why };
    });
    // the same for all senders of the message, so that none takes the mark away before its time
    const until = expiresAt(schedule, record.receivedAt) + WARNED_KEPT_MS;
    const warned: Write = {
      checks: [{ key, versionstamp }],
      mutations: expiring(key, [...value ?? [], sender], until),
      size: 300,
    };
    return { reported, warned };
  }

  #history(
    record: QueueRecord,
    settlement: Settlement,
    { now, dialogue }: { now: number; dialogue: readonly string[] | undefined },
  ): Write {
    const { historyMs, schedule } = this.options;
    const ended = settlement.rest === undefined;
    // what ends frees more room than its history takes; what stays would fill a full disk, attempt by attempt
    if (!ended && this.options.queue.store.isFull) return { mutations: [], size: 0 };
    const keepFor = ended ? historyMs : historyMs + Math.max(0, expiresAt(schedule, record.receivedAt) - now);
    return attemptWrite(record, settlement.outcomes, { at: now, ended, keepFor, dialogue });
  }

  /** Tells the journal, when it is written. */
  tell(record: QueueRecord, { settlement, reports }: Consequences): void {
    const { journal } = this.options;
    const { id, sender, body } = record;
    for (const { recipient, outcome, durationMs } of settlement.outcomes) {
      const { kind, stage: _, ...told } = outcome;
      journal.emit({
        type: kind === "failed" ? "bounced" : kind,
        id,
        recipient,
        status: told.status,
        text: localReason(told),
        durationMs,
        ...(told.code === undefined ? {} : { code: told.code }),
        ...(told.host === undefined ? {} : { host: told.host }),
        ...(told.address === undefined ? {} : { address: told.address }),
        ...(told.tls === undefined ? {} : { tls: told.tls }),
        ...(told.inClear === undefined ? {} : { inClear: told.inClear }),
        ...(kind === "deferred" && settlement.rest ? { nextAttemptAt: settlement.rest.dueAt } : {}),
      });
      if (kind === "delivered" && outcome.stage === "mailbox") {
        journal.emit({ type: "mailbox", id, mailbox: recipient, sender, size: body.size });
      }
    }
    this.#tellReports(id, reports);
  }

  #tellReports(id: string, reports: readonly Made[]): void {
    const { journal } = this.options;
    for (const { message, enqueued, action } of reports) {
      const to = message.targets[0]!.recipient.address;
      journal.emit({ type: "report", id, report: message.id, action, to });
      for (const mailbox of enqueued.mailboxes) {
        journal.emit({ type: "mailbox", id: message.id, mailbox, sender: "", size: message.body.size });
      }
    }
  }
}

/** What waits in the index when the consequences are written. */
export function waitingOf({ settlement, reports }: Consequences): QueueRecord[] {
  const records = reports.flatMap((r) => r.enqueued.records);
  return settlement.rest ? [settlement.rest, ...records] : records;
}

/** Of a recipient that waits without an attempt, or whose record is of a time that kept less. */
function unknown({ lastError }: QueueRecipient): OutcomeFacts {
  return { status: "4.4.1", text: lastError ?? "Not delivered yet" };
}

function facts(outcome: OutcomeFacts): Pick<Reported, "status" | "text" | "note" | "code" | "host"> {
  const { status, note, code, host } = outcome;
  return {
    status,
    text: peerText(outcome),
    ...(note === undefined ? {} : { note }),
    ...(code === undefined ? {} : { code }),
    ...(host === undefined ? {} : { host }),
  };
}
