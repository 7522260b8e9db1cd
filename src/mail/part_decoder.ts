/** The octets of a part that is not in base64, without the line end that belongs to the delimiter behind it. */

import { concat, encode } from "../base/bytes.ts";

/** What postal-mime gathers a part's lines with; they come without their ends. */
export interface PartDecoder {
  update(line: Uint8Array<ArrayBuffer>): void;
  finalize(): Promise<ArrayBuffer>;
}

const CRLF = encode("\r\n");
const ENCODED_CRLF = encode("=0D=0A=");
const SOFT = encode("=");

/**
 * Keeps a part as it was sent: lines end with CRLF (RFC 2045 2.1, 6.7), and the last one's end is the delimiter's
 * (RFC 2046 5.1.1). postal-mime alone ends each line, the last one too, with LF.
 */
export function exactDecoder(encoding: string, decoder: PartDecoder): PartDecoder {
  if (/base64/i.test(encoding)) return decoder;
  return /quoted-printable/i.test(encoding) ? new ExactQuotedPrintable(decoder) : new ExactLines();
}

class ExactLines implements PartDecoder {
  readonly #pieces: Uint8Array[] = [];

  update(line: Uint8Array): void {
    if (this.#pieces.length > 0) this.#pieces.push(CRLF);
    this.#pieces.push(line);
  }

  finalize(): Promise<ArrayBuffer> {
    return Promise.resolve(concat(this.#pieces).buffer);
  }
}

/** Hands all lines on as if each ended softly, and the ends that count as octets in front of the next one. */
class ExactQuotedPrintable implements PartDecoder {
  readonly #decoder: PartDecoder;
  #endsHard = false;

  constructor(decoder: PartDecoder) {
    this.#decoder = decoder;
  }

  update(sent: Uint8Array<ArrayBuffer>): void {
    const line = withoutBlanks(sent);
    if (this.#endsHard) this.#decoder.update(ENCODED_CRLF);
    this.#endsHard = line.at(-1) !== 0x3d;
    this.#decoder.update(this.#endsHard ? concat([line, SOFT]) : line);
  }

  finalize(): Promise<ArrayBuffer> {
    return this.#decoder.finalize();
  }
}

/** RFC 2045 6.7 (3), (5): white space at a line's end was put there on the way, behind a soft end too. */
function withoutBlanks(line: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  let end = line.length;
  while (line[end - 1] === 0x20 || line[end - 1] === 0x09) end--;
  return line.subarray(0, end);
}
