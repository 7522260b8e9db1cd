/** The command table: which function runs for each verb. */

import { beginLogin } from "./auth_mode.ts";
import { ABSENT_VERBS, type KnownVerb, type ParsedCommand, type Verb } from "../protocol/command.ts";
import { bdat, data, mail, misplacedBdat, rcpt } from "./envelope_commands.ts";
import { ehlo, helo, isLoginOffered, isLoginSafe } from "./hello.ts";
import { help } from "./help.ts";
import { ORDER } from "../protocol/phase.ts";
import {
  ABSENT_VERB,
  ALREADY_IN,
  ALREADY_TLS,
  EXPN_REFUSED,
  kept,
  NEEDS_ARGUMENT,
  NO_ARGUMENT,
  NOOP_OK,
  RESET_OK,
  TLS_BEFORE_AUTH,
  TLS_READY,
  UNKNOWN_VERB,
  VERB_REFUSED,
  VERBOSE_ON,
  VRFY_REFUSED,
} from "../protocol/replies.ts";
import { type Reply, reply } from "../protocol/reply.ts";
import { mayFail, runWithFaults } from "./command_faults.ts";
import type { SessionState } from "./session_state.ts";

interface Row {
  /** Does it. A promise: it has to wait for somebody. */
  run(session: SessionState, argument: string): void | Promise<void>;
  /** Moves no mail: too many of these between two messages end the session. */
  readonly junk?: true;
  /** Why the verb is not there in this session, whatever the phase. */
  absent?(session: SessionState): Reply | undefined;
  /** Answers when the verb comes in the wrong phase, when that takes more than the reply. */
  misplaced?(session: SessionState, argument: string, why: Reply, forgiven: boolean): void;
}

const COMMANDS: Readonly<Record<Verb, Row>> = {
  HELO: { run: helo, junk: true, absent: absentInLmtp },
  EHLO: { run: ehlo, junk: true, absent: absentInLmtp },
  LHLO: {
    run: ehlo,
    junk: true,
    absent: ({ options }) => options.service === "lmtp" ? undefined : ABSENT_VERB,
  },
  MAIL: { run: mail },
  RCPT: { run: rcpt },
  DATA: { run: data },
  BDAT: { run: bdat, misplaced: misplacedBdat },
  RSET: { run: rset, junk: true },
  QUIT: { run: quit },
  NOOP: { run: (session) => session.say(NOOP_OK), junk: true },
  HELP: { run: (session, argument) => session.answer(help(argument)), junk: true },
  VRFY: { run: (session, argument) => lookUp("VRFY", session, argument), junk: true },
  EXPN: { run: (session, argument) => lookUp("EXPN", session, argument), junk: true },
  VERB: { run: verb, junk: true },
  STARTTLS: {
    run: starttls,
    // a rule speaks of it also where it is not offered: who says it all the same is answered by that
    absent: (session) => session.options.tls || mayFail(session, "STARTTLS") ? undefined : ABSENT_VERB,
  },
  AUTH: { run: auth, absent: (session) => isLoginOffered(session) ? undefined : ABSENT_VERB },
};

const ABSENT: ReadonlySet<KnownVerb> = new Set(ABSENT_VERBS);

/** Does what a command line says, or answers why not. */
export function dispatch(session: SessionState, command: ParsedCommand): void | Promise<void> {
  session.verb = command.verb;
  if (!command.ok) return session.answer(command.reply);
  if (ABSENT.has(command.verb)) return session.answer(ABSENT_VERB);
  const verb = command.verb as Verb;
  const row = COMMANDS[verb];
  const absent = row.absent?.(session);
  if (absent) return session.answer(absent);
  if (row.junk && session.budget.addJunk()) return session.endAsAbuse();
  const rule = ORDER[verb][session.phase];
  if (rule === "go") {
    const { argument } = command;
    if (!session.options.faults || !mayFail(session, verb)) return row.run(session, argument);
    return runWithFaults(session, { verb, argument, run: () => row.run(session, argument) });
  }
  const forgiven = isForgiven(session, verb);
  if (row.misplaced) return row.misplaced(session, command.argument, rule, forgiven);
  if (forgiven) session.forgive(rule);
  else session.answer(rule);
}

/**
 * A client that pipelines has sent RCPT and DATA before it learns that MAIL, or all its RCPTs, or a chunk, were
 * refused: that is its right (RFC 2920 3.1).
 */
function isForgiven(session: SessionState, verb: Verb): boolean {
  if (verb !== "RCPT" && verb !== "DATA" && verb !== "BDAT") return false;
  const { transaction } = session;
  if (!transaction) return session.mailRefused;
  return session.phase === "bdatFailed" || (transaction.recipients.length === 0 && transaction.refused > 0);
}

function absentInLmtp({ options }: SessionState): Reply | undefined {
  // RFC 2033 4.1: a client of the other protocol must notice at once
  return options.service === "lmtp" ? UNKNOWN_VERB : undefined;
}

function rset(session: SessionState, argument: string): void {
  if (argument !== "") return session.answer(NO_ARGUMENT);
  session.reset();
  session.say(RESET_OK);
}

function quit(session: SessionState, argument: string): void {
  if (argument !== "") return session.answer(NO_ARGUMENT);
  session.end("quit");
  session.say(kept(221, "2.0.0", `${session.options.hostname} closes the connection`));
}

function verb(session: SessionState): void {
  if (!session.reception.may("VERB", session.facts)) return session.answer(VERB_REFUSED);
  session.facts.verbose = true;
  session.say(VERBOSE_ON);
}

function starttls(session: SessionState, argument: string): void | Promise<void> {
  if (!session.options.tls) return session.answer(ABSENT_VERB);
  if (argument !== "") return session.answer(NO_ARGUMENT);
  if (session.facts.tls) return session.answer(ALREADY_TLS);
  if (session.facts.account !== undefined) return session.answer(ALREADY_IN);
  session.say(TLS_READY);
  // a moment later: a time-out that is set now would be cleared by who waits for this
  if (!session.over) return Promise.resolve().then(() => session.encrypt());
}

function auth(session: SessionState, argument: string): void | Promise<void> {
  if (session.facts.account !== undefined) return session.answer(ALREADY_IN);
  if (!isLoginSafe(session)) return session.answer(TLS_BEFORE_AUTH);
  if (argument === "") return session.answer(NEEDS_ARGUMENT);
  const blank = argument.indexOf(" ");
  if (blank < 0) return beginLogin(session, argument);
  return beginLogin(session, argument.slice(0, blank), argument.slice(blank + 1).trim());
}

const UTF8_WANTED = reply(553, "5.6.8", "The answer is not in ASCII; add SMTPUTF8 to the command");

/** VRFY and EXPN (RFC 5321 3.5), also with names beyond ASCII (RFC 6531 3.7.4.2). */
function lookUp(verb: "VRFY" | "EXPN", session: SessionState, argument: string): void | Promise<void> {
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
