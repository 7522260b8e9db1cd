/** The record that the queue keeps of a message for one next hop, and its legal states. */

import type { Signed } from "../authentication/dkim_outgoing.ts";
import type { EnvelopeRecipient, Mailbox, SenderParameters } from "../mail/envelope.ts";
import type { EnhancedStatus } from "../mail/outcome.ts";
import type { BodyRef } from "../storage/bodies/bodies.ts";

/** A recipient that is still to be served. */
export interface QueueRecipient extends EnvelopeRecipient {
  /** How often it was tried. */
  readonly attempts: number;
  /** The last reply of a peer, as it was: `451 4.7.1 Greylisted`. */
  readonly lastReply?: string;
  /** Why it waits, in words. */
  readonly lastError?: string;
  /** The status of the last attempt. */
  readonly lastStatus?: EnhancedStatus;
  /** The host that answered then, or that was asked. */
  readonly lastHost?: string;
  /** The list or alias it came from, whose owner hears of failures. */
  readonly via?: Mailbox;
}

/**
 * Where a message came from. A report tells a sender of a failure, and when it is lost the postmaster hears of that; a
 * notice is a report of whose loss nobody hears: to the postmaster, or of no failure. A release is a captured message
 * that somebody sends on, and the only one that leaves a server that captures.
 */
export type Source = "smtp" | "submission" | "lmtp" | "http" | "release" | "report" | "notice";

/**
 * In place of a domain: the recipients have several, since the message has too many of them for one commit. The
 * record is sorted out into others as soon as it is durable (see `split.ts`).
 */
export const UNSPLIT = "*";

/**
 * One message for one next hop (all its recipients have the same domain), stored under `["q","item",id,part]`.
 * Legal states, by the due index alone:
 * - a due key at `dueAt` without a lease: it waits for that time (state `queued` when due, else `deferred`);
 *   on the embedded store its process may have it in memory to deliver it now, which nothing here tells;
 * - a due key elsewhere, with a lease: a server of a shared store delivers it now; when the lease ends it is due again;
 * - no due key and `held`: it waits for the operator.
 */
export interface QueueRecord extends SenderParameters {
  /** The message's id. */
  readonly id: string;
  /** Which of the message's records this is, from 0. */
  readonly part: number;
  /** The reverse-path; empty for reports. */
  readonly sender: Mailbox;
  /** The domain of all recipients, or {@linkcode UNSPLIT}. */
  readonly domain: string;
  /** Who is still to be served: at most 50, or 200 of mixed domains. */
  readonly recipients: readonly QueueRecipient[];
  /** The content. */
  readonly body: BodyRef;
  /** Its subject as people read it, cut; absent when it has none, and in records of earlier versions. */
  readonly subject?: string;
  /** When it came: milliseconds since 1970. */
  readonly receivedAt: number;
  /** When it is due, while no lease says otherwise. */
  readonly dueAt: number;
  /** The operator holds it. */
  readonly held?: true;
  /** It is held because it was exported: another server has it as it was before. */
  readonly exported?: true;
  /** The next attempt is made because somebody asked for it: what is remembered of dead hosts doesn't count. */
  readonly forceRetry?: true;
  /** The name that {@linkcode QueueRecord.forceRetry} has in records of earlier versions. */
  readonly asked?: true;
  /** Who submitted it. */
  readonly authenticatedAs?: Mailbox;
  /** Where it came from. */
  readonly source: Source;
  /** The domain in whose name it is signed on its way out; absent: it is nobody's of ours. */
  readonly signFor?: string;
  /** The signatures that an earlier attempt has made. */
  readonly signed?: Signed;
}
