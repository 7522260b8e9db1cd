/** How a wait ends, for API and harness alike: with mails, with none where none was to come, or with what came instead. */

import { formatDuration } from "../base/units.ts";
import { quoted } from "../http/problem.ts";
import type { Arrival } from "./arrivals.ts";
import type { Wanted } from "./wait_match.ts";
import type { AwaitedMail, Waiting } from "./waiting.ts";

/** So long is waited unless a request says otherwise: milliseconds. */
export const USUAL_MS = 30_000;

/** How many are waited for, and how long: milliseconds. */
export interface WaitTerms {
  /** Absent: one. 0: none may come within `for`. */
  readonly count?: number | undefined;
  /** 30 s unless it says otherwise. */
  readonly timeout?: number | undefined;
  /** With `count: 0`. */
  readonly for?: number | undefined;
  /** Whoever waits has gone. */
  readonly signal: AbortSignal;
  /** The server stops. */
  readonly closing: AbortSignal;
}

/** A wait that failed; `text` is a sentence that says how. */
export type FailedWait =
  | { readonly kind: "stopped" }
  | { readonly kind: "unwanted"; readonly text: string; readonly mail: AwaitedMail }
  | {
    readonly kind: "missed";
    readonly text: string;
    /** The newest that came, of the mailbox or of all. */
    readonly arrived: readonly Arrival[];
    /** The one that misses least. */
    readonly nearest: Arrival | undefined;
  };

/** How a wait ended. */
export type WaitEnd =
  | { readonly kind: "mails"; readonly mails: readonly AwaitedMail[] }
  | { readonly kind: "none" }
  | FailedWait;

/** Waits to the end. */
export function waitEnd(waiting: Waiting, wanted: Wanted, terms: WaitTerms): Promise<WaitEnd> {
  return terms.count === 0 ? none(waiting, wanted, terms) : some(waiting, wanted, terms);
}

/** One at least. */
async function some(waiting: Waiting, wanted: Wanted, terms: WaitTerms): Promise<WaitEnd> {
  const { timeout: ms = USUAL_MS, count = 1, signal, closing } = terms;
  const { mails } = await waiting.wait(wanted, { count, ms, signal });
  if (mails.length > 0) return { kind: "mails", mails };
  if (closing.aborted) return { kind: "stopped" };
  const what = count === 1 ? "No message that fits" : `Not as many as ${count} messages that fit`;
  return await missed(waiting, wanted, `${what} came within ${formatDuration(ms)}`);
}

/** None, and it is known that none does. */
async function none(waiting: Waiting, wanted: Wanted, terms: WaitTerms): Promise<WaitEnd> {
  const { timeout = USUAL_MS, for: ms = 0, signal, closing } = terms;
  const quietMs = Math.max(0, timeout - ms);
  const { mails: [mail], underWay } = await waiting.wait(wanted, { count: 1, ms, quietMs, signal });
  if (mail) {
    const { subject, from } = mail;
    const text = `A message came that none was to: "${quoted(subject)}" from ${quoted(from)}`;
    return { kind: "unwanted", text, mail };
  }
  if (closing.aborted) return { kind: "stopped" };
  if (!underWay) return { kind: "none" };
  const after = formatDuration(ms + quietMs);
  return await missed(
    waiting,
    wanted,
    `After ${after} a message is still under way, which may be one that fits`,
  );
}

async function missed(waiting: Waiting, wanted: Wanted, text: string): Promise<FailedWait> {
  const { arrived, nearest } = await waiting.missed(wanted);
  const told = nearest === undefined
    ? "nothing else is there either"
    : `the nearest is "${quoted(nearest.subject)}" to ${quoted(nearest.mailbox)}`;
  return { kind: "missed", text: `${text}; ${told}`, arrived, nearest };
}
