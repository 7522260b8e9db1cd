/**
 * The reader of mbox files, whoever wrote them: with and without a blank line before a `From ` line, its date in any
 * form, other lines quoted by `>` or counted by Content-Length. A `From ` line begins a message when its date is whole
 * and a header field follows, or where it can't be anything else; one that was not taken is a warning.
 */

import { decode } from "../base/bytes.ts";
import { type FromLine, looksDated, parseFromLine } from "./from_line.ts";
import { ByteBuffer, LineCutter, type LinePlace } from "./line_cutter.ts";
import { isFrom, isQuotedFrom, type MboxMessage, withoutCr } from "./mbox.ts";
import { MboxHeader, timeIn } from "./mbox_header.ts";
import { hasMark, MboxOctets } from "./mbox_octets.ts";

/** A part of a file that is read: a message begins, a piece of its content with CRLF line ends, or a doubt. */
export type MboxPart =
  | { readonly message: MboxMessage }
  | { readonly text: Uint8Array<ArrayBuffer> }
  | { readonly warning: string };

/** The file is no mbox. */
export class MboxError extends Error {
  override readonly name = "MboxError";
}

const CR = 13;
const LF = 10;
const GREATER = 62;
const F = 70;
const MARK = 0xef;
/** What is held at the most to see whether a Content-Length is right. */
const MAX_HELD = 64 * 1024 * 1024;
const MIN_HELD = 64 * 1024;

/** A `From ` line that waits for the line behind it. */
interface Candidate {
  readonly line: Uint8Array;
  readonly found: FromLine;
  readonly place: LinePlace;
  /** It stands at the file's beginning or behind a blank line. */
  readonly apart: boolean;
}

/** Reads a file, piece by piece. Throws an {@linkcode MboxError} when it is none. */
export class MboxReader {
  readonly #octets = new MboxOctets();
  readonly #lines = new LineCutter();
  #out = new ByteBuffer();
  #parts: MboxPart[] = [];
  #in: "nothing" | "header" | "text" = "nothing";
  #begun: FromLine | undefined;
  #header = new MboxHeader();
  /** The message on top holds data of a program: it is left out. */
  #skipping = false;
  /** A blank line that may belong to the `From ` line behind it. */
  #blank = false;
  #candidate: Candidate | undefined;
  /** The file has `From ` lines without a time. */
  #undated = false;
  /** Where the body ends by Content-Length. */
  #end: number | undefined;
  #held: { bytes: ByteBuffer; offset: number; number: number; reached: boolean } | undefined;
  #maxHeld = MAX_HELD;
  #expunged = 0;

  /** Takes the next piece of the file. */
  push(bytes: Uint8Array): MboxPart[] {
    this.#lines.push(this.#octets.push(bytes), this.#takeLine);
    return this.#take();
  }

  /** The file is over. */
  end(): MboxPart[] {
    this.#lines.push(this.#octets.end(), this.#takeLine);
    this.#lines.end(this.#takeLine);
    while (this.#held) this.#release(this.#lines.offset === this.#end || this.#held.reached);
    if (this.#candidate) this.#decide(undefined);
    this.#endHead();
    const { nuls } = this.#octets;
    if (nuls > 0) this.#warn(`${nuls} NUL octets were left out; the file may have been damaged`);
    if (this.#expunged > 0) {
      this.#warn(
        `${this.#expunged} of the messages were deleted in Thunderbird and came along; ` +
          "compacting the folder there takes them out of the file",
      );
    }
    return this.#take();
  }

  #take(): MboxPart[] {
    this.#passOn();
    return this.#parts.splice(0);
  }

  #passOn(): void {
    if (this.#out.length === 0) return;
    const text = this.#out.take();
    if (!this.#skipping) this.#parts.push({ text });
  }

  #warn(text: string): void {
    this.#parts.push({ warning: text });
  }

  readonly #takeLine = (segment: Uint8Array, place: LinePlace): void => {
    if (this.#held && this.#holds(segment, place)) return;
    if (this.#candidate && place.first) this.#decide(segment);
    if (place.first && place.last && this.#isCandidate(segment, place)) return;
    this.#line(segment, place);
  };

  /** Keeps a `From ` line until the next line is known, or until the place that Content-Length names. */
  #isCandidate(segment: Uint8Array, place: LinePlace): boolean {
    if (segment[0] !== F && segment[0] !== MARK) return false;
    // files that were put together may each have had a mark
    const line = withoutCr(hasMark(segment) ? segment.subarray(3) : segment);
    if (!isFrom(line)) return false;
    const apart = this.#in === "nothing" || this.#blank;
    const found = parseFromLine(lineText(line));
    const doubled = this.#in === "header" && this.#header.isEmpty && this.#begun?.kind === found?.kind;
    if (!found || doubled || !this.#mayBegin(found, apart)) {
      if (!doubled && this.#in !== "nothing") this.#warnOf(line, place);
      return false;
    }
    if (this.#end !== undefined && place.offset < this.#end && this.#end - place.offset <= this.#maxHeld) {
      this.#held = { bytes: new ByteBuffer(), offset: place.offset, number: place.number, reached: false };
      return this.#holds(segment, place);
    }
    this.#candidate = { line: segment.slice(), found, place, apart };
    return true;
  }

  #mayBegin({ kind }: FromLine, apart: boolean): boolean {
    if (kind === "dated") return true;
    return apart && (kind === "loose" || this.#in === "nothing" || this.#undated);
  }

  /** Does the line behind a `From ` line make it the beginning of a message? Undefined: the file ends. */
  #decide(segment: Uint8Array | undefined): void {
    const { line, found, place, apart } = this.#candidate!;
    this.#candidate = undefined;
    const next = segment && withoutCr(segment);
    const isEmpty = next === undefined || next.length === 0;
    const sure = found.kind === "dated" && apart && (isEmpty || this.#in === "nothing");
    if (sure || (!isEmpty && beginsHead(next))) return this.#begin(found);
    if (this.#in !== "nothing") this.#warnOf(line, place);
    this.#line(line, place);
  }

  #begin(found: FromLine): void {
    if (this.#in === "nothing") this.#undated = found.kind === "undated";
    this.#endHead();
    this.#passOn();
    this.#in = "header";
    this.#begun = found;
    this.#header = new MboxHeader();
    this.#skipping = false;
    this.#blank = false;
    this.#end = undefined;
  }

  #warnOf(line: Uint8Array, { number }: LinePlace): void {
    const text = lineText(line);
    if (!looksDated(text)) return;
    const shown = text.length > 80 ? `${text.slice(0, 79)}…` : text;
    this.#warn(`line ${number}: "${shown}" was taken for text, not for the beginning of a message`);
  }

  #line(segment: Uint8Array, place: LinePlace): void {
    const line = place.last ? withoutCr(segment) : segment;
    if (this.#in === "nothing") {
      if (line.length === 0) return;
      throw new MboxError(
        'This is no mbox file: its first line has to be like "From jo@example.org Mon Jan …"',
      );
    }
    if (this.#in === "header") {
      const behind = place.offset + segment.length + 1;
      if (this.#isOfHead(line, { ...place, behind })) return;
    }
    this.#textLine(line, place);
  }

  /** `behind` is where the next line begins. */
  #isOfHead(line: Uint8Array, place: LinePlace & { behind: number }): boolean {
    const { first, last, behind } = place;
    if (first && last && this.#header.mayBeOwn) {
      const status = /^Status: ([A-Z]*)$/.exec(lineText(line))?.[1];
      if (status !== undefined) {
        // our own file: what follows is the message as it is, fields of the same names too
        this.#announce(status.includes("R"));
        return true;
      }
    }
    if (!first || (line.length > 0 && this.#header.takes(line))) {
      this.#header.put(line, place);
      return true;
    }
    const length = last && line.length === 0 ? this.#header.contentLength : undefined;
    if (length !== undefined) this.#end = behind + length;
    this.#endHead();
    return false;
  }

  #endHead(): void {
    if (this.#in !== "header") return;
    this.#skipping = this.#header.isFolderData;
    if (this.#header.isExpunged) this.#expunged++;
    this.#announce(this.#header.seen);
  }

  /** The message begins; what follows is text. */
  #announce(seen: boolean): void {
    const header = this.#header.take();
    const { sender, at } = this.#begun!;
    if (!this.#skipping) {
      const { marks, keywords } = this.#header;
      const more = { ...(marks !== "" && { marks }), ...(keywords.length > 0 && { keywords }) };
      this.#parts.push({ message: { sender, receivedAt: at ?? timeIn(header), seen, ...more } });
      if (header.length > 0) this.#parts.push({ text: header });
    }
    this.#in = "text";
  }

  #textLine(line: Uint8Array, { first, last }: LinePlace, asItIs?: "as it is"): void {
    if (this.#blank) this.#crlf();
    this.#blank = first && last && line.length === 0;
    if (this.#blank) return;
    this.#text(!asItIs && first && line[0] === GREATER && isQuotedFrom(line) ? line.subarray(1) : line);
    if (last) this.#crlf();
  }

  /** A lone CR is a line's end. */
  #text(line: Uint8Array): void {
    let from = 0;
    for (let cr = line.indexOf(CR); cr >= 0; cr = line.indexOf(CR, from)) {
      this.#out.put(line.subarray(from, cr));
      this.#crlf();
      from = cr + 1;
    }
    this.#out.put(line.subarray(from));
  }

  #crlf(): void {
    this.#out.putByte(CR);
    this.#out.putByte(LF);
  }

  /** Keeps what may be text by Content-Length; false when that is decided and the line is to be looked at. */
  #holds(segment: Uint8Array, place: LinePlace): boolean {
    const held = this.#held!;
    const end = this.#end!;
    if (place.first && place.offset === end) held.reached = true;
    const line = place.last ? withoutCr(segment) : segment;
    if (place.offset < end || (held.reached && place.first && place.last && line.length === 0)) {
      held.bytes.put(segment);
      if (place.last) held.bytes.putByte(LF);
      return true;
    }
    const found = held.reached && place.last && isFrom(line) ? parseFromLine(lineText(line)) : undefined;
    this.#release(found !== undefined);
    if (!found) return this.#held !== undefined && this.#holds(segment, place);
    this.#begin(found);
    return true;
  }

  /** What was held is text as it is when a message or the end follows; else it is looked at line by line. */
  #release(right: boolean): void {
    const { bytes, offset, number } = this.#held!;
    const length = this.#end! - offset;
    this.#held = undefined;
    this.#end = undefined;
    this.#maxHeld = Math.max(MIN_HELD, Math.min(MAX_HELD, right ? this.#maxHeld * 2 : this.#maxHeld / 2));
    const take = right
      ? (segment: Uint8Array, place: LinePlace) =>
        this.#textLine(place.last ? withoutCr(segment) : segment, place, "as it is")
      : this.#takeLine;
    const lines = new LineCutter({ offset, number });
    // blank lines behind the body are not of it, those within are
    lines.push(right ? bytes.take().subarray(0, length) : bytes.take(), take);
    lines.end(take);
    if (right && this.#blank) this.#crlf();
    if (right) this.#blank = false;
  }
}

/** A header field, or the `From ` line of another program. */
function beginsHead(line: Uint8Array): boolean {
  const text = lineText(line);
  if (/^[A-Za-z][\w.-]*[ \t]*:(?!\/\/)/.test(text) || /^>+From /.test(text)) return true;
  return parseFromLine(text)?.kind === "dated";
}

function lineText(line: Uint8Array): string {
  return decode(line.subarray(0, 500));
}
