/** A packed row of facts: what was made of some messages once, such as their ENVELOPE, by the number of their object. */

import { Packer, Unpacker } from "./packing.ts";

const VERSION = 1;

/** The most octets of a row. */
export const FACTS_FULL = 58_000;
/** Facts of a message that are longer are made each time. */
export const LONGEST_FACTS = 40_000;

/** Packs a row. */
export function packFacts(facts: ReadonlyMap<number, Uint8Array>): Uint8Array<ArrayBuffer> {
  const packer = new Packer(VERSION);
  for (const [object, bytes] of facts) {
    packer.number(object);
    packer.bytes(bytes);
  }
  return packer.packed();
}

/** Reads a row: views into it. Throws a `RangeError` when it is none. */
export function unpackFacts(row: Uint8Array): Map<number, Uint8Array> {
  const unpacker = new Unpacker(row, VERSION);
  const facts = new Map<number, Uint8Array>();
  while (!unpacker.done) facts.set(unpacker.number(), unpacker.bytes());
  return facts;
}
