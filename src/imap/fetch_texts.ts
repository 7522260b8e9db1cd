/** Texts of messages for FETCH: sections and decoded parts (RFC 9051 6.4.5, RFC 3516). */

import { concat } from "../base/bytes.ts";
import { readCard } from "../mail/facts_card.ts";
import type { PlacedPart } from "../mail/message_facts.ts";
import { BodyMissing } from "../storage/bodies/bodies.ts";
import type { TextItem } from "./fetch_items.ts";
import { COPIED, type FetchedFolder, type FetchOut } from "./fetch_target.ts";
import { StreamedText } from "./streamed_text.ts";
import { type TextValue, WholeText } from "./whole_text.ts";

/** A smaller message is held as a whole while it is answered. */
const SMALL = 128 * 1024;

interface Shared {
  readonly folder: FetchedFolder;
  readonly out: FetchOut;
  readonly items: readonly TextItem[];
}

/** The texts of one message after the other. */
export class MessageTexts {
  unknownEncoding = false;
  /** So many octets were looked through or put, as far as nobody waited for the store or the client. */
  work = 0;
  readonly #shared: Shared;
  readonly #needsParts: boolean;
  #message: WholeText | StreamedText | undefined;
  /** Of its items, in their order. */
  #values: TextValue[] = [];

  constructor(shared: Shared) {
    this.#shared = shared;
    this.#needsParts = shared.items.some((item) =>
      item.kind === "section" ? item.section.part.length > 0 : item.part.length > 0
    );
  }

  /** Reads ahead what is small. */
  ahead(positions: Uint32Array): AsyncGenerator<Uint8Array | undefined> {
    return this.#shared.folder.smallTexts?.(positions) ?? nothingAhead(positions.length);
  }

  /** Turns to a message, of which all octets may be at hand, up to where its texts are sent; false: it is gone. */
  async open(uid: number, octets: Uint8Array | undefined): Promise<boolean> {
    await this.close();
    const { folder, items } = this.#shared;
    if (octets) {
      const message = new WholeText(octets);
      this.#values = items.map((item) => message.valueOf(item));
      this.work += items.length * octets.length;
      return true;
    }
    const position = folder.messages.position(uid);
    if (position < 0) return false;
    try {
      const message = this.#message = await this.#opened(position, uid);
      for (const item of items) this.#values.push(await message.valueOf(item));
      return true;
    } catch (error) {
      if (error instanceof BodyMissing) return false;
      throw error;
    }
  }

  async #opened(position: number, uid: number): Promise<WholeText | StreamedText> {
    const { folder } = this.#shared;
    const size = folder.messages.size(position);
    if (size <= SMALL) {
      const pieces: Uint8Array[] = [];
      for await (const piece of folder.read(position)) pieces.push(piece);
      return new WholeText(pieces.length === 1 ? pieces[0]! : concat(pieces));
    }
    const needsCard = this.#needsParts ||
      this.#shared.items.some((item) => item.kind === "section" && item.section.text);
    const parts = needsCard ? await cardParts(folder, position) : undefined;
    const text = new StreamedText({ folder, uid, size, parts });
    await text.begin(this.#shared.items);
    return text;
  }

  /** Is there nothing to be put: is all that was asked for encoded in a way that nobody knows? */
  get isEmpty(): boolean {
    return this.#values.every(({ kind }) => kind === "unknown");
  }

  /** Puts all items of the message. `hasBefore`: others stand in front of them. */
  async put(hasBefore: boolean): Promise<void> {
    const { out, items } = this.#shared;
    let before = hasBefore ? " " : "";
    for (const [i, item] of items.entries()) {
      const value = this.#values[i]!;
      if (value.kind === "unknown") {
        this.unknownEncoding = true;
        continue;
      }
      out.put(`${before}${item.label} `);
      this.work += item.label.length;
      before = " ";
      const done = this.#putValue(value, item);
      if (done) await done;
    }
  }

  #putValue(value: TextValue, item: TextItem): Promise<void> | void {
    const { out } = this.#shared;
    if (value.kind === "nil") return out.put("NIL");
    if (value.kind === "number") return out.put(String(value.value));
    if (value.kind === "bytes") return this.#putBytes(cut(value.pieces, item.partial), value.binary);
    if (value.kind === "range") return (this.#message as StreamedText).putRange(out, value.octets, item);
    if (value.kind === "decoded") return (this.#message as StreamedText).putDecoded(out, value, item);
  }

  #putBytes(pieces: readonly Uint8Array[], binary: boolean): Promise<void> | void {
    const { out } = this.#shared;
    const length = pieces.reduce((sum, piece) => sum + piece.length, 0);
    // RFC 3516 4.3: what has NUL in it is no literal of old
    out.put(`${binary && pieces.some((piece) => piece.includes(0)) ? "~" : ""}{${length}}\r\n`);
    if (length > COPIED && pieces.length === 1) return out.write(pieces[0]!);
    for (const piece of pieces) out.put(piece);
  }

  /** The message is done with. */
  async close(): Promise<void> {
    const message = this.#message;
    this.#message = undefined;
    this.#values = [];
    if (message instanceof StreamedText) await message.close();
  }
}

async function* nothingAhead(count: number): AsyncGenerator<undefined> {
  for (let i = 0; i < count; i++) yield undefined;
}

/** What lies within a range of all pieces. */
function cut(pieces: readonly Uint8Array[], partial: TextItem["partial"]): readonly Uint8Array[] {
  if (!partial) return pieces;
  const { start, count } = partial;
  if (pieces.length === 1) return [pieces[0]!.subarray(start, start + count)];
  return [concat(pieces).subarray(start, start + count)];
}

async function cardParts(folder: FetchedFolder, position: number): Promise<PlacedPart> {
  for await (const card of folder.facts([position])) {
    const facts = readCard(card);
    if (facts) return facts.parts;
  }
  throw new BodyMissing(String(position), "it has no card");
}
