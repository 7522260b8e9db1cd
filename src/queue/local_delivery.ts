/** In charge of deliveries into mailboxes: what is written then, and whether there is a mailbox with room. */

import type { Clock } from "../base/clock.ts";
import { encode } from "../base/bytes.ts";
import type { Outcome } from "../mail/outcome.ts";
import type { Mailbox } from "../mail/envelope.ts";
import { returnPathField } from "../mail/trace.ts";
import type { Accounts } from "../mailbox/accounts.ts";
import type { MailStore } from "../mailbox/mail_store.ts";
import type { BodyRef } from "../storage/body_ref.ts";
import type { Write } from "../storage/write.ts";
import type { QueueRecord } from "./record.ts";
import type { DeliveryResult } from "./runner.ts";

/** What a delivery into a mailbox is made of. */
export interface MailboxDelivery {
  /** The message's id, which is the uid in the mailbox too. */
  readonly id: string;
  readonly sender: Mailbox;
  readonly receivedAt: number;
  readonly body: BodyRef;
  /** The recipient as the sender named it. */
  readonly recipient: Mailbox;
}

/** What puts a message into the mailbox of `address`, which becomes an owner of the text. */
export function mailboxWrite(mailStore: MailStore, address: Mailbox, delivery: MailboxDelivery): Write {
  const { id: uid, sender, receivedAt, body, recipient } = delivery;
  // What is put before the text: the envelope, made visible (RFC 5321 4.4).
  const prefix = `${returnPathField(sender)}Delivered-To: ${address}\r\n`;
  const size = body.size + encode(prefix).length;
  return mailStore.deliveryWrite(address, { uid, size, receivedAt, body, prefix, sender, recipient });
}

/** Delivers a record of one recipient into its mailbox, or says why not yet. */
export async function deliverToMailbox(
  record: QueueRecord,
  by: { accounts: Accounts; mailStore: MailStore; clock: Clock },
): Promise<DeliveryResult> {
  const started = by.clock.monotonic();
  const { address, via } = record.recipients[0]!;
  const outcome = await mailboxOutcome(address, record.body.size, by);
  const outcomes = [{ recipient: address, outcome, durationMs: by.clock.monotonic() - started }];
  if (outcome.kind !== "delivered") return { outcomes };
  return {
    outcomes,
    also: { write: mailboxWrite(by.mailStore, address, { ...record, recipient: via ?? address }) },
  };
}

/** What a delivery of `size` bytes to that mailbox would come to. */
export async function mailboxOutcome(
  address: Mailbox,
  size: number,
  by: { accounts: Accounts; mailStore: MailStore },
): Promise<Outcome> {
  // Another server may have made it a moment ago: nothing is returned on the word of memory alone.
  const account = await by.accounts.find(address);
  if (!account) {
    return { kind: "failed", status: "5.1.1", text: "There is no such mailbox here", stage: "mailbox" };
  }
  if (account.quota !== undefined) {
    const { bytes } = await by.mailStore.usage(address);
    if (bytes + size > account.quota) {
      return { kind: "deferred", status: "4.2.2", text: "The mailbox is full", stage: "mailbox" };
    }
  }
  return { kind: "delivered", status: "2.0.0", text: "In the mailbox", stage: "mailbox" };
}
