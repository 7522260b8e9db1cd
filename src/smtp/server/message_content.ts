/** What DATA and BDAT have in common: text to the sink, its size, and the replies at its end. */

import type { ChunkFault } from "./chunk_content.ts";
import type { MessageSink } from "./reception.ts";
import {
  BARE_CR,
  BARE_LF,
  CONTENT_LINE_TOO_LONG,
  FAR_TOO_BIG,
  INTERNAL_ERROR,
  NUL_IN_CONTENT,
  TOO_BIG,
} from "../protocol/replies.ts";
import type { Reply } from "../protocol/reply.ts";
import { endWithFaults, keepHead } from "./session_faults.ts";
import type { Progress, SessionState } from "./session_state.ts";
import type { Transaction } from "./transaction.ts";

/** A message that is too big is still read to its end, unless it goes on beyond the limit by this much. */
const MAX_EXCESS = 64 * 1024 * 1024;
/** Slower than this, over the whole content, is a slow drip. Octets per ms. */
const LEAST_RATE = 1024 / 1000;

const FAULTS: Readonly<Record<ChunkFault, Reply>> = {
  bareLf: BARE_LF,
  bareCr: BARE_CR,
  nul: NUL_IN_CONTENT,
  lineTooLong: CONTENT_LINE_TOO_LONG,
};

/** What bare line ends come to: those of our own programs are mended, with a stranger's one may be smuggling. */
export function bareLineEnds(session: SessionState): "refuse" | "normalize" {
  return session.trusts() ? "normalize" : "refuse";
}

/** Where Reception wants the content, or its reply that refuses it. */
export function isSink(opened: MessageSink | Reply): opened is MessageSink {
  return !("code" in opened);
}

/** A size that is not worth reading to its end. */
export function isFarTooBig(session: SessionState, size: number): boolean {
  return size > session.options.limits.messageSize + MAX_EXCESS;
}

/** Hands pieces to the sink, in order. A promise: the sink asks to wait. */
export function keep(session: SessionState, pieces: readonly Uint8Array[], from = 0): void | Promise<void> {
  const transaction = session.transaction!;
  try {
    for (let i = from; i < pieces.length; i++) {
      const piece = pieces[i]!;
      transaction.size += piece.length;
      if (transaction.head) keepHead(transaction.head, piece);
      if (transaction.size > session.options.limits.messageSize) dropContent(session, TOO_BIG);
      const waiting = transaction.sink?.write(piece);
      if (waiting) return waiting.then(() => keep(session, pieces, i + 1), (error) => broke(session, error));
    }
  } catch (error) {
    broke(session, error);
  }
}

/** The content goes on but is not kept; `why` is the reply at its end. */
function dropContent(session: SessionState, why: Reply): void {
  session.transaction!.failure ??= why;
  session.abandonContent();
}

function broke(session: SessionState, error: unknown): void {
  session.logError(error);
  dropContent(session, INTERNAL_ERROR);
}

/** The content can't be taken: says so at once, drops all of it, and reads nothing more. */
export function refuseContent(session: SessionState, fault: ChunkFault | "farTooBig"): Progress {
  session.mode = undefined;
  session.abandonContent();
  session.line.expectBulk(false);
  answerContent(session, fault === "farTooBig" ? FAR_TOO_BIG : FAULTS[fault]);
  session.enter("ready");
  return "again";
}

/**
 * A chunk has what no message may have: says so at once. Who sends chunks ahead (libesmtp) shows its user the reply
 * to the last one, so those get the same reply before the connection closes.
 */
export function refuseChunk(session: SessionState, fault: ChunkFault): void {
  const { close: _, ...why } = FAULTS[fault];
  session.refuse(why);
  session.failBdat(why);
  session.parting = true;
}

/** The content is complete: asks the sink to take responsibility, answers, and ends the transaction. */
export async function finishContent(session: SessionState): Promise<Progress> {
  const transaction = session.transaction!;
  session.mode = undefined;
  session.line.expectBulk(false);
  if (session.options.faults) {
    const fate = await endWithFaults(session);
    if (fate !== true) return endAtFault(session, fate);
  }
  const sink = transaction.takeSink();
  let replies: Reply | Reply[];
  try {
    replies = sink
      ? await sink.finish(progressLines(session), session.options.ending)
      : transaction.failure ?? INTERNAL_ERROR;
  } catch (error) {
    session.logError(error);
    replies = INTERNAL_ERROR;
  }
  answerContent(session, replies);
  // at once, where no further command waits for an answer of the same write; the session's next one notices an error
  if (session.line.available === 0) session.line.flush().catch(() => {});
  try {
    sink?.answered?.();
  } catch (error) {
    session.logError(error);
  }
  session.enter("ready");
  return "again";
}

/** A rule of faults has the end of the message refused, or ended the session: it is not kept. */
function endAtFault(session: SessionState, why: Reply | undefined): Progress {
  const count = session.options.service === "lmtp" ? session.transaction!.recipients.length : 1;
  session.abandonContent();
  for (let i = 0; why && i < count; i++) session.say(why);
  session.enter("ready");
  return "again";
}

/** Answers the end of a message: once, or in LMTP once for each recipient (RFC 2033 4.2). */
export function answerContent(session: SessionState, replies: Reply | Reply[]): void {
  const first = Array.isArray(replies) ? replies[0] ?? INTERNAL_ERROR : replies;
  if (session.options.service !== "lmtp") {
    if (isYes(first)) session.accepted();
    return session.refuse(first);
  }
  const { recipients } = session.transaction!;
  const all = recipients.map((_, i) => Array.isArray(replies) ? replies[i] ?? INTERNAL_ERROR : replies);
  if (all.some(isYes)) session.accepted();
  // One message that is refused is one error, however many were to get it.
  const counted = all.findIndex((one) => !isYes(one));
  all.forEach((one, i) => i === counted ? session.refuse(one) : session.say(one));
}

/** How long the next piece of the transaction's content may take, in ms; all of it together must not be a slow drip. */
export function contentPatience(session: SessionState): number {
  const transaction = session.transaction!;
  if (transaction.contentStartedAt === undefined) {
    transaction.contentStartedAt = session.options.clock.monotonic();
    return session.options.limits.dataTimeoutMs;
  }
  return octetsPatience(session, transaction.contentStartedAt, transaction.size);
}

/** How long the next of octets may take that began then and are so many by now, in ms. */
export function octetsPatience(session: SessionState, startedAt: number, received: number): number {
  const { dataTimeoutMs } = session.options.limits;
  const left = startedAt + dataTimeoutMs + received / LEAST_RATE - session.options.clock.monotonic();
  return Math.max(0, Math.min(dataTimeoutMs, left));
}

/** True when the transaction's content has grown beyond everything. */
export function hasGoneTooFar(session: SessionState, transaction: Transaction): boolean {
  return isFarTooBig(session, transaction.size);
}

function isYes(of: Reply): boolean {
  return of.code < 300;
}

/** Writes VERB's `050` lines as they come; undefined when the session is not verbose. */
function progressLines(session: SessionState): ((line: string) => void) | undefined {
  if (!session.facts.verbose) return undefined;
  return (line) => {
    if (session.line.closed) return;
    session.line.put(`050 ${line.replace(CONTROL, "?")}\r\n`);
    // A broken connection is noticed by the session's own flush.
    session.line.flush().catch(() => {});
  };
}

// deno-lint-ignore no-control-regex
const CONTROL = /[\x00-\x08\x0a-\x1f\x7f]/g;
