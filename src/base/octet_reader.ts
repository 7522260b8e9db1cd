/** The reader of a stream that is lines and counted octets by turns. */

import { concat } from "./bytes.ts";

const LF = 10;

/** Reads a stream of pieces of any size. */
export class OctetReader {
  readonly #pieces: AsyncIterator<Uint8Array>;
  #rest: Uint8Array = new Uint8Array(0);

  /** Pieces stay as they are. */
  constructor(source: AsyncIterable<Uint8Array>) {
    this.#pieces = source[Symbol.asyncIterator]();
  }

  /** The next line without its LF; undefined at the end, or when it is longer than `most` octets. */
  async line(most: number): Promise<Uint8Array | undefined> {
    const parts: Uint8Array[] = [];
    let size = 0;
    while (size <= most && await this.#fill()) {
      const end = this.#rest.indexOf(LF);
      parts.push(this.#take(end < 0 ? this.#rest.length : end));
      size += parts.at(-1)!.length;
      if (end < 0) continue;
      this.#take(1);
      return concat(parts);
    }
    return undefined;
  }

  /** So many octets in pieces; fewer when the stream ends. */
  async *octets(count: number): AsyncGenerator<Uint8Array> {
    for (let left = count; left > 0 && await this.#fill();) {
      const piece = this.#take(Math.min(left, this.#rest.length));
      left -= piece.length;
      yield piece;
    }
  }

  /** Is there a piece? */
  async #fill(): Promise<boolean> {
    while (this.#rest.length === 0) {
      const { done, value } = await this.#pieces.next();
      if (done) return false;
      this.#rest = value;
    }
    return true;
  }

  #take(count: number): Uint8Array {
    const taken = this.#rest.subarray(0, count);
    this.#rest = this.#rest.subarray(count);
    return taken;
  }
}
