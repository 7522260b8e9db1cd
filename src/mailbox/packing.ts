/** The packing of numbers and texts into octets: what the packed rows of a mailbox are made of. */

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Octets that grow. */
export class Packer {
  #bytes: Uint8Array<ArrayBuffer>;
  #length = 0;

  /** Begins with an octet that is the version. */
  constructor(version: number) {
    this.#bytes = new Uint8Array(256);
    this.byte(version);
  }

  /** How many octets there are. */
  get length(): number {
    return this.#length;
  }

  /** One octet. */
  byte(value: number): void {
    this.#room(1);
    this.#bytes[this.#length++] = value;
  }

  /** A whole number from 0 to 2^53 - 1, in seven bits an octet, the lowest first. */
  number(value: number): void {
    if (!(value >= 0 && Number.isSafeInteger(value))) throw new RangeError(`${value} can't be packed`);
    this.#room(8);
    while (value > 0x7f) {
      this.#bytes[this.#length++] = (value % 0x80) | 0x80;
      value = Math.floor(value / 0x80);
    }
    this.#bytes[this.#length++] = value;
  }

  /** A text, with its length. */
  text(text: string): void {
    this.bytes(encoder.encode(text));
  }

  /** Octets, with their length. */
  bytes(bytes: Uint8Array): void {
    this.number(bytes.length);
    this.#room(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  /** What was packed. */
  packed(): Uint8Array<ArrayBuffer> {
    return this.#bytes.slice(0, this.#length);
  }

  #room(more: number): void {
    const needed = this.#length + more;
    if (needed <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(needed, 2 * this.#bytes.length));
    grown.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = grown;
  }
}

/** Reads what a {@linkcode Packer} made. Throws a `RangeError` for something else. */
export class Unpacker {
  #at = 1;

  /** Its first octet must be that version. */
  constructor(private readonly octets: Uint8Array, version: number) {
    if (octets[0] !== version) throw new RangeError(`A packed row of version ${octets[0]} can't be read`);
  }

  /** Is all of it read? */
  get done(): boolean {
    return this.#at >= this.octets.length;
  }

  /** One octet. */
  byte(): number {
    if (this.done) throw new RangeError("A packed row ends early");
    return this.octets[this.#at++]!;
  }

  /** A number. */
  number(): number {
    let value = 0;
    for (let factor = 1;; factor *= 0x80) {
      const byte = this.byte();
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) break;
    }
    if (!Number.isSafeInteger(value)) throw new RangeError("A packed number is too large");
    return value;
  }

  /** A text. */
  text(): string {
    return decoder.decode(this.bytes());
  }

  /** Octets: a view. */
  bytes(): Uint8Array {
    const length = this.number();
    const from = this.#at;
    if (from + length > this.octets.length) throw new RangeError("A packed row ends early");
    this.#at += length;
    return this.octets.subarray(from, from + length);
  }
}

/** Packs rising numbers as ranges. */
export function packRanges(packer: Packer, numbers: ArrayLike<number>): void {
  let ranges = 0;
  for (let i = 0; i < numbers.length; i++) if (i === 0 || numbers[i] !== numbers[i - 1]! + 1) ranges++;
  packer.number(ranges);
  let end = 0;
  for (let i = 0; i < numbers.length;) {
    let next = i + 1;
    while (next < numbers.length && numbers[next] === numbers[next - 1]! + 1) next++;
    packer.number(numbers[i]! - end);
    packer.number(next - i);
    end = numbers[next - 1]! + 1;
    i = next;
  }
}

/** Reads them, as ranges. */
export function unpackRanges(unpacker: Unpacker): { first: number; last: number }[] {
  const ranges: { first: number; last: number }[] = [];
  let end = 0;
  for (let left = unpacker.number(); left > 0; left--) {
    const first = end + unpacker.number();
    end = first + unpacker.number();
    ranges.push({ first, last: end - 1 });
  }
  return ranges;
}
