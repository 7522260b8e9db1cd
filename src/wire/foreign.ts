/** The first octets of other protocols that end up on mail ports: TLS, HTTP, RTSP, SSH, and whatever is no text. */

import { binaryString } from "../base/bytes.ts";

/** The first octet of a TLS record with a handshake. */
const TLS_HANDSHAKE = 0x16;

const HYPHEN = 45;
const SLASH = 47;
/** What is looked at for a first word. */
const LONGEST_WORD = 16;

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

/** Tells whether input that begins with this octet begins as a TLS handshake does. */
export function looksEncrypted(first: number | undefined): boolean {
  return first === TLS_HANDSHAKE;
}

/**
 * Tells whether input begins as another protocol does: a TLS handshake, another octet that begins no line of text, or a
 * first word such as GET.
 */
export function looksForeign(input: Uint8Array): boolean {
  if (isBinary(input[0])) return true;
  let length = 0;
  while (length < LONGEST_WORD && isOfWord(input[length])) length++;
  return length > 0 && isForeignWord(binaryString(input.subarray(0, length)));
}

/** RDP, SOCKS and others begin with a control character, and send no line's end; blanks and NUL are answered in a line. */
function isBinary(octet: number | undefined): boolean {
  return octet !== undefined && ((octet > 0 && octet < 9) || (octet > 13 && octet < 32));
}

function isOfWord(octet: number | undefined): boolean {
  return octet !== undefined && ((octet >= 65 && octet <= 90) || octet === HYPHEN || octet === SLASH);
}

/** Tells whether a line with this first word, in upper case, belongs to another protocol. */
export function isForeignWord(word: string): boolean {
  return METHODS.has(word) || word.startsWith("SSH-") || word.startsWith("RTSP/");
}
