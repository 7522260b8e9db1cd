/** The first octets of other protocols that end up on mail ports: TLS, HTTP, RTSP, SSH. */

import { binaryString } from "../base/bytes.ts";

/** The first octet of a TLS record with a handshake. */
const TLS_HANDSHAKE = 0x16;

/** The methods of HTTP: no verb of SMTP or POP3 is among them. */
const METHODS = new Set([
  "GET",
  "POST",
  "PUT",
  "HEAD",
  "OPTIONS",
  "CONNECT",
  "DELETE",
  "PATCH",
  "TRACE",
  "PRI",
]);

/** Tells whether a line begins as a TLS handshake does. */
export function looksEncrypted(input: Uint8Array): boolean {
  return input[0] === TLS_HANDSHAKE;
}

/** Tells whether input begins as another protocol does: a TLS handshake, or a first word such as GET. */
export function looksForeign(input: Uint8Array): boolean {
  if (looksEncrypted(input)) return true;
  const word = /^[A-Z][A-Z/-]*/.exec(binaryString(input.subarray(0, 16)));
  return word !== null && isForeignWord(word[0]);
}

/** Tells whether a line with this first word, in upper case, belongs to another protocol. */
export function isForeignWord(word: string): boolean {
  return METHODS.has(word) || word.startsWith("SSH-") || word.startsWith("RTSP/");
}
