/** The body of a post: an event of the journal as JSON, as the Standard Webhooks specification has it. */

import { factsOf, type JournalEvent } from "../observe/journal.ts";
import type { WebhookConfig } from "../config/config.ts";

/** An event that webhooks can ask for. */
export type WebhookEvent = Extract<JournalEvent, { type: WebhookConfig["events"][number] }>;

/** More recipients of one message are not named, only counted: a body has to fit one value of KV. */
const MAX_RECIPIENTS = 100;

/**
 * The body: `{"type","timestamp","data":{"id",…}}`, times in ISO 8601 UTC. `data` has what the server-sent event of
 * that type has.
 */
export function bodyOf(event: WebhookEvent, now: number): string {
  const { type } = event;
  const data = factsOf(event);
  if (event.type === "accepted" && event.recipients.length > MAX_RECIPIENTS) {
    data["recipients"] = event.recipients.slice(0, MAX_RECIPIENTS);
    data["recipientsLeftOut"] = event.recipients.length - MAX_RECIPIENTS;
  }
  return JSON.stringify({ type, timestamp: new Date(now).toISOString(), data });
}
