/** In charge of reading the octets of one BDAT: exactly as many as it announced, kept or thrown away (RFC 3030 2). */

import type { Reply } from "../protocol/reply.ts";
import { CHUNK_OK } from "../protocol/replies.ts";
import type { Progress, ReadingMode, SessionState } from "./session_state.ts";
import { answerText, finishText, keep, octetsPatience, refuseText, textPatience } from "./message_content.ts";

/** What BDAT announced. */
export interface Chunk {
  /** Octets that follow. */
  readonly size: number;
  /** The text ends with this chunk. */
  readonly last: boolean;
  /** The octets are thrown away, and this is the reply to them. */
  readonly refusal?: Reply;
  /** The refusal is not held against the client: it had sent the chunk before it could know. */
  readonly forgiven?: boolean;
}

/** Reads one chunk. */
export class ChunkMode implements ReadingMode {
  readonly interruptible = false;
  readonly #chunk: Chunk;
  readonly #startedAt: number;
  #left: number;

  constructor(session: SessionState, chunk: Chunk) {
    this.#chunk = chunk;
    this.#left = chunk.size;
    this.#startedAt = session.options.clock.monotonic();
    if (chunk.size > 0) session.line.expectBulk(true);
  }

  patience(session: SessionState): number {
    if (!this.#chunk.refusal) return textPatience(session);
    return octetsPatience(session, this.#startedAt, this.#chunk.size - this.#left);
  }

  take(session: SessionState): Progress | Promise<Progress> {
    if (this.#left === 0) return this.#end(session);
    const { line } = session;
    if (line.available === 0) return "more";
    const input = line.buffered.subarray(0, this.#left);
    if (this.#chunk.refusal) return this.#taken(session, input.length);
    const pieces = session.transaction!.chunks!.push(input);
    if (typeof pieces === "string") return refuseText(session, pieces);
    const waiting = keep(session, pieces);
    if (waiting) return waiting.then(() => this.#taken(session, input.length));
    return this.#taken(session, input.length);
  }

  #taken(session: SessionState, octets: number): Progress {
    session.line.consume(octets);
    this.#left -= octets;
    return "again";
  }

  #end(session: SessionState): Progress | Promise<Progress> {
    const { refusal, last } = this.#chunk;
    if (refusal) return this.#refused(session, refusal);
    const transaction = session.transaction!;
    if (last) return this.#complete(session);
    if (transaction.failure) return this.#refused(session, transaction.failure);
    session.mode = undefined;
    session.line.expectBulk(false);
    session.say(CHUNK_OK);
    return "again";
  }

  #complete(session: SessionState): Progress | Promise<Progress> {
    const rest = session.transaction!.chunks!.end();
    if (typeof rest === "string") return refuseText(session, rest);
    const waiting = keep(session, rest);
    return waiting ? waiting.then(() => finishText(session)) : finishText(session);
  }

  #refused(session: SessionState, refusal: Reply): Progress {
    const { last, forgiven } = this.#chunk;
    session.mode = undefined;
    session.line.expectBulk(false);
    const begun = session.phase === "rcpt" || session.phase === "chunks" || session.phase === "spoilt";
    if (forgiven && !(begun && last && session.options.service === "lmtp")) session.forgive(refusal);
    else if (begun && last) answerText(session, refusal);
    else session.refuse(refusal);
    if (begun) {
      session.abandonText();
      session.enter(last ? "ready" : "spoilt");
    }
    return "again";
  }
}
