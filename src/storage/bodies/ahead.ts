/** The two ways to write a large body ahead: in chunks that are rows of the store, or into a file beside it. */

import type { Clock } from "../../base/clock.ts";
import * as keys from "../keys.ts";
import { u64 } from "../port.ts";
import type { Store } from "../store.ts";
import { StorageError } from "../storage_error.ts";
import type { Write } from "../write.ts";
import type { BodyFile, BodyFiles } from "./files.ts";
import {
  type BodyMark,
  CHUNK_SIZE,
  chunkCount,
  FILE_ROWS,
  MUTATION_SIZE,
  setChunks,
  SMALL_SIZE,
} from "./layout.ts";

/** A body whose beginning is in the store before its end is known, and that no record owns yet. */
export interface Ahead {
  /** Takes a full buffer, and answers the one to be filled next; rejects with a {@linkcode StorageError}. */
  take(buffer: Uint8Array): Promise<Uint8Array>;
  /** Ends it with what is left in memory and what stands in front of it: how many chunks it has, and what to commit. */
  end(rest: Uint8Array, front: Uint8Array | undefined): { chunks: number; write: Write };
  /** Nothing more is written to it, which is not rejected for. */
  close(): Promise<void>;
}

/** What of a body is written ahead. */
export interface AheadOptions {
  readonly id: string;
  readonly clock: Clock;
  /** The first chunk is left free for what stands in front. */
  readonly frontLater: boolean;
}

/** Where the store has files they are the quicker way. */
export function aheadOf(store: Store, options: AheadOptions): Ahead {
  const { files } = store.kv;
  return files ? new FileAhead(store, files, options) : new ChunksAhead(store, options);
}

/** The mark over what is written ahead: each renewal checks that it is still there, as does the accepting commit. */
class Mark {
  /** When it was renewed. */
  at = -Infinity;
  readonly #store: Store;
  readonly #id: string;
  readonly #key: Deno.KvKey;
  #versionstamp: string | null = null;

  constructor(store: Store, id: string) {
    this.#store = store;
    this.#id = id;
    this.#key = keys.bodyPending(id);
  }

  /** Sets it, with that. */
  async renew(mark: BodyMark, more: readonly Deno.KvMutation[] = [], size = 0): Promise<void> {
    const result = await this.#store.write({
      checks: [{ key: this.#key, versionstamp: this.#versionstamp }],
      mutations: [{ type: "set", key: this.#key, value: mark }, ...more],
      size: size + 3 * MUTATION_SIZE,
    });
    if (!result.ok) {
      throw new StorageError("failed", `The body ${this.#id} was removed while it was still being written.`);
    }
    this.#versionstamp = result.versionstamp;
    this.at = mark.at;
  }

  /** The end of it, in one commit with those. */
  ended(mutations: readonly Deno.KvMutation[], size: number): Write {
    return {
      checks: [{ key: this.#key, versionstamp: this.#versionstamp }],
      mutations: [...mutations, { type: "delete", key: this.#key }],
      size: size + (mutations.length + 1) * MUTATION_SIZE,
    };
  }
}

/** Writes a whole body ahead, in one commit; answers what ends that. Rejects with a {@linkcode StorageError}. */
export async function wholeAhead(
  store: Store,
  { id, bytes, clock }: { id: string; bytes: Uint8Array; clock: Clock },
): Promise<Write> {
  const mark = new Mark(store, id);
  const chunks = setChunks(id, bytes, 0);
  await mark.renew({ at: clock.now(), chunks: chunks.length }, chunks, bytes.length);
  return mark.ended([], 0);
}

/** Chunks, two in a commit, which renews the mark. */
class ChunksAhead implements Ahead {
  readonly #options: AheadOptions;
  readonly #mark: Mark;
  /** The full chunks in the store, with the one that is left free. */
  #chunks: number;

  constructor(store: Store, options: AheadOptions) {
    this.#options = options;
    this.#mark = new Mark(store, options.id);
    this.#chunks = options.frontLater ? 1 : 0;
  }

  async take(buffer: Uint8Array): Promise<Uint8Array> {
    const { id, clock } = this.#options;
    const chunks = this.#chunks + SMALL_SIZE / CHUNK_SIZE;
    await this.#mark.renew({ at: clock.now(), chunks }, setChunks(id, buffer, this.#chunks), SMALL_SIZE);
    this.#chunks = chunks;
    return buffer;
  }

  end(rest: Uint8Array, front: Uint8Array | undefined): { chunks: number; write: Write } {
    const { id } = this.#options;
    const mutations = setChunks(id, rest, this.#chunks);
    if (front) mutations.push({ type: "set", key: keys.body(id, 0), value: front });
    const write = this.#mark.ended(mutations, rest.length + (front?.length ?? 0));
    return { chunks: this.#chunks + chunkCount(rest.length), write };
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

/** The mark is renewed when it is older than this: milliseconds. */
const RENEW_MS = 600_000;

/**
 * A file for all but the first chunk, which stays in memory until the end. While one buffer is being written the next
 * one is filled, so that disk and network work at the same time.
 */
class FileAhead implements Ahead {
  readonly #options: AheadOptions;
  readonly #files: BodyFiles;
  readonly #mark: Mark;
  #first: Uint8Array | undefined;
  #file: BodyFile | undefined;
  /** The write that is under way, from the buffer that may not be filled yet. */
  #writing: Promise<void> | undefined;
  #other: Uint8Array | undefined;

  constructor(store: Store, files: BodyFiles, options: AheadOptions) {
    this.#options = options;
    this.#files = files;
    this.#mark = new Mark(store, options.id);
  }

  async take(buffer: Uint8Array): Promise<Uint8Array> {
    const { id, clock, frontLater } = this.#options;
    const now = clock.now();
    if (now - this.#mark.at >= RENEW_MS) await this.#mark.renew({ at: now, chunks: FILE_ROWS, file: true });
    let bytes = buffer;
    if (!this.#file) {
      // behind the mark: without one nobody would find it
      this.#file = await this.#files.create(id);
      if (!frontLater) {
        this.#first = buffer.slice(0, CHUNK_SIZE);
        bytes = buffer.subarray(CHUNK_SIZE);
      }
    }
    await this.#writing;
    this.#writing = this.#file.write(bytes);
    this.#writing.catch(() => {}); // who comes next hears of it
    const next = this.#other ?? new Uint8Array(buffer.length);
    this.#other = buffer;
    return next;
  }

  end(rest: Uint8Array, front: Uint8Array | undefined): { chunks: number; write: Write } {
    const { id } = this.#options;
    const file = this.#file!;
    const size = file.size + rest.length;
    const prepared = this.#finish(file, rest);
    prepared.catch(() => {}); // who commits hears of it
    const first = front ?? this.#first!;
    const rows = [
      { type: "set", key: keys.body(id, 0), value: first },
      { type: "set", key: keys.body(id, 1), value: u64(size) },
    ] as const;
    return { chunks: 1 + chunkCount(size), write: { ...this.#mark.ended(rows, first.length), prepared } };
  }

  #finish(file: BodyFile, rest: Uint8Array): Promise<void> {
    const finishing = (async () => {
      await this.#writing;
      await file.write(rest);
      await file.sync();
    })().finally(() => file.close());
    return this.#writing = finishing;
  }

  async close(): Promise<void> {
    await this.#writing?.catch(() => {});
    this.#file?.close();
  }
}
