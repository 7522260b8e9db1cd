/** The cutter of bytes into lines, for files too large for memory, and the growing buffer that it keeps. */

const LF = 10;
const CR = 13;
/** Longer lines are passed on in segments. */
const SEGMENT = 64 * 1024;

/** Where a segment is in its line, and the line in the file. */
export interface LinePlace {
  readonly first: boolean;
  readonly last: boolean;
  /** Of the segment's first octet. */
  readonly offset: number;
  /** Counted from 1. */
  readonly number: number;
}
/** Takes a segment, without its LF. */
export type TakeLine = (segment: Uint8Array, place: LinePlace) => void;

/** Cuts bytes into lines, without their LF; long ones into segments. */
export class LineCutter {
  readonly #rest = new ByteBuffer();
  #first = true;
  #offset: number;
  #number: number;

  /** Where the first line is in the file. */
  constructor({ offset = 0, number = 1 }: { offset?: number; number?: number } = {}) {
    this.#offset = offset;
    this.#number = number;
  }

  /** Of the octet behind all that was passed on. */
  get offset(): number {
    return this.#offset;
  }

  push(bytes: Uint8Array, take: TakeLine): void {
    let from = 0;
    for (let lf = bytes.indexOf(LF); lf >= 0; lf = bytes.indexOf(LF, from)) {
      let line = bytes.subarray(from, lf);
      from = lf + 1;
      if (this.#rest.length > 0) {
        this.#rest.put(line);
        line = this.#rest.take();
      }
      take(line, this.#place(true));
      this.#offset += line.length + 1;
      this.#number++;
      this.#first = true;
    }
    this.#rest.put(bytes.subarray(from));
    if (this.#rest.length <= SEGMENT) return;
    const segment = this.#rest.take();
    // a CR at the end may be the first half of a line end
    const end = segment[segment.length - 1] === CR ? segment.length - 1 : segment.length;
    take(segment.subarray(0, end), this.#place(false));
    this.#rest.put(segment.subarray(end));
    this.#offset += end;
    this.#first = false;
  }

  /** The last line, when it has no LF. */
  end(take: TakeLine): void {
    if (this.#rest.length > 0 || !this.#first) {
      const line = this.#rest.take();
      take(line, this.#place(true));
      this.#offset += line.length;
    }
    this.#first = true;
  }

  #place(last: boolean): LinePlace {
    return { first: this.#first, last, offset: this.#offset, number: this.#number };
  }
}

/** Bytes that grow at their end. */
export class ByteBuffer {
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
