/** TOP's part of a message: the header, the blank line, and so many lines of the body (RFC 1939 7). */

const LF = 10;
const CR = 13;

/** Takes a message in pieces and passes on what TOP shows of it. */
export class TopCutter {
  /** Lines of the body that are still to come. */
  #left: number;
  #inHeader = true;
  /** Octets of the current line so far that are not CR. */
  #length = 0;
  #done = false;

  /** `lines` of the body are wanted. */
  constructor(lines: number) {
    this.#left = lines;
  }

  /** True when nothing more is wanted. */
  get done(): boolean {
    return this.#done;
  }

  /** The part of the piece that is shown: a view. */
  push(piece: Uint8Array): Uint8Array {
    let at = 0;
    while (!this.#done && at < piece.length) {
      const end = piece.indexOf(LF, at);
      const stop = end < 0 ? piece.length : end;
      for (let i = at; i < stop && this.#length === 0; i++) if (piece[i] !== CR) this.#length = 1;
      if (end < 0) return piece;
      at = end + 1;
      if (!this.#inHeader) this.#left--;
      else if (this.#length === 0) this.#inHeader = false;
      this.#done = !this.#inHeader && this.#left <= 0;
      this.#length = 0;
    }
    return piece.subarray(0, at);
  }
}
