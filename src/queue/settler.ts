/** In charge of writing down what an attempt came to: queue, life, report and mailbox in one commit. */

import type { Clock } from "../base/clock.ts";
import type { Outcome } from "../mail/outcome.ts";
import type { Journal } from "../observe/journal.ts";
import { releaseBody } from "../storage/bodies.ts";
import * as keys from "../storage/keys.ts";
import type { Store } from "../storage/store.ts";
import { together, type Write } from "../storage/write.ts";
import { type Enlisted, type NewMessage } from "./enlist.ts";
import { attemptWrite } from "./life.ts";
import { type Claim, queueWrites } from "./queue_store.ts";
import type { QueueRecord } from "./record.ts";
import type { Reported, Reporter } from "./reporter.ts";
import { expiresAt, isLate, type Schedule } from "./schedule.ts";
import { type RecipientOutcome, settle, type Settlement, wants } from "./settle.ts";

/** What a {@linkcode Settler} works with. */
export interface SettlerOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly journal: Journal;
  readonly reporter: Reporter;
  readonly schedule: Schedule;
  /** How long the life of a message is kept after it left: milliseconds. */
  readonly historyMs: number;
  /** Plans a report's way. */
  enlist(message: NewMessage): Enlisted;
  /** The records of one message. */
  message(id: string): Promise<QueueRecord[]>;
}

/** What settling came to. */
export type Settled =
  /** Written. `rest` waits in the index; `reports` are to be delivered. */
  | {
    readonly kind: "done";
    readonly rest: QueueRecord | undefined;
    readonly reports: readonly Made[];
    readonly versionstamp: string;
  }
  /** Somebody else has the record now: nothing was written. */
  | { readonly kind: "lost" };

/** A report that was enlisted. */
export interface Made {
  readonly message: NewMessage;
  readonly enlisted: Enlisted;
  readonly action: string;
}

/** Checks fail when a sibling record settles at the same instant; that can't go on for long. */
const MAX_TRIES = 20;

/** Settles attempts. */
export class Settler {
  constructor(private readonly options: SettlerOptions) {}

  /**
   * Writes down the outcomes of a claim. `also` is done in the same commit (a mailbox delivery, whose body is then
   * not released). Rejects when the store fails; then nothing was written.
   */
  async settle(
    claim: Claim,
    outcomes: readonly RecipientOutcome[],
    also?: { write: Write; keepsBody: boolean },
  ): Promise<Settled> {
    const { store, clock, schedule } = this.options;
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      const now = clock.now();
      const settlement = settle(claim.record, outcomes, { schedule, now });
      const reports = await this.#reports(claim.record, settlement, now);
      const writes: Write[] = [
        this.#life(claim.record, settlement, now),
        ...reports.map((r) => r.enlisted.write),
      ];
      if (reports.some((r) => r.action === "delayed")) writes.push(this.#warned(claim.record));
      if (also) writes.push(also.write);
      if (settlement.rest) writes.push(queueWrites.putBack(claim, settlement.rest));
      else {
        writes.push(queueWrites.end(claim));
        if (!also?.keepsBody) writes.push(await releaseBody(store.kv, claim.record.body));
      }
      const result = await store.write(together(...writes));
      if (result.ok) {
        this.#tell(claim.record, settlement, reports);
        return { kind: "done", rest: settlement.rest, reports, versionstamp: result.versionstamp };
      }
      if (!(await this.#stillOurs(claim))) return { kind: "lost" };
    }
    throw new Error(
      `The queue record ${claim.record.id}/${claim.record.part} could not be settled in ${MAX_TRIES} tries`,
    );
  }

  async #stillOurs(claim: Claim): Promise<boolean> {
    const { id, part } = claim.record;
    const entry = await this.options.store.kv.get(keys.queueDue(claim.leaseKeyAt, id, part));
    return entry.versionstamp === claim.versionstamp;
  }

  async #reports(record: QueueRecord, settlement: Settlement, now: number): Promise<Made[]> {
    const made: Made[] = [];
    const told = settlement.told.map((t): Reported => ({
      recipient: t.recipient,
      action: t.action,
      ...facts(t.outcome),
    }));
    for (
      const set of [
        told.filter((t) => t.action === "failed"),
        told.filter((t) => t.action !== "failed"),
      ]
    ) {
      await this.#make(made, record, set);
    }
    if (settlement.rest && isLate(this.options.schedule, record.receivedAt, now)) {
      const late = await this.#late(record, settlement);
      await this.#make(made, record, late, expiresAt(this.options.schedule, record.receivedAt));
    }
    return made;
  }

  async #make(
    made: Made[],
    record: QueueRecord,
    reported: readonly Reported[],
    until?: number,
  ): Promise<void> {
    const message = await this.options.reporter.report(record, reported, until);
    if (message) made.push({ message, enlisted: this.options.enlist(message), action: reported[0]!.action });
  }

  /** Who is late of the whole message, when the sender wasn't told yet: one warning per message. */
  async #late(record: QueueRecord, settlement: Settlement): Promise<Reported[]> {
    const warned = await this.options.store.kv.get(keys.queueWarned(record.id));
    if (warned.versionstamp !== null) return [];
    const siblings = (await this.options.message(record.id)).filter((r) => r.part !== record.part);
    const waiting = [settlement.rest!, ...siblings].flatMap((r) => r.recipients).filter((r) =>
      r.attempts > 0
    );
    return waiting.filter((r) => wants(r.notify, "delay")).map((recipient) => {
      const own = settlement.outcomes.find((o) => o.recipient === recipient.address)?.outcome;
      if (own) return { recipient, action: "delayed", ...facts(own) };
      return {
        recipient,
        action: "delayed",
        status: "4.4.1",
        text: recipient.lastError ?? "Not delivered yet",
      };
    });
  }

  #warned(record: QueueRecord): Write {
    const key = keys.queueWarned(record.id);
    const expireIn = this.options.schedule.giveUpAfter + 24 * 3600_000;
    return {
      checks: [{ key, versionstamp: null }],
      mutations: [{ type: "set", key, value: true, expireIn }],
      size: 100,
    };
  }

  #life(record: QueueRecord, settlement: Settlement, now: number): Write {
    const { historyMs, schedule } = this.options;
    const ended = settlement.rest === undefined;
    const keepFor = ended ? historyMs : historyMs + Math.max(0, expiresAt(schedule, record.receivedAt) - now);
    return attemptWrite(record, settlement.outcomes, { at: now, ended, keepFor });
  }

  #tell(record: QueueRecord, settlement: Settlement, reports: readonly Made[]): void {
    const { journal } = this.options;
    for (const { recipient, outcome, durationMs } of settlement.outcomes) {
      const { kind, stage: _, ...told } = outcome;
      journal.emit({
        type: kind === "failed" ? "bounced" : kind,
        id: record.id,
        recipient,
        status: told.status,
        text: told.text,
        durationMs,
        ...(told.code === undefined ? {} : { code: told.code }),
        ...(told.host === undefined ? {} : { host: told.host }),
        ...(told.address === undefined ? {} : { address: told.address }),
        ...(told.tls === undefined ? {} : { tls: told.tls }),
        ...(kind === "deferred" && settlement.rest ? { nextAttemptAt: settlement.rest.dueAt } : {}),
      });
    }
    for (const { message, action } of reports) {
      journal.emit({ type: "report", id: record.id, report: message.id, action, to: record.sender });
    }
  }
}

function facts(outcome: Outcome): Pick<Reported, "status" | "text" | "code" | "host"> {
  const { status, text, code, host } = outcome;
  return { status, text, ...(code === undefined ? {} : { code }), ...(host === undefined ? {} : { host }) };
}
