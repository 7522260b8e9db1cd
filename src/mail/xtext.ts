/** The xtext encoding: how ENVID and ORCPT write octets that an SMTP parameter can't hold (RFC 3461 4, RFC 6533 3). */

import { decode, encode } from "../base/bytes.ts";

const XTEXT = /^(?:[!-*,-<>-~]|\+[0-9A-F]{2})*$/;
const UNICODE_POINT = /\\x\{([0-9A-F]{2,6})\}/g;

/** Text as xtext; characters beyond ASCII are written as their UTF-8 octets. */
export function encodeXtext(text: string): string {
  return text.replace(/[^!-*,-<>-~]+/gu, (run) => {
    let hex = "";
    for (const octet of encode(run)) hex += `+${octet.toString(16).toUpperCase().padStart(2, "0")}`;
    return hex;
  });
}

/**
 * What an xtext says, its octets read as UTF-8; undefined when it is malformed. The answer may hold control
 * characters: the sender chose them.
 */
export function decodeXtext(text: string): string | undefined {
  if (!XTEXT.test(text)) return undefined;
  if (!text.includes("+")) return text;
  const bytes = new Uint8Array(text.length);
  let length = 0;
  for (let i = 0; i < text.length; i++) {
    if (text[i] === "+") {
      bytes[length++] = parseInt(text.slice(i + 1, i + 3), 16);
      i += 2;
    } else {
      bytes[length++] = text.charCodeAt(i);
    }
  }
  return decode(bytes.subarray(0, length));
}

/**
 * An address as `utf-8-addr-xtext` (RFC 6533 3): ASCII only, what isn't printable ASCII, and `\`, `+` and `=`, as
 * `\x{HEX}`.
 */
export function encodeUtf8Address(address: string): string {
  return address.toWellFormed().replace(/[^!-*,-<>-[\]-~]/gu, (character) => {
    return `\\x{${character.codePointAt(0)!.toString(16).toUpperCase().padStart(2, "0")}}`;
  });
}

/** What `utf-8-addr-xtext` or `utf-8-addr-unitext` says; a `\x{…}` that names no character stays as it is. */
export function decodeUtf8Address(text: string): string {
  return text.replace(UNICODE_POINT, (written, hex) => {
    const point = parseInt(hex, 16);
    return point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff) ? written : String.fromCodePoint(point);
  });
}
