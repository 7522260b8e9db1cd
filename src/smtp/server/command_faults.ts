/** The faults of commands: what rules say is done in place of an answer, before it, or to it. */

import type { FaultAction } from "../../faults/action.ts";
import type { FaultStage } from "../../faults/rule.ts";
import type { FaultPoint } from "../../faults/rules.ts";
import type { Verb } from "../protocol/command.ts";
import { TLS_READY } from "../protocol/replies.ts";
import type { Reply } from "../protocol/reply.ts";
import { addressIn, refuseBdat } from "./envelope_commands.ts";
import { asReply, breakHandshake, envelopeOf, passes } from "./session_faults.ts";
import type { SessionState } from "./session_state.ts";

const STAGES: Readonly<Partial<Record<Verb, FaultStage>>> = {
  HELO: "ehlo",
  EHLO: "ehlo",
  LHLO: "ehlo",
  STARTTLS: "starttls",
  AUTH: "auth",
  MAIL: "mail",
  RCPT: "rcpt",
  DATA: "data",
  BDAT: "data",
};

/** A command that is in its place, and what does it. */
interface Command {
  readonly verb: Verb;
  readonly argument: string;
  run(): void | Promise<void>;
}

/** May a rule act at this verb? */
export function mayFail({ options }: SessionState, verb: Verb): boolean {
  const stage = STAGES[verb];
  return stage !== undefined && options.faults?.watches(stage) === true;
}

/** Does a command, or what the rules say in place of it. */
export function runWithFaults(session: SessionState, command: Command): void | Promise<void> {
  const point = pointOf(session, STAGES[command.verb]!, command);
  const action = point && session.options.faults!.at(point);
  return action ? act(session, command, action) : command.run();
}

async function act(
  session: SessionState,
  command: Command,
  coming: FaultAction | Promise<FaultAction | undefined>,
): Promise<void> {
  const action = await coming;
  if (action?.kind === "reply") return refuse(session, command, asReply(action));
  if (action?.kind === "tlsFail") return await failTls(session, command);
  if (await passes(session, action)) await command.run();
}

/** What is known when a command is answered; undefined: nothing that it would be answered for. */
function pointOf(session: SessionState, stage: FaultStage, command: Command): FaultPoint | undefined {
  const { transaction } = session;
  if (stage === "mail") {
    const from = addressIn(session, command.argument, "FROM");
    return from === undefined ? undefined : { stage, from };
  }
  if (stage === "rcpt") {
    const to = addressIn(session, command.argument, "TO");
    return to === undefined ? undefined : { stage, from: transaction!.sender, to: [to] };
  }
  if (stage !== "data") return { stage };
  // the first BDAT only
  return session.phase === "chunks" ? undefined : { stage, ...envelopeOf(session) };
}

/** Says no to a command, so that what a client has sent behind it already is understood all the same. */
function refuse(session: SessionState, { verb, argument }: Command, why: Reply): void {
  if (verb === "BDAT") return refuseBdat(session, argument, why);
  if (verb === "MAIL") session.mailRefused = true;
  if (verb === "RCPT") session.transaction!.refused++;
  if (verb === "DATA") session.enter("ready");
  // no error of the client: nothing is counted
  session.say(why);
}

/** Says that TLS may begin, and lets the handshake fail. */
async function failTls(session: SessionState, command: Command): Promise<void> {
  const begins = session.options.tls && !session.facts.tls && command.argument === "";
  if (!begins) return await command.run();
  session.say(TLS_READY);
  await breakHandshake(session);
}
