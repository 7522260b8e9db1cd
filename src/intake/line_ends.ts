/** The line ends of content that does not come by SMTP: whatever they were, they become CRLF. */

const CR = 13;
const LF = 10;

/** Makes every CRLF, bare LF and bare CR one CRLF, however the content is cut into pieces. */
export class LineEnds {
  /** The last byte was a CR: its CRLF is told already, and an LF right behind it belongs to it. */
  #afterCr = false;
  #atLineStart = true;

  /** Converts a piece; the answer may be a view into it. */
  convert(piece: Uint8Array): Uint8Array {
    if (piece.length === 0) return piece;
    const wrong = this.#afterCr && piece[0] === LF ? 0 : firstWrong(piece);
    const last = piece[piece.length - 1];
    this.#atLineStart = last === CR || last === LF;
    if (wrong < 0) {
      this.#afterCr = false;
      return piece;
    }
    let extra = 0;
    for (let i = wrong; i < piece.length; i++) if (piece[i] === CR || piece[i] === LF) extra++;
    const out = new Uint8Array(piece.length + extra);
    out.set(piece.subarray(0, wrong));
    let at = wrong;
    for (let i = wrong; i < piece.length; i++) {
      const byte = piece[i]!;
      if (byte === LF && (i === 0 ? this.#afterCr : piece[i - 1] === CR)) continue;
      if (byte === CR || byte === LF) {
        out[at++] = CR;
        out[at++] = LF;
      } else out[at++] = byte;
    }
    this.#afterCr = last === CR;
    return out.subarray(0, at);
  }

  /** What content that ended within a line lacks. */
  end(): Uint8Array {
    return this.#atLineStart ? new Uint8Array(0) : new Uint8Array([CR, LF]);
  }
}

/** The offset of the first line end that is not CRLF within the piece; -1 when all are right. */
function firstWrong(piece: Uint8Array): number {
  for (let lf = piece.indexOf(LF), cr = piece.indexOf(CR); lf >= 0 || cr >= 0;) {
    if (cr < 0 || (lf >= 0 && lf < cr)) return lf;
    if (lf !== cr + 1) return cr;
    cr = piece.indexOf(CR, lf + 1);
    lf = piece.indexOf(LF, lf + 1);
  }
  return -1;
}
