/** The encoding of keys over KV Connect: bytes that are in the order of the keys. */

import { concat, decode } from "../../base/bytes.ts";
import { MAX_KEY_BYTES } from "../limits.ts";
import { ByteWriter } from "./byte_writer.ts";

/** What a part begins with. */
const TAG = { bytes: 0x01, string: 0x02, number: 0x21, no: 0x26, yes: 0x27 } as const;
/** Ends bytes and strings; in the midst of them it is followed by `ESCAPED`. */
const END = 0x00;
const ESCAPED = 0xff;

/** A range of keys: from `start` on, up to and not with `end`. */
export interface KeyRange {
  readonly start: Uint8Array<ArrayBuffer>;
  readonly end: Uint8Array<ArrayBuffer>;
}

/** Encodes a key. */
export function encodeKey(key: Deno.KvKey): Uint8Array<ArrayBuffer> {
  const to = new ByteWriter(64);
  writeKey(to, key);
  return to.finish();
}

/** Writes a key as it is encoded. */
export function writeKey(to: ByteWriter, key: Deno.KvKey): void {
  for (const part of key) {
    if (typeof part === "string" || part instanceof Uint8Array) writeText(to, part);
    else if (typeof part === "number") writeNumber(to, part);
    else if (typeof part === "boolean") to.byte(part ? TAG.yes : TAG.no);
    else throw new TypeError(`A key can't have a part of the type ${typeof part}`);
  }
}

/** Decodes a key. */
export function decodeKey(bytes: Uint8Array): Deno.KvKey {
  const key: Deno.KvKeyPart[] = [];
  for (let at = 0; at < bytes.length;) {
    const tag = bytes[at++];
    if (tag === TAG.string || tag === TAG.bytes) {
      const { text, end } = readText(bytes, at);
      key.push(tag === TAG.string ? decode(text) : text);
      at = end;
    } else if (tag === TAG.number) {
      key.push(readNumber(bytes, at));
      at += 8;
    } else if (tag === TAG.yes || tag === TAG.no) key.push(tag === TAG.yes);
    else throw new TypeError(`A key has a part of the unknown type ${tag}`);
  }
  return key;
}

/** The one key. Throws when it is longer than any key can be. */
export function rangeOfKey(key: Deno.KvKey): KeyRange {
  const start = encodeKey(key);
  if (start.length > MAX_KEY_BYTES) {
    throw new TypeError(`A key of ${start.length} bytes (max ${MAX_KEY_BYTES})`);
  }
  return { start, end: successor(start) };
}

/** What a selector takes in: a prefix stands for all keys that are longer than it. */
export function rangeOf(selector: Deno.KvListSelector): KeyRange {
  if (!("prefix" in selector)) return { start: encodeKey(selector.start), end: encodeKey(selector.end) };
  const prefix = encodeKey(selector.prefix);
  return {
    start: "start" in selector ? encodeKey(selector.start) : successor(prefix),
    end: "end" in selector ? encodeKey(selector.end) : concat([prefix, Uint8Array.of(0xff)]),
  };
}

/** The first key behind that one. */
export function successor(key: Uint8Array): Uint8Array<ArrayBuffer> {
  return concat([key, Uint8Array.of(0)]);
}

function writeText(to: ByteWriter, part: string | Uint8Array): void {
  to.byte(typeof part === "string" ? TAG.string : TAG.bytes);
  const from = to.at;
  if (typeof part === "string") to.text(part);
  else to.bytes(part);
  to.escape(from, END, ESCAPED);
  to.byte(END);
}

function readText(bytes: Uint8Array, from: number): { text: Uint8Array; end: number } {
  const text: number[] = [];
  for (let at = from; at < bytes.length; at++) {
    const byte = bytes[at]!;
    if (byte === END) {
      if (bytes[at + 1] !== ESCAPED) return { text: Uint8Array.from(text), end: at + 1 };
      at++;
    }
    text.push(byte);
  }
  throw new TypeError("A key ends in the midst of a part");
}

/** Negative numbers have all bits turned, the others the sign's alone. */
function writeNumber(to: ByteWriter, number: number): void {
  to.byte(TAG.number);
  const from = to.at;
  to.float(number, false);
  const isNegative = number < 0 || Object.is(number, -0);
  to.flip(from, from + 1, isNegative ? 0xff : 0x80);
  if (isNegative) to.flip(from + 1, to.at, 0xff);
}

function readNumber(bytes: Uint8Array, at: number): number {
  if (at + 8 > bytes.length) throw new TypeError("A key ends in the midst of a number");
  const own = bytes.slice(at, at + 8);
  turn(own, own[0]! < 0x80);
  return new DataView(own.buffer).getFloat64(0);
}

function turn(bytes: Uint8Array, all: boolean): void {
  if (!all) bytes[0]! ^= 0x80;
  else for (let i = 0; i < bytes.length; i++) bytes[i]! ^= 0xff;
}
