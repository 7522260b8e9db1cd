/**
 * In charge of mbox files (RFC 4155, in the way called mboxrd): messages one behind the other, a `From ` line before
 * each, a blank line behind it. A line of a message that looks like a `From ` line, with any number of `>` before it,
 * gets one more `>`, so that nothing is lost. Lines end with LF in the file and with CRLF here.
 */

import { encode } from "../base/bytes.ts";
import { parseMailbox } from "./address.ts";
import { formatDate } from "./date.ts";
import type { Mailbox } from "./envelope.ts";

/** What a mbox file tells of a message beside its text. */
export interface MboxMessage {
  /** The reverse-path; empty for none. */
  readonly sender: Mailbox;
  /** When it came: milliseconds since 1970, whole seconds; undefined when the file does not tell. */
  readonly receivedAt: number | undefined;
  /** Somebody looked at it. */
  readonly seen: boolean;
}

/** A part of a file that is read: a message begins, or a piece of its text with CRLF line ends. */
export type MboxPart = { readonly message: MboxMessage } | { readonly text: Uint8Array<ArrayBuffer> };

/** The file is no mbox. */
export class MboxError extends Error {
  override readonly name = "MboxError";
}

const NUL = 0;
const LF = 10;
const CR = 13;
const GREATER = 62;
const FROM = encode("From ");
/** Longer lines are passed on in segments; none of the lines that matter is. */
const SEGMENT = 64 * 1024;
/** Who stands in a `From ` line for a message without a sender. */
const NOBODY = "MAILER-DAEMON";

/** Reads a file, piece by piece. Throws an {@linkcode MboxError} when it is none. */
export class MboxReader {
  readonly #lines = new LineCutter();
  #out = new ByteBuffer();
  #parts: MboxPart[] = [];
  #begun: MboxMessage | undefined;
  #inMessage = false;
  /** A blank line that may belong to the `From ` line behind it. */
  #blank = false;

  /** Takes the next piece of the file. */
  push(bytes: Uint8Array): MboxPart[] {
    // NUL is not for mail: who sends the message on would leave it out, and its size would be wrong
    const clean = bytes.includes(NUL) ? bytes.filter((byte) => byte !== NUL) : bytes;
    this.#lines.push(clean, (line, place) => this.#line(line, place));
    return this.#take();
  }

  /** The file is over. */
  end(): MboxPart[] {
    this.#lines.end((line, place) => this.#line(line, place));
    this.#announce();
    return this.#take();
  }

  #take(): MboxPart[] {
    this.#passOn();
    return this.#parts.splice(0);
  }

  #passOn(): void {
    if (this.#out.length > 0) this.#parts.push({ text: this.#out.take() });
  }

  #line(segment: Uint8Array, { first, last }: LinePlace): void {
    const line = last && segment[segment.length - 1] === CR ? segment.subarray(0, -1) : segment;
    if (first && this.#isBetween(line, last)) return;
    this.#announce();
    if (first && last && line.length === 0) {
      if (this.#blank) this.#crlf();
      this.#blank = true;
      return;
    }
    if (this.#blank) this.#crlf();
    this.#blank = false;
    this.#text(first && line[0] === GREATER && looksLikeFrom(line) ? line.subarray(1) : line);
    if (last) this.#crlf();
  }

  /** Takes the lines that are not of a message: what comes before it, its `From ` line, the status we put there. */
  #isBetween(line: Uint8Array, whole: boolean): boolean {
    if (whole && (this.#blank || !this.#inMessage) && startsWith(line, FROM)) {
      const begun = parseFromLine(line);
      if (begun) {
        this.#announce();
        this.#passOn();
        this.#begun = begun;
        this.#inMessage = true;
        this.#blank = false;
        return true;
      }
    }
    if (!this.#inMessage) {
      if (line.length === 0) return true;
      throw new MboxError(
        'This is no mbox file: its first line has to be like "From jo@example.org Mon Jan …"',
      );
    }
    const status = this.#begun && whole ? /^Status: ([A-Z]*)$/.exec(textOf(line))?.[1] : undefined;
    if (status === undefined) return false;
    this.#begun = { ...this.#begun!, seen: status.includes("R") };
    this.#announce();
    return true;
  }

  #announce(): void {
    if (this.#begun) this.#parts.push({ message: this.#begun });
    this.#begun = undefined;
  }

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
}

/** Writes a file, message by message. */
export class MboxWriter {
  readonly #lines = new LineCutter();
  readonly #out = new ByteBuffer();

  /** A message begins. */
  begin({ sender, receivedAt = 0, seen }: MboxMessage): Uint8Array<ArrayBuffer> {
    // a blank in the address would make the line unreadable; the message's own fields have it still
    const name = sender === "" || /\s/.test(sender) ? NOBODY : sender;
    return encode(`From ${name} ${asctime(receivedAt)}\nStatus: ${seen ? "RO" : "O"}\n`);
  }

  /** A piece of its text, with CRLF line ends. */
  text(piece: Uint8Array): Uint8Array<ArrayBuffer> {
    this.#lines.push(piece, (line, place) => this.#line(line, place));
    return this.#out.take();
  }

  /** The message is over. */
  end(): Uint8Array<ArrayBuffer> {
    this.#lines.end((line, place) => this.#line(line, place));
    this.#out.putByte(LF);
    return this.#out.take();
  }

  #line(segment: Uint8Array, { first, last }: LinePlace): void {
    const line = last && segment[segment.length - 1] === CR ? segment.subarray(0, -1) : segment;
    if (first && looksLikeFrom(line)) this.#out.putByte(GREATER);
    this.#out.put(line);
    if (last) this.#out.putByte(LF);
  }
}

/** `Mon Jan  5 09:00:00 2026`, UTC. */
function asctime(ms: number): string {
  const [day = "", date = "", month = "", year = "", time = ""] = formatDate(ms).replace(",", "").split(" ");
  return `${day} ${month} ${String(Number(date)).padStart(2)} ${time} ${year}`;
}

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const DAY = "(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)";
const MONTH = `(${MONTHS.join("|")})`;
/** The name of a zone, or its offset. */
const ZONE = "(?: +(?:[A-Z][A-Za-z/_]*|[+-]\\d{4}))*";
/** The date as asctime() writes it, with what programs have added: a zone on either side of the year, a host. */
const FROM_LINE = new RegExp(
  `^From +(?:(\\S+) +(?:.* )?)??${DAY} +${MONTH} +(\\d{1,2}) +(\\d\\d):(\\d\\d)(?::(\\d\\d))?` +
    `${ZONE} +(\\d{4})${ZONE}(?: +remote from \\S+)? *$`,
);
/** What few programs write instead: the date of ISO 8601, or that of a header field. */
const OTHER_FROM_LINE = new RegExp(
  `^From +(\\S+) +(?:\\d{4}-\\d\\d-\\d\\d[ T]|${DAY}, +\\d{1,2} +${MONTH} +\\d{4} +)\\d\\d:\\d\\d\\S*${ZONE} *$`,
);

/** What a line tells that begins with `From `; undefined: it is a sentence. */
function parseFromLine(line: Uint8Array): MboxMessage | undefined {
  const text = textOf(line);
  const found = FROM_LINE.exec(text);
  if (!found) {
    const other = OTHER_FROM_LINE.exec(text);
    return other ? { sender: senderOf(other[1]!), receivedAt: undefined, seen: false } : undefined;
  }
  const [, name = "", month = "", date, hour, minute, second = "0", year] = found;
  const at = Date.UTC(
    Number(year),
    MONTHS.indexOf(month),
    Number(date),
    Number(hour),
    Number(minute),
    Number(second),
  );
  return { sender: senderOf(name), receivedAt: at, seen: false };
}

function senderOf(name: string): Mailbox {
  return parseMailbox(name) ?? "";
}

const decoder = new TextDecoder();

function textOf(line: Uint8Array): string {
  return decoder.decode(line.subarray(0, 500));
}

/** `From `, `>From `, `>>From ` … */
function looksLikeFrom(line: Uint8Array): boolean {
  let at = 0;
  while (line[at] === GREATER) at++;
  return startsWith(line.subarray(at, at + FROM.length), FROM);
}

function startsWith(bytes: Uint8Array, beginning: Uint8Array): boolean {
  for (let i = 0; i < beginning.length; i++) if (bytes[i] !== beginning[i]) return false;
  return true;
}

/** Where a segment is in its line. */
interface LinePlace {
  readonly first: boolean;
  readonly last: boolean;
}
type TakeLine = (segment: Uint8Array, place: LinePlace) => void;

/** Cuts bytes into lines, without their LF; long ones into segments. */
class LineCutter {
  readonly #rest = new ByteBuffer();
  #first = true;

  push(bytes: Uint8Array, take: TakeLine): void {
    let from = 0;
    for (let lf = bytes.indexOf(LF); lf >= 0; lf = bytes.indexOf(LF, from)) {
      const line = bytes.subarray(from, lf);
      from = lf + 1;
      if (this.#rest.length === 0) take(line, { first: this.#first, last: true });
      else {
        this.#rest.put(line);
        take(this.#rest.take(), { first: this.#first, last: true });
      }
      this.#first = true;
    }
    this.#rest.put(bytes.subarray(from));
    if (this.#rest.length <= SEGMENT) return;
    const segment = this.#rest.take();
    // a CR at the end may be the first half of a line end
    const end = segment[segment.length - 1] === CR ? segment.length - 1 : segment.length;
    take(segment.subarray(0, end), { first: this.#first, last: false });
    this.#rest.put(segment.subarray(end));
    this.#first = false;
  }

  /** The last line, when it has no LF. */
  end(take: TakeLine): void {
    if (this.#rest.length > 0 || !this.#first) take(this.#rest.take(), { first: this.#first, last: true });
    this.#first = true;
  }
}

/** Bytes that grow at their end. */
class ByteBuffer {
  #bytes = new Uint8Array(1024);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  put(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  putByte(byte: number): void {
    this.#reserve(1);
    this.#bytes[this.#length++] = byte;
  }

  /** A copy of all; nothing is left. */
  take(): Uint8Array<ArrayBuffer> {
    const bytes = this.#bytes.slice(0, this.#length);
    this.#length = 0;
    return bytes;
  }

  #reserve(more: number): void {
    const needed = this.#length + more;
    if (needed <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(needed, 2 * this.#bytes.length));
    grown.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = grown;
  }
}
