/** Encoded words in header fields (RFC 2047), as they should be and as they are. */

import { charsetName, decodeCharset, decodeUnnamed, isStateful } from "./charset.ts";
import { binaryString, encode } from "../base/bytes.ts";

const WORD = /=\?([^?\s]{1,80})\?([bq])\?([^?]*)\?=/gi;
const BLANKS_ONLY = /^[ \t\r\n]+$/;

interface Word {
  readonly charset: string;
  readonly encoding: string;
  readonly text: string;
}

/**
 * A field's value as people read it. Words in a row are one text in bytes, wherever they were cut: within a character
 * (which RFC 2047 5 forbids), and within four characters of base64.
 */
export function decodeWords(value: string): string {
  if (!value.includes("=?")) return value;
  let text = "";
  let row: Word[] = [];
  let at = 0;
  for (const match of value.matchAll(WORD)) {
    const between = value.slice(at, match.index);
    if (row.length === 0 || between !== "" && !BLANKS_ONLY.test(between)) {
      text += rowText(row) + between;
      row = [];
    }
    row.push({ charset: match[1]!, encoding: match[2]!.toUpperCase(), text: match[3]! });
    at = match.index + match[0].length;
  }
  return text + rowText(row) + value.slice(at);
}

/** The value of a field as its bytes, one to a character: what is beyond ASCII without being encoded is read as well. */
export function decodeFieldValue(octets: string, around?: string): string {
  // not encoded either, and seven bits all the same
  // deno-lint-ignore no-control-regex
  if (/\x1b\$[@B]/.test(octets)) return decodeWords(decodeCharset(bytesOf(octets), "iso-2022-jp"));
  // deno-lint-ignore no-control-regex
  const isAscii = /^[\x00-\x7f]*$/.test(octets);
  return decodeWords(isAscii ? octets : decodeUnnamed(bytesOf(octets), around));
}

function rowText(row: readonly Word[]): string {
  let text = "";
  for (let from = 0; from < row.length;) {
    const name = charsetName(row[from]!.charset);
    let end = from + 1;
    while (end < row.length && charsetName(row[end]!.charset) === name) end++;
    text += together(row.slice(from, end));
    from = end;
  }
  return text;
}

function together(words: readonly Word[]): string {
  const { charset } = words[0]!;
  const apart = () => words.map((word) => decodeCharset(wordBytes([word]), charset)).join("");
  const joined = () => decodeCharset(wordBytes(words), charset);
  const [first, second] = isStateful(charset) ? [apart, joined] : [joined, apart];
  const text = first();
  if (words.length === 1 || !text.includes("\ufffd")) return text;
  const other = second();
  return other.includes("\ufffd") ? text : other;
}

function wordBytes(words: readonly Word[]): Uint8Array {
  let octets = "";
  let base64 = "";
  for (const { encoding, text } of words) {
    if (encoding === "B") {
      // cut anywhere, it goes on in the next word
      base64 += text.replace(/[^A-Za-z0-9+/=]/g, "");
      if (!base64.includes("=") && base64.length % 4 !== 0) continue;
    }
    octets += fromBase64(base64) + (encoding === "Q" ? fromQ(text) : "");
    base64 = "";
  }
  return bytesOf(octets + fromBase64(base64));
}

function fromBase64(text: string): string {
  let octets = "";
  for (const unit of text.split(/=+/)) {
    const whole = unit.length % 4 === 1 ? unit.slice(0, -1) : unit;
    octets += binaryString(Uint8Array.fromBase64(whole));
  }
  return octets;
}

function fromQ(text: string): string {
  // deno-lint-ignore no-control-regex
  const octets = text.replace(/[^\x00-\x7f]+/g, (wide) => binaryString(encode(wide)));
  return octets.replaceAll("_", " ").replace(
    /=([\da-f]{2})/gi,
    (_, hex) => String.fromCharCode(parseInt(hex, 16)),
  );
}

function bytesOf(octets: string): Uint8Array {
  return Uint8Array.from(octets, (character) => character.charCodeAt(0));
}
