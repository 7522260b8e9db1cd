/** The entry of a delivered message in a mailbox: its envelope made visible, and the write that adds it. */

import type { Mailbox } from "../mail/envelope.ts";
import { returnPathField } from "../mail/trace.ts";
import type { BodyRef } from "../storage/bodies/bodies.ts";
import type { Write } from "../storage/write.ts";
import { octetsOf } from "./mail_entry.ts";
import type { MailStore } from "./mail_store.ts";

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

/** What is put before the content in the mailbox of `address`: the envelope, made visible (RFC 5321 4.4). */
export function prefixOf(sender: Mailbox, address: Mailbox): string {
  return `${returnPathField(sender)}Delivered-To: ${address}\r\n`;
}

/** How many bytes a content of `size` takes in the mailbox of `address`. */
export function mailboxSize(size: number, of: { sender: Mailbox; address: Mailbox }): number {
  return size + octetsOf(prefixOf(of.sender, of.address));
}

/** What puts a message into the mailbox of `address`, which becomes an owner of the body. */
export function mailboxWrite(mailStore: MailStore, address: Mailbox, delivery: MailboxDelivery): Write {
  const { id: uid, sender, receivedAt, body, recipient } = delivery;
  const prefix = prefixOf(sender, address);
  const size = body.size + octetsOf(prefix);
  return mailStore.deliveryWrite(address, { uid, size, receivedAt, body, prefix, sender, recipient });
}
