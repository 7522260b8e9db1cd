/** The recorder of what a delivery came to: queue, history, reports and mailbox in one commit. */

import type { Awaitable } from "../base/awaitable.ts";
import { type Clock, sleep } from "../base/clock.ts";
import type { Mailbox } from "../mail/envelope.ts";
import { type OutcomeFacts, peerText } from "../mail/outcome.ts";
import type { Journal } from "../observe/journal.ts";
import { releaseBody } from "../storage/bodies/bodies.ts";
import { expiring } from "../storage/expiry.ts";
import * as keys from "../storage/keys.ts";
import { together, type Write } from "../storage/write.ts";
import type { EnqueuePlanner } from "./enqueue.ts";
import { KeyedLock } from "../base/semaphore.ts";
import { attemptWrite } from "./history.ts";
import { type Claim, type QueueStore, queueWrites } from "./queue_store.ts";
import type { QueueRecipient, QueueRecord } from "./record.ts";
import type { BounceWriter, Reported } from "./bounces.ts";
import { expiresAt, isExpired, isLate, type Schedule } from "./schedule.ts";
import { lastOf } from "./last_attempt.ts";
import { settle, type Settlement, wants } from "./settle.ts";
import type { Consequences, DeliveryResult, PlannedReport, RecipientOutcome, SplitResult } from "./result.ts";

/** What a {@linkcode OutcomeRecorder} works with. */
export interface RecorderOptions {
  readonly queue: QueueStore;
  readonly clock: Clock;
  readonly journal: Journal;
  readonly reporter: BounceWriter;
  readonly schedule: Schedule;
  /** How long the history of a message is kept after it left: milliseconds. */
  readonly historyMs: number;
  readonly planner: EnqueuePlanner;
}

/** How long to wait when the store fails. */
const STORE_PAUSE_MS = 1000;
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
   * Writes down what a delivery came to, or it would be made again: tried until the store works or the server stops.
   * Undefined: nothing was written, for that reason or since somebody else has the record now.
   */
  async settle(claim: Claim, result: DeliveryResult, stop: AbortSignal): Promise<Consequences | undefined> {
    const { journal, clock } = this.options;
    const { id, part } = claim.record;
    for (let tries = 0;; tries++) {
      try {
        claim.settling = true;
        await claim.renewing;
        const consequences = await this.#settle(claim, result);
        if (!consequences) journal.note("WARN", "lease lost", { id, part });
        return consequences;
      } catch (error) {
        if (tries === 0) {
          journal.note("ERROR", "outcome could not be written, trying again", { id, error: String(error) });
        }
        // Between the tries the lease is kept.
        claim.settling = false;
        if (stop.aborted) return undefined;
        await sleep(clock, STORE_PAUSE_MS, stop);
      }
    }
  }

  #settle(claim: Claim, result: DeliveryResult): Promise<Consequences | undefined> {
    const { outcomes, also, split, signed } = result;
    const record = signed ? { ...claim.record, signed } : claim.record;
    if (split) {
      return this.#split(record, split).then((made) => this.#commit(claim, () => Promise.resolve(made)));
    }
    const commit = () => this.#commit(claim, () => this.consequences(record, outcomes, also?.write));
    return record.body.shared ? this.#lock.run(record.id, commit) : commit();
  }

  /** Undefined: somebody else has the record now. */
  async #commit(claim: Claim, what: () => Promise<Consequences>): Promise<Consequences | undefined> {
    const { queue } = this.options;
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      const consequences = await what();
      const { rest, write } = consequences;
      const own = rest ? queueWrites.putBack(claim, rest) : queueWrites.end(claim);
      const result = await queue.store.write(together(own, write));
      if (result.ok) return consequences;
      if (!(await queue.isOurs(claim))) return undefined;
    }
    const { id, part } = claim.record;
    throw new Error(`The queue record ${id}/${part} could not be settled in ${MAX_TRIES} tries`);
  }

  /** Others take the record's place. */
  async #split(record: QueueRecord, { plan, successes }: SplitResult): Promise<Consequences> {
    const { reporter, planner } = this.options;
    const made = await reporter.successes(record, successes, { brief: true });
    const reports = made.map((report) => ({ ...report, plan: planner.plan(report.message) }));
    return {
      outcomes: [],
      rest: undefined,
      mailboxes: plan.mailboxes,
      reports,
      waiting: [...plan.records, ...reports.flatMap((r) => r.plan.records)],
      write: together(plan.write, ...reports.map((r) => r.plan.write)),
    };
  }

  /** What follows when these are the outcomes for a record; `delivery`: a mailbox takes the content over. */
  async consequences(
    record: QueueRecord,
    outcomes: readonly RecipientOutcome[],
    delivery?: Write,
  ): Promise<Consequences> {
    const { clock, schedule, queue } = this.options;
    const now = clock.now();
    const settlement = settle(record, outcomes, { schedule, now });
    const { rest } = settlement;
    const planned = this.#reports(record, settlement, now);
    const { reports, warned } = planned instanceof Promise ? await planned : planned;
    const writes: Write[] = [
      this.#history(record, settlement, { now, dialogue: outcomes[0]?.dialogue }),
      ...reports.map((r) => r.plan.write),
      ...(warned ? [warned] : []),
    ];
    if (delivery) writes.push(delivery);
    else if (!rest) {
      const released = releaseBody(queue.store.kv, record.body);
      writes.push(released instanceof Promise ? await released : released);
    }
    return {
      outcomes: settlement.outcomes,
      rest,
      mailboxes: settlement.outcomes.filter(({ outcome: { kind, stage } }) =>
        kind === "delivered" && stage === "mailbox"
      ).map(({ recipient }) => recipient),
      reports,
      waiting: [...(rest ? [rest] : []), ...reports.flatMap((r) => r.plan.records)],
      write: together(...writes),
    };
  }

  /** Nearly all who are served have none. */
  #reports(
    record: QueueRecord,
    settlement: Settlement,
    now: number,
  ): Awaitable<{ reports: PlannedReport[]; warned: Write | undefined }> {
    if (settlement.rest || settlement.toReport.length > 0) return this.#planned(record, settlement, now);
    return { reports: [], warned: undefined };
  }

  async #planned(
    record: QueueRecord,
    settlement: Settlement,
    now: number,
  ): Promise<{ reports: PlannedReport[]; warned: Write | undefined }> {
    const reports: PlannedReport[] = [];
    const reported = settlement.toReport.map((t): Reported => ({
      recipient: t.recipient,
      action: t.action,
      ...facts(t.outcome),
    }));
    await this.#make(reports, record, reported.filter((t) => t.action === "failed"));
    await this.#make(reports, record, reported.filter((t) => t.action !== "failed"));
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
    made: PlannedReport[],
    record: QueueRecord,
    reported: readonly Reported[],
    more?: { willRetryUntil: number },
  ): Promise<boolean> {
    const message = await this.options.reporter.report(record, reported, more);
    if (!message) return false;
    made.push({ message, plan: this.options.planner.plan(message), action: reported[0]!.action });
    return true;
  }

  /**
   * Who is late of the whole message, when its sender had no warning yet: one warning per message. Copies that go on in
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
