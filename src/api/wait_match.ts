/** What a wait looks for, whether a message is that, and how far it is from it. */

import { timeOfId } from "../base/ids.ts";
import { editDistance } from "../config/nearest.ts";
import type { Mailbox } from "../mail/envelope.ts";
import { holdsAddress } from "../mail/message.ts";
import { INBOX } from "../mailbox/folder_names.ts";
import type { MailEntry } from "../mailbox/mail_store.ts";
import type { Arrival, Arrivals } from "./arrivals.ts";

/** From when on a message counts. */
export type Since =
  /** Milliseconds since 1970. */
  | { readonly at: number }
  /** Behind the message of that id; `number`: of its notice, while that is remembered. */
  | { readonly id: string; readonly number: number | undefined };

/** What is waited for; what is undefined does not matter. */
export interface Wanted {
  /** Its key. */
  readonly mailbox: Mailbox | undefined;
  readonly to: string | undefined;
  readonly from: string | undefined;
  readonly subject: string | undefined;
  /** The name of the folder that it is in. */
  readonly folder: string | undefined;
  readonly since: Since | undefined;
}

/** The text of a message may take so long to come, from when its id was made until it is accepted. */
const LONGEST_MS = 3600_000;
/** Texts are compared so far to find the nearest one. */
const COMPARED = 60;

/** Did a message come after that? */
export function cameAfter(
  since: Since | undefined,
  { mailbox, entry }: { readonly mailbox: Mailbox; readonly entry: MailEntry },
  arrivals: Arrivals,
): boolean {
  if (since === undefined) return true;
  if ("at" in since) return entry.receivedAt >= since.at;
  if (entry.uid === since.id) return false;
  const notice = arrivals.notice(mailbox, entry.uid);
  if (notice && since.number !== undefined) return notice.number > since.number;
  return entry.uid > since.id;
}

/**
 * Tells whether no message of that id, nor of any before it, came after `since`. `heard`: those that came by mail are
 * known already.
 */
export function tooOld(since: Since | undefined, heard: boolean): (uid: string) => boolean {
  if (since === undefined) return () => false;
  if (heard && "id" in since) return (uid) => uid <= since.id;
  const oldest = ("at" in since ? since.at : timeOfId(since.id)) - (heard ? 0 : LONGEST_MS);
  return (uid) => timeOfId(uid) < oldest;
}

/** Is nothing asked that only the header tells? */
export function asksNoHeader({ to, from, subject }: Wanted): boolean {
  return to === undefined && from === undefined && subject === undefined;
}

/** Is a message in the folder that is asked for? */
export function fitsFolder({ folder }: Pick<Wanted, "folder">, entry: MailEntry): boolean {
  return folder === undefined || folder === (entry.folder ?? INBOX);
}

/** Does a message fit by sender, recipients and subject? */
export function fitsHeader(wanted: Wanted, mail: Arrival): boolean {
  return fitsTo(wanted, mail) && fitsFrom(wanted, mail) && fitsSubject(wanted, mail);
}

function fitsTo({ to }: Wanted, mail: Arrival): boolean {
  return to === undefined || holdsAddress(mail.searched.to, to);
}

function fitsFrom({ from }: Wanted, mail: Arrival): boolean {
  return from === undefined || holdsAddress(mail.searched.from, from);
}

function fitsSubject({ subject }: Wanted, mail: Arrival): boolean {
  return subject === undefined || mail.searched.subject.includes(subject.toLowerCase());
}

/** The message that misses least of what is wanted; of several the first. */
export function nearestOf(
  wanted: Wanted,
  mails: readonly Arrival[],
  arrivals: Arrivals,
): Arrival | undefined {
  let best: Arrival | undefined;
  let least = Infinity;
  for (const mail of mails) {
    const distance = distanceOf(wanted, mail, arrivals);
    if (distance < least) [best, least] = [mail, distance];
  }
  return best;
}

/** Each condition that is missed counts 1, and as much more as it is unlike. */
function distanceOf(wanted: Wanted, mail: Arrival, arrivals: Arrivals): number {
  const { mailbox, to, from, subject, since } = wanted;
  const { entry } = mail;
  let distance = 0;
  if (mailbox !== undefined && mail.mailbox !== mailbox) distance += 1 + unlike(mailbox, mail.mailbox);
  if (!fitsTo(wanted, mail)) distance += 1 + Math.min(unlike(to!, mail.to), unlike(to!, entry.recipient));
  if (!fitsFrom(wanted, mail)) {
    distance += 1 + Math.min(unlike(from!, mail.from), unlike(from!, entry.sender));
  }
  if (!fitsSubject(wanted, mail)) distance += 1 + unlike(subject!, mail.subject);
  if (!fitsFolder(wanted, entry)) distance += 1;
  if (!cameAfter(since, mail, arrivals)) distance += 1;
  return distance;
}

/** From 0, the same, to 1, nothing in common. */
function unlike(a: string, b: string): number {
  const [one, other] = [a, b].map((text) => text.toLowerCase().slice(0, COMPARED)) as [string, string];
  return editDistance(one, other) / Math.max(one.length, other.length, 1);
}
