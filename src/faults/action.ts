/** The actions of faults: what a rule does, ready to be done. */

import { parseDuration } from "../base/units.ts";
import { type FaultRule, replyParts } from "./rule.ts";

/** What is done in place of, or to, an answer. */
export type FaultAction =
  | {
    readonly kind: "reply";
    readonly code: number;
    /** As it was written; absent: none. */
    readonly status?: FaultStatus;
    readonly lines: readonly [string];
  }
  | { readonly kind: "delay"; readonly ms: number }
  | { readonly kind: "drop" }
  | { readonly kind: "truncate"; readonly octets: number }
  | { readonly kind: "tlsFail" };

/** An enhanced status of a refusal. */
export type FaultStatus = `${4 | 5}.${number}.${number}`;

/** What a rule does. */
export function actionOf({ reply, delay, drop, truncate }: FaultRule): FaultAction {
  if (reply !== undefined) {
    const { code, status, text } = replyParts(reply);
    return {
      kind: "reply",
      code,
      ...(status !== undefined && { status: status as FaultStatus }),
      lines: [text],
    };
  }
  if (delay !== undefined) return { kind: "delay", ms: parseDuration(delay)! };
  if (drop) return { kind: "drop" };
  return truncate !== undefined ? { kind: "truncate", octets: truncate } : { kind: "tlsFail" };
}
