/** The writer of bodies: small ones in memory, large ones written ahead; and the draft for the accepting commit. */

import { concat } from "../../base/bytes.ts";
import type { Clock } from "../../base/clock.ts";
import {
  type BodyMark,
  type BodyRef,
  CHUNK_SIZE,
  chunkCount,
  MUTATION_SIZE,
  removeMarked,
  setChunks,
  SMALL_SIZE,
} from "./layout.ts";
import * as keys from "../keys.ts";
import { u64 } from "../port.ts";
import type { Store } from "../store.ts";
import { StorageError } from "../storage_error.ts";
import type { Write } from "../write.ts";

/** What a body writer needs beside the store. */
export interface BodyWriterOptions {
  /** The body's id, never used before. */
  readonly id: string;
  /** For the mark of what is written ahead. */
  readonly clock: Clock;
  /** What stands before the rest is known only at the end: the first chunk of what is written ahead is left for it. */
  readonly frontLater?: boolean;
}

const FIRST_BUFFER = 8 * 1024;
const NOTHING = new Uint8Array(0);

/**
 * Takes one body in. Holds 120 KiB of it at most: what is more is written ahead in chunks, under a mark that says
 * that no record owns them yet (see `bodies.ts` for the states). Each such commit renews the mark and checks that it
 * is still there, so a writer that was taken for dead writes nothing more.
 */
export class BodyWriter {
  readonly #store: Store;
  readonly #id: string;
  readonly #clock: Clock;
  readonly #frontLater: boolean;
  #buffer: Uint8Array = NOTHING;
  #filled = 0;
  #size = 0;
  /** The full chunks in the store, with the one that is left free, and the versionstamp of the mark over them. */
  #chunks: number;
  #mark: string | null = null;
  #appending: Promise<void> | undefined;
  #startedAhead = false;
  /** Why no more can be appended. */
  #ended: "finished" | "aborted" | "broken" | undefined;

  /** Begins a body; the store hears nothing of it yet. */
  constructor(store: Store, options: BodyWriterOptions) {
    this.#store = store;
    this.#id = options.id;
    this.#clock = options.clock;
    this.#frontLater = options.frontLater ?? false;
    this.#chunks = this.#frontLater ? 1 : 0;
  }

  /** How many bytes were appended. */
  get size(): number {
    return this.#size;
  }

  /**
   * Copies a piece of the body. Answers a promise only when it has to write ahead: then the piece must stay as it is,
   * and nothing else may be appended, until that promise is settled. It rejects with a {@linkcode StorageError}.
   */
  append(piece: Uint8Array): void | Promise<void> {
    this.#mustBeOpen();
    this.#size += piece.length;
    if (this.#filled + piece.length <= SMALL_SIZE) return this.#copy(piece);
    const appending = this.#appendAhead(piece).finally(() => this.#appending = undefined);
    this.#appending = appending;
    return appending;
  }

  /** Ends the body, with what stands before it (64 KiB at most). Does no I/O: the draft says what to commit. */
  finish(front: Uint8Array = NOTHING): BodyDraft {
    this.#mustBeOpen();
    if (front.length > 0 && !this.#frontLater) {
      throw new Error(`No room was left before the body ${this.#id}.`);
    }
    this.#ended = "finished";
    const rest = this.#buffer.subarray(0, this.#filled);
    if (this.#mark === null) return makeDraft(this.#id, front.length > 0 ? concat([front, rest]) : rest);
    return makeDraft(this.#id, rest, {
      chunks: this.#chunks,
      size: this.#size - rest.length + front.length,
      mark: this.#mark,
      ...(this.#frontLater && { front }),
    });
  }

  /**
   * Gives the body up, also after `finish()`, and removes what was written ahead; a body that was committed stays.
   * Never rejects: what can't be removed now is left to the sweeper.
   */
  async abort(): Promise<void> {
    this.#ended = "aborted";
    this.#buffer = NOTHING;
    if (!this.#startedAhead) return;
    try {
      await this.#appending;
    } catch {
      // the caller of append() knows
    }
    try {
      const entry = await this.#store.kv.get<BodyMark>(keys.bodyPending(this.#id));
      if (entry.versionstamp !== null) await removeMarked(this.#store, entry);
    } catch {
      // the mark stays, so the sweeper finds it
    }
  }

  #mustBeOpen(): void {
    if (this.#ended) throw new Error(`The body ${this.#id} takes nothing more: it is ${this.#ended}.`);
    if (this.#appending) throw new Error(`The body ${this.#id} is still writing: await append() first.`);
  }

  #copy(piece: Uint8Array): void {
    const needed = this.#filled + piece.length;
    if (needed > this.#buffer.length) {
      const grown = new Uint8Array(
        Math.min(Math.max(needed, this.#buffer.length * 2, FIRST_BUFFER), SMALL_SIZE),
      );
      grown.set(this.#buffer.subarray(0, this.#filled));
      this.#buffer = grown;
    }
    this.#buffer.set(piece, this.#filled);
    this.#filled = needed;
  }

  async #appendAhead(piece: Uint8Array): Promise<void> {
    try {
      for (let at = 0; at < piece.length;) {
        if (this.#filled === SMALL_SIZE) await this.#writeAhead();
        if (this.#ended) return; // aborted meanwhile
        const part = piece.subarray(at, at + SMALL_SIZE - this.#filled);
        this.#copy(part);
        at += part.length;
      }
    } catch (error) {
      this.#ended ??= "broken";
      throw error;
    }
  }

  /** Writes the full buffer; it can be filled anew when that is done. */
  async #writeAhead(): Promise<void> {
    this.#startedAhead = true;
    const key = keys.bodyPending(this.#id);
    const mark: BodyMark = { at: this.#clock.now(), chunks: this.#chunks + SMALL_SIZE / CHUNK_SIZE };
    const result = await this.#store.write({
      checks: [{ key, versionstamp: this.#mark }],
      mutations: [{ type: "set", key, value: mark }, ...setChunks(this.#id, this.#buffer, this.#chunks)],
      size: SMALL_SIZE + 3 * MUTATION_SIZE,
    });
    if (!result.ok) {
      throw new StorageError("failed", `The body ${this.#id} was removed while it was still being written.`);
    }
    this.#mark = result.versionstamp;
    this.#chunks = mark.chunks;
    this.#filled = 0;
  }
}

/** The most bytes that {@linkcode draftOf} takes, so that there is room for the records in the same commit. */
export const DRAFT_LIMIT = 700 * 1024;

/** A complete body that no record owns yet. */
export interface BodyDraft {
  /** Its size in bytes. */
  readonly size: number;
  /** The whole body, when nothing of it was written ahead. */
  readonly inMemory?: Uint8Array;
  /** How records name it that are `owners` together. */
  ref(owners: number): BodyRef;
  /**
   * What has to be in the commit with the owners' records: the rest of the chunks, the counter when there is more
   * than one owner, and that the body was not swept meanwhile. May be asked for again when that commit failed.
   */
  write(owners: number): Write;
}

/** What of a body is in the store already. */
interface WrittenAhead {
  /** How many chunks: all of them are full, but for the one that `front` is for. */
  readonly chunks: number;
  /** Their size in bytes, with that of `front`. */
  readonly size: number;
  /** The versionstamp of the mark. */
  readonly mark: string;
  /** What the chunk in front of them will hold. */
  readonly front?: Uint8Array;
}

/** Makes a draft of a whole body in memory, such as a report. The bytes are not copied: they must stay as they are. */
export function draftOf(id: string, bytes: Uint8Array): BodyDraft {
  if (bytes.length > DRAFT_LIMIT) {
    throw new RangeError(`A body of ${bytes.length} bytes; a draft in memory takes ${DRAFT_LIMIT} at most.`);
  }
  return makeDraft(id, bytes);
}

/** Makes a draft of what was written ahead, and the rest in memory. */
function makeDraft(id: string, rest: Uint8Array, ahead?: WrittenAhead): BodyDraft {
  const size = (ahead?.size ?? 0) + rest.length;
  const chunks = (ahead?.chunks ?? 0) + chunkCount(rest.length);

  function write(owners: number): Write {
    const mutations = setChunks(id, rest, ahead?.chunks ?? 0);
    const checks: Deno.AtomicCheck[] = [];
    if (isShared(owners)) {
      mutations.push({ type: "set", key: keys.bodyRefs(id), value: u64(owners) });
    }
    if (ahead) {
      const key = keys.bodyPending(id);
      checks.push({ key, versionstamp: ahead.mark });
      mutations.push({ type: "delete", key });
    }
    const front = ahead?.front;
    if (front) mutations.push({ type: "set", key: keys.body(id, 0), value: front });
    const size = rest.length + (front?.length ?? 0) + mutations.length * MUTATION_SIZE;
    return { checks, mutations, size };
  }

  const ref = (owners: number) => ({ id, size, chunks, shared: isShared(owners) });
  return ahead ? { size, ref, write } : { size, inMemory: rest, ref, write };
}

function isShared(owners: number): boolean {
  if (owners >= 1 && Number.isSafeInteger(owners)) return owners > 1;
  throw new RangeError(`A body for ${owners} owners; it needs one or more.`);
}
