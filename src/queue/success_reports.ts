/** The reports of success that are written in the commit that takes a message over. */

import { fits, type Limits } from "../storage/limits.ts";
import { together, type Write } from "../storage/write.ts";
import type { BounceWriter } from "./bounces.ts";
import type { Success } from "../recipients/expand.ts";
import type { EnqueuePlanner } from "./enqueue.ts";
import type { NewMessage } from "./message.ts";
import type { PlannedReport } from "./result.ts";

/** What the sender hears of at once. */
export interface SuccessReports {
  readonly reports: readonly PlannedReport[];
  /** All of them, and what is beside them. */
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
  readonly planner: EnqueuePlanner;
}

/** Makes the reports, briefer ones when there is little room beside the message. */
export async function successReports(message: NewMessage, options: SuccessOptions): Promise<SuccessReports> {
  const { successes, beside, limits, reporter, planner } = options;
  const made = async (brief: boolean): Promise<SuccessReports> => {
    const reports = (await reporter.accepted(message, successes, brief))
      .map((report) => ({ ...report, plan: planner.plan(report.message) }));
    return { reports, write: together(beside, ...reports.map((r) => r.plan.write)) };
  };
  const whole = await made(false);
  return fits(limits, whole.write) ? whole : await made(true);
}
