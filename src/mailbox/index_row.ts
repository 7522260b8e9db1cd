/**
 * A packed row of a folder's index: up to a thousand messages in columns, in the order of their UIDs. What stands in the
 * store is what stands in memory, so that a row is read without a look at its messages. Numbers are little-endian, as
 * all machines are that Deno runs on.
 *
 * | octets | what |
 * | --- | --- |
 * | 16 | version (1), three zeros, how many messages, eight zeros |
 * | 8 each | mod-sequence, then the internal date in milliseconds since 1970: doubles |
 * | 4 each | UID, object, keywords 0 to 31, keywords 32 to 63, size, when it was saved in seconds since 1970 |
 * | 2 each | which copy of its object it is |
 * | 1 each | system flags |
 * | 16 each | the message's id in ASCII |
 */

const VERSION = 1;
const HEADER = 16;
const PER_MESSAGE = 59;
const ID = 16;

/** The most messages of a row, which are 59,016 octets. */
export const ROW_MESSAGES = 1000;

/** A message as it stands in an index. */
export interface IndexEntry {
  readonly uid: number;
  readonly object: number;
  readonly copy: number;
  readonly modseq: number;
  readonly flags: number;
  readonly keywordsLow: number;
  readonly keywordsHigh: number;
  readonly size: number;
  /** Milliseconds since 1970. */
  readonly internalDate: number;
  /** Seconds since 1970. */
  readonly saved: number;
  readonly id: string;
}

/** A row. Who changes one has made it by {@linkcode IndexRow.copy}: others may look at the former one. */
export class IndexRow {
  /** How many messages it has. */
  count: number;
  readonly modseq: Float64Array;
  /** The internal dates: milliseconds since 1970. */
  readonly date: Float64Array;
  readonly uid: Uint32Array;
  readonly object: Uint32Array;
  readonly keywordsLow: Uint32Array;
  readonly keywordsHigh: Uint32Array;
  readonly size: Uint32Array;
  /** Seconds since 1970. */
  readonly saved: Uint32Array;
  readonly copyOf: Uint16Array;
  readonly flags: Uint8Array;
  readonly ids: Uint8Array;
  readonly #bytes: Uint8Array<ArrayBuffer>;
  readonly #room: number;

  private constructor(bytes: Uint8Array<ArrayBuffer>, room: number, count: number) {
    this.#bytes = bytes;
    this.#room = room;
    this.count = count;
    let at = bytes.byteOffset + HEADER;
    const take = (octets: number) => (at += room * octets) - room * octets;
    const { buffer } = bytes;
    this.modseq = new Float64Array(buffer, take(8), room);
    this.date = new Float64Array(buffer, take(8), room);
    this.uid = new Uint32Array(buffer, take(4), room);
    this.object = new Uint32Array(buffer, take(4), room);
    this.keywordsLow = new Uint32Array(buffer, take(4), room);
    this.keywordsHigh = new Uint32Array(buffer, take(4), room);
    this.size = new Uint32Array(buffer, take(4), room);
    this.saved = new Uint32Array(buffer, take(4), room);
    this.copyOf = new Uint16Array(buffer, take(2), room);
    this.flags = new Uint8Array(buffer, take(1), room);
    this.ids = new Uint8Array(buffer, take(ID), room * ID);
  }

  /** An empty one, with room for so many messages. */
  static empty(room: number): IndexRow {
    const bytes = new Uint8Array(HEADER + room * PER_MESSAGE);
    return new IndexRow(bytes, room, 0);
  }

  /** Reads one; throws a `RangeError` when it is none. The octets are this row's from now on. */
  static decode(bytes: Uint8Array): IndexRow {
    const count = bytes.length < HEADER
      ? -1
      : new DataView(bytes.buffer, bytes.byteOffset).getUint32(4, true);
    if (bytes[0] !== VERSION || bytes.length !== HEADER + count * PER_MESSAGE) {
      throw new RangeError(`An index row of ${bytes.length} octets, version ${bytes[0]}, can't be read`);
    }
    const aligned = bytes.byteOffset % 8 === 0 ? bytes as Uint8Array<ArrayBuffer> : bytes.slice();
    return new IndexRow(aligned, count, count);
  }

  /** The row as it is stored. It may be the row itself: not to be changed any more. */
  encode(): Uint8Array<ArrayBuffer> {
    const { count } = this;
    const bytes = this.#room === count ? this.#bytes : this.copy(0).#bytes;
    bytes[0] = VERSION;
    new DataView(bytes.buffer, bytes.byteOffset).setUint32(4, count, true);
    return bytes;
  }

  /** A copy with room for so many more messages. */
  copy(more: number): IndexRow {
    const { count } = this;
    const row = IndexRow.empty(count + more);
    const columns = this.#columns();
    const others = row.#columns();
    for (let i = 0; i < columns.length; i++) others[i]!.set(columns[i]!.subarray(0, count) as never);
    row.ids.set(this.ids.subarray(0, count * ID));
    row.count = count;
    return row;
  }

  /** Is there room for another message? */
  get hasRoom(): boolean {
    return this.count < this.#room;
  }

  /** Puts a message behind the others. There must be room. */
  push(entry: IndexEntry): void {
    const at = this.count++;
    this.uid[at] = entry.uid;
    this.object[at] = entry.object;
    this.copyOf[at] = entry.copy;
    this.modseq[at] = entry.modseq;
    this.flags[at] = entry.flags;
    this.keywordsLow[at] = entry.keywordsLow;
    this.keywordsHigh[at] = entry.keywordsHigh;
    this.size[at] = entry.size;
    this.date[at] = entry.internalDate;
    this.saved[at] = entry.saved;
    putId(this.ids, at * ID, entry.id);
  }

  /** The message at that place. */
  at(place: number): IndexEntry {
    return {
      uid: this.uid[place]!,
      object: this.object[place]!,
      copy: this.copyOf[place]!,
      modseq: this.modseq[place]!,
      flags: this.flags[place]!,
      keywordsLow: this.keywordsLow[place]!,
      keywordsHigh: this.keywordsHigh[place]!,
      size: this.size[place]!,
      internalDate: this.date[place]!,
      saved: this.saved[place]!,
      id: this.id(place),
    };
  }

  /** The id of the message at that place. */
  id(place: number): string {
    return getId(this.ids, place * ID);
  }

  /** Where the message of that id is, or that copy of it, from a place on; -1: nowhere. */
  find(id: string, copy: number | undefined, from = 0): number {
    const wanted = new Uint8Array(ID);
    if (!isId(id)) return -1;
    putId(wanted, 0, id);
    for (let place = from; place < this.count; place++) {
      const at = place * ID;
      // what differs differs at the end first: ids begin with the time
      let i = ID - 1;
      while (i >= 0 && this.ids[at + i] === wanted[i]) i--;
      if (i < 0 && (copy === undefined || this.copyOf[place] === copy)) return place;
    }
    return -1;
  }

  /** A row without the messages at some places, which rise. */
  without(places: readonly number[]): IndexRow {
    const row = IndexRow.empty(this.count - places.length);
    const columns = this.#columns();
    const others = row.#columns();
    let from = 0;
    let to = 0;
    for (let i = 0; i <= places.length; i++) {
      const end = i < places.length ? places[i]! : this.count;
      for (let c = 0; end > from && c < columns.length; c++) {
        others[c]!.set(columns[c]!.subarray(from, end) as never, to);
      }
      row.ids.set(this.ids.subarray(from * ID, end * ID), to * ID);
      to += end - from;
      from = end + 1;
    }
    row.count = to;
    return row;
  }

  /** This row and the one behind it as one. */
  joined(next: IndexRow): IndexRow {
    const row = this.copy(next.count);
    const columns = next.#columns();
    const others = row.#columns();
    for (let c = 0; c < columns.length; c++) {
      others[c]!.set(columns[c]!.subarray(0, next.count) as never, this.count);
    }
    row.ids.set(next.ids.subarray(0, next.count * ID), this.count * ID);
    row.count = this.count + next.count;
    return row;
  }

  /** All columns but the ids. */
  #columns(): (Float64Array | Uint32Array | Uint16Array | Uint8Array)[] {
    const { modseq, date, uid, object, keywordsLow, keywordsHigh, size, saved, copyOf, flags } = this;
    return [modseq, date, uid, object, keywordsLow, keywordsHigh, size, saved, copyOf, flags];
  }
}

// deno-lint-ignore no-control-regex
const ASCII = /^[\x01-\x7f]*$/;

/** Can that be the id of a message in an index? */
export function isId(id: string): boolean {
  return id.length <= ID && ASCII.test(id);
}

/** Writes an id of up to 16 ASCII characters; throws a `RangeError` for another one. */
export function putId(bytes: Uint8Array, at: number, id: string): void {
  if (id.length > ID) throw new RangeError(`The id ${id} has more than ${ID} characters`);
  for (let i = 0; i < ID; i++) {
    const code = i < id.length ? id.charCodeAt(i) : 0;
    if (code > 0x7f) throw new RangeError(`The id ${id} is not ASCII`);
    bytes[at + i] = code;
  }
}

const codes: number[] = new Array(ID).fill(0);

/** Reads such an id. */
export function getId(bytes: Uint8Array, at: number): string {
  let length = ID;
  while (length > 0 && bytes[at + length - 1] === 0) length--;
  if (length < ID) return String.fromCharCode(...bytes.subarray(at, at + length));
  for (let i = 0; i < ID; i++) codes[i] = bytes[at + i]!;
  return String.fromCharCode.apply(null, codes);
}
