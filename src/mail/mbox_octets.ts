/** The octets of a mbox file as its reader takes them: no mark of the encoding, no UTF-16, no NUL, LF in place of CR. */

import { concat, encode } from "../base/bytes.ts";

const NUL = 0;
const LF = 10;
const CR = 13;
const NOTHING = new Uint8Array(0);
/** A file without an LF so far has line ends of CR, as old Macs wrote them, or is no mbox. */
const LOOK_AT = 64 * 1024;

/** Puts a file right, piece by piece. */
export class MboxOctets {
  #begin: Uint8Array = NOTHING;
  #begun = false;
  #utf16: TextDecoder | undefined;
  #crOnly = false;
  #nuls = 0;

  /** How many NULs were left out: they are not for mail, and the size would be wrong where the message is sent on. */
  get nuls(): number {
    return this.#nuls;
  }

  /** Takes the next piece. */
  push(bytes: Uint8Array): Uint8Array {
    if (this.#begun) return this.#rest(bytes);
    this.#begin = concat([this.#begin, bytes]);
    const isKnown = this.#begin.length > LOOK_AT || (this.#begin.length > 3 && this.#begin.includes(LF));
    return isKnown ? this.#start() : NOTHING;
  }

  /** The file is over. */
  end(): Uint8Array {
    const rest = this.#begun ? NOTHING : this.#start();
    const last = this.#utf16 ? this.#clean(encode(this.#utf16.decode())) : NOTHING;
    return concat([rest, last]);
  }

  #start(): Uint8Array {
    const begin = this.#begin;
    this.#begin = NOTHING;
    this.#begun = true;
    const utf16 = utf16Of(begin);
    if (utf16) this.#utf16 = new TextDecoder(utf16);
    this.#crOnly = begin.includes(CR) && !begin.includes(LF);
    return this.#rest(hasMark(begin) ? begin.subarray(3) : begin);
  }

  #rest(bytes: Uint8Array): Uint8Array {
    return this.#clean(this.#utf16 ? encode(this.#utf16.decode(bytes, { stream: true })) : bytes);
  }

  #clean(bytes: Uint8Array): Uint8Array {
    let clean = bytes;
    if (bytes.includes(NUL)) {
      clean = bytes.filter((byte) => byte !== NUL);
      this.#nuls += bytes.length - clean.length;
    }
    return this.#crOnly ? clean.map((byte) => byte === CR ? LF : byte) : clean;
  }
}

/** Begins with the byte order mark of UTF-8. */
export function hasMark(bytes: Uint8Array): boolean {
  return bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf;
}

/** By its mark, or by the NUL beside the F of `From `. */
function utf16Of(bytes: Uint8Array): "utf-16le" | "utf-16be" | undefined {
  const pair = (bytes[0]! << 8) | bytes[1]!;
  if (pair === 0xfffe || pair === 0x4600) return "utf-16le";
  if (pair === 0xfeff || pair === 0x0046) return "utf-16be";
  return undefined;
}
