/** The facts of a message as bytes, a card to be kept; reading one decodes only what is asked for. */

import { decode, encode } from "../base/bytes.ts";
import type { StructureBytes } from "./imap_structure.ts";
import type { MessageFacts, PlacedPart, SortFacts, ThreadFacts } from "./message_facts.ts";

/** The number of the form, the first octet; a card of another one is made anew. */
export const CARD_VERSION = 1;

const KINDS = ["leaf", "multipart", "message"] as const;
/** Another encoding has its name behind its number, which is the first beyond these. */
const ENCODINGS = ["7bit", "8bit", "binary", "base64", "quoted-printable"];
/** Added where a part is text, or HTML. */
const TEXT = 64;
const HTML = 128;
const DAY_MS = 86_400_000;
/** What a card has, in this order, each with its length in front of them all. */
const SECTIONS = 7;

/** Writes a card. */
export function writeCard(facts: MessageFacts): Uint8Array<ArrayBuffer> {
  const sections = [
    facts.envelope,
    structureBytes(facts.structure),
    facts.oldStructure ? structureBytes(facts.oldStructure) : new Uint8Array(0),
    write((to) => to.part(facts.parts, 0)),
    encode(facts.preview),
    write((to) => to.sort(facts.sort)),
    write((to) => to.thread(facts.thread)),
  ];
  return write((to) => {
    to.octet(CARD_VERSION);
    to.number(facts.size);
    for (const section of sections) to.number(section.length);
    for (const section of sections) to.bytes(section);
  });
}

/** Reads a card; undefined: it is of another version, or none. The facts are views of it. */
export function readCard(card: Uint8Array): MessageFacts | undefined {
  if (card[0] !== CARD_VERSION) return undefined;
  const from = new CardReader(card, 1);
  const size = from.number();
  const lengths = Array.from({ length: SECTIONS }, () => from.number());
  if (from.at + lengths.reduce((sum, length) => sum + length, 0) !== card.length) return undefined;
  return new Card(size, lengths.map((length) => from.bytes(length)));
}

class Card implements MessageFacts {
  readonly #sections: readonly Uint8Array[];

  constructor(readonly size: number, sections: readonly Uint8Array[]) {
    this.#sections = sections;
  }

  get envelope(): Uint8Array {
    return this.#sections[0]!;
  }

  get structure(): StructureBytes {
    return this.#read(1).structure();
  }

  get oldStructure(): StructureBytes | undefined {
    return this.#sections[2]!.length === 0 ? undefined : this.#read(2).structure();
  }

  get parts(): PlacedPart {
    return this.#read(3).part(0);
  }

  get preview(): string {
    return decode(this.#sections[4]!);
  }

  get sort(): SortFacts {
    return this.#read(5).sort();
  }

  get thread(): ThreadFacts {
    return this.#read(6).thread();
  }

  #read(section: number): CardReader {
    return new CardReader(this.#sections[section]!, 0);
  }
}

function structureBytes({ bytes, extras }: StructureBytes): Uint8Array {
  return write((to) => {
    to.number(extras.length);
    let last = 0;
    for (const extra of extras) {
      to.number(extra - last);
      last = extra;
    }
    to.bytes(bytes);
  });
}

/** Used for one section after the other. */
let scratch = new Uint8Array(4096);

function write(add: (to: CardWriter) => void): Uint8Array<ArrayBuffer> {
  const writer = new CardWriter(scratch);
  add(writer);
  scratch = writer.octets.length <= MOST_SCRATCH ? writer.octets : new Uint8Array(4096);
  return writer.finish();
}

/** A larger one is not held. */
const MOST_SCRATCH = 64 * 1024;

class CardWriter {
  octets: Uint8Array<ArrayBuffer>;
  #length = 0;

  constructor(octets: Uint8Array<ArrayBuffer>) {
    this.octets = octets;
  }

  finish(): Uint8Array<ArrayBuffer> {
    return this.octets.slice(0, this.#length);
  }

  octet(octet: number): void {
    this.#room(1);
    this.octets[this.#length++] = octet;
  }

  /** A whole number from 0 to 2^53, seven bits an octet, the low ones first. */
  number(value: number): void {
    let rest = value;
    for (; rest > 127; rest = Math.floor(rest / 128)) this.octet(128 + rest % 128);
    this.octet(rest);
  }

  /** A whole number of either sign. */
  signed(value: number): void {
    this.number(value < 0 ? -2 * value - 1 : 2 * value);
  }

  bytes(bytes: Uint8Array): void {
    this.#room(bytes.length);
    this.octets.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  text(text: string): void {
    const { length } = text;
    const before = this.#length;
    this.number(length);
    this.#room(length);
    for (let i = 0; i < length; i++) {
      const code = text.charCodeAt(i);
      if (code < 128) this.octets[this.#length++] = code;
      else {
        this.#length = before;
        const bytes = encode(text);
        this.number(bytes.length);
        return this.bytes(bytes);
      }
    }
  }

  /** Places are told from where the part before ends, which lies before this one or a little behind it. */
  part(
    { kind, headerStart, contentStart, contentEnd, encoding, text, parts }: PlacedPart,
    after: number,
  ): void {
    const known = ENCODINGS.indexOf(encoding);
    const textual = text ? (text.html ? HTML : TEXT) : 0;
    this.octet(textual + KINDS.indexOf(kind) * 16 + (known < 0 ? ENCODINGS.length : known));
    if (known < 0) this.text(encoding);
    if (text) this.text(text.charset);
    this.signed(headerStart - after);
    this.number(contentStart - headerStart);
    this.number(contentEnd - contentStart);
    this.number(parts.length);
    let last = contentStart;
    for (const part of parts) {
      this.part(part, last);
      last = part.contentEnd;
    }
  }

  sort(sort: SortFacts): void {
    const { sentAt, sentDay } = sort;
    this.octet(sentAt === undefined ? 0 : 1);
    if (sentAt !== undefined) {
      this.signed(sentAt);
      this.signed(sentDay! - Math.floor(sentAt / DAY_MS));
    }
    for (const name of SORT_TEXTS) this.text(sort[name]);
  }

  thread({ messageId, references, isReply }: ThreadFacts): void {
    this.octet((messageId === undefined ? 0 : 1) + (isReply ? 2 : 0));
    if (messageId !== undefined) this.text(messageId);
    this.number(references.length);
    for (const id of references) this.text(id);
  }

  #room(octets: number): void {
    if (this.#length + octets <= this.octets.length) return;
    const larger = new Uint8Array(2 * (this.#length + octets));
    larger.set(this.octets.subarray(0, this.#length));
    this.octets = larger;
  }
}

const SORT_TEXTS = ["from", "to", "cc", "displayFrom", "displayTo", "baseSubject"] as const;

class CardReader {
  readonly #octets: Uint8Array;

  constructor(octets: Uint8Array, public at: number) {
    this.#octets = octets;
  }

  octet(): number {
    return this.#octets[this.at++] ?? 0;
  }

  number(): number {
    let value = 0;
    for (let factor = 1;; factor *= 128) {
      const octet = this.octet();
      value += (octet & 127) * factor;
      if (octet < 128) return value;
    }
  }

  signed(): number {
    const value = this.number();
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }

  bytes(length: number): Uint8Array {
    return this.#octets.subarray(this.at, this.at += length);
  }

  text(): string {
    return decode(this.bytes(this.number()));
  }

  structure(): StructureBytes {
    const extras: number[] = [];
    let last = 0;
    for (let count = this.number(); count > 0; count--) extras.push(last += this.number());
    return { bytes: this.#octets.subarray(this.at), extras };
  }

  part(after: number): PlacedPart {
    const first = this.octet();
    const encoding = ENCODINGS[first % 16] ?? this.text();
    const text = first < TEXT ? undefined : { charset: this.text(), html: first >= HTML };
    const headerStart = after + this.signed();
    const contentStart = headerStart + this.number();
    const contentEnd = contentStart + this.number();
    const parts: PlacedPart[] = [];
    let last = contentStart;
    for (let count = this.number(); count > 0; count--) {
      const part = this.part(last);
      parts.push(part);
      last = part.contentEnd;
    }
    const kind = KINDS[(first >> 4) % 4]!;
    return { kind, headerStart, contentStart, contentEnd, encoding, ...(text && { text }), parts };
  }

  sort(): SortFacts {
    const sentAt = this.octet() === 0 ? undefined : this.signed();
    const sentDay = sentAt === undefined ? undefined : Math.floor(sentAt / DAY_MS) + this.signed();
    const texts = Object.fromEntries(SORT_TEXTS.map((name) => [name, this.text()]));
    return {
      ...(sentAt !== undefined && { sentAt, sentDay }),
      ...texts as Record<typeof SORT_TEXTS[number], string>,
    };
  }

  thread(): ThreadFacts {
    const first = this.octet();
    const messageId = (first & 1) === 0 ? undefined : this.text();
    const references: string[] = [];
    for (let count = this.number(); count > 0; count--) references.push(this.text());
    return { ...(messageId !== undefined && { messageId }), references, isReply: (first & 2) !== 0 };
  }
}
