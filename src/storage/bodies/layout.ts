/** The layout of a body in the store: the ref of its records, its chunks, its mark, and its removal step by step. */

import * as keys from "../keys.ts";
import { isU64, type Kv } from "../port.ts";
import type { Store } from "../store.ts";
import { StorageError } from "../storage_error.ts";

/** Names a stored body: the message's bytes from its first header field on, CRLF line ends, not dot-stuffed. */
export interface BodyRef {
  /** The body's id. */
  readonly id: string;
  /** Its size in bytes. */
  readonly size: number;
  /** How many chunks it has. */
  readonly chunks: number;
  /**
   * False: the record that holds this ref is the only owner, and who deletes that record deletes the body.
   * True: the owners are counted under the body's `refs` key.
   */
  readonly shared: boolean;
}

/** The most bytes of a chunk; KV takes values of up to 64 KiB. */
export const CHUNK_SIZE = 60 * 1024;

/** A body up to this size is written by the commit that accepts it; a larger one is written ahead. */
export const SMALL_SIZE = 2 * CHUNK_SIZE;

/**
 * Up to so many chunks are deleted by the commit that lets the body go; more are left to the sweeper, and so is all that
 * may be in a file.
 */
export function smallChunks({ files }: Kv): number {
  return files ? SMALL_SIZE / CHUNK_SIZE : 8;
}

/** A body in a file has so many rows: its first chunk, and in place of the second one the size of the file. */
export const FILE_ROWS = 2;

/** How many chunks the sweeper deletes in one commit: about 4 ms of disk, so that others hardly wait. */
const SWEEP_CHUNKS = 64;

/** About how many bytes one mutation takes beside its value. */
export const MUTATION_SIZE = 40;

/** The value under `keys.bodyPending(id)`: no record owns this body. */
export interface BodyMark {
  /** When its writer was last seen: milliseconds since 1970; 0 when it only waits to be removed. */
  readonly at: number;
  /** It has no chunk of this number or above. */
  readonly chunks: number;
  /** It is written into a file; absent where it may have been stored: the row of its second chunk says so then. */
  readonly file?: true;
}

/** How many chunks a body of that size has. */
export function chunkCount(size: number): number {
  return Math.ceil(size / CHUNK_SIZE);
}

/** Sets the chunks of `bytes`, numbered from `first`. The values are views: the bytes must stay as they are. */
export function setChunks(id: string, bytes: Uint8Array, first: number): Deno.KvMutation[] {
  const mutations: Deno.KvMutation[] = [];
  for (let at = 0, n = first; at < bytes.length; at += CHUNK_SIZE, n++) {
    mutations.push({ type: "set", key: keys.body(id, n), value: bytes.subarray(at, at + CHUNK_SIZE) });
  }
  return mutations;
}

/** Deletes the chunks from `first` up to, not including, `end`. */
export function deleteChunks(id: string, first: number, end: number): Deno.KvMutation[] {
  const mutations: Deno.KvMutation[] = [];
  for (let n = first; n < end; n++) mutations.push({ type: "delete", key: keys.body(id, n) });
  return mutations;
}

/**
 * Removes a marked body; may be stopped anywhere and done again. Answers false when the mark changed meanwhile: its
 * writer lives, or its record was committed.
 */
export async function removeMarked(store: Store, entry: Deno.KvEntry<BodyMark>): Promise<boolean> {
  const id = entry.key[1] as string;
  const { chunks } = entry.value;
  const checks = [{ key: entry.key, versionstamp: entry.versionstamp }];
  if (entry.value.file || isU64((await store.kv.get(keys.body(id, 1))).value)) {
    return await removeFile(store, entry);
  }
  for (let first = 0;; first += SWEEP_CHUNKS) {
    const end = Math.min(first + SWEEP_CHUNKS, chunks);
    const mutations = deleteChunks(id, first, end);
    // With the first step the mark changes, so that its writer can't go on; with the last step it goes.
    if (end === chunks) mutations.push({ type: "delete", key: entry.key });
    else if (first === 0) mutations.push({ type: "set", key: entry.key, value: { at: 0, chunks } });
    const result = await store.write({
      checks: first === 0 ? checks : [],
      mutations,
      size: mutations.length * MUTATION_SIZE,
    });
    if (!result.ok) return false;
    if (end === chunks) return true;
  }
}

/** The same for a body in a file. While a backup copies files those of bodies that were stored stay, with their marks. */
async function removeFile(
  store: Store,
  { key, versionstamp, value }: Deno.KvEntry<BodyMark>,
): Promise<boolean> {
  const id = key[1] as string;
  const { files } = store.kv;
  if (!files) throw new StorageError("failed", `The body ${id} is in a file, and this store has none.`);
  if (files.held && !value.file) return false;
  if (value.at !== 0) { // its writer can't go on from here
    const mark: BodyMark = { ...value, at: 0 };
    const result = await store.write({
      checks: [{ key, versionstamp }],
      mutations: [{ type: "set", key, value: mark }],
      size: MUTATION_SIZE,
    });
    if (!result.ok) return false;
  }
  await files.remove(id); // may be done again
  const mutations = [...deleteChunks(id, 0, FILE_ROWS), { type: "delete" as const, key }];
  await store.write({ mutations, size: mutations.length * MUTATION_SIZE });
  return true;
}
