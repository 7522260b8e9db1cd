/** The reader of the responses of a client that logs in (RFC 4954 4). */

import { encode } from "../../base/bytes.ts";
import { lineText, MAX_AUTH_LINE } from "../protocol/command.ts";
import {
  AUTH_OK,
  BAD_BASE64,
  BAD_RESPONSE,
  BARE_LF_IN_COMMAND,
  CANCELLED,
  INTERNAL_ERROR,
  LINE_TOO_LONG,
  UNKNOWN_MECHANISM,
  WRONG_LOGIN,
} from "../protocol/replies.ts";
import { type Reply, reply } from "../protocol/reply.ts";
import { decodeResponse, type Mechanism, mechanism, type SaslStep } from "./sasl.ts";
import type { Progress, ReadingMode, SessionState } from "./session_state.ts";

/** Begins a login: `AUTH mechanism [initial response]`. */
export function beginLogin(
  session: SessionState,
  name: string,
  initial: string | undefined,
): void | Promise<void> {
  const chosen = mechanism(name, session.reception, session.facts);
  if (!chosen) return session.answer(UNKNOWN_MECHANISM);
  const mode = new AuthMode(chosen);
  if (initial !== undefined) return mode.respond(session, initial);
  mode.challenge(session, chosen.opening);
}

/** Reads one response a line, until the login has succeeded, failed, or was cancelled. */
class AuthMode implements ReadingMode {
  readonly interruptible = true;
  readonly #mechanism: Mechanism;
  #waiting = false;

  constructor(chosen: Mechanism) {
    this.#mechanism = chosen;
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
    if (line.kind === "tooLong") return this.#fail(session, LINE_TOO_LONG);
    if (line.kind === "bareLf") return this.#fail(session, BARE_LF_IN_COMMAND);
    const text = lineText(line.bytes);
    if (typeof text !== "string") return this.#fail(session, text);
    if (text === "*") return this.#fail(session, CANCELLED);
    const responding = this.respond(session, text);
    return responding ? responding.then(() => "again" as const) : "again";
  }

  /** Takes a response in base64. */
  respond(session: SessionState, text: string): void | Promise<void> {
    const message = decodeResponse(text);
    if (!message) return void this.#fail(session, BAD_BASE64);
    let step: SaslStep | Promise<SaslStep>;
    try {
      step = this.#mechanism.step(message);
    } catch (error) {
      return this.#broke(session, error);
    }
    if (!(step instanceof Promise)) return this.#proceed(session, step);
    return step.then((done) => this.#proceed(session, done), (error) => this.#broke(session, error));
  }

  /** Sends a challenge and waits for the response. */
  challenge(session: SessionState, challenge: string | Uint8Array): void {
    const bytes = typeof challenge === "string" ? encode(challenge) : challenge;
    session.say(reply(334, undefined, bytes.toBase64()));
    session.mode = this;
  }

  #proceed(session: SessionState, step: SaslStep): void {
    if (step === "malformed") return void this.#fail(session, BAD_RESPONSE);
    if ("challenge" in step) return this.challenge(session, step.challenge);
    if ("refused" in step) return this.#refused(session, step.refused);
    session.mode = undefined;
    session.facts.account = step.account;
    session.say(AUTH_OK);
    const { name } = this.#mechanism;
    session.options.onEvent?.(
      { kind: "login", ok: true, account: step.account, mechanism: name },
      session.facts,
    );
  }

  /** A login that was cancelled, or that nobody understands, is none that failed. */
  #fail(session: SessionState, of: Reply): Progress {
    session.mode = undefined;
    session.answer(of);
    return "again";
  }

  #refused(session: SessionState, of: Reply): void {
    this.#fail(session, of);
    if (of.code !== WRONG_LOGIN.code && of.code !== 421) return;
    const { name, user } = this.#mechanism;
    session.options.onEvent?.({ kind: "login", ok: false, name: user, mechanism: name }, session.facts);
  }

  #broke(session: SessionState, error: unknown): void {
    session.mode = undefined;
    session.trouble(error);
    session.answer(INTERNAL_ERROR);
  }
}
