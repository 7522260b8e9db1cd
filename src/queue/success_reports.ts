/** The reports of success that are written in the commit that takes a message over. */

import type { Journal } from "../observe/journal.ts";
import type { Action } from "../dsn/request.ts";
import { fits, type Limits } from "../storage/limits.ts";
import { together, type Write } from "../storage/write.ts";
import type { BounceWriter } from "./bounces.ts";
import type { Success } from "../recipients/expand.ts";
import type { EnqueuePlan, NewMessage } from "./message.ts";

/** What the sender is told at once. */
export interface SuccessReports {
  /** The reports. */
  readonly messages: readonly NewMessage[];
  /** What each speaks of. */
  readonly actions: readonly Action[];
  /** What is planned for each. */
  readonly enqueued: readonly EnqueuePlan[];
  /** All of it. */
  readonly write: Write;
}

/** What {@linkcode successReports} works with. */
export interface SuccessOptions {
  /** What the sender asked to hear of. */
  readonly successes: readonly Success[];
  /** What is written in the same commit. */
  readonly beside: Write;
  readonly limits: Limits;
  readonly reporter: BounceWriter;
  readonly plan: (report: NewMessage) => EnqueuePlan;
}

/** Makes the reports, briefer ones when there is little room beside the message. */
export async function successReports(message: NewMessage, options: SuccessOptions): Promise<SuccessReports> {
  const { successes, beside, limits, reporter, plan } = options;
  if (successes.length === 0) {
    return { messages: [], actions: [], enqueued: [], write: { mutations: [], size: 0 } };
  }
  const made = async (brief: boolean): Promise<SuccessReports> => {
    const reports = await reporter.accepted(message, successes, brief);
    const messages = reports.map((report) => report.message);
    const enqueued = messages.map(plan);
    return {
      messages,
      actions: reports.map(({ action }) => action),
      enqueued,
      write: together(...enqueued.map((e) => e.write)),
    };
  };
  const whole = await made(false);
  return fits(limits, together(beside, whole.write)) ? whole : await made(true);
}

/** Notes in the journal what was told, when it is written. */
export function tellReports(
  journal: Journal,
  message: NewMessage,
  { messages, actions, enqueued }: SuccessReports,
): void {
  for (const [i, { id, body }] of messages.entries()) {
    journal.emit({ type: "report", id: message.id, report: id, action: actions[i]!, to: message.sender });
    for (const mailbox of enqueued[i]!.mailboxes) {
      journal.emit({ type: "mailbox", id, mailbox, sender: "", size: body.size });
    }
  }
}
