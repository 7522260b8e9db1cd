/** In charge of turning a message and its recipients into one write: mailbox entries, queue records, the text. */

import { encode } from "../base/bytes.ts";
import { splitMailbox } from "../mail/address.ts";
import type { EnvelopeRecipient, Mailbox, SenderParameters } from "../mail/envelope.ts";
import type { MailStore } from "../mailbox/mail_store.ts";
import type { BodyDraft } from "../storage/bodies.ts";
import { together, type Write } from "../storage/write.ts";
import { mailboxPrefix } from "./local_delivery.ts";
import { queueWrites } from "./queue_store.ts";
import type { QueueRecipient, QueueRecord, Source } from "./record.ts";

/** Where a copy of the message goes. */
export type Destination =
  | { readonly kind: "mailbox"; readonly address: Mailbox; readonly recipient: EnvelopeRecipient }
  | {
    readonly kind: "queue";
    readonly address: Mailbox;
    readonly recipient: EnvelopeRecipient;
    readonly via?: Mailbox;
    readonly owner?: Mailbox;
    /** Why it waits instead of going at once (a mailbox over quota). */
    readonly waits?: { readonly reason: string; readonly until: number };
  };

/** A message that is about to become ours. */
export interface NewMessage {
  readonly id: string;
  readonly sender: Mailbox;
  readonly parameters: SenderParameters;
  readonly body: BodyDraft;
  readonly receivedAt: number;
  readonly source: Source;
  readonly authenticatedAs?: Mailbox;
  readonly destinations: readonly Destination[];
}

/** What {@linkcode enlist} made. */
export interface Enlisted {
  /** Message, recipients and due times: all of it, or nothing. */
  readonly write: Write;
  /** The queue records, those with a lease first. */
  readonly records: readonly QueueRecord[];
  /** The mailboxes that have it when the write is durable. */
  readonly mailboxes: readonly Mailbox[];
}

/** A record holds at most this many recipients, so that it fits KV's 64 KiB whatever their replies are. */
export const MAX_RECIPIENTS = 50;

/** What {@linkcode enlist} needs to know of its surroundings. */
export interface EnlistOptions {
  readonly mailStore: MailStore;
  /** The lease of a record that is delivered at once; undefined: it waits in the index. */
  lease(record: QueueRecord): { owner: string; until: number } | undefined;
}

/** Plans a message. */
export function enlist(message: NewMessage, options: EnlistOptions): Enlisted {
  const boxes = new Map<Mailbox, EnvelopeRecipient>();
  const queued: Destination[] = [];
  for (const d of message.destinations) {
    if (d.kind === "queue") queued.push(d);
    else if (!boxes.has(d.address)) boxes.set(d.address, d.recipient);
  }
  const groups = group(queued);
  const owners = boxes.size + groups.length;
  const body = message.body.ref(owners);
  const writes: Write[] = [message.body.write(owners)];
  for (const [address, recipient] of boxes) {
    const prefix = mailboxPrefix(message.sender, address);
    const { id: uid, receivedAt, sender } = message;
    const entry = {
      uid,
      size: body.size + encode(prefix).length,
      receivedAt,
      body,
      prefix,
      sender,
      recipient: recipient.address,
    };
    writes.push(options.mailStore.deliveryWrite(address, entry));
  }
  const records = groups.map((g, part) => recordOf(message, g, { part, body }));
  for (const record of records) writes.push(queueWrites.insert(record, options.lease(record)));
  return { write: together(...writes), records, mailboxes: [...boxes.keys()] };
}

interface Group {
  readonly domain: string;
  readonly sender: Mailbox | undefined;
  readonly dueAt: number | undefined;
  readonly recipients: QueueRecipient[];
}

/**
 * Same domain and same envelope sender: one record, of at most {@linkcode MAX_RECIPIENTS}. A mailbox that is full
 * has a record of its own, which hands the text over to the mailbox as its one owner.
 */
function group(queued: readonly Destination[]): Group[] {
  const open = new Map<string, Group>();
  const groups: Group[] = [];
  const seen = new Set<Mailbox>();
  for (const d of queued) {
    if (d.kind !== "queue" || seen.has(d.address)) continue;
    seen.add(d.address);
    const { domain } = splitMailbox(d.address);
    const key = d.waits ? d.address : `${domain} ${d.owner ?? ""}`;
    let into = open.get(key);
    if (!into || into.recipients.length >= MAX_RECIPIENTS) {
      into = { domain, sender: d.owner, dueAt: d.waits?.until, recipients: [] };
      open.set(key, into);
      groups.push(into);
    }
    into.recipients.push({
      ...d.recipient,
      address: d.address,
      attempts: 0,
      ...(d.via === undefined ? {} : { via: d.via }),
      ...(d.waits === undefined ? {} : { lastError: d.waits.reason }),
    });
  }
  return groups;
}

function recordOf(
  message: NewMessage,
  of: Group,
  at: { part: number; body: QueueRecord["body"] },
): QueueRecord {
  const { id, receivedAt, source, authenticatedAs, parameters } = message;
  return {
    ...parameters,
    id,
    part: at.part,
    // The null reverse-path stays null also through a list: no report about a report.
    sender: message.sender === "" ? "" : of.sender ?? message.sender,
    domain: of.domain,
    recipients: of.recipients,
    body: at.body,
    receivedAt,
    dueAt: of.dueAt ?? receivedAt,
    source,
    ...(authenticatedAs === undefined ? {} : { authenticatedAs }),
  };
}
