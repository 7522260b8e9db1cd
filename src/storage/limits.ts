/** The limits of one commit: those of the store that is open, and what a write takes of them. */

import { isU64 } from "./port.ts";
import type { Write } from "./write.ts";

/** How much one commit takes. */
export interface Limits {
  /** How many checks. */
  readonly checks: number;
  /** How many mutations. */
  readonly mutations: number;
  /** Keys and values of all mutations, in bytes. */
  readonly bytes: number;
  /** The keys alone, as they are encoded, of all mutations that are no deletions. */
  readonly keyBytes: number;
}

/** Those of Deno's own KV in a file or in memory. */
export const EMBEDDED_LIMITS: Limits = { checks: 100, mutations: 1000, bytes: 819_200, keyBytes: 81_920 };

/** Those of KV Connect. */
export const KV_CONNECT_LIMITS: Limits = { ...EMBEDDED_LIMITS, checks: 10 };

/** The most bytes of one key as it is encoded, and of one value. */
export const MAX_KEY_BYTES = 2048;
/** The most bytes of one value. */
export const MAX_VALUE_BYTES = 65_536;

/** What is left of `limits` for writes, when each commit also has what `taken` takes. */
export function lessOf(limits: Limits, taken: Limits): Limits {
  return {
    checks: limits.checks - taken.checks,
    mutations: limits.mutations - taken.mutations,
    bytes: limits.bytes - taken.bytes,
    keyBytes: limits.keyBytes - taken.keyBytes,
  };
}

/** What a write takes. The bytes are never fewer than those that the store counts. */
export function costOf({ checks = [], mutations, size }: Write): Limits {
  let keyBytes = 0;
  let bytes = 0;
  for (const mutation of mutations) {
    const key = encodedKeySize(mutation.key);
    bytes += key;
    if (mutation.type === "delete") continue;
    keyBytes += key;
    bytes += valueSize(mutation.value, 0);
  }
  return { checks: checks.length, mutations: mutations.length, bytes: Math.max(bytes, size), keyBytes };
}

/** Is there room for both together? */
export function haveRoom(limits: Limits, a: Limits, b: Limits): boolean {
  return a.checks + b.checks <= limits.checks && a.mutations + b.mutations <= limits.mutations &&
    a.bytes + b.bytes <= limits.bytes && a.keyBytes + b.keyBytes <= limits.keyBytes;
}

/** Does the write fit one commit? */
export function fits(limits: Limits, write: Write): boolean {
  return haveRoom(limits, costOf(write), NOTHING);
}

/** What no write takes. */
export const NOTHING: Limits = { checks: 0, mutations: 0, bytes: 0, keyBytes: 0 };

/** How many bytes a key takes as KV encodes it. */
export function encodedKeySize(key: Deno.KvKey): number {
  let size = 0;
  for (const part of key) {
    if (typeof part === "string") size += 2 + utf8Size(part);
    else if (typeof part === "number") size += 9;
    else if (typeof part === "boolean") size += 1;
    else if (typeof part === "bigint") size += 1 + bigSize(part);
    else if (part instanceof Uint8Array) size += 2 + part.length + zeros(part);
  }
  return size;
}

/** A zero in a string or in bytes takes one more. */
function utf8Size(text: string): number {
  let size = text.length;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === 0 || code > 0x7f) size++;
    // both halves of a pair take two bytes
    if (code > 0x7ff && (code < 0xd800 || code > 0xdfff)) size++;
  }
  return size;
}

/** More than eight bytes come behind their length. */
function bigSize(part: bigint): number {
  const bytes = (part < 0n ? -part : part).toString(16).length + 1 >> 1;
  return bytes > 8 ? bytes + 8 : bytes;
}

function zeros(bytes: Uint8Array): number {
  let count = 0;
  for (const byte of bytes) if (byte === 0) count++;
  return count;
}

/** At most how many bytes a value takes in V8's format; what has no bound here counts as little. */
export function valueSize(value: unknown, depth: number): number {
  if (value instanceof Uint8Array) return value.length + (depth === 0 ? 0 : 24);
  if (typeof value === "string") return 8 + 2 * value.length;
  if (typeof value !== "object" || value === null) return 12;
  if (depth === 0 && isU64(value)) return 8;
  let size = 16;
  if (Array.isArray(value)) {
    for (const inner of value) size += valueSize(inner, depth + 1);
    return size;
  }
  for (const key in value) {
    size += 6 + 2 * key.length + valueSize((value as Record<string, unknown>)[key], depth + 1);
  }
  return size;
}
