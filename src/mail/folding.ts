/** Folding of header fields whose lines are too long, at blanks that stand there already (RFC 5322 2.2.3). */

import { trimBlanksEnd } from "../base/blanks.ts";
import { MAX_LINE_OCTETS } from "./content.ts";
import { encodeWords } from "./encoded_words.ts";

/** The longest line that is liked, without CRLF (RFC 5322 2.1.1). */
const LIKED = 78;
/** Fields whose value is text for people: what has no blanks may become encoded words there. */
const TEXT = /^(?:subject|comments|content-description)$/i;

/** True when a field, an octet per character, has a line that is too long. */
export function hasLongLine(field: string): boolean {
  return field.length > MAX_LINE_OCTETS && field.includes(":") &&
    field.split("\r\n").some((line) => line.length > MAX_LINE_OCTETS);
}

/**
 * A field with its CRLF in lines of 78 octets, where there are blanks; unfolded it is what it was. A word that fits no
 * line stays as it is, unless the field is text and `mayEncode` says that its octets may change.
 */
export function foldAtBlanks(field: string, mayEncode: boolean): string {
  const unfolded = field.replace(/\r\n(?=[ \t])/g, "").replace(/\r\n$/, "");
  const colon = unfolded.indexOf(":");
  const name = unfolded.slice(0, colon).trimEnd();
  const value = unfolded.slice(colon + 1);
  const untrailed = trimBlanksEnd(value, " \t");
  const words = untrailed.match(/[ \t]*[^ \t]+/g) ?? [];
  if (mayEncode && TEXT.test(name) && words.some((word) => word.length > MAX_LINE_OCTETS)) {
    return `${name}: ${encodeWords(value.trim(), name.length + 2)}\r\n`;
  }
  const trailing = value.slice(untrailed.length);
  let done = "";
  let line = unfolded.slice(0, colon + 1);
  let isFirst = true;
  for (const [i, word] of words.entries()) {
    const piece = i === words.length - 1 ? word + trailing : word;
    // the first word stays beside the name as long as it can: some readers take a bare "Subject:" for empty
    if (/^[ \t]/.test(piece) && line.length + piece.length > (isFirst ? MAX_LINE_OCTETS : LIKED)) {
      done += `${line}\r\n`;
      line = "";
    }
    line += piece;
    isFirst = false;
  }
  return `${done}${line}\r\n`;
}
