/** The texts of a message as searches compare them (RFC 9051 6.4.4): decoded, letters folded, blanks made one. */

import { binaryString, concat } from "../base/bytes.ts";
import { decodeCharset, decodeUnnamed } from "./charset.ts";
import { decodeFieldValue } from "./decoded_words.ts";
import type { PlacedPart } from "./message_facts.ts";
import { readableHtml } from "./readable_html.ts";
import { transferDecoder, transferOf } from "./transfer_decoding.ts";

/** A text to be looked for, or to look into. No line end is left in it. */
export function foldText(text: string): string {
  const composed = ASCII.test(text) ? text : text.normalize("NFC");
  // most blanks stand alone: those are not touched
  return composed.toLowerCase().replace(/[^\S ]\s*| \s+/g, " ");
}

// deno-lint-ignore no-control-regex
const ASCII = /^[\x00-\x7f]*$/;
// deno-lint-ignore no-control-regex
const SPECIAL = /=\?|[^\x00-\x7f]|\x1b/;

/** A header section: a line to a field, `name: value`, unfolded, decoded and folded as {@linkcode foldText} does. */
export function foldHeader(header: Uint8Array, around?: string): string {
  const text = binaryString(header).replace(/\r?\n(?=[ \t])/g, "");
  const lines = text.split(/\r?\n/);
  if (lines.at(-1) === "") lines.pop();
  if (lines.at(-1) === "") lines.pop();
  return lines.map((line) => foldText(SPECIAL.test(line) ? decodeFieldValue(line, around) : line)).join("\n");
}

/** A stretch of a message that holds text: `header`: a header section, of a part or of a message in it. */
export type SearchPiece =
  | { readonly kind: "header"; readonly from: number; readonly to: number }
  | { readonly kind: "text"; readonly from: number; readonly to: number; readonly part: PlacedPart };

/** What the body of a message is searched for: its texts, and what the headers of its parts say. */
export function searchPieces(message: PlacedPart): SearchPiece[] {
  const pieces: SearchPiece[] = [];
  const addContent = (part: PlacedPart) => {
    if (part.kind === "leaf") {
      const { contentStart: from, contentEnd: to } = part;
      if (part.text && to > from) pieces.push({ kind: "text", from, to, part });
    }
    for (const one of part.parts) {
      // two octets: a header section of nothing but its blank line
      if (one.contentStart - one.headerStart > 2) {
        pieces.push({ kind: "header", from: one.headerStart, to: one.contentStart });
      }
      addContent(one);
    }
  };
  addContent(message);
  return pieces;
}

/** The folded text of a piece's octets, all of them or their beginning. */
export function foldPiece(octets: Uint8Array, piece: SearchPiece): string {
  if (piece.kind === "header") return foldHeader(octets);
  const { encoding, text: { charset, html } = { charset: "", html: false } } = piece.part;
  const transfer = transferOf(encoding) ?? "identity";
  const decoder = transferDecoder(transfer);
  const bytes = transfer === "identity" ? octets : concat([decoder.push(octets), decoder.finish()]);
  const text = charset === "" ? decodeUnnamed(bytes) : decodeCharset(bytes, charset);
  return foldText(html ? readableHtml(text) : text);
}

/** The body of a message that is at hand as a whole, folded: a line to a piece. */
export function foldBody(message: Uint8Array, parts: PlacedPart): string {
  return searchPieces(parts).map((piece) => foldPiece(message.subarray(piece.from, piece.to), piece)).join(
    "\n",
  );
}
