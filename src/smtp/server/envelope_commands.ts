/** The commands that make a message: MAIL, RCPT, DATA and BDAT (RFC 5321 3.3, RFC 3030). */

import { type ParsedPath, parsePath } from "../../mail/address.ts";
import type { EnvelopeRecipient, Mailbox, SenderParameters } from "../../mail/envelope.ts";
import { ChunkContent } from "./chunk_content.ts";
import { ChunkMode, DataMode } from "./content_modes.ts";
import { parseRecipientParameters, parseSenderParameters } from "../protocol/parameters.ts";
import type { MessageSink, Verdict } from "./reception.ts";
import {
  AUTH_FIRST,
  BAD_CHUNK_SIZE,
  BAD_CHUNK_WORD,
  FAR_TOO_BIG,
  MAIL_OK,
  NEEDS_ARGUMENT,
  NEEDS_FROM,
  NEEDS_TLS,
  NEEDS_TO,
  NEEDS_UTF8,
  NO_ARGUMENT,
  RCPT_OK,
  START_CONTENT,
  TOO_BIG,
  TOO_MANY_ERRORS,
  TOO_MANY_RECIPIENTS,
} from "../protocol/replies.ts";
import { type Reply, reply } from "../protocol/reply.ts";
import type { SessionState } from "./session_state.ts";
import { bareLineEnds, isFarTooBig, isSink } from "./message_content.ts";
import { Transaction } from "./transaction.ts";

/** Recipients over the limit that are still answered one by one before the session ends. */
const MAX_OVERFLOW = 10_000;

/** MAIL. */
export function mail(session: SessionState, argument: string): void | Promise<void> {
  // Until it is accepted, what the client has sent for this message already is in vain and no error.
  session.mailRefused = true;
  if (needsLogin(session)) return session.answer(AUTH_FIRST);
  const text = behindKeyword(argument, "FROM");
  if (text === undefined) return session.answer(NEEDS_FROM);
  const path = readPath(session, text, "reverse");
  if (!path.ok) return session.answer(reply(501, "5.1.7", path.reason));
  const parsed = parseSenderParameters(path.rest);
  if (!parsed.ok) return session.answer(parsed.reply);
  let { parameters } = parsed;
  if (parameters.tls && !session.facts.tls) return session.answer(NEEDS_TLS);
  if (path.utf8 && !parameters.utf8) {
    if (!session.trusts()) return session.answer(NEEDS_UTF8);
    parameters = { ...parameters, utf8: true };
  }
  if ((parsed.size ?? 0) > session.options.limits.messageSize) return session.refuse(TOO_BIG);
  const verdict = session.reception.sender(session.facts, path.mailbox, parameters);
  if (verdict instanceof Promise) {
    return verdict.then((one) => proceedWithSender(session, path.mailbox, { parameters, verdict: one }));
  }
  proceedWithSender(session, path.mailbox, { parameters, verdict });
}

function proceedWithSender(
  session: SessionState,
  sender: Mailbox,
  { parameters, verdict }: { parameters: SenderParameters; verdict: Verdict },
): void {
  if (verdict) return session.refuse(verdict);
  session.begin(new Transaction(sender, parameters));
  session.say(MAIL_OK);
}

/** Submission is for those who log in (RFC 6409 4.3). */
function needsLogin(session: SessionState): boolean {
  const { service, auth } = session.options;
  return session.facts.account === undefined && auth !== "never" &&
    (service === "submission" || service === "submissions");
}

/** RCPT. */
export function rcpt(session: SessionState, argument: string): void | Promise<void> {
  const transaction = session.transaction!;
  if (transaction.recipients.length >= session.options.limits.recipients) {
    return tooMany(session, transaction);
  }
  const text = behindKeyword(argument, "TO");
  if (text === undefined) return refuseRecipient(session, NEEDS_TO);
  const path = readPath(session, text, "forward");
  if (!path.ok) return refuseRecipient(session, reply(501, "5.1.3", path.reason));
  const asked = transaction.parameters.utf8 === true;
  const utf8 = asked || (path.utf8 && session.trusts());
  const parsed = parseRecipientParameters(path.rest, utf8);
  if (!parsed.ok) return refuseRecipient(session, parsed.reply);
  if (path.utf8 && !utf8) return refuseRecipient(session, NEEDS_UTF8);
  if (path.utf8 && !asked) transaction.parameters = { ...transaction.parameters, utf8: true };
  const recipient: EnvelopeRecipient = { address: path.mailbox, ...parsed.parameters };
  const found = session.reception.recipient(
    session.facts,
    recipient,
    transaction.recipients,
    transaction.sender,
  );
  if (found instanceof Promise) return found.then((one) => proceedWithRecipient(session, one));
  proceedWithRecipient(session, found);
}

function proceedWithRecipient(session: SessionState, found: EnvelopeRecipient | Reply): void {
  if ("code" in found) return refuseRecipient(session, found);
  session.transaction!.recipients.push(found);
  session.enter("rcpt");
  session.say(RCPT_OK);
}

function refuseRecipient(session: SessionState, why: Reply): void {
  session.transaction!.refused++;
  session.refuse(why);
}

/** RFC 5321 4.5.3.1.10: the recipients so far are kept, the client sends the others later. No error of the client. */
function tooMany(session: SessionState, transaction: Transaction): void {
  if (++transaction.refused <= MAX_OVERFLOW) return session.say(TOO_MANY_RECIPIENTS);
  session.end("abuse");
  session.say(TOO_MANY_ERRORS);
}

/** DATA. */
export function data(session: SessionState, argument: string): void | Promise<void> {
  if (argument !== "") return session.answer(NO_ARGUMENT);
  const opened = session.reception.open(session.facts, session.transaction!.envelope);
  if (opened instanceof Promise) return opened.then((one) => startContent(session, one));
  startContent(session, opened);
}

function startContent(session: SessionState, opened: MessageSink | Reply): void {
  if (!isSink(opened)) {
    session.refuse(opened);
    return session.enter("ready");
  }
  session.transaction!.takeIn(opened, session.options.faults);
  session.say(START_CONTENT);
  session.mode = new DataMode(session);
}

const CHUNK = /^(\d{1,15})(?:[ \t]+(.*))?$/;

interface ParsedChunk {
  readonly size: number;
  readonly last: boolean;
  /** Something other than LAST follows the size. */
  readonly malformed: boolean;
}

/** BDAT. */
export function bdat(session: SessionState, argument: string): void | Promise<void> {
  const chunk = parseChunk(session, argument);
  if (!chunk) return;
  if (chunk.malformed) return drain(session, chunk, BAD_CHUNK_WORD);
  if (session.phase === "chunks") {
    // Empty chunks that lead nowhere are as good as NOOP.
    if (chunk.size === 0 && !chunk.last && session.budget.addJunk()) return session.endAsAbuse();
    session.mode = new ChunkMode(session, chunk);
    return;
  }
  const opened = session.reception.open(session.facts, session.transaction!.envelope);
  if (opened instanceof Promise) return opened.then((one) => startChunks(session, chunk, one));
  startChunks(session, chunk, opened);
}

/** BDAT out of order: its octets follow all the same and must not be read as commands. */
export function misplacedBdat(session: SessionState, argument: string, why: Reply, forgiven: boolean): void {
  const chunk = parseChunk(session, argument);
  // behind a refused chunk the client may read the reply to its last one only
  const refusal = session.phase === "bdatFailed" ? session.transaction!.failure! : why;
  if (chunk) session.mode = new ChunkMode(session, { ...chunk, refusal, forgiven });
}

function startChunks(session: SessionState, chunk: ParsedChunk, opened: MessageSink | Reply): void {
  if (!isSink(opened)) return drain(session, chunk, opened);
  const transaction = session.transaction!;
  transaction.takeIn(opened, session.options.faults);
  transaction.chunks = new ChunkContent({ bare: bareLineEnds(session) });
  session.enter("chunks");
  session.mode = new ChunkMode(session, chunk);
}

function drain(session: SessionState, chunk: ParsedChunk, refusal: Reply): void {
  session.mode = new ChunkMode(session, { ...chunk, refusal });
}

/** The size and LAST; undefined when that was answered. Without a size nothing that follows can be understood. */
function parseChunk(session: SessionState, argument: string): ParsedChunk | undefined {
  if (argument === "") return void session.answer(NEEDS_ARGUMENT);
  const found = CHUNK.exec(argument);
  if (!found) return void session.answer(BAD_CHUNK_SIZE);
  const size = Number(found[1]);
  if (isFarTooBig(session, size)) return void session.answer(FAR_TOO_BIG);
  const word = found[2]?.toUpperCase();
  return { size, last: word === "LAST", malformed: word !== undefined && word !== "LAST" };
}

/** Refuses a first chunk: its octets follow all the same. */
export function refuseBdat(session: SessionState, argument: string, refusal: Reply): void {
  const chunk = parseChunk(session, argument);
  if (chunk) session.mode = new ChunkMode(session, { ...chunk, refusal, forgiven: true });
}

/** The address that MAIL or RCPT names; undefined: none that can be read. */
export function addressIn(
  session: SessionState,
  argument: string,
  keyword: "FROM" | "TO",
): Mailbox | undefined {
  const text = behindKeyword(argument, keyword);
  if (text === undefined) return undefined;
  const path = readPath(session, text, keyword === "FROM" ? "reverse" : "forward");
  return path.ok ? path.mailbox : undefined;
}

/** A path; our own programs may leave the angle brackets out. */
function readPath(session: SessionState, text: string, kind: "reverse" | "forward"): ParsedPath {
  const path = parsePath(text, kind);
  if (path.ok || !session.trusts()) return path;
  return parsePath(text, kind, { bare: true });
}

/** What follows `FROM:` or `TO:`; undefined when that is not there. A blank before the colon is forgiven. */
function behindKeyword(argument: string, keyword: "FROM" | "TO"): string | undefined {
  const length = keyword.length;
  if (argument.charCodeAt(length) === 58 && argument.slice(0, length).toUpperCase() === keyword) {
    return argument.slice(length + 1);
  }
  const found = /^([A-Za-z]+)[ \t]+:(.*)$/s.exec(argument);
  return found && found[1]!.toUpperCase() === keyword ? found[2] : undefined;
}
