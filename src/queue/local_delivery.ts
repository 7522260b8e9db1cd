/** The delivery into a mailbox: what is written then, and whether there is a mailbox with room. */

import type { Clock } from "../base/clock.ts";
import type { Outcome } from "../mail/outcome.ts";
import type { Mailbox } from "../mail/envelope.ts";
import type { Accounts } from "../auth/accounts.ts";
import { mailboxSize, mailboxWrite } from "../mailbox/delivery_entry.ts";
import type { MailStore } from "../mailbox/mail_store.ts";
import type { Quotas, Release } from "../mailbox/quotas.ts";
import type { Router } from "../recipients/router.ts";
import type { QueueRecord } from "./record.ts";
import type { DeliveryResult } from "./result.ts";

/**
 * Are the record's recipients mailboxes here? A server that captures has one for everybody, and lets nothing out but
 * what somebody sends on.
 */
export function isForHere({ domain, source }: QueueRecord, router: Router): boolean {
  return router.isLocal(domain) || (router.captures && source !== "release");
}

/** Delivers a record of one recipient into its mailbox, or says why not yet. */
export async function deliverToMailbox(
  record: QueueRecord,
  by: { router: Router; accounts: Accounts; mailStore: MailStore; quotas: Quotas; clock: Clock },
): Promise<DeliveryResult> {
  const started = by.clock.monotonic();
  const { address, via } = record.recipients[0]!;
  const { outcome, release } = await mailboxOutcome(address, record, by);
  const outcomes = [{ recipient: address, outcome, durationMs: by.clock.monotonic() - started }];
  if (!release) return { outcomes };
  return {
    outcomes,
    release,
    also: { write: mailboxWrite(by.mailStore, address, { ...record, recipient: via ?? address }) },
  };
}

const IN_MAILBOX: Outcome = {
  kind: "delivered",
  status: "2.0.0",
  text: "In the mailbox",
  stage: "mailbox",
};

/** What a delivery of a record to that mailbox would come to, and when it can be made, the room that was taken for it. */
export async function mailboxOutcome(
  address: Mailbox,
  { body, sender, receivedAt }: QueueRecord,
  by: { router: Router; accounts: Accounts; quotas: Quotas },
): Promise<{ outcome: Outcome; release?: Release }> {
  if (by.router.captures) return { outcome: IN_MAILBOX, release: () => {} };
  // Another server may have made it a moment ago: nothing is returned on the word of memory alone.
  const account = await by.accounts.find(address);
  if (!account || receivedAt <= (account.formerUntil ?? -Infinity)) {
    const text = "There is no such mailbox here";
    return { outcome: { kind: "failed", status: "5.1.1", text, stage: "mailbox" } };
  }
  const release = await by.quotas.take(address, () => mailboxSize(body.size, { sender, address }), account);
  if (!release) {
    return { outcome: { kind: "deferred", status: "4.2.2", text: "The mailbox is full", stage: "mailbox" } };
  }
  return { outcome: IN_MAILBOX, release };
}
