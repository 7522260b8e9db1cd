/** In charge of the outcomes that an SMTP conversation comes to. */

import type { Deferred, EnhancedStatus, Failed, Outcome, OutcomeFacts, Stage } from "../mail/outcome.ts";
import { statusFor } from "../mail/status.ts";
import type { Reply } from "./reply.ts";
import type { Trouble } from "./reply_reader.ts";

/** Who was spoken with; becomes part of each outcome. */
export interface PeerFacts {
  /** The host's name. */
  readonly host: string;
  /** Its address. */
  readonly address: string;
  /** Protocol and cipher, when encrypted. */
  readonly tls?: string;
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

/** The outcome of a reply that refuses; where it doesn't refuse, it is out of place and defers. */
export function refusalOf(reply: Reply, stage: Stage, peer: PeerFacts): Deferred | Failed {
  const outcome = outcomeOf(reply, stage, peer);
  if (outcome.kind !== "delivered") return outcome;
  return deferred("4.5.0", `The peer answered out of place: ${reply.code} ${outcome.text}`, stage, peer);
}

/** The outcome of trouble: try again later. */
export function troubleOf(trouble: Trouble, stage: Stage, peer: PeerFacts): Deferred {
  return deferred(trouble.trouble === "garbage" ? "4.5.0" : "4.4.2", trouble.text, stage, peer);
}

/** A deferral in our own words. */
export function deferred(status: EnhancedStatus, text: string, stage: Stage, peer: PeerFacts): Deferred {
  return { kind: "deferred", ...ownFacts(status, text, stage), ...peer };
}

/** A failure in our own words. */
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
