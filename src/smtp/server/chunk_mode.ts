/** The reading of the octets of one BDAT: exactly as many as it announced, kept or thrown away (RFC 3030 2). */

import { closing, type Reply } from "../protocol/reply.ts";
import { CHUNK_OK } from "../protocol/replies.ts";
import type { Progress, ReadingMode, SessionState } from "./session_state.ts";
import {
  answerContent,
  contentPatience,
  finishContent,
  keep,
  octetsPatience,
  refuseChunk,
  refuseContent,
} from "./message_content.ts";

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
  /** The octets are thrown away; why was said already. */
  #faulty = false;
  #left: number;

  constructor(session: SessionState, chunk: Chunk) {
    this.#chunk = chunk;
    this.#left = chunk.size;
    this.#startedAt = session.options.clock.monotonic();
    if (chunk.size > 0) session.line.expectBulk(true);
  }

  patience(session: SessionState): number {
    if (!this.#chunk.refusal && !this.#faulty) return contentPatience(session);
    return octetsPatience(session, this.#startedAt, this.#chunk.size - this.#left);
  }

  take(session: SessionState): Progress | Promise<Progress> {
    if (this.#left === 0) return this.#end(session);
    const { line } = session;
    if (line.available === 0) return "more";
    const input = line.buffered.subarray(0, this.#left);
    if (this.#chunk.refusal || this.#faulty) return this.#taken(session, input.length);
    const pieces = session.transaction!.chunks!.push(input);
    if (typeof pieces === "string") {
      if (this.#chunk.last) return refuseContent(session, pieces);
      refuseChunk(session, pieces);
      this.#faulty = true;
      return this.#taken(session, input.length);
    }
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
    if (this.#faulty) return this.#leave(session);
    if (refusal) return this.#refused(session, refusal);
    const transaction = session.transaction!;
    if (last) return this.#complete(session);
    if (transaction.failure) return this.#refused(session, transaction.failure);
    session.say(CHUNK_OK);
    return this.#leave(session);
  }

  #complete(session: SessionState): Progress | Promise<Progress> {
    const rest = session.transaction!.chunks!.end();
    if (typeof rest === "string") return refuseContent(session, rest);
    const waiting = keep(session, rest);
    return waiting ? waiting.then(() => finishContent(session)) : finishContent(session);
  }

  #refused(session: SessionState, refusal: Reply): Progress {
    const { last, forgiven } = this.#chunk;
    const why = last && session.parting ? closing(refusal) : refusal;
    const begun = session.phase === "rcpt" || session.phase === "chunks" || session.phase === "bdatFailed";
    if (forgiven && !(begun && last && session.options.service === "lmtp")) session.forgive(why);
    else if (begun && last) answerContent(session, why);
    else session.refuse(why);
    if (begun) session.spoil(refusal);
    if (begun && last) session.enter("ready");
    return this.#leave(session);
  }

  #leave(session: SessionState): Progress {
    session.mode = undefined;
    session.line.expectBulk(false);
    return "again";
  }
}
