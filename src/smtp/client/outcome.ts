/** The outcomes that an SMTP conversation comes to. */

import {
  type Deferred,
  type EnhancedStatus,
  type Failed,
  type Outcome,
  type OutcomeFacts,
  type Stage,
  statusFor,
} from "../../mail/outcome.ts";
import type { Reply } from "../protocol/reply.ts";
import type { ReplyError } from "./reply_reader.ts";

/**
 * How sure it is who is at the other end of TLS: its certificate is the one that TLSA records name (`dane`), one for a
 * host that an MTA-STS policy names (`sts`), one that is right (`verified`), or any (`encrypted`).
 */
export type SecurityLevel = "dane" | "sts" | "verified" | "encrypted";

/** Who was spoken with; becomes part of each outcome. */
export interface PeerFacts {
  /** The host's name. */
  readonly host: string;
  /** Its address. */
  readonly address: string;
  /** Protocol, cipher and, once it is known, the {@linkcode SecurityLevel} in brackets, when encrypted. */
  readonly tls?: string;
  /** Why it is spoken with in clear, although it offers encryption. */
  readonly inClear?: string;
}

/** True for a 2xx. */
export function isPositive(reply: Reply): boolean {
  return reply.code >= 200 && reply.code < 300;
}

/** A reply's text on one line, bounded, without control characters. */
export function replyText(reply: Reply): string {
  return oneLine(reply.lines.join(" "));
}

/** The outcome that a final reply means: 2xx, 4xx or 5xx; any other code is out of place and defers. */
export function outcomeOf(reply: Reply, stage: Stage, peer: PeerFacts): Outcome {
  const { code } = reply;
  const text = replyText(reply);
  if (code >= 300 && code < 400) {
    return deferred("4.5.0", `The peer answered out of place: ${code} ${text}`, stage, peer);
  }
  const own = reply.status === undefined ? {} : { peerStatus: reply.status };
  const facts = { status: statusIn(reply), text, code, ...own, stage, ...peer };
  if (code >= 500) return { kind: "failed", ...facts };
  return { kind: code >= 400 ? "deferred" : "delivered", ...facts };
}

/**
 * The outcome of a reply that refuses; where it doesn't refuse, it is out of place and defers. Who asks for encryption,
 * on a connection that is in clear because encryption broke, may be asked again with it.
 */
export function refusalOf(reply: Reply, stage: Stage, peer: PeerFacts): Deferred | Failed {
  const outcome = outcomeOf(reply, stage, peer);
  if (outcome.kind === "failed" && peer.inClear !== undefined && wantsTls(reply)) {
    return { ...outcome, kind: "deferred", status: "4.7.10" };
  }
  if (outcome.kind !== "delivered") return outcome;
  return deferred("4.5.0", `The peer answered out of place: ${reply.code} ${outcome.text}`, stage, peer);
}

/** A reply that speaks of the conversation and not of the message, such as 503: the message is tried again. */
export function outOfStep(reply: Reply, stage: Stage, peer: PeerFacts): Deferred {
  const outcome = refusalOf(reply, stage, peer);
  if (outcome.kind === "deferred") return outcome;
  return { ...outcome, kind: "deferred", status: "4.5.1", note: "The conversation was out of step" };
}

const TOO_MANY = /\btoo many (?:recipients|addressees|rcpts?)\b/i;
const LIMIT = /\b(?:maximum|max|limit)\b.{0,20}\brecipients\b|\brecipients? (?:limit|count)\b/i;

/** Does a refusal name the number of recipients as its reason (RFC 3463 3.6: X.5.3)? */
export function namesNumber({ status, lines }: Reply): boolean {
  return status?.endsWith(".5.3") === true || lines.some((line) => TOO_MANY.test(line));
}

/**
 * May the refusal of one recipient behind others that were accepted mean their number? 552 did in RFC 821, and some
 * say 554; where they say nothing closer, asking once more tells.
 */
export function speaksOfNumber(reply: Reply): boolean {
  if (namesNumber(reply) || reply.lines.some((line) => LIMIT.test(line))) return true;
  const isVague = reply.status === undefined || reply.status === "5.0.0";
  return isVague && (reply.code === 552 || reply.code === 554);
}

const TLS_IN_WORDS = /\b(?:start)?tls\b|\bencrypt/i;

/** Does a refusal ask for encryption (RFC 3207 4, RFC 4954 6, RFC 5248)? */
function wantsTls({ code, status, lines }: Reply): boolean {
  if (code === 530 || code === 538 || code === 523) return true;
  return status === "5.7.10" || status === "5.7.11" || lines.some((line) => TLS_IN_WORDS.test(line));
}

/** The outcome as a deferral for their number alone. */
export function tooManyOf(outcome: Outcome): Deferred {
  return { ...outcome, kind: "deferred", status: "4.5.3" };
}

/** The outcome of an error: try again later. */
export function replyErrorOf(error: ReplyError, stage: Stage, peer: PeerFacts): Deferred {
  return deferred(error.error === "garbage" ? "4.5.0" : "4.4.2", error.text, stage, peer);
}

/** A deferral with a diagnostic of our own. */
export function deferred(status: EnhancedStatus, text: string, stage: Stage, peer: PeerFacts): Deferred {
  return { kind: "deferred", ...ownFacts(status, text, stage), ...peer };
}

/** A failure with a diagnostic of our own. */
export function failed(status: EnhancedStatus, text: string, stage: Stage, peer: PeerFacts): Failed {
  return { kind: "failed", ...ownFacts(status, text, stage), ...peer };
}

function ownFacts(status: EnhancedStatus, text: string, stage: Stage): OutcomeFacts {
  return { status, text: oneLine(text), stage };
}

/** The peer's own status when its class fits the code; a `5.x.x` behind a `4xx` would contradict itself. */
function statusIn(reply: Reply): EnhancedStatus {
  const { code, status } = reply;
  return status !== undefined && Number(status[0]) === Math.floor(code / 100) ? status : statusFor(code);
}

const CONTROL = /\p{Cc}+/gu;

function oneLine(text: string): string {
  const clean = text.replace(CONTROL, " ").trim();
  return clean.length <= 1000 ? clean : `${clean.slice(0, 999)}…`;
}
