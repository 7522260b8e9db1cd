/** The encoder of content for DATA: no octets of it can be taken for the end (RFC 5321 4.5.2). */

const NUL = 0;
const LF = 10;
const CR = 13;
const DOT = 46;

const DOT_BYTES = Uint8Array.of(DOT);
const LF_BYTES = Uint8Array.of(LF);
const CR_BYTES = Uint8Array.of(CR);

// where the encoder stands between two octets
const LINE_START = 0;
const TEXT = 1;
const AFTER_CR = 2;

const END_AT_LINE_START = Uint8Array.of(DOT, CR, LF);
const END_IN_TEXT = Uint8Array.of(CR, LF, DOT, CR, LF);
const END_AFTER_CR = Uint8Array.of(LF, DOT, CR, LF);

/**
 * Encodes content for DATA or a multi-line POP3 reply (RFC 5321 4.5.2, RFC 1939 3): a dot before every line that begins
 * with one. A bare CR or LF, which stored content never holds, is made CRLF, and a NUL is left out: a lax peer could
 * take them for a line end, or not see that something stands before a dot.
 */
export class DotWriter {
  #place = LINE_START;

  /** Encodes a piece, cut anywhere; the answer is the piece itself when nothing is to be done, else views into it. */
  encode(piece: Uint8Array): readonly Uint8Array[] {
    const length = piece.length;
    if (length === 0) return [];
    const parts: Uint8Array[] = [];
    let place = this.#place;
    let from = 0;
    let i = 0;
    let dropped = false;
    while (i < length) {
      if (place === TEXT) {
        while (i < length && piece[i]! > CR) i++;
        if (i === length) break;
        const octet = piece[i]!;
        if (octet === CR) {
          place = AFTER_CR;
        } else if (octet === LF) {
          if (i > from) parts.push(piece.subarray(from, i));
          parts.push(CR_BYTES);
          from = i;
          place = LINE_START;
        } else if (octet === NUL) {
          if (i > from) parts.push(piece.subarray(from, i));
          dropped = true;
          from = i + 1;
        }
        i++;
      } else if (place === AFTER_CR) {
        if (piece[i] === LF) {
          i++;
        } else {
          if (i > from) parts.push(piece.subarray(from, i));
          parts.push(LF_BYTES);
          from = i;
        }
        place = LINE_START;
      } else if (piece[i] === NUL) {
        if (i > from) parts.push(piece.subarray(from, i));
        dropped = true;
        from = ++i;
      } else {
        if (piece[i] === DOT) {
          if (i > from) parts.push(piece.subarray(from, i));
          parts.push(DOT_BYTES);
          from = i++;
        }
        place = TEXT;
      }
    }
    this.#place = place;
    if (parts.length === 0 && !dropped) return [piece];
    if (from < length) parts.push(piece.subarray(from));
    return parts;
  }

  /** What ends the content: completes the last line when it needs that, then a dot on a line of its own. */
  end(): Uint8Array {
    if (this.#place === LINE_START) return END_AT_LINE_START;
    return this.#place === TEXT ? END_IN_TEXT : END_AFTER_CR;
  }
}
