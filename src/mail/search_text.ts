/** The texts of a message as searches compare them (RFC 9051 6.4.4): decoded, letters folded, blanks made one. */

import { binaryString, concat } from "../base/bytes.ts";
import { decodeCharset, decodeUnnamed } from "./charset.ts";
import { decodeFieldValue } from "./decoded_words.ts";
import { unescaped } from "./html_tags.ts";
import type { PlacedPart } from "./message_facts.ts";
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

/** Tags that part words, others stand within them. */
const BLOCK =
  /<\/?(?:address|article|aside|blockquote|br|center|d[dlt]|div|f(?:ieldset|ooter|orm)|h[1-6r]|header|li|main|nav|o[lp]|option|p(?:re)?|section|t(?:able|[dhr])|title|ul)\b[^<>]*>/gi;

/** HTML without its tags, styles and scripts; quicker than one that knows its grammar, for all of a mailbox. */
function readableHtml(html: string): string {
  const shown = UNSHOWN.reduce((text, [open, close]) => withoutRuns(text, open, close), html);
  const text = shown.replace(BLOCK, " ").replace(/<[/a-z!?][^<>]*>/gi, "");
  return text.includes("&")
    ? unescaped(text.replace(NAMED, (whole, name: string) => LETTERS[name] ?? whole))
    : text;
}

const UNSHOWN: readonly (readonly [open: RegExp, close: RegExp])[] = [
  [/<!--/g, /-->/g],
  [/<style\b/gi, /<\/style/gi],
  [/<script\b/gi, /<\/script/gi],
];

/** Without what stands between two marks; what does not end goes to the end. */
function withoutRuns(html: string, open: RegExp, close: RegExp): string {
  let [text, at] = ["", 0];
  open.lastIndex = 0;
  for (let found = open.exec(html); found; found = open.exec(html)) {
    text += html.slice(at, found.index);
    close.lastIndex = open.lastIndex;
    at = open.lastIndex = close.test(html) ? close.lastIndex : html.length;
  }
  return at === 0 ? html : text + html.slice(at);
}

const NAMED = /&([A-Za-z]{2,8});/g;
/** Letters of Western Europe by their names, as programs write them. */
const LETTERS: Readonly<Record<string, string>> = Object.fromEntries(
  ("Agrave Aacute Acirc Atilde Auml Aring AElig Ccedil Egrave Eacute Ecirc Euml Igrave Iacute Icirc Iuml ETH Ntilde Ograve Oacute " +
    "Ocirc Otilde Ouml times Oslash Ugrave Uacute Ucirc Uuml Yacute THORN szlig agrave aacute acirc atilde auml aring aelig ccedil " +
    "egrave eacute ecirc euml igrave iacute icirc iuml eth ntilde ograve oacute ocirc otilde ouml divide oslash ugrave uacute ucirc uuml " +
    "yacute thorn yuml").split(" ").map((name, i) => [name, String.fromCharCode(0xc0 + i)]),
);
