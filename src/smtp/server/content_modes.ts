/** The reading of a message's content: by DATA up to its dot, or by BDAT a chunk of announced size (RFC 5321, 3030). */

import { DotReader, type DotState } from "../../wire/dot_reader.ts";
import { CHUNK_OK } from "../protocol/replies.ts";
import { closing, type Reply } from "../protocol/reply.ts";
import {
  answerContent,
  bareLineEnds,
  contentPatience,
  finishContent,
  hasGoneTooFar,
  keep,
  octetsPatience,
  refuseChunk,
  refuseContent,
} from "./message_content.ts";
import type { Progress, ReadingMode, SessionState } from "./session_state.ts";

/** Reads content with dots, up to its end (RFC 5321 4.5.2), and hands it to the transaction's sink. */
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

/** What BDAT announced. */
export interface Chunk {
  /** Octets that follow. */
  readonly size: number;
  /** The content ends with this chunk. */
  readonly last: boolean;
  /** The octets are thrown away, and this is the reply to them. */
  readonly refusal?: Reply;
  /** The refusal is not held against the client: it had sent the chunk before it could know. */
  readonly forgiven?: boolean;
}

/** Reads one chunk: exactly as many octets as it announced, kept or thrown away (RFC 3030 2). */
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
    if (begun) session.failBdat(refusal);
    if (begun && last) session.enter("ready");
    return this.#leave(session);
  }

  #leave(session: SessionState): Progress {
    session.mode = undefined;
    session.line.expectBulk(false);
    return "again";
  }
}
