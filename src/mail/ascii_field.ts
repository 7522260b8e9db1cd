/**
 * Header fields with eight bits made fields of ASCII that say the same: encoded words where people read (RFC 2047 5),
 * parameters by RFC 2231. An address can't be changed so.
 */

import { decodeStrictly, encode } from "../base/bytes.ts";
import { encodeWords } from "./encoded_words.ts";

const ADDRESSES =
  /^(?:resent-)?(?:from|sender|to|cc|bcc|reply-to)$|^(?:errors-to|mail-(?:followup|reply)-to|(?:disposition-notification|return-receipt)-to)$/;
const PARAMETERS = /^content-(?:type|disposition)$/;
const EIGHT_BIT = /[\u0080-\uffff]/;

/** True when a field, an octet per character, has eight bits. */
export function isEightBitText(text: string): boolean {
  return EIGHT_BIT.test(text);
}

/**
 * A field, an octet per character, with its CRLF, as ASCII. Octets that are no UTF-8 are read as `charset`, or as
 * windows-1252 where that is none. Undefined when it can't be done.
 */
export function asciiField(field: string, charset: string | undefined): string | undefined {
  const colon = field.indexOf(":");
  const name = field.slice(0, Math.max(0, colon)).trimEnd();
  if (name === "" || EIGHT_BIT.test(name)) return undefined;
  const value = decodeOctets(
    field.slice(colon + 1).replace(/\r\n(?=[ \t])/g, "").replace(/\r\n$/, ""),
    charset,
  );
  const lower = name.toLowerCase();
  const start = `${name}:`;
  if (PARAMETERS.test(lower)) return finished(start, asciiParameters(value));
  if (ADDRESSES.test(lower)) return finished(start, new AddressField(value, start.length).ascii());
  return finished(start, asciiText(value, start.length));
}

function finished(start: string, value: string | undefined): string | undefined {
  return value === undefined ? undefined : `${start}${value}\r\n`;
}

function decodeOctets(octets: string, charset: string | undefined): string {
  const bytes = Uint8Array.from(octets, (c) => c.charCodeAt(0));
  return decodeStrictly(bytes) ?? decoderOf(charset).decode(bytes);
}

function decoderOf(charset: string | undefined): TextDecoder {
  try {
    const decoder = new TextDecoder(charset ?? "windows-1252", { ignoreBOM: true });
    // what is no UTF-8 is not read as such, and UTF-16 never stands in a header
    return /^utf-/.test(decoder.encoding) ? new TextDecoder("windows-1252") : decoder;
  } catch {
    return new TextDecoder("windows-1252");
  }
}

/** What is not ASCII, from the first to the last word of it, as encoded words. */
function asciiText(value: string, column: number): string {
  const first = value.search(EIGHT_BIT);
  if (first < 0) return value;
  let last = value.length - 1;
  while (!EIGHT_BIT.test(value[last]!)) last--;
  const start = Math.max(value.lastIndexOf(" ", first), value.lastIndexOf("\t", first)) + 1;
  const end = /[ \t]|$/.exec(value.slice(last + 1))!.index + last + 1;
  const [before, middle] = [value.slice(0, start), value.slice(start, end)];
  return `${before}${encodeWords(middle, column + before.length)}${value.slice(end)}`;
}

/** Addresses with display names and comments (RFC 5322 3.4), read from left to right. */
class AddressField {
  #out = "";
  /** Atoms, quoted strings and blanks that may be a display name. */
  #phrase = "";
  #impossible = false;

  constructor(private readonly value: string, private readonly column: number) {}

  ascii(): string | undefined {
    // a quoted string, a comment, an address in brackets, a special, anything else
    const token =
      /"(?:[^"\\]|\\.)*"|\((?:[^()\\]|\\.|\((?:[^()\\]|\\.)*\))*\)|<[^<>]*>|[,:;@]|[^",:;@(<]+|./gsu;
    for (const [part] of this.value.matchAll(token)) {
      if (part.startsWith("(") && part.length > 1) this.#comment(part);
      else if (part.startsWith("<") || /^[,:;@]$/.test(part)) this.#special(part);
      else this.#phrase += part;
    }
    this.#flush("");
    return this.#impossible ? undefined : this.#out;
  }

  #special(part: string): void {
    this.#flush(part);
    if (EIGHT_BIT.test(part)) this.#impossible = true;
    this.#out += part;
  }

  #comment(part: string): void {
    this.#flush("(");
    if (!EIGHT_BIT.test(part)) this.#out += part;
    else this.#out += `(${encodeWords(part.slice(1, -1).replace(/\\(.)/gsu, "$1"), this.#width + 1)})`;
  }

  /** What stood before a special: in front of `<` a display name, beside `@` a part of an address. */
  #flush(next: string): void {
    const phrase = this.#phrase;
    this.#phrase = "";
    if (!EIGHT_BIT.test(phrase)) {
      this.#out += phrase;
      return;
    }
    if (next === "@" || this.#out.endsWith("@")) this.#impossible = true;
    const words = phrase.trim();
    const lead = phrase.slice(0, phrase.indexOf(words));
    const trail = phrase.slice(lead.length + words.length);
    const text = words.replace(
      /"((?:[^"\\]|\\.)*)"/gsu,
      (_, quoted: string) => quoted.replace(/\\(.)/gsu, "$1"),
    );
    this.#out += lead;
    this.#out += `${encodeWords(text, this.#width)}${trail}`;
  }

  get #width(): number {
    const lineStart = this.#out.lastIndexOf("\n") + 1;
    return lineStart === 0 ? this.column + this.#out.length : this.#out.length - lineStart;
  }
}

/** Octets of a parameter's value in one piece. */
const MAX_PIECE = 60;

/** The parameters by RFC 2231; undefined when something else is not ASCII. */
function asciiParameters(value: string): string | undefined {
  const written = value.replace(
    /;(\s*)([A-Za-z0-9-]+)\s*=\s*("(?:[^"\\]|\\.)*"|[^;\s]*)/gsu,
    (found, blanks: string, name: string, given: string) => {
      if (!EIGHT_BIT.test(given)) return found;
      const text = given.startsWith('"') ? given.slice(1, -1).replace(/\\(.)/gsu, "$1") : given;
      const pieces = piecesOf(text);
      const blank = blanks === "" ? " " : blanks;
      if (pieces.length === 1) return `;${blank}${name}*=utf-8''${pieces[0]}`;
      return pieces.map((piece, i) => `;\r\n ${name}*${i}*=${i === 0 ? "utf-8''" : ""}${piece}`).join("");
    },
  );
  return EIGHT_BIT.test(written) ? undefined : written;
}

/** The text in percent-encoding, cut between octets. */
function piecesOf(text: string): string[] {
  const pieces = [""];
  for (const octet of encode(text)) {
    const character = String.fromCharCode(octet);
    const written = /[A-Za-z0-9.!#$&+^_`{}~-]/.test(character)
      ? character
      : `%${octet.toString(16).toUpperCase().padStart(2, "0")}`;
    if (pieces.at(-1)!.length + written.length > MAX_PIECE) pieces.push("");
    pieces[pieces.length - 1] += written;
  }
  return pieces;
}
