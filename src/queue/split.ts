/**
 * The splitting of a record whose recipients don't have one next hop: those of a message with too many for one commit, and
 * those of a domain that became ours while they waited.
 */

import { after, type Awaitable } from "../base/awaitable.ts";
import type { Clock } from "../base/clock.ts";
import { splitMailbox } from "../mail/address.ts";
import type { Mailbox } from "../mail/envelope.ts";
import type { Accounts } from "../auth/accounts.ts";
import type { MailStore } from "../mailbox/mail_store.ts";
import type { Quotas, Release } from "../mailbox/quotas.ts";
import { type DeliveryTarget, expand, type Success, successOf } from "../recipients/expand.ts";
import type { Router } from "../recipients/router.ts";
import { addOwners } from "../storage/bodies/bodies.ts";
import { EMBEDDED_LIMITS, fits, type Limits } from "../storage/limits.ts";
import { together, type Write } from "../storage/write.ts";
import { type Group, group, parametersFor, senderFor, unsplit } from "./enqueue.ts";
import type { EnqueuePlan } from "./message.ts";
import { isForHere, mailboxOutcome } from "./local_delivery.ts";
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

/** A copy for a full mailbox waits so long for its first try; then the schedule counts. */
export const FULL_PAUSE_MS = 15 * 60_000;

/** The records of one record have numbers of their own: a mixed one has less than this many recipients. */
const PARTS = 1000;
/** What is too much for one commit is split into so many records of mixed domains, which are split in their turn. */
const PIECES = 10;
/** What one commit takes, less what ends the record itself, and brief reports of success. A split has no checks that depend on its size. */
const ROOM: Limits = { ...EMBEDDED_LIMITS, mutations: 980, bytes: 760 * 1024, keyBytes: 74 * 1024 };

/** Must the record be sorted out before it can be delivered? */
export function needsSplit(record: QueueRecord, by: SplitOptions): Awaitable<boolean> {
  if (record.domain === UNSPLIT) return true;
  if (!isForHere(record, by.router)) return false;
  if (record.recipients.length > 1) return true;
  if (by.router.captures) return false;
  // Its account is gone, or never was one: the name may still lead somewhere.
  const { address } = record.recipients[0]!;
  return after(by.accounts.has(address), (has) => !has && leadsOn(by.router, address));
}

/** What takes the record's place, to be written under its lease: mailbox entries, and records due at once. */
export async function split(record: QueueRecord, by: SplitOptions): Promise<DeliveryResult> {
  const releases: Release[] = [];
  const successes: Success[] = [];
  const release = () => releases.forEach((one) => one());
  try {
    const plan = await planned(record, { ...by, releases, successes });
    return { outcomes: [], split: { plan, successes }, release };
  } catch (error) {
    release();
    throw error;
  }
}

/** The room that is taken for mailbox entries goes to `releases`, what the sender hears of at once to `successes`. */
type Split = SplitOptions & { readonly releases: Release[]; readonly successes: Success[] };

async function planned(record: QueueRecord, by: Split): Promise<EnqueuePlan> {
  const boxes = new Map<Mailbox, Box>();
  const queued = new Map<Mailbox, DeliveryTarget>();
  for (const recipient of record.recipients) {
    for (const target of await targetsOf(recipient, record, by)) {
      const { kind, address, owner } = target;
      if (boxes.has(address) || queued.has(address)) continue;
      if (kind === "queue") queued.set(address, target);
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
function pieces(record: QueueRecord, targets: Iterable<DeliveryTarget>): Group[] {
  const { recipients } = record;
  if (recipients.length === 1) return unsplit([...targets]);
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

/** The targets of a recipient from here on: itself, or what a name that is no account any more leads to. */
async function targetsOf(
  recipient: QueueRecipient,
  record: QueueRecord,
  by: Split,
): Promise<readonly DeliveryTarget[]> {
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
  const { domain } = splitMailbox(address);
  if (!isForHere({ ...record, domain }, by.router)) return [{ kind: "queue", ...to }];
  const { outcome, release } = await mailboxOutcome(address, record, by);
  if (release) by.releases.push(release);
  if (outcome.kind === "delivered") return [{ kind: "mailbox", ...to }];
  const gone = outcome.kind === "failed";
  const found = gone && !by.accounts.has(address) ? by.router.resolve(address) : undefined;
  if (found?.kind === "local") {
    const targets = expand(found, to.recipient);
    const action = successOf(targets, to.recipient);
    if (action) by.successes.push({ recipient: to.recipient, action });
    return targets;
  }
  // A record of its own, which fails with a report, or waits for room.
  const until = gone ? {} : { until: by.clock.now() + FULL_PAUSE_MS };
  return [{ kind: "queue", ...to, waits: { reason: outcome.text, ...until } }];
}

function leadsOn(router: Router, address: Mailbox): boolean {
  return router.resolve(address).kind === "local";
}
