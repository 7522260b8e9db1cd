/** The writer of bodies: small ones in memory, large ones written ahead; and the draft for the accepting commit. */

import { concat } from "../../base/bytes.ts";
import type { Clock } from "../../base/clock.ts";
import { type Ahead, aheadOf, wholeAhead } from "./ahead.ts";
import { type BodyMark, type BodyRef, MUTATION_SIZE, removeMarked, setChunks, SMALL_SIZE } from "./layout.ts";
import * as keys from "../keys.ts";
import { u64 } from "../port.ts";
import type { Store } from "../store.ts";
import { together, type Write } from "../write.ts";

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
 * Takes one body in. Holds 120 KiB of it in memory, or 300 KiB beside a file: what is more is written ahead, under a mark
 * that says that no record owns it yet (see `bodies.ts` for the states). The accepting commit checks that the mark is
 * still there, so a writer that was taken for dead leaves nothing behind.
 */
export class BodyWriter {
  readonly #store: Store;
  readonly #id: string;
  readonly #clock: Clock;
  readonly #frontLater: boolean;
  #buffer: Uint8Array = NOTHING;
  #filled = 0;
  #size = 0;
  /** What was written ahead; undefined: nothing. */
  #ahead: Ahead | undefined;
  #appending: Promise<void> | undefined;
  /** Why no more can be appended. */
  #ended: "finished" | "aborted" | "broken" | undefined;

  /** Begins a body; the store hears nothing of it yet. */
  constructor(store: Store, options: BodyWriterOptions) {
    this.#store = store;
    this.#id = options.id;
    this.#clock = options.clock;
    this.#frontLater = options.frontLater ?? false;
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

  /** Ends the body, with what stands before it (64 KiB at most). Waits for nothing: the draft says what to commit. */
  finish(front: Uint8Array = NOTHING): BodyDraft {
    this.#mustBeOpen();
    if (front.length > 0 && !this.#frontLater) {
      throw new Error(`No room was left before the body ${this.#id}.`);
    }
    this.#ended = "finished";
    const rest = this.#buffer.subarray(0, this.#filled);
    if (!this.#ahead) return makeDraft(this.#id, front.length > 0 ? concat([front, rest]) : rest);
    const size = this.#size + front.length;
    return draft(this.#id, { size, ...this.#ahead.end(rest, this.#frontLater ? front : undefined) });
  }

  /**
   * Gives the body up, also after `finish()`, and removes what was written ahead; a body that was committed stays.
   * Never rejects: what can't be removed now is left to the sweeper.
   */
  async abort(): Promise<void> {
    this.#ended = "aborted";
    this.#buffer = NOTHING;
    if (!this.#ahead) return;
    try {
      await this.#appending;
    } catch {
      // the caller of append() knows
    }
    await this.#ahead.close();
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

  /** Hands the full buffer on. */
  async #writeAhead(): Promise<void> {
    const of = { id: this.#id, clock: this.#clock, frontLater: this.#frontLater };
    this.#ahead ??= aheadOf(this.#store, of);
    this.#buffer = await this.#ahead.take(this.#buffer);
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

/** Makes a draft of a whole body in memory, such as a report. The bytes are not copied: they must stay as they are. */
export function draftOf(id: string, bytes: Uint8Array): BodyDraft {
  if (bytes.length > DRAFT_LIMIT) {
    throw new RangeError(`A body of ${bytes.length} bytes; a draft in memory takes ${DRAFT_LIMIT} at most.`);
  }
  return makeDraft(id, bytes);
}

/**
 * Writes a body that is in memory ahead of the commit of its records, so that this takes less: the draft that it is from
 * then on. `abandon` removes what was written, when there will be no such commit; else the sweeper does.
 */
export async function writtenAhead(
  store: Store,
  of: BodyDraft,
  clock: Clock,
): Promise<{ draft: BodyDraft; abandon: () => Promise<void> }> {
  if (!of.inMemory) return { draft: of, abandon: () => Promise.resolve() };
  const { id, size, chunks } = of.ref(1);
  const write = await wholeAhead(store, { id, bytes: of.inMemory, clock });
  const abandon = async () => {
    const entry = await store.kv.get<BodyMark>(keys.bodyPending(id));
    if (entry.versionstamp !== null) await removeMarked(store, entry);
  };
  return { draft: draft(id, { size, chunks, write }), abandon };
}

function makeDraft(id: string, bytes: Uint8Array): BodyDraft {
  const mutations = setChunks(id, bytes, 0);
  const size = bytes.length;
  const write = { mutations, size: size + mutations.length * MUTATION_SIZE };
  return { ...draft(id, { size, chunks: mutations.length, write }), inMemory: bytes };
}

/** A draft of a body that is whole with that write. */
function draft(
  id: string,
  { size, chunks, write }: { size: number; chunks: number; write: Write },
): BodyDraft {
  return {
    size,
    ref: (owners) => ({ id, size, chunks, shared: isShared(owners) }),
    write(owners) {
      if (!isShared(owners)) return write;
      const counter = { type: "set", key: keys.bodyRefs(id), value: u64(owners) } as const;
      return together(write, { mutations: [counter], size: MUTATION_SIZE });
    },
  };
}

function isShared(owners: number): boolean {
  if (owners >= 1 && Number.isSafeInteger(owners)) return owners > 1;
  throw new RangeError(`A body for ${owners} owners; it needs one or more.`);
}
