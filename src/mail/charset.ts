/**
 * The charsets of mail: bytes as text by the name that they bear, or as what they must be when they bear none, a wrong
 * one, or one that nobody knows. What the platform can't decode (IBM850, UTF-7 …) is decoded by a library that is
 * loaded when the first such text is read: see {@linkcode withCharsets}.
 */

import { Buffer } from "node:buffer";
import { binaryString } from "../base/bytes.ts";

type Library = typeof import("iconv-lite");

/** Undefined before it was needed; null when it can't be loaded. */
let library: Library | null | undefined;
/** How often a text was read without it that needs it. */
let missed = 0;

/** Reads something, and once more when it needed the library that was not there yet. */
export async function withCharsets<T>(read: () => T | Promise<T>): Promise<T> {
  const before = missed;
  const result = await read();
  if (missed === before || library !== undefined) return result;
  library = await import("iconv-lite").then(
    (module) => (module as unknown as { default: Library }).default,
    () => null,
  );
  return await read();
}

/** Names that say nothing: the text is what its bytes look like. */
const UNSAID = new Set([
  ..."us-ascii ascii us ansi_x3.4-1968 iso646-us iso-ir-6 iso_646.irv:1991 csascii 646 cp367 ibm367".split(
    " ",
  ),
  ..."x-unknown unknown unknown-8bit x-unknown-8bit 8bit 7bit 8-bit binary default none ansi charset x-user-defined"
    .split(
      " ",
    ),
]);
const UTF8 = new Set(
  "utf8 utf-8 utf_8 utf-8n utf8mb4 x-utf-8 x-utf8 unicode-utf-8 unicode-1-1-utf-8".split(" "),
);
/** Other names, and those of code pages by their number. */
const ALIASES = new Map<string, string>(Object.entries({
  ...{ "latin-1": "windows-1252", latin_1: "windows-1252", "latin-9": "iso-8859-15", mac: "macintosh" },
  ...{ macroman: "macintosh", "mac-roman": "macintosh", "gb18030-2000": "gb18030", gb_18030: "gb18030" },
  ...{ "euc-cn": "gbk", euccn: "gbk", "euc-tw": "big5", sjis: "shift_jis", "sjis-win": "shift_jis" },
  ...{ utf7: "utf-7", "unicode-1-1-utf-7": "utf-7", csunicode11utf7: "utf-7", "hz-gb": "hz-gb-2312" },
  ...{ "x-mac-ce": "maccenteuro", "mac-centraleurope": "maccenteuro", "x-mac-turkish": "macturkish" },
  ...{
    932: "shift_jis",
    943: "shift_jis",
    936: "gbk",
    949: "euc-kr",
    950: "big5",
    951: "big5",
    54936: "gb18030",
  },
  ...{ 20866: "koi8-r", 21866: "koi8-u", 50220: "iso-2022-jp", 50221: "iso-2022-jp", 50222: "iso-2022-jp" },
  ...{ 51932: "euc-jp", 51936: "gbk", 51949: "euc-kr", 52936: "hz-gb-2312", 65000: "utf-7", 65001: "utf-8" },
  ...{ 819: "windows-1252", 1200: "utf-16", 10000: "macintosh", 20127: "us-ascii", 28591: "windows-1252" },
}));
const CODE_PAGE = /^(?:x-)?(?:cp|ibm|dos|oem|pc|ms|win|windows)?[-_]?0*(\d{3,5})$/;
const ISO_8859 = /^(?:cs)?(?:iso)?[-_ ]?8859[-_ ]?(\d{1,2})(?:[-:_].*)?$/;
/** What the library is asked for: it has names too that are no charsets. */
const IN_LIBRARY =
  /^(?:cp\d{3,4}|utf-7|utf-32(?:le|be)?|koi8-\w+|mac\w+|viscii|tcvn\w*|hp-?roman8|armscii-?8|georgian-?\w+|rk1048|pt154|mik)$/;

/** A charset's name in one form; empty: it says nothing. */
export function charsetName(label: string | undefined): string {
  // quotes within quotes, a language behind it (RFC 2231 5), what stands in front of it by mistake
  const plain = (label ?? "").replace(/["'<>\\\s]/g, "").replace(/^=?(?:charset=)?/i, "").replace(
    /[*;,].*$/,
    "",
  );
  const name = plain.toLowerCase();
  if (name === "" || UNSAID.has(name)) return "";
  if (UTF8.has(name)) return "utf-8";
  const part = ISO_8859.exec(name)?.[1];
  if (part !== undefined) return Number(part) === 1 ? "windows-1252" : `iso-8859-${Number(part)}`;
  const page = CODE_PAGE.exec(name)?.[1];
  const found = ALIASES.get(page ?? name);
  if (found !== undefined) return found === "us-ascii" ? "" : found;
  if (page === undefined) return name;
  return /^125\d$/.test(page) ? `windows-${page}` : `cp${page}`;
}

/** The text of bytes that claim that charset. Never throws. */
export function decodeCharset(bytes: Uint8Array, label: string | undefined): string {
  const name = charsetName(label);
  if (name === "") return decodeUnnamed(bytes);
  if (name === "utf-8") return decodeUtf8(bytes);
  if (name === "utf-16") return platformDecoder(isBigEndian(bytes) ? "utf-16be" : "utf-16le")!.decode(bytes);
  const seven = SEVEN_BIT.get(name);
  if (seven) return seven(bytes);
  return platformDecoder(name)?.decode(bytes) ?? libraryText(bytes, name) ?? decodeUnnamed(bytes);
}

/**
 * The text of bytes that claim no charset: UTF-8 where they can be that, else the charset that is named, which is that
 * of the text around them, else Windows-1252, which is what most that is neither turns out to be.
 */
export function decodeUnnamed(bytes: Uint8Array, around?: string): string {
  try {
    return STRICT_UTF8.decode(bytes);
  } catch {
    const name = charsetName(around);
    return (name === "" || name === "utf-8" ? undefined : platformDecoder(name)?.decode(bytes)) ??
      WINDOWS_1252.decode(bytes);
  }
}

/** Is it a charset that can be decoded, or a name that says nothing? */
export function knowsCharset(label: string | undefined): boolean {
  const name = charsetName(label);
  if (name === "" || SEVEN_BIT.has(name) || platformDecoder(name)) return true;
  return IN_LIBRARY.test(name) && library?.encodingExists(name) !== false;
}

/** Does decoding each piece begin anew? Then pieces that belong together are not one text of bytes. */
export function isStateful(label: string): boolean {
  return /^(?:iso-2022-|hz-gb|utf-7|utf-16$)/.test(charsetName(label));
}

const STRICT_UTF8 = new TextDecoder("utf-8", { fatal: true });
const LAX_UTF8 = new TextDecoder("utf-8");
const WINDOWS_1252 = new TextDecoder("windows-1252");

/** Some damage does not make it another charset; a text without one whole character beyond ASCII is none in UTF-8. */
function decodeUtf8(bytes: Uint8Array): string {
  const text = LAX_UTF8.decode(bytes);
  // deno-lint-ignore no-control-regex
  return text.includes("\ufffd") && !/[^\x00-\x7f\ufffd]/.test(text) ? decodeUnnamed(bytes) : text;
}

/** RFC 2781 4.3: without a mark it is big-endian, which in most content is seen at a first byte of zero. */
function isBigEndian(bytes: Uint8Array): boolean {
  return bytes[0] === 0xfe || bytes[0] === 0;
}

const decoders = new Map<string, TextDecoder | undefined>();

function platformDecoder(name: string): TextDecoder | undefined {
  if (decoders.has(name)) return decoders.get(name);
  let decoder: TextDecoder | undefined;
  try {
    decoder = new TextDecoder(name);
  } catch {
    // one that the platform does not know
  }
  // senders may make up names without end
  if (decoder) decoders.set(name, decoder);
  return decoder;
}

function libraryText(bytes: Uint8Array, name: string): string | undefined {
  if (!IN_LIBRARY.test(name)) return undefined;
  if (library === undefined) missed++;
  if (!library?.encodingExists(name)) return undefined;
  return library.decode(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length), name);
}

/** Charsets that shift between ASCII and a national one of two bytes, which the platform has as one of eight bits. */
const SEVEN_BIT = new Map<string, (bytes: Uint8Array) => string>(Object.entries({
  /** RFC 1843: `~{` and `~}`, `~~`, and a line's end behind `~`. */
  "hz-gb-2312": (bytes: Uint8Array) =>
    shifted(bytes, { to: "gbk", pattern: /~([{}~\n])/g, high: "{", low: "}" }),
  /** RFC 1557: SO and SI, and a designator in front of it all. */
  "iso-2022-kr": (bytes: Uint8Array) =>
    // deno-lint-ignore no-control-regex
    shifted(bytes, { to: "euc-kr", pattern: /\x1b\$\)C|([\x0e\x0f])/g, high: "\x0e", low: "\x0f" }),
}));

function shifted(bytes: Uint8Array, of: { to: string; pattern: RegExp; high: string; low: string }): string {
  const text = binaryString(bytes);
  let high = false;
  let at = 0;
  let plain = "";
  const take = (end: number) => {
    const piece = text.slice(at, end);
    plain += high ? piece.replace(/[!-~]/g, (c) => String.fromCharCode(c.charCodeAt(0) | 0x80)) : piece;
  };
  for (const match of text.matchAll(of.pattern)) {
    take(match.index);
    at = match.index + match[0].length;
    if (match[1] === of.high) high = true;
    else if (match[1] === of.low) high = false;
    else if (match[1] === "~") plain += "~";
  }
  take(text.length);
  return platformDecoder(of.to)!.decode(Uint8Array.from(plain, (c) => c.charCodeAt(0)));
}
