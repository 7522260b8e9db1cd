/** Content that comes in chunks of announced size: the same care for line ends as in DATA (RFC 3030). */

/** What is wrong with the content; `lineTooLong`: over the maximum. */
export type ChunkFault = "bareLf" | "bareCr" | "nul" | "lineTooLong";

/** Pieces to keep, in order, or what is wrong; a fault is final. */
export type ChunkResult = readonly Uint8Array[] | ChunkFault;

const LF = 10;
const CR = 13;
const CRLF = Uint8Array.of(CR, LF);
const NO_PIECES: readonly Uint8Array[] = [];

/** Checks (or mends) line ends across the pieces of a message; there is no dot to look for. */
export class ChunkContent {
  readonly #normalize: boolean;
  readonly #maxLine: number;
  /** The last piece ended with a CR: what comes next decides. When line ends are mended it is held back. */
  #afterCr = false;
  #lineLength = 0;

  /** `maxLine`: octets of a line without CRLF. `bare`: as in the session's options. */
  constructor(options: { maxLine?: number; bare?: "refuse" | "normalize" } = {}) {
    this.#normalize = options.bare === "normalize";
    this.#maxLine = options.maxLine ?? 99_998;
  }

  /** Takes the next piece, cut anywhere. The pieces that come back are views into it (or static bytes). */
  push(input: Uint8Array): ChunkResult {
    if (input.length === 0) return NO_PIECES;
    return this.#normalize ? this.#mend(input) : this.#check(input);
  }

  /** The content is complete: the rest to keep, or what is wrong with its last octet. */
  end(): ChunkResult {
    if (!this.#afterCr) return NO_PIECES;
    this.#afterCr = false;
    return this.#normalize ? [CRLF] : "bareCr";
  }

  #check(input: Uint8Array): ChunkResult {
    let at = 0;
    let lineStart = -this.#lineLength;
    if (this.#afterCr) {
      if (input[0] !== LF) return "bareCr";
      lineStart = at = 1;
    }
    this.#afterCr = false;
    for (; at < input.length; at++) {
      const octet = input[at]!;
      if (octet > CR) continue;
      if (octet === CR) {
        if (at - lineStart > this.#maxLine) return "lineTooLong";
        if (at + 1 === input.length) this.#afterCr = true;
        else if (input[++at] !== LF) return "bareCr";
        lineStart = at + 1;
      } else if (octet === LF) return "bareLf";
      else if (octet === 0) return "nul";
    }
    this.#lineLength = input.length - lineStart;
    return this.#lineLength > this.#maxLine ? "lineTooLong" : [input];
  }

  #mend(input: Uint8Array): ChunkResult {
    const pieces: Uint8Array[] = [];
    let from = 0;
    let lineStart = -this.#lineLength;
    if (this.#afterCr) {
      pieces.push(CRLF);
      lineStart = from = input[0] === LF ? 1 : 0;
    }
    this.#afterCr = false;
    for (let at = from; at < input.length; at++) {
      const octet = input[at]!;
      if (octet === 0) return "nul";
      if (octet !== CR && octet !== LF) continue;
      if (at - lineStart > this.#maxLine) return "lineTooLong";
      if (at > from) pieces.push(input.subarray(from, at));
      if (octet === CR && at + 1 === input.length) {
        this.#afterCr = true;
      } else {
        pieces.push(CRLF);
        if (octet === CR && input[at + 1] === LF) at++;
      }
      lineStart = from = at + 1;
    }
    if (from < input.length) pieces.push(input.subarray(from));
    this.#lineLength = input.length - lineStart;
    return this.#lineLength > this.#maxLine ? "lineTooLong" : pieces;
  }
}
