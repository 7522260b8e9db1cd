/** Header sections: a quick look at one, its fields, and safe new fields with their dates (RFC 5322 2.2, 3.3; RFC 6532). */

import { binaryString, concat, decode, encode } from "../base/bytes.ts";
import { MAX_LINE_OCTETS } from "./content.ts";

/** What {@linkcode scanHeader} saw. */
export interface HeaderScan {
  /** The offset just behind the blank line that ends the header section; -1 while there is none. */
  readonly end: number;
  /** How many Received fields there are, as far as the header section is here. */
  readonly received: number;
  /** How many From fields. */
  readonly authors: number;
  /** A name has blanks behind it (RFC 5322 4.5.8). */
  readonly obsolete: boolean;
  /** The names of its fields in lower case. */
  readonly names: ReadonlySet<string>;
  /** Those that say nothing wherever they stand: blanks only, or `<>`. */
  readonly empty: ReadonlySet<string>;
}

/** One field of a header section. */
export interface HeaderField {
  /** The name as it was written. */
  readonly name: string;
  /** The value: unfolded, without the blanks around it, read as UTF-8. */
  readonly value: string;
}

const CR = 13;
const LF = 10;
const COLON = 58;
const TAB = 9;
const BLANK = 32;
/** Blank, tab, CR, `:`, `<` and `>`. */
const OF_EMPTY_VALUES: ReadonlySet<number> = new Set([BLANK, TAB, CR, COLON, 60, 62]);

/** The names that most messages bear: they are recognised without making a string. */
const USUAL_NAMES =
  "received return-path delivered-to date from sender reply-to to cc bcc subject message-id " +
  "in-reply-to references mime-version content-type content-transfer-encoding content-disposition " +
  "content-language dkim-signature authentication-results received-spf arc-seal arc-message-signature " +
  "arc-authentication-results list-id list-unsubscribe list-unsubscribe-post precedence auto-submitted " +
  "user-agent x-mailer x-priority importance feedback-id x-spam-status x-originating-ip";

interface KnownName {
  readonly name: string;
  readonly bytes: Uint8Array;
}

const known = new Map<number, KnownName>(
  USUAL_NAMES.split(" ").map((name) => {
    const bytes = encode(name);
    let hash = 0;
    for (const byte of bytes) hash = step(hash, byte);
    return [hash, { name, bytes }];
  }),
);

/**
 * Looks through a header section once, without an allocation per line. A line that is no field is passed over. Lines
 * end with CRLF; a bare LF is taken for a line's end too, so that nothing hides behind one.
 */
export function scanHeader(bytes: Uint8Array): HeaderScan {
  const names = new Set<string>();
  let empty: Set<string> | undefined;
  let [end, received, authors, obsolete] = [-1, 0, 0, false];
  for (let at = 0; at < bytes.length;) {
    const first = bytes[at]!;
    if (first === LF || (first === CR && bytes[at + 1] === LF)) {
      end = first === LF ? at + 1 : at + 2;
      break;
    }
    let colon = at;
    let hash = 0;
    let byte = first;
    while (byte > BLANK && byte < 127 && byte !== COLON) {
      hash = step(hash, byte >= 65 && byte <= 90 ? byte + 32 : byte);
      byte = bytes[++colon] ?? 0;
    }
    const lineEnd = bytes.indexOf(LF, colon);
    if (lineEnd < 0) break;
    if (colon > at && (byte === COLON || colonFollows(bytes, colon))) {
      const name = nameAt(bytes, { start: at, end: colon, hash });
      if (!isEmptyValue(bytes, colon, lineEnd)) empty?.delete(name);
      else if (!names.has(name)) (empty ??= new Set()).add(name);
      names.add(name);
      if (name === "received") received++;
      else if (name === "from") authors++;
      obsolete ||= byte !== COLON;
    }
    at = lineEnd + 1;
  }
  return { end, received, authors, obsolete, names, empty: empty ?? NONE };
}

const NONE: ReadonlySet<string> = new Set();

/** Does nothing stand from the colon to the line's end but blanks and empty angle brackets, nor on a folded line behind? */
function isEmptyValue(bytes: Uint8Array, colon: number, lineEnd: number): boolean {
  for (let at = colon; at < lineEnd; at++) {
    if (!OF_EMPTY_VALUES.has(bytes[at]!)) return false;
  }
  const next = bytes[lineEnd + 1];
  return next !== BLANK && next !== TAB;
}

/**
 * The fields of a header section in their order, up to the blank line; lines that are no fields are left out. `read`
 * makes text of it in another way than as UTF-8.
 */
export function parseFields(header: Uint8Array, read: (bytes: Uint8Array) => string = decode): HeaderField[] {
  const { end } = scanHeader(header);
  const text = read(end < 0 ? header : header.subarray(0, end));
  const fields: HeaderField[] = [];
  for (const line of text.split(/\r?\n(?![ \t])/)) {
    const parts = /^([!-9;-~]+)[ \t]*:/.exec(line);
    if (!parts) continue;
    const value = line.slice(parts[0].length).replace(/\r?\n(?=[ \t])/g, "");
    fields.push({ name: parts[1]!, value: trimmed(value) });
  }
  return fields;
}

/** The octets of the first field of that name (in lower case), as one text with a character for each; unfolded. */
export function fieldOctets(header: Uint8Array, name: string): string | undefined {
  for (let at = 0; at < header.length;) {
    const lineFeed = header.indexOf(LF, at);
    const end = lineFeed < 0 ? header.length : lineFeed + 1;
    if (header[at] === CR || header[at] === LF) return undefined;
    const value = valueStart(header, at, name);
    if (value !== undefined) {
      return trimmed(binaryString(header.subarray(value, foldedEnd(header, end))))
        .replace(/\r?\n(?=[ \t])/g, "");
    }
    at = end;
  }
  return undefined;
}

/** The offset behind the colon, when a field of that name (in lower case) begins at `at`. */
function valueStart(header: Uint8Array, at: number, name: string): number | undefined {
  let end = at;
  for (let i = 0; i < name.length; i++, end++) {
    // as in `sameName`
    if ((header[end]! | 32) !== name.charCodeAt(i)) return undefined;
  }
  while (header[end] === BLANK || header[end] === TAB) end++;
  return header[end] === COLON ? end + 1 : undefined;
}

/** Where the field ends whose first line ends there. */
function foldedEnd(header: Uint8Array, lineEnd: number): number {
  let end = lineEnd;
  while (header[end] === BLANK || header[end] === TAB) {
    const lineFeed = header.indexOf(LF, end);
    end = lineFeed < 0 ? header.length : lineFeed + 1;
  }
  return end;
}

/** Without the blanks around it, of which no-break spaces are none: they may be a part of a character's bytes. */
function trimmed(value: string): string {
  let [start, end] = [0, value.length];
  while (start < end && BLANKS.has(value[start]!)) start++;
  while (end > start && BLANKS.has(value[end - 1]!)) end--;
  return value.slice(start, end);
}

const BLANKS = new Set(" \t\r\n");

/** Whom the other recipients are not to know of (RFC 5322 3.6.3); in lower case. */
export const BLIND_FIELDS: ReadonlySet<string> = new Set(["bcc", "resent-bcc"]);

/** The header section without its fields of these names (in lower case); what is no field stays. */
export function withoutFields(header: Uint8Array, names: ReadonlySet<string>): Uint8Array {
  const kept: Uint8Array[] = [];
  let dropping = false;
  for (let at = 0; at < header.length;) {
    const lineFeed = header.indexOf(LF, at);
    const end = lineFeed < 0 ? header.length : lineFeed + 1;
    const isFolded = header[at] === BLANK || header[at] === TAB;
    if (!isFolded) {
      const name = /^([!-9;-~]+)[ \t]*:/.exec(decode(header.subarray(at, Math.min(end, at + MAX_NAME))))?.[1];
      dropping = name !== undefined && names.has(name.toLowerCase());
    }
    if (!dropping) kept.push(header.subarray(at, end));
    at = end;
  }
  return concat(kept);
}

/** No name that is looked for is longer, with the blanks behind it. */
const MAX_NAME = 200;

/** The longest line that is liked, without CRLF (RFC 5322 2.1.1). */
const LIKED = 78;
/** More blanks in a row than this (a quoted local part may hold 62) become one: a line of nothing but blanks is no legal folding (RFC 5322 3.2.2). */
const MAX_BLANKS = 66;

const NO_NAME_CHARACTER = /[^!-9;-~]/g;
// deno-lint-ignore no-control-regex
const CONTROLS = /[\x00-\x1f\x7f-\x9f\u2028\u2029]+/g;
// deno-lint-ignore no-control-regex
const BEYOND_ASCII = /[^\x00-\x7f]/;

/**
 * A field with its CRLF that is safe whatever it is made of: control characters in the value become a blank, what
 * can't stand in a name becomes `-`. Folded at blanks to lines of 78 octets where there are blanks; a word that
 * fits no line of 998 octets is cut.
 */
export function foldField(name: string, value: string): string {
  const start = `${name.replace(NO_NAME_CHARACTER, "-") || "-"}:`;
  const clean = printable(value).trim();
  if (start.length + clean.length < LIKED && !BEYOND_ASCII.test(clean)) return `${start} ${clean}\r\n`;
  let done = "";
  let line = start;
  let length = start.length;
  for (const [word] of ` ${clean}`.matchAll(/ *[^ ]+/g)) {
    const piece = word.lastIndexOf(" ") > MAX_BLANKS ? ` ${word.trimStart()}` : word;
    for (const part of cutWord(piece)) {
      const size = octets(part);
      // the first word stays beside the name as long as it can: some readers take a bare "Subject:" for empty
      if (length + size > (line === start ? MAX_LINE_OCTETS : LIKED)) {
        done += `${line}\r\n`;
        line = part;
        length = size;
      } else {
        line += part;
        length += size;
      }
    }
  }
  return `${done}${line}\r\n`;
}

/** The text in one line, fit for a header or a log: control characters become a blank, broken surrogates U+FFFD. */
export function printable(text: string): string {
  return text.toWellFormed().replace(CONTROLS, " ");
}

/** A word with the blanks before it in pieces that fit a line, each beginning with a blank. */
function cutWord(word: string): string[] {
  if (word.length * 3 < MAX_LINE_OCTETS || octets(word) < MAX_LINE_OCTETS) return [word];
  const parts: string[] = [];
  let part = "";
  let length = 0;
  for (const character of word) {
    const size = octets(character);
    if (length + size > MAX_LINE_OCTETS - 1) {
      parts.push(part);
      part = " ";
      length = 1;
    }
    part += character;
    length += size;
  }
  parts.push(part);
  return parts;
}

function octets(text: string): number {
  return BEYOND_ASCII.test(text) ? encode(text).length : text.length;
}

function step(hash: number, byte: number): number {
  return (Math.imul(hash, 31) + byte) | 0;
}

/** The obsolete form `Name :` (RFC 5322 4.5.8). */
function colonFollows(bytes: Uint8Array, at: number): boolean {
  while (bytes[at] === BLANK || bytes[at] === TAB) at++;
  return bytes[at] === COLON;
}

function nameAt(bytes: Uint8Array, at: { start: number; end: number; hash: number }): string {
  const usual = known.get(at.hash);
  if (usual && sameName(bytes, at.start, usual.bytes) && at.end - at.start === usual.bytes.length) {
    return usual.name;
  }
  return decode(bytes.subarray(at.start, at.end)).toLowerCase();
}

function sameName(bytes: Uint8Array, start: number, name: Uint8Array): boolean {
  for (let i = 0; i < name.length; i++) {
    // names hold letters, digits and hyphens only, which the bit of lower case leaves apart
    if ((bytes[start + i]! | 32) !== name[i]) return false;
  }
  return true;
}

let lastSecond = NaN;
let lastDate = "";

/**
 * The date of a field (RFC 5322 3.3), of milliseconds since 1970, in UTC: `Tue, 24 Nov 2026 03:51:22 +0000`. That of a
 * second is made once: each message has one.
 */
export function formatDate(ms: number): string {
  const second = Math.floor(ms / 1000);
  if (second !== lastSecond) {
    lastDate = `${new Date(ms).toUTCString().slice(0, -3)}+0000`;
    lastSecond = second;
  }
  return lastDate;
}

/** Reads no more of a content than its header section, of which `maxOctets` at most. */
export async function readHeaderSection(
  content: AsyncIterable<Uint8Array>,
  maxOctets: number,
): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  let size = 0;
  for await (const piece of content) {
    pieces.push(piece);
    size += piece.length;
    if (size > maxOctets || scanHeader(concat(pieces)).end >= 0) break;
  }
  return concat(pieces).subarray(0, maxOctets);
}
