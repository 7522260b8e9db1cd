/** The reading of the text of DATA up to its end (RFC 5321 4.5.2). */

import { DotReader, type DotState } from "../../wire/dot_reader.ts";
import type { Progress, ReadingMode, SessionState } from "./session_state.ts";
import {
  bareLineEnds,
  contentPatience,
  finishContent,
  hasGoneTooFar,
  keep,
  refuseContent,
} from "./message_content.ts";

/** Reads text with dots, and hands it to the transaction's sink. */
export class DataMode implements ReadingMode {
  readonly interruptible = false;
  readonly #reader: DotReader;

  constructor(session: SessionState) {
    this.#reader = new DotReader({ bare: bareLineEnds(session) });
    session.line.expectBulk(true);
  }

  patience(session: SessionState): number {
    return contentPatience(session);
  }

  take(session: SessionState): Progress | Promise<Progress> {
    const { line } = session;
    if (line.available === 0) return "more";
    const { used, pieces, state } = this.#reader.push(line.buffered);
    if (state !== "more" && state !== "end") return refuseContent(session, state);
    const waiting = keep(session, pieces);
    if (waiting) return waiting.then(() => this.#taken(session, used, state));
    return this.#taken(session, used, state);
  }

  #taken(session: SessionState, used: number, state: DotState): Progress | Promise<Progress> {
    session.line.consume(used);
    if (hasGoneTooFar(session, session.transaction!)) return refuseContent(session, "farTooBig");
    return state === "end" ? finishContent(session) : "again";
  }
}
