/** The last attempt for a recipient, as far as a record keeps what came of it. */

import { localReason, type Outcome, type OutcomeFacts, peerText } from "../mail/outcome.ts";
import type { QueueRecipient } from "./record.ts";

/** The recipient with one attempt more. */
export function afterAttempt(recipient: QueueRecipient, outcome: Outcome): QueueRecipient {
  const { lastReply: _, lastHost: __, ...facts } = recipient;
  const { code, status, host } = outcome;
  return {
    ...facts,
    attempts: recipient.attempts + 1,
    lastError: clip(host === undefined ? localReason(outcome) : `${host}: ${localReason(outcome)}`),
    lastStatus: status,
    ...(code === undefined ? {} : { lastReply: clip(`${code} ${peerText(outcome)}`) }),
    // a name that is longer, which no real host has, would not fit a record
    ...(host !== undefined && /^[!-~]{1,120}$/.test(host) ? { lastHost: host } : {}),
  };
}

/** What was last said of a recipient, as far as a record keeps it; undefined before the first attempt. */
export function lastOf(recipient: QueueRecipient): OutcomeFacts | undefined {
  const { lastReply, lastError, lastStatus: status, lastHost: host } = recipient;
  if (status === undefined || lastError === undefined) return undefined;
  const at = host === undefined ? {} : { host };
  // a reply keeps its enhanced status in its text
  if (lastReply !== undefined) {
    return { status, code: Number(lastReply.slice(0, 3)), text: lastReply.slice(4), ...at };
  }
  return { status, text: host === undefined ? lastError : lastError.replace(`${host}: `, ""), ...at };
}

/**
 * At most 240 bytes of a text as V8 writes it, where one character beyond Latin-1 makes all of them take two bytes: so
 * that 50 recipients stay well under KV's 64 KiB for a value.
 */
export function clip(text: string): string {
  if (text.length <= 120) return text;
  const most = isWide(text) ? 120 : 240;
  return text.length <= most ? text : `${text.slice(0, most - 3)}...`.toWellFormed();
}

function isWide(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 255) return true;
  return false;
}
