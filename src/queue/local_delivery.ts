/** In charge of the queued messages whose way ends here: a mailbox that was full when they came. */

import type { Clock } from "../base/clock.ts";
import { encode } from "../base/bytes.ts";
import type { Outcome } from "../mail/outcome.ts";
import { returnPathField } from "../mail/trace.ts";
import type { Accounts } from "../mailbox/accounts.ts";
import type { MailStore } from "../mailbox/mail_store.ts";
import type { QueueRecord } from "./record.ts";
import type { DeliveryResult } from "./runner.ts";

/** Delivers a record of one recipient into its mailbox, or says why not yet. */
export async function deliverToMailbox(
  record: QueueRecord,
  by: { accounts: Accounts; mailStore: MailStore; clock: Clock },
): Promise<DeliveryResult> {
  const started = by.clock.monotonic();
  const recipient = record.recipients[0]!;
  const outcome = await check(record, recipient.address, by);
  const outcomes = [{ recipient: recipient.address, outcome, durationMs: by.clock.monotonic() - started }];
  if (outcome.kind !== "delivered") return { outcomes };
  const prefix = mailboxPrefix(record.sender, recipient.address);
  const write = by.mailStore.deliveryWrite(recipient.address, {
    uid: record.id,
    size: record.body.size + encode(prefix).length,
    receivedAt: record.receivedAt,
    body: record.body,
    prefix,
    sender: record.sender,
    recipient: recipient.address,
  });
  return { outcomes, also: { write, keepsBody: true } };
}

/** What is put before a message in a mailbox: the envelope, made visible (RFC 5321 4.4). */
export function mailboxPrefix(sender: string, mailbox: string): string {
  return `${returnPathField(sender)}Delivered-To: ${mailbox}\r\n`;
}

async function check(
  record: QueueRecord,
  address: string,
  by: { accounts: Accounts; mailStore: MailStore },
): Promise<Outcome> {
  const account = await by.accounts.get(address);
  if (!account) {
    return { kind: "failed", status: "5.1.1", text: "The mailbox does not exist any more", stage: "mailbox" };
  }
  if (account.quota !== undefined) {
    const { bytes } = await by.mailStore.usage(address);
    if (bytes + record.body.size > account.quota) {
      return { kind: "deferred", status: "4.2.2", text: "The mailbox is full", stage: "mailbox" };
    }
  }
  return { kind: "delivered", status: "2.0.0", text: "In the mailbox", stage: "mailbox" };
}
