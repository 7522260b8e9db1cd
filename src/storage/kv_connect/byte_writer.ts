/** The writer of a message's bytes: each byte is put in its place once, lengths behind what they measure. */

/** The tag of a field: its number and the kind of what follows. */
export const FIELD = { varint: (n: number) => n << 3, bytes: (n: number) => n << 3 | 2 } as const;

/** How many bytes a length takes here, whatever it is: protocol buffers allow it, and it need not be known before. */
const LENGTH_BYTES = 4;

const encoder = new TextEncoder();

/** Writes bytes into a buffer that grows. */
export class ByteWriter {
  #bytes: Uint8Array<ArrayBuffer>;
  #view: DataView;
  /** Where the next byte goes. */
  at = 0;

  /** `size`: about how many bytes there will be. */
  constructor(size: number) {
    this.#bytes = new Uint8Array(size);
    this.#view = new DataView(this.#bytes.buffer);
  }

  /** What was written; nothing more is written behind it. */
  finish(): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(0, this.at);
  }

  /** One byte. */
  byte(value: number): void {
    if (this.at === this.#bytes.length) this.#grow(1);
    this.#bytes[this.at++] = value;
  }

  /** Bytes as they are. */
  bytes(value: Uint8Array): void {
    this.#grow(value.length);
    this.#bytes.set(value, this.at);
    this.at += value.length;
  }

  /** A number from 0 to 2^32 - 1, seven bits a byte. */
  varint(value: number): void {
    this.#grow(5);
    let rest = value >>> 0;
    for (; rest > 0x7f; rest >>>= 7) this.#bytes[this.at++] = rest & 0x7f | 0x80;
    this.#bytes[this.at++] = rest;
  }

  /** A number of eight bytes. */
  float(value: number, littleEndian: boolean): void {
    this.#grow(8);
    this.#view.setFloat64(this.at, value, littleEndian);
    this.at += 8;
  }

  /** Text whose characters are all below `end` (256 at most), a byte each; false, and nothing is written, when one is not. */
  characters(text: string, end: number): boolean {
    this.#grow(text.length);
    const from = this.at;
    for (let i = 0; i < text.length; i++) {
      const code = text.charCodeAt(i);
      if (code >= end) return false;
      this.#bytes[from + i] = code;
    }
    this.at = from + text.length;
    return true;
  }

  /** Text as UTF-8. */
  text(text: string): void {
    if (!this.characters(text, 0x80)) this.bytes(encoder.encode(text));
  }

  /** Turns bits of what was written from a place on. */
  flip(from: number, to: number, bits: number): void {
    for (let i = from; i < to; i++) this.#bytes[i]! ^= bits;
  }

  /** Doubles a byte from a place on: puts another one behind each of that value. */
  escape(from: number, value: number, behind: number): void {
    if (this.#bytes.subarray(from, this.at).indexOf(value) < 0) return;
    const plain = this.#bytes.slice(from, this.at);
    this.at = from;
    for (const byte of plain) {
      this.byte(byte);
      if (byte === value) this.byte(behind);
    }
  }

  /** Begins a field that is measured when it ends; answers what {@linkcode end} needs. */
  begin(field: number): number {
    this.byte(FIELD.bytes(field));
    this.#grow(LENGTH_BYTES);
    return this.at += LENGTH_BYTES;
  }

  /** Ends the field that began there. */
  end(from: number): void {
    let rest = this.at - from;
    for (let i = from - LENGTH_BYTES; i < from; i++, rest >>>= 7) {
      this.#bytes[i] = rest & 0x7f | (i < from - 1 ? 0x80 : 0);
    }
  }

  #grow(by: number): void {
    const needed = this.at + by;
    if (needed <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(needed, 2 * this.#bytes.length));
    grown.set(this.#bytes.subarray(0, this.at));
    this.#bytes = grown;
    this.#view = new DataView(grown.buffer);
  }
}
