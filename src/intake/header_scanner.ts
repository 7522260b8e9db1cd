/** The header section of incoming content: held back until its blank line, so that fields can be put before it. */

import { concat } from "../base/bytes.ts";

/** A header section longer than this is refused: nobody writes one, and it would have to be held in memory. */
export const MAX_HEADER = 100 * 1024;

/** What takes the place of a header section in content that has none. */
const NO_HEADER = Uint8Array.of(13, 10);
/** No field's name is longer. */
const MAX_NAME = 1000;
const MAILBOX_LINE = /^>?From$/;

/** Collects the header section of a message. */
export class HeaderScanner {
  readonly #parts: Uint8Array[] = [];
  #size = 0;
  /** How much of CRLF CRLF was seen; content may begin with its blank line, so it starts as after a CRLF. */
  #matched = 2;
  /** Where in its first field's name the scanner is; "known" when it is clear whether it begins with one. */
  #opening: "start" | "name" | "blanks" | "known" = "start";
  #name = "";

  /** How much is held. */
  get size(): number {
    return this.#size;
  }

  /**
   * Takes a piece. Answers the header section and what follows it when the blank line came (both may be views into the
   * piece), "more" while it has not, and "tooLong" when it never comes. Content that does not begin with a header field
   * is all body: its header section is a blank line that did not come.
   */
  push(piece: Uint8Array): { header: Uint8Array; rest: Uint8Array } | "more" | "tooLong" {
    if (this.#opening !== "known" && this.#isBody(piece)) {
      const rest = this.#parts.length === 0 ? piece : concat([...this.#parts.splice(0), piece]);
      return { header: NO_HEADER, rest };
    }
    const end = this.#find(piece);
    if (end < 0) {
      if (this.#size + piece.length > MAX_HEADER) return "tooLong";
      this.#parts.push(piece.slice());
      this.#size += piece.length;
      return "more";
    }
    if (this.#size + end > MAX_HEADER) return "tooLong";
    const last = piece.subarray(0, end);
    const header = this.#parts.length === 0 ? last : concat([...this.#parts, last]);
    return { header, rest: piece.subarray(end) };
  }

  /** Looks at the beginning, byte by byte: does it show that there is no header section? */
  #isBody(piece: Uint8Array): boolean {
    for (const byte of piece) {
      const before = this.#opening;
      const isBlank = byte === 32 || byte === 9;
      if (before === "start" && byte === 13) this.#opening = "known"; // the blank line itself
      else if (byte === 58 && before !== "start") this.#opening = "known";
      else if (isBlank && before !== "start") this.#opening = "blanks";
      else if (
        before !== "blanks" && byte > 32 && byte < 127 && byte !== 58 && this.#name.length < MAX_NAME
      ) {
        this.#opening = "name";
        this.#name += String.fromCharCode(byte);
      } else {
        // The line that mailbox files put before a message is no field, but a header section follows.
        const isBody = !(before === "blanks" && MAILBOX_LINE.test(this.#name));
        this.#opening = "known";
        return isBody;
      }
      if (this.#opening === "known") break;
    }
    return false;
  }

  /** All that came, when the content ended without a blank line. */
  whole(): Uint8Array {
    return concat(this.#parts);
  }

  /** The offset just behind the blank line, or -1. Reads each byte once, however the content is cut. */
  #find(piece: Uint8Array): number {
    let matched = this.#matched;
    for (let i = 0; i < piece.length; i++) {
      const byte = piece[i];
      if (byte === 13) matched = matched === 2 ? 3 : 1;
      else if (byte === 10) {
        if (matched === 3) return i + 1;
        matched = matched === 1 ? 2 : 0;
      } else {
        // From within a line only the next line end matters, and the native search is the quicker one.
        matched = 0;
        const next = piece.indexOf(13, i + 1);
        if (next < 0) break;
        i = next - 1;
      }
    }
    this.#matched = matched;
    return -1;
  }
}
