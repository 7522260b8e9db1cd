/** The introduction: HELO, EHLO and LHLO, and the list of what the server can do. */

import { isLoopbackPeer } from "../../base/ip.ts";
import { normalizeDomain, normalizeLiteral } from "../../mail/domain.ts";
import { fixed, type FixedReply, HELLO_NEEDS_NAME, kept } from "../protocol/replies.ts";
import { type Reply, reply } from "../protocol/reply.ts";
import type { SessionState } from "./session_state.ts";

/** What a name may hold that is no proper domain: underscores, a last dot, a bare address. */
const TOLERATED = /^[A-Za-z0-9_.:-]{1,255}$/;
/** What is kept of a name that is none. */
const MAX_NAME = 255;

/** HELO. */
export function helo(session: SessionState, argument: string): void {
  if (!introduce(session, argument, false)) return session.answer(HELLO_NEEDS_NAME);
  session.say(kept(250, undefined, session.options.hostname));
}

/** EHLO, and LHLO for LMTP. */
export function ehlo(session: SessionState, argument: string): void {
  if (!introduce(session, argument, true)) return session.answer(HELLO_NEEDS_NAME);
  session.say(extensionList(session));
}

/** Tells whether there is AUTH on this server at all. */
export function isLoginOffered({ options, reception }: SessionState): boolean {
  return options.auth !== "never" && reception.sasl !== undefined;
}

/** Tells whether AUTH may be used on this connection as it is now. */
export function isLoginSafe(session: SessionState): boolean {
  const { facts, options } = session;
  return options.auth === "always" || facts.tls !== undefined || isLoopbackPeer(facts.remote.hostname);
}

function introduce(session: SessionState, name: string, extended: boolean): boolean {
  if (!isName(name) && !(name !== "" && session.trusts())) return false;
  session.reset();
  session.enter("ready");
  session.facts.helo = name.slice(0, MAX_NAME);
  session.facts.extended = extended;
  return true;
}

function isName(name: string): boolean {
  if (TOLERATED.test(name)) return true;
  return name[0] === "[" ? normalizeLiteral(name) !== undefined : normalizeDomain(name) !== undefined;
}

/** Most sessions get one of a few lists: they are kept as bytes. */
const lists = new Map<string, FixedReply>();
const MAX_LISTS = 64;

function extensionList(session: SessionState): Reply {
  const lines = extensions(session);
  const key = lines.join("\n");
  let list = lists.get(key);
  if (!list) {
    list = fixed(reply(250, undefined, ...lines));
    if (lists.size < MAX_LISTS) lists.set(key, list);
  }
  return list;
}

function extensions(session: SessionState): string[] {
  const { facts, options, reception } = session;
  const lines = [
    options.hostname,
    "PIPELINING",
    `SIZE ${options.limits.messageSize}`,
    "8BITMIME",
    "SMTPUTF8",
    "ENHANCEDSTATUSCODES",
    "CHUNKING",
    "DSN",
    `LIMITS RCPTMAX=${options.limits.recipients}`,
  ];
  if (options.tls && !facts.tls) lines.push("STARTTLS");
  if (facts.tls) lines.push("REQUIRETLS");
  if (isLoginOffered(session) && isLoginSafe(session)) {
    lines.push(`AUTH ${reception.sasl!.offered.join(" ")}`);
  }
  lines.push("VRFY");
  if (reception.may("EXPN", facts)) lines.push("EXPN");
  if (reception.may("VERB", facts)) lines.push("VERB");
  lines.push("HELP");
  return lines;
}
