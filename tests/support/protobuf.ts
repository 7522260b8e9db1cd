/** The wire format of protocol buffers, as far as KV Connect uses it: varints and length-delimited fields. */

/** A field's value as it was read: a number for varints, else the bytes. */
export type FieldValue = bigint | Uint8Array<ArrayBuffer>;

const VARINT = 0;
const FIXED_64 = 1;
const BYTES = 2;
const FIXED_32 = 5;

/** The fields of one message, by number; a repeated field has several values. */
export class Fields {
  readonly #values = new Map<number, FieldValue[]>();

  /** Reads a message. Throws a `RangeError` when it ends too early, and on what no message has. */
  constructor(bytes: Uint8Array<ArrayBuffer>) {
    const reader = new Reader(bytes);
    while (!reader.atEnd) {
      const tag = Number(reader.varint());
      const field = tag >>> 3;
      const value = reader.value(tag & 7);
      const values = this.#values.get(field);
      if (values) values.push(value);
      else this.#values.set(field, [value]);
    }
  }

  /** Is the field there? */
  has(field: number): boolean {
    return this.#values.has(field);
  }

  /** A number; 0 when it is absent, as protocol buffers have it. */
  number(field: number): number {
    const value = this.#values.get(field)?.at(-1);
    return typeof value === "bigint" ? Number(value) : 0;
  }

  /** Bytes; empty when absent. */
  bytes(field: number): Uint8Array<ArrayBuffer> {
    const value = this.#values.get(field)?.at(-1);
    return value instanceof Uint8Array ? value : new Uint8Array();
  }

  /** A message inside of this one; an empty one when absent. */
  message(field: number): Fields {
    return new Fields(this.bytes(field));
  }

  /** All messages of a repeated field. */
  messages(field: number): Fields[] {
    const values = this.#values.get(field) ?? [];
    return values.filter((value) => value instanceof Uint8Array).map((value) => new Fields(value));
  }
}

class Reader {
  #at = 0;

  constructor(private readonly bytes: Uint8Array<ArrayBuffer>) {}

  get atEnd(): boolean {
    return this.#at >= this.bytes.length;
  }

  varint(): bigint {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = this.bytes[this.#at++];
      if (byte === undefined) break;
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt.asUintN(64, value);
    }
    throw new RangeError("A varint has no end");
  }

  value(wireType: number): FieldValue {
    switch (wireType) {
      case VARINT:
        return this.varint();
      case FIXED_64:
        return this.#take(8);
      case BYTES:
        return this.#take(Number(this.varint()));
      case FIXED_32:
        return this.#take(4);
      default:
        throw new RangeError(`A field has the unknown wire type ${wireType}`);
    }
  }

  #take(length: number): Uint8Array<ArrayBuffer> {
    const end = this.#at + length;
    if (end > this.bytes.length) throw new RangeError("A field is longer than its message");
    const taken = this.bytes.slice(this.#at, end);
    this.#at = end;
    return taken;
  }
}

/** A message that is being written, field by field. */
export class MessageWriter {
  readonly #parts: Uint8Array[] = [];
  #length = 0;

  /** A number, not negative; 0 is what an absent field means, and is left out. */
  number(field: number, value: number): this {
    return value === 0 ? this : this.#varint(field << 3 | VARINT).#varint(value);
  }

  /** Yes or no; no is what an absent field means. */
  bool(field: number, value: boolean): this {
    return this.number(field, value ? 1 : 0);
  }

  /** Bytes, also empty ones. */
  bytes(field: number, value: Uint8Array): this {
    return this.#varint(field << 3 | BYTES).#varint(value.length).#add(value);
  }

  /** A message inside of this one. */
  message(field: number, value: MessageWriter): this {
    return this.bytes(field, value.finish());
  }

  /** The message. */
  finish(): Uint8Array<ArrayBuffer> {
    const whole = new Uint8Array(this.#length);
    let at = 0;
    for (const part of this.#parts) {
      whole.set(part, at);
      at += part.length;
    }
    return whole;
  }

  #varint(value: number): this {
    const bytes: number[] = [];
    for (; value > 0x7f; value = Math.floor(value / 128)) bytes.push(value % 128 | 0x80);
    bytes.push(value);
    return this.#add(Uint8Array.from(bytes));
  }

  #add(part: Uint8Array): this {
    this.#parts.push(part);
    this.#length += part.length;
    return this;
  }
}
