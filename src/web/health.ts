/** The sentence at the top of the page: what needs somebody's attention. */

import type { HealthProblem } from "../observe/health.ts";
import type { QueueStats } from "../queue/stats.ts";
import type { Suspension } from "../queue/suspensions.ts";
import { count, span } from "./format.ts";

/** Something to look after, and where. */
export interface Finding {
  readonly text: string;
  readonly path?: string;
}

/** Mail that waits longer needs attention: a first retry or two are everyday. */
const LONG_MS = 4 * 3600_000;

/** What needs attention, the most urgent first; empty: all is well. */
export function findings(
  of: {
    problems: readonly HealthProblem[];
    stats: QueueStats | undefined;
    suspensions: readonly Suspension[];
    now: number;
  },
): Finding[] {
  const { problems, stats, suspensions, now } = of;
  const found: Finding[] = problems.map(({ text }) => ({ text }));
  if (stats !== undefined) {
    const late = stats.destinations.filter((d) => now - d.oldest > LONG_MS && d.nextAt !== undefined);
    if (late.length > 0) {
      const worst = late.reduce((a, b) => a.oldest < b.oldest ? a : b);
      const others = late.length === 1 ? "" : ` and ${count(late.length - 1, "other destination")}`;
      found.push({
        text: `Mail for ${worst.domain}${others} waits, the oldest for ${span(now - worst.oldest)}`,
        path: "/queue?sort=oldest",
      });
    }
    const { held } = stats.byState;
    if (held > 0) {
      const verb = held === 1 ? "is held until you release it" : "are held until you release them";
      found.push({ text: `${count(held, "message")} ${verb}`, path: "/queue?state=held" });
    }
  }
  if (suspensions.length > 0) {
    const names = suspensions.slice(0, 3).map((s) => s.domain).join(", ");
    const more = suspensions.length > 3 ? ` and ${suspensions.length - 3} more` : "";
    found.push({ text: `Delivery to ${names}${more} is paused` });
  }
  return found;
}
