/** The plan of a message: its recipients as one write of mailbox entries, queue records and the content. */

import { splitMailbox } from "../mail/address.ts";
import type { Mailbox, SenderParameters } from "../mail/envelope.ts";
import type { MailStore } from "../mailbox/mail_store.ts";
import type { DeliveryTarget } from "../recipients/expand.ts";
import type { BodyRef } from "../storage/bodies/bodies.ts";
import { encodedKeySize } from "../storage/limits.ts";
import * as keys from "../storage/keys.ts";
import { together, type Write } from "../storage/write.ts";
import { mailboxWrite } from "../mailbox/delivery_entry.ts";
import type { EnqueuePlan, NewMessage } from "./message.ts";
import { queueWrites } from "./queue_store.ts";
import { type QueueRecipient, type QueueRecord, UNSPLIT } from "./record.ts";

/** A record holds at most so many recipients, and so many bytes of what was said of them, to fit KV's 64 KiB. */
export const MAX_RECIPIENTS = 50;
const MAX_RECIPIENT_BYTES = 24 * 1024;
/** The same for a record of mixed domains, which is never tried and so has no replies. */
export const MAX_UNSPLIT = 200;
const MAX_UNSPLIT_BYTES = 48 * 1024;

/** A write that is larger leaves no room in KV's limits (see `limits.ts`) for what goes with it. */
const MAX_MUTATIONS = 800;
const MAX_BYTES = 480 * 1024;
const MAX_KEY_BYTES = 60 * 1024;

/** The lease of a record that is delivered at once; undefined: it waits in the index. */
export type LeaseOf = (record: QueueRecord) => { owner: string; until: number } | undefined;

/** Plans messages and reports. */
export class EnqueuePlanner {
  readonly #mailStore: MailStore;

  /** Mailboxes are those of `mailStore`. */
  constructor(mailStore: MailStore) {
    this.#mailStore = mailStore;
  }

  /**
   * Plans a message. Each mailbox and each remote address gets it once. What is too much for one commit is planned as
   * records of mixed domains, which are sorted out in commits of their own.
   */
  plan(message: NewMessage, lease: LeaseOf = () => undefined): EnqueuePlan {
    const { boxes, queued } = once(message.targets);
    const groups = group(queued);
    const { mutations, bytes, keyBytes } = costOf(boxes, groups);
    const fits = mutations <= MAX_MUTATIONS && keyBytes <= MAX_KEY_BYTES &&
      bytes + (message.body.inMemory?.length ?? 0) <= MAX_BYTES;
    const to = fits ? { boxes, groups } : { boxes: [], groups: unsplit([...boxes, ...queued]) };
    return planned(message, to, { mailStore: this.#mailStore, lease });
  }
}

function planned(
  message: NewMessage,
  to: { boxes: readonly DeliveryTarget[]; groups: readonly Group[] },
  options: { readonly mailStore: MailStore; readonly lease: LeaseOf },
): EnqueuePlan {
  const owners = to.boxes.length + to.groups.length;
  const body = message.body.ref(owners);
  const records = to.groups.map((g, part) => recordOf(message, g, { part, body }));
  const writes: Write[] = [message.body.write(owners)];
  for (const { address, recipient, owner } of to.boxes) {
    const sender = senderFor(message.sender, owner);
    const { id, receivedAt } = message;
    const delivery = { id, sender, receivedAt, body, recipient: recipient.address };
    writes.push(mailboxWrite(options.mailStore, address, delivery));
  }
  for (const record of records) writes.push(queueWrites.insert(record, options.lease(record)));
  return { write: together(...writes), records, mailboxes: to.boxes.map((d) => d.address) };
}

/** Each address once, as the first target that has it. */
function once(targets: readonly DeliveryTarget[]): { boxes: DeliveryTarget[]; queued: DeliveryTarget[] } {
  if (targets.length === 1) {
    return targets[0]!.kind === "mailbox"
      ? { boxes: [targets[0]!], queued: [] }
      : { boxes: [], queued: [targets[0]!] };
  }
  const seen = new Set<Mailbox>();
  const boxes: DeliveryTarget[] = [];
  const queued: DeliveryTarget[] = [];
  for (const target of targets) {
    if (seen.has(target.address)) continue;
    seen.add(target.address);
    (target.kind === "mailbox" ? boxes : queued).push(target);
  }
  return { boxes, queued };
}

/** Recipients that go together. */
export interface Group {
  readonly domain: string;
  readonly owner: Mailbox | undefined;
  readonly dueAt: number | undefined;
  readonly recipients: QueueRecipient[];
  bytes: number;
  /** Of the keys, should they all be mailboxes here; counted only where it bounds the group. */
  keyBytes: number;
}

/**
 * Same domain and same envelope sender: one record, of at most {@linkcode MAX_RECIPIENTS}. A mailbox that must wait
 * has a record of its own, which hands the content over to the mailbox.
 */
export function group(queued: readonly DeliveryTarget[]): Group[] {
  if (queued.length === 0) return [];
  const { groups, into } = grouping(MAX_RECIPIENTS, MAX_RECIPIENT_BYTES);
  for (const d of queued) {
    const { domain } = splitMailbox(d.address);
    const key = d.waits ? `waits ${d.address}` : `${domain} ${d.owner ?? ""}`;
    into(key, { domain, owner: d.owner, dueAt: d.waits?.until }, d);
  }
  return groups;
}

/**
 * By domain, so that few domains are in two records and get two transactions; of each record no more than can be
 * sorted out into mailboxes by one commit.
 */
export function unsplit(all: readonly DeliveryTarget[]): Group[] {
  const { groups, into } = grouping(MAX_UNSPLIT, MAX_UNSPLIT_BYTES, MAX_KEY_BYTES);
  const byDomain = new Map<string, DeliveryTarget[]>();
  for (const d of all) {
    const { domain } = splitMailbox(d.address);
    const before = byDomain.get(domain);
    if (before) before.push(d);
    else byDomain.set(domain, [d]);
  }
  for (const d of [...byDomain.values()].flat()) {
    into(d.owner ?? "", { domain: UNSPLIT, owner: d.owner, dueAt: undefined }, d);
  }
  return groups;
}

function grouping(maxRecipients: number, maxBytes: number, maxKeyBytes = Infinity): {
  groups: Group[];
  into(key: string, like: Pick<Group, "domain" | "owner" | "dueAt">, d: DeliveryTarget): void;
} {
  const open = new Map<string, Group>();
  const groups: Group[] = [];
  function into(key: string, like: Pick<Group, "domain" | "owner" | "dueAt">, d: DeliveryTarget): void {
    const recipient = queueRecipient(d);
    const bytes = sizeOf(recipient);
    const keyBytes = maxKeyBytes === Infinity ? 0 : keyBytesOf(recipient.address);
    let to = open.get(key);
    const full = to && (to.recipients.length >= maxRecipients || to.bytes + bytes > maxBytes ||
      to.keyBytes + keyBytes > maxKeyBytes);
    if (!to || full) {
      to = { ...like, recipients: [], bytes: 0, keyBytes: 0 };
      open.set(key, to);
      groups.push(to);
    }
    to.recipients.push(recipient);
    to.bytes += bytes;
    to.keyBytes += keyBytes;
  }
  return { groups, into };
}

type Writable<T> = { -readonly [K in keyof T]: T[K] };

function queueRecipient(d: DeliveryTarget): QueueRecipient {
  const via = d.via ?? (d.recipient.address === d.address ? undefined : d.recipient.address);
  const recipient: Writable<QueueRecipient> = { ...d.recipient, address: d.address, attempts: 0 };
  if (via !== undefined) recipient.via = via;
  if (d.waits !== undefined) recipient.lastError = d.waits.reason;
  return recipient;
}

/** About what a recipient takes in a record: text beyond ASCII is kept with two bytes a character. */
function sizeOf({ address, via, orcpt }: QueueRecipient): number {
  return 100 + 2 * (address.length + (via?.length ?? 0)) + (orcpt?.length ?? 0);
}

const SOME_ID = "0".repeat(26);

/** At most what the keys of a copy in a mailbox take: those of its entry and of the two counts. */
function keyBytesOf(address: Mailbox): number {
  return 3 * encodedKeySize(keys.mail(address, SOME_ID));
}

/** About what the copies take in a commit, each with its key and value. */
function costOf(
  boxes: readonly DeliveryTarget[],
  groups: readonly Group[],
): { mutations: number; bytes: number; keyBytes: number } {
  let bytes = 0;
  let keyBytes = 120 * groups.length;
  for (const { address, recipient } of boxes) {
    keyBytes += keyBytesOf(address);
    bytes += 900 + 3 * address.length + 2 * recipient.address.length;
  }
  for (const { recipients, bytes: own } of groups) bytes += 700 + own + 50 * recipients.length;
  return { mutations: 3 * boxes.length + 2 * groups.length, bytes, keyBytes };
}

/** The null reverse-path stays null also through a list: no report about a report. */
export function senderFor(sender: Mailbox, owner: Mailbox | undefined): Mailbox {
  return sender === "" ? "" : owner ?? sender;
}

/** ENVID and RET are the sender's: a copy that goes on in the name of a list's owner has none (RFC 3461 5.2.7). */
export function parametersFor<P extends SenderParameters>(parameters: P, owner: Mailbox | undefined): P {
  if (owner === undefined) return parameters;
  const { envid: _, ret: __, ...others } = parameters;
  return others as P;
}

function recordOf(message: NewMessage, of: Group, at: { part: number; body: BodyRef }): QueueRecord {
  const { id, sender, receivedAt, source, authenticatedAs, parameters, subject, signFor } = message;
  const record: Writable<QueueRecord> = {
    ...parametersFor(parameters, of.owner),
    id,
    part: at.part,
    sender: senderFor(sender, of.owner),
    domain: of.domain,
    recipients: of.recipients,
    body: at.body,
    receivedAt,
    dueAt: of.dueAt ?? receivedAt,
    source,
  };
  // what is not there is no part of what is written
  if (authenticatedAs !== undefined) record.authenticatedAs = authenticatedAs;
  if (subject !== undefined) record.subject = subject;
  if (signFor !== undefined) record.signFor = signFor;
  return record;
}
