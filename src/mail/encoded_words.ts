/** Encoded words: text that is not ASCII in a header section of ASCII (RFC 2047). */

import { encode } from "../base/bytes.ts";

/** The longest encoded word (RFC 2047 2). */
const MAX_WORD = 75;
const FRAME = "=?utf-8?Q??=".length;
const HEX = "0123456789ABCDEF";
/** What may stand for itself wherever an encoded word may, a phrase included (RFC 2047 5). */
const PLAIN = /^[A-Za-z0-9!*+/-]$/;

/**
 * The text as encoded words, with folding between them; `column` octets stand in front of it on its line. Each word has
 * whole characters.
 */
export function encodeWords(text: string, column: number): string {
  const quoted = text.replace(/[^A-Za-z0-9!*+/ -]/gu, "").length * 2 < text.length;
  const write = quoted ? writeBase64 : writeQuoted;
  const letter = quoted ? "B" : "Q";
  const words: string[] = [];
  let room = Math.max(24, MAX_WORD - column) - FRAME;
  let word = "";
  for (const character of text) {
    if (word !== "" && write(word + character).length > room) {
      words.push(`=?utf-8?${letter}?${write(word)}?=`);
      word = "";
      room = MAX_WORD - FRAME;
    }
    word += character;
  }
  if (word !== "") words.push(`=?utf-8?${letter}?${write(word)}?=`);
  return words.join("\r\n ");
}

function writeBase64(text: string): string {
  return encode(text).toBase64();
}

function writeQuoted(text: string): string {
  let written = "";
  for (const octet of encode(text)) {
    const character = String.fromCharCode(octet);
    if (octet === 32) written += "_";
    else if (PLAIN.test(character)) written += character;
    else written += `=${HEX[octet >> 4]}${HEX[octet & 15]}`;
  }
  return written;
}
