/** The decoder of content from DATA: transparent dots out, the end found, nothing lax (RFC 5321 4.5.2). */

/** How far a {@linkcode DotReader} came. All but `more` are final. */
export type DotState =
  /** The end has not come yet. */
  | "more"
  /** CRLF "." CRLF was seen. */
  | "end"
  /** An LF without CR before it. */
  | "bareLf"
  /** A CR without LF after it. */
  | "bareCr"
  /** A NUL. */
  | "nul"
  /** A line over the maximum. */
  | "lineTooLong";

/** What one {@linkcode DotReader.push} gives. */
export interface DotResult {
  /** How many octets of the input were taken; with `end`, what follows is not content any more. */
  readonly used: number;
  /**
   * The decoded content, in order: views into the input, or static bytes. Valid as long as the input is. Together with
   * a refusal they are of no use, and may hold what was refused.
   */
  readonly pieces: readonly Uint8Array[];
  /** How far it came. */
  readonly state: DotState;
}

const NUL = 0;
const LF = 10;
const CR = 13;
const DOT = 46;

/** Below so many octets they are read one by one. */
const FEW = 64;
// of four octets in a word: has one of them a value of less than 14?
const LEAST = 0x0e0e0e0e;
const HIGH = 0x80808080;

const CRLF_BYTES = Uint8Array.of(CR, LF);
const LF_BYTES = Uint8Array.of(LF);
const NO_PIECES: readonly Uint8Array[] = [];

// where the decoder stands between two octets; what is in brackets was read and is held back
const LINE_START = 0; //             CR LF ^   also before the first octet
const HELD_DOT = 1; //           CR LF [.] ^   added by transparency, or the end begins
const HELD_DOT_CR = 2; //     CR LF [. CR] ^   LF ends the content
const WITHIN_LINE = 3; //          CR LF x ^   also behind a bare line end that was made CRLF
const AFTER_CR = 4; //          CR LF x CR ^   LF ends the line

/**
 * Decodes the content of DATA (RFC 5321 4.5.2). Only CRLF "." CRLF, or "." CRLF as the very first line, ends it: what
 * other software takes for an end ("SMTP smuggling") is refused as soon as it is seen or stays text.
 */
export class DotReader {
  readonly #maxContent: number;
  readonly #normalize: boolean;
  #place = LINE_START;
  /** Octets of the unfinished line that came in earlier pushes. */
  #lineLength = 0;
  #state: DotState = "more";
  // while a push is under way:
  #pieces: Uint8Array[] = [];
  /** What is decoded and not yet among the pieces begins here. */
  #from = 0;
  /** Where the line began that is being read; negative when it was in an earlier push. */
  #lineStart = 0;

  /**
   * `maxLine`: octets of a line with CRLF, without the dot that transparency added (default 100,000).
   * `bare`: what a bare LF or CR comes to: it is told and ends the reading (`refuse`, the default), or it is made
   * CRLF (`normalize`); but a line that such a one began is never an end, nor is a dot taken off it.
   */
  constructor(options: { maxLine?: number; bare?: "refuse" | "normalize" } = {}) {
    this.#maxContent = (options.maxLine ?? 100_000) - 2;
    this.#normalize = options.bare === "normalize";
  }

  /** Decodes a piece of input, cut anywhere. After a final state it takes nothing and tells that state again. */
  push(input: Uint8Array): DotResult {
    if (this.#state !== "more") return { used: 0, pieces: NO_PIECES, state: this.#state };
    const pieces: Uint8Array[] = this.#pieces = [];
    this.#from = 0;
    this.#lineStart = -this.#lineLength;
    const length = input.length;
    let i = 0;
    while (i < length && this.#state === "more") {
      if (this.#place === WITHIN_LINE) i = this.#withinLine(input, i);
      else if (this.#place === LINE_START) i = this.#lineBegin(input, i);
      else if (this.#place === AFTER_CR) i = this.#afterCr(input, i);
      else i = this.#heldDot(input, i);
    }
    // a CR at the end may be that of the line's end, which does not count
    const content = i - this.#lineStart - (this.#place === AFTER_CR ? 1 : 0);
    if (this.#state === "more" && content > this.#maxContent) this.#state = "lineTooLong";
    if (this.#from === 0 && i === length && length > 0) pieces.push(input);
    else this.#handOut(input, i);
    this.#lineLength = i - this.#lineStart;
    this.#pieces = [];
    return { used: i, pieces, state: this.#state };
  }

  /** Reads on within a line, and through all lines that hold nothing remarkable: the hot loop. */
  #withinLine(input: Uint8Array, i: number): number {
    const length = input.length;
    const words = length - i < FEW ? undefined : wordsOf(input);
    const offset = input.byteOffset;
    for (;;) {
      // only line ends, NUL and a few like the tab are below 14
      while (i < length && input[i]! > CR) {
        i++;
        if (words === undefined || (offset + i & 3) !== 0) continue;
        // four octets at a time, up to a word with one of those
        let at = offset + i >> 2;
        while (at < words.length && (words[at]! - LEAST & ~words[at]! & HIGH) === 0) at++;
        i = (at << 2) - offset;
      }
      if (i === length) return i;
      const octet = input[i]!;
      if (octet !== CR && octet !== LF && octet !== NUL) {
        i++;
        continue;
      }
      if (i - this.#lineStart > this.#maxContent) return this.#stop("lineTooLong", i);
      if (octet === NUL) return this.#stop("nul", i + 1);
      if (octet === LF) return this.#bareLf(input, i);
      if (++i === length || input[i] !== LF) {
        this.#place = AFTER_CR;
        return i;
      }
      this.#lineStart = ++i;
      if (i === length || input[i] === DOT) {
        this.#place = LINE_START;
        return i;
      }
    }
  }

  #lineBegin(input: Uint8Array, i: number): number {
    if (input[i] !== DOT) {
      this.#place = WITHIN_LINE;
      return i;
    }
    this.#handOut(input, i);
    this.#place = HELD_DOT;
    return this.#from = this.#lineStart = i + 1;
  }

  /** Behind a dot that began a line, or behind such a dot and CR. */
  #heldDot(input: Uint8Array, i: number): number {
    if (this.#place === HELD_DOT) {
      if (input[i] !== CR) {
        this.#place = WITHIN_LINE;
        return i;
      }
      this.#place = HELD_DOT_CR;
      return this.#from = this.#lineStart = i + 1;
    }
    if (input[i] === LF) {
      this.#from = i + 1;
      return this.#stop("end", i + 1);
    }
    return this.#bareCr(i, CRLF_BYTES);
  }

  #afterCr(input: Uint8Array, i: number): number {
    if (input[i] === LF) {
      this.#place = LINE_START;
      return this.#lineStart = i + 1;
    }
    this.#handOut(input, i);
    return this.#bareCr(i, LF_BYTES);
  }

  /** The CR before `i` was a bare one; `missing` is what makes it CRLF. */
  #bareCr(i: number, missing: Uint8Array): number {
    if (!this.#normalize) return this.#stop("bareCr", i);
    this.#pieces.push(missing);
    this.#place = WITHIN_LINE;
    return this.#from = this.#lineStart = i;
  }

  #bareLf(input: Uint8Array, i: number): number {
    if (!this.#normalize) return this.#stop("bareLf", i + 1);
    this.#handOut(input, i);
    this.#pieces.push(CRLF_BYTES);
    return this.#from = this.#lineStart = i + 1;
  }

  #handOut(input: Uint8Array, to: number): void {
    if (to > this.#from) this.#pieces.push(input.subarray(this.#from, to));
    this.#from = to;
  }

  #stop(state: DotState, i: number): number {
    this.#state = state;
    return i;
  }
}

/** The whole words up to the end of a piece, counted from the beginning of the memory that it is in. */
function wordsOf({ buffer, byteOffset, length }: Uint8Array): Int32Array {
  return new Int32Array(buffer, 0, byteOffset + length >> 2);
}
