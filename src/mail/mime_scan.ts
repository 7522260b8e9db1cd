/**
 * The parts of a message with the places of their octets, found while its octets go by: nothing of a content is held
 * but the beginning of its first texts. Whatever a message has in it, depth, number of parts and memory are bounded.
 */

import { binaryString, concat, octetsOf } from "../base/bytes.ts";
import { type MediaType, parameter, parseDisposition, parseMediaType } from "./mime_value.ts";

/** The fields of a header section that a structure has: by name in lower case, unfolded, a character for each octet. */
export type ScannedFields = ReadonlyMap<string, readonly string[]>;

/** A part, or a message. Offsets are octets from the beginning of the whole message. */
export interface ScannedPart {
  readonly kind: "leaf" | "multipart" | "message";
  /** Undefined: it says none, or nothing that is one. */
  readonly type: MediaType | undefined;
  readonly fields: ScannedFields;
  readonly headerStart: number;
  readonly contentStart: number;
  readonly contentEnd: number;
  /** Line ends in the content. */
  readonly lines: number;
  /** Those of a multipart, of which there is one at least; the message in a `message`. */
  readonly parts: readonly ScannedPart[];
}

/** A text that a message begins with, as far as it was kept. */
export interface ScannedText {
  readonly part: ScannedPart;
  readonly octets: Uint8Array;
}

/** What a message is made of. */
export interface ScannedMessage {
  readonly root: ScannedPart;
  /** Octets in all. */
  readonly size: number;
  /** The first text and the first HTML that are no attachments. */
  readonly plain: ScannedText | undefined;
  readonly html: ScannedText | undefined;
}

/** Parts and messages within each other; one that is deeper is taken as it is. */
const MOST_DEPTH = 60;
/** More parts are taken for text of the last one. */
const MOST_PARTS = 1000;
/** So many octets of fields are kept of a whole message; what is beyond is cut. */
const MOST_FIELDS = 128 * 1024;
/** A longer boundary is none: RFC 2046 5.1.1 allows 70. */
const MOST_BOUNDARY = 250;
/** So much of a line is looked at to know whether it is a delimiter. */
const MOST_DELIMITER = MOST_BOUNDARY + 6;
const MOST_PLAIN = 8 * 1024;
const MOST_HTML = 64 * 1024;

const LF = 10;
const CR = 13;
const HYPHEN = 45;
const TAB = 9;
const BLANK = 32;

const NAMES = new Set(
  ("date subject from sender reply-to to cc bcc in-reply-to message-id references content-type " +
    "content-transfer-encoding content-disposition content-id content-description content-md5 content-language " +
    "content-location").split(" "),
);
const DIGESTED: MediaType = { type: "message", subtype: "rfc822", parameters: [] };
const FIELD = /^([!-9;-~]{1,80})[ \t]*:/;

interface OpenPart {
  kind: ScannedPart["kind"];
  type: MediaType | undefined;
  readonly fields: Map<string, string[]>;
  readonly headerStart: number;
  contentStart: number;
  contentEnd: number;
  lines: number;
  readonly parts: OpenPart[];
  /** Undefined: none, or its last delimiter came. */
  boundary: Uint8Array | undefined;
  /** Its parts are messages when they do not say otherwise (RFC 2046 5.1.5). */
  digest: boolean;
  inHeader: boolean;
  /** Line ends before its content. */
  linesBefore: number;
}

interface Capture {
  readonly part: OpenPart;
  readonly most: number;
  readonly pieces: Uint8Array[];
  kept: number;
}

/** Reads a message piece by piece, however it is cut. */
export class MimeScanner {
  /** Parts within each other, the message first. */
  readonly #open: OpenPart[] = [newPart(0)];
  /** Octets and line ends that went by in front of the line under way. */
  #lineStart = 0;
  #lines = 0;
  /** Octets that went by, and the last one. */
  #offset = 0;
  #last = 0;
  /** What is kept of the line under way, when it goes on in the next piece. */
  #held: Uint8Array[] = [];
  #heldOctets = 0;
  /** How many octets the end of the line before has. */
  #endOctets = 0;
  /** The values of the field that may go on. */
  #field: string[] | undefined;
  #fieldOctets = 0;
  #parts = 1;
  #plain: Capture | undefined;
  #html: Capture | undefined;

  /** Takes the next octets. */
  push(chunk: Uint8Array): void {
    const base = this.#offset;
    for (let at = 0; at < chunk.length;) {
      const lineFeed = chunk.indexOf(LF, at);
      if (lineFeed < 0) {
        this.#hold(chunk.subarray(at), base + at);
        break;
      }
      const end = lineFeed + 1;
      if (this.#matters(chunk[at]!, base + at)) {
        const rest = chunk.subarray(at, end);
        this.#judge(this.#heldOctets > 0 ? concat([...this.#held, rest]) : rest, base + end);
      }
      const before = lineFeed > 0 ? chunk[lineFeed - 1]! : this.#last;
      this.#endOctets = before === CR ? 2 : 1;
      this.#lines++;
      this.#lineStart = base + end;
      this.#held = [];
      this.#heldOctets = 0;
      at = end;
    }
    this.#offset = base + chunk.length;
    if (chunk.length > 0) this.#last = chunk.at(-1)!;
    for (const capture of [this.#plain, this.#html]) if (capture) take(capture, chunk, base);
  }

  /** Nothing more comes. */
  finish(): ScannedMessage {
    if (this.#heldOctets > 0) this.#judge(concat(this.#held), this.#offset);
    this.#close(0, { end: this.#offset, lines: this.#lines });
    const root = this.#open[0]!;
    return { root, size: this.#offset, plain: textOf(this.#plain), html: textOf(this.#html) };
  }

  /** Must the line be looked at whose octet at that place is this one? */
  #matters(octet: number, place: number): boolean {
    if (this.#open.at(-1)!.inHeader) return true;
    return place === this.#lineStart ? octet === HYPHEN : this.#heldOctets > 0;
  }

  #hold(piece: Uint8Array, place: number): void {
    if (!this.#matters(piece[0]!, place)) return;
    const most = this.#open.at(-1)!.inHeader ? MOST_FIELDS : MOST_DELIMITER;
    const kept = piece.slice(0, Math.max(0, most - this.#heldOctets));
    if (kept.length > 0) this.#held.push(kept);
    this.#heldOctets += kept.length;
  }

  /** Looks at a line, with its end where it has one; the next one begins at `next`. */
  #judge(line: Uint8Array, next: number): void {
    if (line[0] === HYPHEN && line[1] === HYPHEN && this.#parts < MOST_PARTS) {
      const depth = this.#delimited(line);
      if (depth >= 0) return this.#delimiter(depth, line, next);
    }
    const part = this.#open.at(-1)!;
    if (!part.inHeader) return;
    if (line[0] === LF || (line[0] === CR && line[1] === LF)) this.#endHeader(part, next);
    else this.#headerLine(part, line);
  }

  /** The depth of the multipart whose delimiter a line is: of several that it begins with, the longest one, the innermost. */
  #delimited(line: Uint8Array): number {
    let [found, length] = [-1, 0];
    for (let depth = this.#open.length - 1; depth >= 0; depth--) {
      const { boundary } = this.#open[depth]!;
      if (!boundary || boundary.length <= length || line.length < boundary.length + 2) continue;
      let i = 0;
      while (i < boundary.length && boundary[i] === line[i + 2]) i++;
      if (i === boundary.length) [found, length] = [depth, i];
    }
    return found;
  }

  #delimiter(depth: number, line: Uint8Array, next: number): void {
    const around = this.#open[depth]!;
    // RFC 2046 5.1.1: the line end in front belongs to the delimiter
    this.#close(depth + 1, { end: this.#lineStart - this.#endOctets, lines: this.#lines - 1 });
    const behind = around.boundary!.length + 2;
    if (line[behind] === HYPHEN && line[behind + 1] === HYPHEN) {
      around.boundary = undefined;
      return;
    }
    const part = newPart(next);
    around.kind = "multipart";
    around.parts.push(part);
    this.#open.push(part);
    this.#parts++;
    this.#field = undefined;
  }

  /** Ends the parts from a depth on, the innermost first; so many lines there were up to that place. */
  #close(depth: number, { end, lines }: { end: number; lines: number }): void {
    for (const part of this.#open.slice(depth).reverse()) {
      if (part.inHeader) this.#readType(part, Math.max(part.headerStart, end));
      // a content of nothing has the line end of its header in front of the delimiter
      part.contentEnd = Math.max(part.contentStart, end);
      part.lines = Math.max(0, lines - part.linesBefore);
    }
    this.#open.length = Math.max(1, depth);
  }

  #headerLine(part: OpenPart, line: Uint8Array): void {
    const isFolded = line[0] === BLANK || line[0] === TAB;
    if (isFolded && !this.#field) return;
    const text = binaryString(line).replace(/\r?\n$/, "");
    let value = text;
    if (!isFolded) {
      const [before = "", name = ""] = FIELD.exec(text) ?? [];
      const key = name.toLowerCase();
      const isWanted = NAMES.has(key);
      if (isWanted && !part.fields.has(key)) part.fields.set(key, []);
      this.#field = isWanted ? part.fields.get(key) : undefined;
      this.#field?.push("");
      value = text.slice(before.length);
    }
    if (!this.#field) return;
    value = value.slice(0, MOST_FIELDS - this.#fieldOctets);
    this.#fieldOctets += value.length;
    this.#field[this.#field.length - 1] += value;
  }

  #endHeader(part: OpenPart, contentStart: number): void {
    this.#readType(part, contentStart);
    part.linesBefore = this.#lines + 1; // the blank line's own end is counted next
    const isFree = this.#open.length < MOST_DEPTH && this.#parts < MOST_PARTS;
    if (isMessage(part) && isFree) {
      part.kind = "message";
      const message = newPart(contentStart);
      part.parts.push(message);
      this.#open.push(message);
      this.#parts++;
      return;
    }
    const boundary = isFree ? boundaryOf(part.type) : undefined;
    if (boundary === undefined) return this.#watch(part);
    part.boundary = boundary;
    part.digest = /^digest$/i.test(part.type!.subtype);
  }

  /** The header is over. */
  #readType(part: OpenPart, contentStart: number): void {
    part.inHeader = false;
    part.contentStart = contentStart;
    part.linesBefore = this.#lines;
    this.#field = undefined;
    for (const values of part.fields.values()) {
      for (const [i, value] of values.entries()) values[i] = withoutFolding(value);
    }
    const value = part.fields.get("content-type")?.[0];
    const isInDigest = this.#open.at(-2)?.digest === true && this.#open.at(-2)?.parts.at(-1) === part;
    part.type = value === undefined ? (isInDigest ? DIGESTED : undefined) : parseMediaType(value);
  }

  /** Keeps the beginning of a text that may be the message's own. */
  #watch(part: OpenPart): void {
    const type = part.type ? `${part.type.type}/${part.type.subtype}`.toLowerCase() : "text/plain";
    const disposition = parseDisposition(part.fields.get("content-disposition")?.[0] ?? "");
    if (disposition && /^attachment$/i.test(disposition.value)) return;
    if (this.#open.some(({ kind }) => kind === "message")) return;
    if (type === "text/plain") this.#plain ??= { part, most: MOST_PLAIN, pieces: [], kept: 0 };
    else if (type === "text/html") this.#html ??= { part, most: MOST_HTML, pieces: [], kept: 0 };
  }
}

function newPart(headerStart: number): OpenPart {
  return {
    kind: "leaf",
    type: undefined,
    fields: new Map(),
    headerStart,
    contentStart: headerStart,
    contentEnd: Infinity,
    lines: 0,
    parts: [],
    boundary: undefined,
    digest: false,
    inHeader: true,
    linesBefore: 0,
  };
}

function isMessage({ type }: OpenPart): boolean {
  return type !== undefined && /^message$/i.test(type.type) && /^(?:rfc822|global)$/i.test(type.subtype);
}

/** Undefined: it is no multipart, or says no usable one. */
function boundaryOf(type: MediaType | undefined): Uint8Array | undefined {
  if (!type || !/^multipart$/i.test(type.type)) return undefined;
  const boundary = parameter(type.parameters, "boundary")?.trimEnd() ?? "";
  return boundary === "" || boundary.length > MOST_BOUNDARY ? undefined : octetsOf(boundary);
}

function withoutFolding(value: string): string {
  let [start, end] = [0, value.length];
  while (start < end && " \t\r\n".includes(value[start]!)) start++;
  while (end > start && " \t\r\n".includes(value[end - 1]!)) end--;
  return value.slice(start, end);
}

function take(capture: Capture, chunk: Uint8Array, base: number): void {
  const { contentStart, contentEnd } = capture.part;
  const from = Math.max(contentStart + capture.kept, base);
  const to = Math.min(contentStart + capture.most, contentEnd, base + chunk.length);
  if (to <= from) return;
  capture.pieces.push(chunk.slice(from - base, to - base));
  capture.kept += to - from;
}

function textOf(capture: Capture | undefined): ScannedText | undefined {
  if (!capture) return undefined;
  const { part, pieces } = capture;
  return { part, octets: concat(pieces).subarray(0, part.contentEnd - part.contentStart) };
}
