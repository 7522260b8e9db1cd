/**
 * A packed row of copies: which objects have, or had, more than one placement in folders. What is in no row has one,
 * which is its copy 0.
 */

import { Packer, Unpacker } from "./packing.ts";

const VERSION = 1;

/** The objects whose numbers are in one row are as many. */
export const ROW_COPIES = 4096;
/** The highest number of a copy. */
export const MAX_COPY = 0xffff;

/** The row in which an object's copies are. */
export function copyRow(object: number): number {
  return Math.floor(object / ROW_COPIES);
}

/** The copies of an object. */
export interface Copies {
  /** In how many places of folders it is. */
  readonly placements: number;
  /** The number of the next copy. */
  readonly next: number;
}

/** What all other objects have. */
export const ONE: Copies = { placements: 1, next: 1 };

/** Packs a row, by object. */
export function packCopies(rows: ReadonlyMap<number, Copies>): Uint8Array<ArrayBuffer> {
  const packer = new Packer(VERSION);
  let before = 0;
  for (const object of [...rows.keys()].sort((a, b) => a - b)) {
    const { placements, next } = rows.get(object)!;
    packer.number(object - before);
    packer.number(placements);
    packer.number(next);
    before = object;
  }
  return packer.packed();
}

/** Reads a row; throws a `RangeError` when it is none. */
export function unpackCopies(bytes: Uint8Array): Map<number, Copies> {
  const unpacker = new Unpacker(bytes, VERSION);
  const rows = new Map<number, Copies>();
  for (let object = 0; !unpacker.done;) {
    object += unpacker.number();
    rows.set(object, { placements: unpacker.number(), next: unpacker.number() });
  }
  return rows;
}
