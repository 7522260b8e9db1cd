/** The transfer encodings of MIME, written line by line (RFC 2045 6.7, 6.8). */

import { concat, encode } from "../base/bytes.ts";

const MAX_LINE = 76;
const HEX = "0123456789ABCDEF";
const CRLF = encode("\r\n");

/** A line with its CRLF as quoted-printable: itself when it is short and plain, else with soft breaks. */
export function encodeQuotedLine(line: Uint8Array): Uint8Array {
  const end = line.at(-1) === 10 && line.at(-2) === 13 ? line.length - 2 : line.length;
  let text = "";
  let column = 0;
  for (let i = 0; i < end; i++) {
    const octet = line[i]!;
    const isBlank = octet === 32 || octet === 9;
    const isPlain = isBlank ? i < end - 1 : octet > 32 && octet < 127 && octet !== 61;
    const width = isPlain ? 1 : 3;
    // one column stays free for the soft break, unless this ends the line
    if (column + width > (i === end - 1 ? MAX_LINE : MAX_LINE - 1)) {
      text += "=\r\n";
      column = 0;
    }
    text += isPlain ? String.fromCharCode(octet) : `=${HEX[octet >> 4]}${HEX[octet & 15]}`;
    column += width;
  }
  return encode(end < line.length ? `${text}\r\n` : text);
}

/** Text as quoted-printable; CRLF, CR and LF are taken for line ends. */
export function encodeQuoted(text: Uint8Array): Uint8Array<ArrayBuffer> {
  const pieces: Uint8Array[] = [];
  let start = 0;
  for (let i = 0; i < text.length; i++) {
    if (text[i] !== 13 && text[i] !== 10) continue;
    pieces.push(encodeQuotedLine(text.subarray(start, i)), CRLF);
    if (text[i] === 13 && text[i + 1] === 10) i++;
    start = i + 1;
  }
  pieces.push(encodeQuotedLine(text.subarray(start)));
  return concat(pieces);
}

/** Octets as lines of base64, 57 octets a line. */
export function encodeBase64Lines(bytes: Uint8Array): Uint8Array {
  let text = "";
  for (let i = 0; i < bytes.length; i += 57) text += `${bytes.subarray(i, i + 57).toBase64()}\r\n`;
  return encode(text);
}

/** A line of quoted-printable that is too long, cut by soft breaks; octets over 127, which are none of it, encoded. */
export function cutQuotedLine(line: Uint8Array): Uint8Array {
  let text = "";
  let column = 0;
  for (let i = 0; i < line.length;) {
    const octet = line[i]!;
    if (octet === 13 && line[i + 1] === 10) {
      text += "\r\n";
      break;
    }
    const isCode = octet === 61 && isHex(line[i + 1]) && isHex(line[i + 2]);
    const length = isCode ? 3 : 1;
    const piece = octet > 127
      ? `=${HEX[octet >> 4]}${HEX[octet & 15]}`
      : String.fromCharCode(...line.subarray(i, i + length));
    const isBreak = octet === 61 && !isCode;
    if (!isBreak && column + piece.length > MAX_LINE - 1) {
      text += "=\r\n";
      column = 0;
    }
    text += piece;
    column += piece.length;
    i += length;
  }
  return encode(text);
}

/** A line of base64 that is too long, cut into lines of 76: line ends are no part of it. */
export function cutBase64Line(line: Uint8Array): Uint8Array {
  if (line.length <= MAX_LINE + 2) return line.slice();
  let text = "";
  const end = line.at(-1) === 10 && line.at(-2) === 13 ? line.length - 2 : line.length;
  for (let i = 0; i < end; i += MAX_LINE) {
    text += `${String.fromCharCode(...line.subarray(i, Math.min(end, i + MAX_LINE)))}\r\n`;
  }
  return encode(text);
}

function isHex(octet: number | undefined): boolean {
  return octet !== undefined && /^[0-9A-Fa-f]$/.test(String.fromCharCode(octet));
}
