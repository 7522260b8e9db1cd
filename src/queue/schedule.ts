/** The schedule of retries, of the warning and of giving up, as pure functions of time. */

/** The schedule of one queue; all durations in milliseconds. */
export interface Schedule {
  /** Intervals between attempts; the last one repeats. */
  readonly retry: readonly number[];
  /** The sender gets a warning after this that the message is late. */
  readonly warnAfter: number;
  /** The message is returned after this. */
  readonly giveUpAfter: number;
}

/** When a message that came at `receivedAt` is returned. */
export function expiresAt(schedule: Schedule, receivedAt: number): number {
  return receivedAt + schedule.giveUpAfter;
}

/**
 * When to try again after the attempt number `attempts` (from 1) failed for now at `now`: always later than `now`. The
 * last attempt is at the instant of giving up, and one is at the instant of the warning, so that neither comes late by
 * an interval.
 */
export function nextAttemptAt(
  schedule: Schedule,
  attempts: number,
  times: { receivedAt: number; now: number },
): number {
  const { receivedAt, now } = times;
  const interval = schedule.retry[Math.min(attempts, schedule.retry.length) - 1] ?? schedule.retry.at(-1)!;
  let next = now + Math.max(1, interval);
  for (const instant of [receivedAt + schedule.warnAfter, expiresAt(schedule, receivedAt)]) {
    if (instant > now) next = Math.min(next, instant);
  }
  return next;
}

/** Is it time to tell the sender that the message is late? */
export function isLate(schedule: Schedule, receivedAt: number, now: number): boolean {
  return now >= receivedAt + schedule.warnAfter;
}

/** Is it time to return the message? */
export function isExpired(schedule: Schedule, receivedAt: number, now: number): boolean {
  return now >= expiresAt(schedule, receivedAt);
}
