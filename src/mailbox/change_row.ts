/** A packed row of what went out of folders, and when: for those who ask later (RFC 7162 3.2). */

import type { UidRange } from "./folders.ts";
import { Packer, packRanges, Unpacker, unpackRanges } from "./packing.ts";

const VERSION = 1;

/** A row of so many octets takes nothing more. */
export const CHANGES_FULL = 4096;

/** Messages that went out of one folder at one mod-sequence. */
export interface Went {
  readonly modseq: number;
  readonly folder: number;
  readonly uids: readonly UidRange[];
}

/** Packs a change, to stand behind others in a row. */
export function packWent(
  went: { modseq: number; folder: number; uids: ArrayLike<number> },
): Uint8Array<ArrayBuffer> {
  const packer = new Packer(VERSION);
  packer.number(went.modseq);
  packer.number(went.folder);
  packRanges(packer, went.uids);
  return packer.packed();
}

/** A row with one more change at its end. */
export function withWent(row: Uint8Array | undefined, packed: Uint8Array): Uint8Array<ArrayBuffer> {
  const before = row?.length ?? 1;
  const bytes = new Uint8Array(before + packed.length - 1);
  bytes[0] = VERSION;
  if (row) bytes.set(row);
  bytes.set(packed.subarray(1), before);
  return bytes;
}

/** Reads a row, the oldest change first; throws a `RangeError` when it is none. */
export function unpackWent(row: Uint8Array): Went[] {
  const unpacker = new Unpacker(row, VERSION);
  const changes: Went[] = [];
  while (!unpacker.done) {
    changes.push({ modseq: unpacker.number(), folder: unpacker.number(), uids: unpackRanges(unpacker) });
  }
  return changes;
}
