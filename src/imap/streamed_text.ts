/** A text of a message that is too large to be held: it is read as it is sent. */

import { concat } from "../base/bytes.ts";
import type { PlacedPart } from "../mail/message_facts.ts";
import { transferDecoder, transferOf } from "../mail/transfer_decoding.ts";
import { BodyMissing } from "../storage/bodies/bodies.ts";
import type { SectionItem, TextItem } from "./fetch_items.ts";
import { COPIED, CutLiteral, type FetchedFolder, type FetchOut } from "./fetch_target.ts";
import type { OctetRange } from "./request.ts";
import { type Octets, partAt, sectionOctets } from "./sections.ts";
import { encodingOf, fields, NIL, type TextValue } from "./whole_text.ts";

/** Fields are looked for in so much of a header section. */
const MOST_HEADER = 1024 * 1024;

/** Which message. */
export interface Streamed {
  readonly folder: FetchedFolder;
  readonly uid: number;
  readonly size: number;
  /** Undefined: nothing but the whole is asked for. */
  readonly parts: PlacedPart | undefined;
}

/** A reading whose first piece is here. */
interface Begun {
  readonly from: number;
  readonly first: Uint8Array;
  readonly rest: AsyncGenerator<Uint8Array>;
}

/** The message. */
export class StreamedText {
  readonly #of: Streamed;
  readonly #whole: PlacedPart;
  #begun: Begun | undefined;

  constructor(of: Streamed) {
    const { size } = of;
    this.#of = of;
    this.#whole = of.parts ??
      { kind: "leaf", headerStart: 0, contentStart: size, contentEnd: size, encoding: "binary", parts: [] };
  }

  /** Reads the first octets that these items need. Throws `BodyMissing` when the message is gone. */
  async begin(items: readonly TextItem[]): Promise<void> {
    const places = items.map((item) => {
      const octets = this.#octetsOf(item);
      return octets ? Math.min(octets.to, octets.from + (item.partial?.start ?? 0)) : Infinity;
    });
    const from = Math.min(this.#of.size, ...places);
    const rest = this.#read(from);
    const pieces: Uint8Array[] = [];
    // what stands before a body is no proof that there is one
    for (let i = 0; i < 2; i++) {
      const { done, value } = await rest.next();
      if (done) break;
      pieces.push(value);
    }
    this.#begun = { from, first: concat(pieces), rest };
  }

  /** It is done with. */
  async close(): Promise<void> {
    const begun = this.#begun;
    this.#begun = undefined;
    await begun?.rest.return(undefined);
  }

  /** What an item is. */
  valueOf(item: TextItem): TextValue | Promise<TextValue> {
    const octets = this.#octetsOf(item);
    if (!octets) return NIL;
    if (item.kind === "section") {
      return item.names ? this.#fields(octets, item, item.names) : { kind: "range", octets };
    }
    const encoding = item.part.length === 0 ? "binary" : encodingOf(partAt(this.#whole, item.part)!);
    if (transferOf(encoding) === undefined) return { kind: "unknown" };
    return this.#measured(octets, encoding, item.partial).then(({ length, hasNul }) =>
      item.kind === "binarySize"
        ? { kind: "number", value: length }
        : { kind: "decoded", octets, encoding, length, hasNul }
    );
  }

  #octetsOf(item: TextItem): Octets | undefined {
    if (item.kind === "section") return sectionOctets(this.#whole, item.section);
    if (item.part.length === 0) return { from: 0, to: this.#whole.contentEnd };
    const part = partAt(this.#whole, item.part);
    return part && { from: part.contentStart, to: part.contentEnd };
  }

  async #fields({ from, to }: Octets, item: SectionItem, names: ReadonlySet<string>): Promise<TextValue> {
    const pieces: Uint8Array[] = [];
    for await (const piece of this.#octets({ from, to: Math.min(to, from + MOST_HEADER) })) {
      pieces.push(piece.slice());
    }
    return { kind: "bytes", pieces: fields(concat(pieces), item, names), binary: false };
  }

  /** How long it is decoded, and whether NUL is in what is asked for of it. */
  async #measured(
    octets: Octets,
    encoding: string,
    { start, count }: OctetRange = { start: 0, count: Infinity },
  ): Promise<{ length: number; hasNul: boolean }> {
    let [length, hasNul] = [0, false];
    for await (const piece of this.#decoded(octets, encoding)) {
      hasNul ||= piece.subarray(Math.max(0, start - length), Math.max(0, start + count - length)).includes(0);
      length += piece.length;
    }
    return { length, hasNul };
  }

  /** Puts octets as a literal. */
  async putRange(out: FetchOut, { from, to }: Octets, { partial }: TextItem): Promise<void> {
    const start = Math.min(to, from + (partial?.start ?? 0));
    const end = partial ? Math.min(to, start + partial.count) : to;
    out.put(`{${end - start}}\r\n`);
    await send(out, this.#octets({ from: start, to: end }), end - start);
  }

  /** Puts a decoded part as a literal. */
  async putDecoded(
    out: FetchOut,
    { octets, encoding, length, hasNul }: Extract<TextValue, { kind: "decoded" }>,
    { partial }: TextItem,
  ): Promise<void> {
    const start = Math.min(length, partial?.start ?? 0);
    const count = partial ? Math.min(length - start, partial.count) : length;
    out.put(`${hasNul ? "~" : ""}{${count}}\r\n`);
    await send(out, within(this.#decoded(octets, encoding), start, start + count), count);
  }

  async *#decoded(octets: Octets, encoding: string): AsyncGenerator<Uint8Array> {
    const decoder = transferDecoder(transferOf(encoding)!);
    for await (const piece of this.#octets(octets)) yield decoder.push(piece);
    yield decoder.finish();
  }

  /** The octets in a range. */
  async *#octets({ from, to }: Octets): AsyncGenerator<Uint8Array> {
    if (to <= from) return;
    const begun = this.#begun;
    const end = begun ? begun.from + begun.first.length : 0;
    if (!begun || from < begun.from || from >= end) return yield* within(this.#read(from), 0, to - from);
    if (to <= end) return yield begun.first.subarray(from - begun.from, to - begun.from);
    // it is read only once from there
    this.#begun = undefined;
    try {
      yield begun.first.subarray(from - begun.from);
      yield* within(begun.rest, 0, to - end);
    } finally {
      await begun.rest.return(undefined);
    }
  }

  /** From an octet on. */
  #read(from: number): AsyncGenerator<Uint8Array> {
    const { folder, uid } = this.#of;
    const position = folder.messages.position(uid);
    if (position < 0) throw new BodyMissing(String(uid), "the message is gone");
    return folder.read(position, from);
  }
}

/** What lies within a range of all pieces; the rest is not read. */
async function* within(
  pieces: AsyncGenerator<Uint8Array>,
  from: number,
  to: number,
): AsyncGenerator<Uint8Array> {
  let at = 0;
  try {
    for await (const piece of pieces) {
      const [start, end] = [Math.max(0, from - at), Math.min(piece.length, to - at)];
      if (end > start) yield piece.subarray(start, end);
      at += piece.length;
      if (at >= to) return;
    }
  } finally {
    await pieces.return(undefined);
  }
}

/** Sends the octets of a literal that was announced. */
async function send(out: FetchOut, pieces: AsyncGenerator<Uint8Array>, length: number): Promise<void> {
  let sent = 0;
  const iterator = pieces[Symbol.asyncIterator]();
  try {
    for (;;) {
      const next = await iterator.next().catch((error) => {
        throw new CutLiteral("The store failed within a text that was being sent", { cause: error });
      });
      if (next.done) break;
      const { value } = next;
      sent += value.length;
      if (value.length > COPIED) await out.write(value);
      else {
        out.put(value);
        await out.flushIfMuch();
      }
    }
  } finally {
    await iterator.return(undefined);
  }
  if (sent !== length) throw new CutLiteral(`A text had ${sent} octets in the store instead of ${length}`);
}
