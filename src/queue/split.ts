/**
 * The splitting of a record whose recipients don't go one way: those of a message with too many for one commit, and
 * those of a domain that became ours while they waited.
 */

import type { Clock } from "../base/clock.ts";
import { splitMailbox } from "../mail/address.ts";
import type { Mailbox } from "../mail/envelope.ts";
import type { Accounts } from "../auth/accounts.ts";
import type { MailStore } from "../mailbox/mail_store.ts";
import type { Quotas, Release } from "../mailbox/quotas.ts";
import type { Router } from "../recipients/router.ts";
import { addOwners } from "../storage/bodies/bodies.ts";
import { EMBEDDED_LIMITS, fits, type Limits } from "../storage/limits.ts";
import { together, type Write } from "../storage/write.ts";
import { type Group, group, parametersFor, senderFor, unsplit } from "./enqueue.ts";
import type { Destination, EnqueuePlan } from "./message.ts";
import { mailboxOutcome } from "./local_delivery.ts";
import { mailboxWrite } from "../mailbox/delivery_entry.ts";
import { queueWrites } from "./queue_store.ts";
import { type QueueRecipient, type QueueRecord, UNSPLIT } from "./record.ts";
import type { DeliveryResult } from "./result.ts";

/** What {@linkcode split} works with. */
export interface SplitOptions {
  readonly router: Router;
  readonly accounts: Accounts;
  readonly mailStore: MailStore;
  readonly quotas: Quotas;
  readonly clock: Clock;
}

/** A full mailbox is tried again after this. */
export const FULL_PAUSE_MS = 15 * 60_000;

/** The records of one record have numbers of their own: a mixed one has less than this many recipients. */
const PARTS = 1000;
/** What is too much for one commit is split into so many records of mixed domains, which are split in their turn. */
const PIECES = 10;
/** What one commit takes, less what ends the record itself. A split has no checks that depend on its size. */
const ROOM: Limits = { ...EMBEDDED_LIMITS, mutations: 990, bytes: 780 * 1024, keyBytes: 75 * 1024 };

/** Must the record be sorted out before it can be delivered? */
export async function needsSplit(record: QueueRecord, by: SplitOptions): Promise<boolean> {
  if (record.domain === UNSPLIT) return true;
  if (!by.router.isLocal(record.domain)) return false;
  if (record.recipients.length > 1) return true;
  // Its account is gone, or never was one: the name may still lead somewhere.
  const { address } = record.recipients[0]!;
  return !(await by.accounts.has(address)) && leadsOn(by.router, address);
}

/** What takes the record's place, to be written under its lease: mailbox entries, and records due at once. */
export async function split(record: QueueRecord, by: SplitOptions): Promise<DeliveryResult> {
  const releases: Release[] = [];
  const release = () => releases.forEach((one) => one());
  try {
    return { outcomes: [], split: await planned(record, { ...by, releases }), release };
  } catch (error) {
    release();
    throw error;
  }
}

/** The room that is taken for mailbox entries goes to `releases`. */
type Split = SplitOptions & { readonly releases: Release[] };

async function planned(record: QueueRecord, by: Split): Promise<EnqueuePlan> {
  const boxes = new Map<Mailbox, Box>();
  const queued = new Map<Mailbox, Destination>();
  for (const recipient of record.recipients) {
    for (const way of await waysOf(recipient, record, by)) {
      const { kind, address, owner } = way;
      if (boxes.has(address) || queued.has(address)) continue;
      if (kind === "queue") queued.set(address, way);
      else boxes.set(address, { recipient, owner });
    }
  }
  const direct = written(record, { boxes, groups: group([...queued.values()]) }, by.mailStore);
  if (fits(ROOM, direct.write)) return direct;
  return written(record, { boxes: new Map(), groups: pieces(record, queued.values()) }, by.mailStore);
}

/** A copy for a mailbox. */
interface Box {
  readonly recipient: QueueRecipient;
  /** Of the list it came by. */
  readonly owner: Mailbox | undefined;
}

/** Some of the recipients each; a single one that stands for too many, some of what it stands for. */
function pieces(record: QueueRecord, ways: Iterable<Destination>): Group[] {
  const { recipients } = record;
  if (recipients.length === 1) return unsplit([...ways]);
  const each = Math.ceil(recipients.length / PIECES);
  return Array.from({ length: Math.ceil(recipients.length / each) }, (_, i): Group => ({
    domain: UNSPLIT,
    owner: undefined,
    dueAt: undefined,
    recipients: recipients.slice(i * each, (i + 1) * each),
    bytes: 0,
    keyBytes: 0,
  }));
}

function written(
  record: QueueRecord,
  to: { boxes: ReadonlyMap<Mailbox, Box>; groups: readonly Group[] },
  mailStore: MailStore,
): EnqueuePlan {
  const { ref: body, write } = addOwners(record.body, to.boxes.size + to.groups.length - 1);
  const writes: Write[] = [write];
  for (const [address, { recipient, owner }] of to.boxes) {
    const sender = senderFor(record.sender, owner);
    const delivery = { ...record, sender, body, recipient: recipient.via ?? recipient.address };
    writes.push(mailboxWrite(mailStore, address, delivery));
  }
  const records = to.groups.map(({ domain, owner, recipients, dueAt }, i): QueueRecord => ({
    ...parametersFor(record, owner),
    sender: senderFor(record.sender, owner),
    part: PARTS * (record.part + 1) + i,
    domain,
    recipients,
    body,
    dueAt: dueAt ?? record.dueAt,
  }));
  for (const one of records) writes.push(queueWrites.insert(one));
  return { write: together(...writes), records, mailboxes: [...to.boxes.keys()] };
}

async function waysOf(
  recipient: QueueRecipient,
  record: QueueRecord,
  by: Split,
): Promise<Destination[]> {
  const {
    address,
    attempts: _,
    lastError: __,
    lastReply: ___,
    lastStatus: ____,
    lastHost: _____,
    ...parameters
  } = recipient;
  const to = { address, recipient: { ...parameters, address } };
  if (!by.router.isLocal(splitMailbox(address).domain)) return [{ kind: "queue", ...to }];
  const { outcome, release } = await mailboxOutcome(address, record, by);
  if (release) by.releases.push(release);
  if (outcome.kind === "delivered") return [{ kind: "mailbox", ...to }];
  const elsewhere = outcome.kind === "failed" && !by.accounts.has(address) && leadsOn(by.router, address);
  if (elsewhere) return onwards(to, by);
  // A record of its own, which fails with a report, or waits for room.
  const until = outcome.kind === "failed" ? record.dueAt : by.clock.now() + FULL_PAUSE_MS;
  return [{ kind: "queue", ...to, waits: { reason: outcome.text, until } }];
}

function onwards(to: Pick<Destination, "address" | "recipient">, by: SplitOptions): Destination[] {
  const found = by.router.resolve(to.address);
  if (found.kind !== "local") return [];
  return found.leaves.map((leaf): Destination => ({
    kind: leaf.kind === "mailbox" ? "mailbox" : "queue",
    address: leaf.address,
    // a member of a list is none of the sender's any more (RFC 3461 5.2.7)
    recipient: leaf.owner === undefined ? to.recipient : { address: to.recipient.address },
    via: to.address,
    ...(leaf.owner === undefined ? {} : { owner: leaf.owner }),
    ...(leaf.kind === "nobody"
      ? { waits: { reason: "There is no such mailbox here", until: by.clock.now() } }
      : {}),
  }));
}

function leadsOn(router: Router, address: Mailbox): boolean {
  const found = router.resolve(address);
  return found.kind === "local" && found.leaves.some((leaf) => leaf.kind !== "nobody");
}
