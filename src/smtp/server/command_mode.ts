/** The reading of commands, one line after the other. */

import { sleep } from "../../base/clock.ts";
import { looksEncrypted, looksForeign } from "../../wire/foreign.ts";
import { MAX_AUTH_LINE, MAX_COMMAND, parseCommand, startsWithAuth } from "../protocol/command.ts";
import { dispatch } from "./commands.ts";
import {
  BARE_LF_IN_COMMAND,
  FOREIGN_PROTOCOL,
  INTERNAL_ERROR,
  LINE_TOO_LONG,
  SHUTTING_DOWN,
} from "../protocol/replies.ts";
import { PARTING_MS, type Progress, type ReadingMode, type SessionState } from "./session_state.ts";
import { contentPatience } from "./message_content.ts";

/** Reads commands; one for each session. */
export class CommandMode implements ReadingMode {
  #waiting = false;
  #begun = false;

  get interruptible(): boolean {
    return true;
  }

  /**
   * The time-out is for a whole line: an octet now and then doesn't prolong it. Between the chunks of a message its own
   * time runs too.
   */
  patience(session: SessionState): number | undefined {
    if (this.#waiting) return undefined;
    this.#waiting = true;
    if (session.parting) return PARTING_MS;
    const { commandTimeoutMs } = session.options.limits;
    return session.phase === "chunks"
      ? Math.min(commandTimeoutMs, contentPatience(session))
      : commandTimeoutMs;
  }

  take(session: SessionState): Progress | Promise<Progress> {
    const { line } = session;
    if (line.available > 0) {
      // such a client may never send a whole line
      const foreign = this.#begun ? looksEncrypted(line.first) : looksForeign(line.buffered);
      this.#begun = true;
      if (foreign) return refuseForeign(session);
    }
    const long = line.available >= MAX_COMMAND && startsWithAuth(line.buffered);
    const next = line.line(long ? MAX_AUTH_LINE : MAX_COMMAND);
    if (!next) return "more";
    this.#waiting = false;
    session.verb = "other";
    if (next.kind !== "line") {
      session.answer(next.kind === "tooLong" ? LINE_TOO_LONG : BARE_LF_IN_COMMAND);
      return rateLimited(session, "again");
    }
    const command = parseCommand(next.bytes, session.trusts);
    if (session.parting && command.verb !== "BDAT") {
      session.end("refused");
      return "again";
    }
    if (session.options.closing.aborted && !mayGoOn(session, command.verb)) {
      session.end("shutdown");
      session.say(SHUTTING_DOWN);
      return "again";
    }
    return rateLimited(session, this.#run(session, command));
  }

  #run(session: SessionState, command: ReturnType<typeof parseCommand>): Progress | Promise<Progress> {
    try {
      const running = dispatch(session, command);
      if (!running) return "again";
      return running.then(() => "again" as const, (error) => broke(session, error));
    } catch (error) {
      return broke(session, error);
    }
  }
}

/** What comes after a command; later when the client sends too many. */
function rateLimited(
  session: SessionState,
  after: Progress | Promise<Progress>,
): Progress | Promise<Progress> {
  const ms = session.budget.pause();
  if (ms === 0 || session.over || session.mode) return after;
  const { clock, closing } = session.options;
  return Promise.resolve(after).then((progress) => sleep(clock, ms, closing).then(() => progress));
}

/** A message in chunks is finished, and QUIT is answered, also while the server shuts down. */
function mayGoOn(session: SessionState, verb: string): boolean {
  return verb === "QUIT" || (verb === "BDAT" && session.phase === "chunks");
}

function refuseForeign(session: SessionState): Progress {
  session.answer(FOREIGN_PROTOCOL);
  return "again";
}

function broke(session: SessionState, error: unknown): Progress {
  session.logError(error);
  session.answer(INTERNAL_ERROR);
  return "again";
}
