/** The small handling of bytes that the platform leaves to its users. */

import { Buffer } from "node:buffer";

const encoder = new TextEncoder();
const utf8 = new TextDecoder();
const strictUtf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Text as UTF-8. */
export function encode(text: string): Uint8Array<ArrayBuffer> {
  return encoder.encode(text);
}

/** Where short texts are encoded. */
const shortly = new Uint8Array(32 * 1024);

/**
 * Text as UTF-8, in an array that the next call may write anew: for who copies it at once. An array of its own costs as
 * much as several steps of a message's way.
 */
export function encodeShortly(text: string): Uint8Array {
  if (text.length * 3 > shortly.length) return encoder.encode(text);
  return shortly.subarray(0, encoder.encodeInto(text, shortly).written);
}

/** UTF-8 as text; what is not UTF-8 becomes U+FFFD. */
export function decode(bytes: Uint8Array): string {
  return utf8.decode(bytes);
}

/** UTF-8 as text, character by character; undefined when it is not UTF-8. */
export function decodeStrictly(bytes: Uint8Array): string | undefined {
  try {
    return strictUtf8.decode(bytes);
  } catch {
    return undefined;
  }
}

/** Each byte as the character of that number (ISO 8859-1 in the strict sense), so that nothing is lost. */
export function binaryString(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1");
}

/** The octets that {@linkcode binaryString} made characters of. */
export function octetsOf(text: string): Uint8Array<ArrayBuffer> {
  const octets = new Uint8Array(text.length);
  Buffer.from(octets.buffer).write(text, "latin1");
  return octets;
}

/** One array with the content of all. */
export function concat(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  let length = 0;
  for (const part of parts) length += part.length;
  const whole = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** Compares without showing by its time where the difference is; unequal lengths show at once. */
export function equalInConstantTime(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  let difference = 0;
  for (let i = 0; i < a.length; i++) difference |= a[i]! ^ b[i]!;
  return difference === 0;
}
