/** When KV takes two keys for the same. */

import { binaryString } from "../base/bytes.ts";

/** A number that is the same for two keys when KV takes them for the same; seldom for others. */
export function keyHash(key: Deno.KvKey): number {
  let hash = key.length;
  for (let i = 0; i < key.length; i++) {
    const part = key[i]!;
    if (typeof part === "string") hash = mixedText(hash, part);
    else if (typeof part === "number") hash = mixed(hash, part | 0);
    else if (part instanceof Uint8Array) hash = part.reduce(mixed, hash);
    else hash = mixedText(hash, String(part));
  }
  return hash;
}

function mixedText(hash: number, text: string): number {
  for (let i = 0; i < text.length; i++) hash = mixed(hash, text.charCodeAt(i));
  return mixed(hash, text.length);
}

/** A step of FNV-1a. */
function mixed(hash: number, value: number): number {
  return Math.imul(hash ^ value, 0x01000193);
}

/** Are they the same key? */
export function isSameKey(a: Deno.KvKey, b: Deno.KvKey): boolean {
  return a.length === b.length && a.every((part, i) => isSamePart(part, b[i]!));
}

function isSamePart(a: Deno.KvKeyPart, b: Deno.KvKeyPart): boolean {
  if (!(a instanceof Uint8Array)) return Object.is(a, b);
  return b instanceof Uint8Array && a.length === b.length && a.every((byte, i) => byte === b[i]);
}

/** A text that is the same for two keys when they are the same; about as long as the key itself. */
export function keyText(key: Deno.KvKey): string {
  let text = "";
  for (const part of key) {
    // the length in front of what may hold anything keeps ["a", "b"] apart from ["ab"]
    if (typeof part === "string") text += `${part.length}:${part}`;
    else if (part instanceof Uint8Array) text += `b${part.length}:${binaryString(part)}`;
    else text += `${typeof part} ${String(part)};`;
  }
  return text;
}
