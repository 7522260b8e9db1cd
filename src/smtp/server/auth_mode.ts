/** The login of an SMTP client: a SASL exchange, a line each way (RFC 4954). */

import { SaslExchange, type SaslReply } from "../../auth/sasl.ts";
import { lineText, MAX_AUTH_LINE } from "../protocol/command.ts";
import {
  AUTH_OK,
  BARE_LF_IN_COMMAND,
  CANCELLED,
  INTERNAL_ERROR,
  LINE_TOO_LONG,
  TOO_MANY_LOGINS,
  UNKNOWN_MECHANISM,
  WRONG_LOGIN,
} from "../protocol/replies.ts";
import { type Reply, reply } from "../protocol/reply.ts";
import type { Progress, ReadingMode, SessionState } from "./session_state.ts";

/** Begins a login: `AUTH mechanism [initial response]`. */
export function beginLogin(session: SessionState, name: string, initial?: string): void | Promise<void> {
  const { remote, tls } = session.facts;
  const mechanism = session.reception.sasl?.begin(name, {
    address: remote.hostname,
    closing: session.options.closing,
    endPoint: tls?.endPoint,
  });
  if (!mechanism) return session.answer(UNKNOWN_MECHANISM);
  const exchange = new SaslExchange(mechanism);
  const mode = new AuthMode(exchange);
  if (initial === undefined) return mode.challenge(session, exchange.opening);
  return mode.proceed(session, exchange.begin(initial));
}

/** Reads one response a line, until the login has succeeded, failed, or was cancelled. */
class AuthMode implements ReadingMode {
  readonly interruptible = true;
  readonly #exchange: SaslExchange;
  #waiting = false;

  constructor(exchange: SaslExchange) {
    this.#exchange = exchange;
  }

  patience(session: SessionState): number | undefined {
    if (this.#waiting) return undefined;
    this.#waiting = true;
    return session.options.limits.commandTimeoutMs;
  }

  take(session: SessionState): Progress | Promise<Progress> {
    const line = session.line.line(MAX_AUTH_LINE);
    if (!line) return "more";
    this.#waiting = false;
    if (line.kind === "tooLong") return fail(session, LINE_TOO_LONG);
    if (line.kind === "bareLf") return fail(session, BARE_LF_IN_COMMAND);
    const text = lineText(line.bytes);
    if (typeof text !== "string") return fail(session, text);
    return this.proceed(session, this.#exchange.respond(text)).then(() => "again");
  }

  /** Sends a challenge and waits for the response. */
  challenge(session: SessionState, challenge: string): void {
    session.say(reply(334, undefined, challenge));
    session.mode = this;
  }

  /** Answers what the client's message comes to. */
  async proceed(session: SessionState, coming: Promise<SaslReply>): Promise<void> {
    let step: SaslReply;
    try {
      step = await coming;
    } catch (error) {
      session.logError(error);
      return void fail(session, INTERNAL_ERROR);
    }
    if (step.kind === "challenge") return this.challenge(session, step.challenge);
    if (step.kind === "malformed") return void fail(session, reply(501, "5.5.2", step.reason));
    if (step.kind === "cancelled") return void fail(session, CANCELLED);
    const { name: mechanism, user } = this.#exchange.mechanism;
    if (step.kind === "failed") {
      // who had to wait is told that the server goes down, and nothing else
      if (step.why === "refused" && session.options.closing.aborted) return void (session.mode = undefined);
      fail(session, step.why === "refused" ? TOO_MANY_LOGINS : WRONG_LOGIN);
      return session.options.onEvent?.({ kind: "login", ok: false, name: user, mechanism }, session.facts);
    }
    session.mode = undefined;
    const account = session.facts.account = step.account.address;
    session.facts.accountMadeAt = step.account.createdAt;
    session.say(AUTH_OK);
    session.options.onEvent?.({ kind: "login", ok: true, account, mechanism }, session.facts);
  }
}

function fail(session: SessionState, why: Reply): Progress {
  session.mode = undefined;
  session.answer(why);
  return "again";
}
