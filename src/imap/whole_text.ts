/** A text of a message that is at hand as a whole. */

import { concat } from "../base/bytes.ts";
import { type PlacedPart, placesOfParts } from "../mail/message_facts.ts";
import { transferDecoder, transferOf } from "../mail/transfer_decoding.ts";
import type { SectionItem, TextItem } from "./fetch_items.ts";
import { contentStart, fieldsOf, type Octets, partAt, sectionOctets } from "./sections.ts";

/** What an item is: octets at hand, octets to be read, a number, nothing, or no one knows how to decode it. */
export type TextValue =
  | { readonly kind: "bytes"; readonly pieces: readonly Uint8Array[]; readonly binary: boolean }
  | { readonly kind: "range"; readonly octets: Octets }
  | {
    readonly kind: "decoded";
    readonly octets: Octets;
    readonly encoding: string;
    /** What it is when it is decoded. */
    readonly length: number;
    readonly hasNul: boolean;
  }
  | { readonly kind: "number"; readonly value: number }
  | { readonly kind: "nil" }
  | { readonly kind: "unknown" };

/** There is no such section. */
export const NIL: TextValue = { kind: "nil" };

/** A message that is at hand as a whole. */
export class WholeText {
  readonly #octets: Uint8Array;
  #parts: PlacedPart | undefined;
  #contentStart: number | undefined;

  constructor(octets: Uint8Array) {
    this.#octets = octets;
  }

  valueOf(item: TextItem): TextValue {
    if (item.kind !== "section") return this.#decoded(item);
    const { section } = item;
    if (section.part.length === 0 && section.text === undefined) {
      return { kind: "bytes", pieces: [this.#octets], binary: false };
    }
    const octets = section.part.length > 0
      ? sectionOctets(this.#placed, section)
      : sectionOctets(this.#whole, section);
    if (!octets) return NIL;
    const bytes = this.#octets.subarray(octets.from, octets.to);
    return { kind: "bytes", pieces: item.names ? fields(bytes, item, item.names) : [bytes], binary: false };
  }

  #decoded({ kind, part: number }: Exclude<TextItem, { kind: "section" }>): TextValue {
    const part = number.length === 0 ? this.#whole : partAt(this.#placed, number);
    if (!part) return NIL;
    const octets = this.#octets.subarray(number.length === 0 ? 0 : part.contentStart, part.contentEnd);
    const encoding = number.length === 0 ? "binary" : encodingOf(part);
    const transfer = transferOf(encoding);
    if (transfer === undefined) return { kind: "unknown" };
    const decoder = transferDecoder(transfer);
    const bytes = transfer === "identity" ? octets : concat([decoder.push(octets), decoder.finish()]);
    return kind === "binarySize"
      ? { kind: "number", value: bytes.length }
      : { kind: "bytes", pieces: [bytes], binary: true };
  }

  get #placed(): PlacedPart {
    return this.#parts ??= placesOfParts(this.#octets);
  }

  /** All of it without looking for parts. */
  get #whole(): PlacedPart {
    const start = this.#contentStart ??= contentStart(this.#octets);
    const contentEnd = this.#octets.length;
    return {
      kind: "leaf",
      headerStart: 0,
      contentStart: start < 0 ? contentEnd : start,
      contentEnd,
      encoding: "7bit",
      parts: [],
    };
  }
}

/** The fields of a header section that an item names. */
export function fields(
  header: Uint8Array,
  { section }: SectionItem,
  names: ReadonlySet<string>,
): Uint8Array[] {
  return fieldsOf(header, { names, not: section.text === "HEADER.FIELDS.NOT" });
}

/** Only what has no parts in it is decoded (RFC 2045 6.4). */
export function encodingOf({ kind, encoding }: PlacedPart): string {
  return kind === "leaf" ? encoding : "binary";
}
