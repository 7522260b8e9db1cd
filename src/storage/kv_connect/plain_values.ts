/**
 * Plain values in V8's own format (its `ValueSerializer`, version 15), which every Deno reads: what the store keeps
 * most, without a serializer for each.
 */

import type { ByteWriter } from "./byte_writer.ts";

const HEADER = [0xff, 15] as const;
const TAG = {
  null: 0x30,
  undefined: 0x5f,
  true: 0x54,
  false: 0x46,
  integer: 0x49,
  number: 0x4e,
  latin1: 0x22,
  object: 0x6f,
  objectEnd: 0x7b,
  array: 0x41,
  arrayEnd: 0x24,
} as const;
/** What lies deeper may well lie in itself. */
const MOST_DEPTH = 20;

/**
 * Writes a value that is made of plain objects, arrays, strings in ISO 8859-1, numbers and booleans; false, and nothing
 * is written, when it is another one.
 */
export function writePlain(to: ByteWriter, value: unknown): boolean {
  const from = to.at;
  for (const byte of HEADER) to.byte(byte);
  if (write(to, value, 0)) return true;
  to.at = from;
  return false;
}

function write(to: ByteWriter, value: unknown, depth: number): boolean {
  switch (typeof value) {
    case "string":
      return writeText(to, value);
    case "number":
      return writeNumber(to, value);
    case "boolean":
      to.byte(value ? TAG.true : TAG.false);
      return true;
    case "undefined":
      to.byte(TAG.undefined);
      return true;
    case "object":
      if (value !== null) return depth < MOST_DEPTH && writeObject(to, value, depth);
      to.byte(TAG.null);
      return true;
    default:
      return false;
  }
}

function writeText(to: ByteWriter, text: string): boolean {
  to.byte(TAG.latin1);
  to.varint(text.length);
  return to.characters(text, 0x100);
}

function writeNumber(to: ByteWriter, value: number): boolean {
  if (value === (value | 0) && !Object.is(value, -0)) {
    to.byte(TAG.integer);
    to.varint(value << 1 ^ value >> 31);
  } else {
    to.byte(TAG.number);
    to.float(value, true);
  }
  return true;
}

function writeObject(to: ByteWriter, value: object, depth: number): boolean {
  if (Array.isArray(value)) return writeArray(to, value, depth);
  if (Object.getPrototypeOf(value) !== Object.prototype) return false;
  to.byte(TAG.object);
  const names = Object.keys(value);
  for (const name of names) {
    const first = name.charCodeAt(0);
    if (first >= 0x30 && first <= 0x39) return false; // V8 writes indices as numbers
    if (!writeText(to, name) || !write(to, (value as Record<string, unknown>)[name], depth + 1)) return false;
  }
  to.byte(TAG.objectEnd);
  to.varint(names.length);
  return true;
}

function writeArray(to: ByteWriter, values: readonly unknown[], depth: number): boolean {
  to.byte(TAG.array);
  to.varint(values.length);
  for (let i = 0; i < values.length; i++) {
    if (!(i in values) || !write(to, values[i], depth + 1)) return false;
  }
  to.byte(TAG.arrayEnd);
  to.varint(0);
  to.varint(values.length);
  return true;
}
