/** In charge of the commands about names: VRFY and EXPN (RFC 5321 3.5), also with names beyond ASCII (RFC 6531 3.7.4.2). */

import { EXPN_REFUSED, NEEDS_ARGUMENT, VRFY_REFUSED } from "../protocol/replies.ts";
import { type Reply, reply } from "../protocol/reply.ts";
import type { SessionState } from "./session_state.ts";

const UTF8_WANTED = reply(553, "5.6.8", "The answer is not in ASCII; add SMTPUTF8 to the command");

/** VRFY. */
export function vrfy(session: SessionState, argument: string): void | Promise<void> {
  return answerAbout(session, argument, "VRFY");
}

/** EXPN. */
export function expn(session: SessionState, argument: string): void | Promise<void> {
  return answerAbout(session, argument, "EXPN");
}

function answerAbout(session: SessionState, argument: string, verb: "VRFY" | "EXPN"): void | Promise<void> {
  if (argument === "") return session.answer(NEEDS_ARGUMENT);
  const { reception, facts } = session;
  if (!reception.may(verb, facts)) return session.answer(verb === "VRFY" ? VRFY_REFUSED : EXPN_REFUSED);
  const name = argument.replace(/[ \t]+SMTPUTF8$/i, "");
  const utf8 = name.length < argument.length;
  const coming = verb === "VRFY" ? reception.verify(facts, name) : reception.expand(facts, name);
  const answer = (found: Reply) => session.answer(utf8 ? found : inAscii(found));
  return coming instanceof Promise ? coming.then(answer) : answer(coming);
}

// deno-lint-ignore no-control-regex
const BEYOND_ASCII = /[^\x00-\x7f]/u;

/** Who did not ask for UTF-8 gets none: a full name is left out, an address can't be. */
function inAscii(found: Reply): Reply {
  if (!found.lines.some((line) => BEYOND_ASCII.test(line))) return found;
  const lines = found.lines.map((line) => BEYOND_ASCII.test(line) ? line.replace(/^[^<]*(?=<)/, "") : line);
  if (found.code === 250 && lines.some((line) => BEYOND_ASCII.test(line))) return UTF8_WANTED;
  return { ...found, lines: lines.map((line) => line.replace(new RegExp(BEYOND_ASCII, "gu"), "?")) };
}
