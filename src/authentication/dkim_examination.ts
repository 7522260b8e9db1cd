/** The examination of content before it is signed: nothing may have to change behind the signature (RFC 6376 5.3). */

import { concat } from "../base/bytes.ts";
import { MAX_LINE_OCTETS } from "../mail/content.ts";
import { scanHeader } from "../mail/header.ts";
import { BodyHasher } from "./dkim_body.ts";
import type { Canonicalization } from "./dkim_header.ts";
import { formed, type SentForm, type SizedContent } from "./dkim_outgoing.ts";

/** What a signature needs of content. */
export interface Examined {
  readonly header: Uint8Array;
  /** The form of the body that all verifiers read alike. */
  readonly bodyForm: Canonicalization;
  readonly bodyHash: Uint8Array;
}

/** A header section that is longer was refused when it came. */
const MAX_HEADER = 128 * 1024;
const TAB = 9;
const LF = 10;
const VT = 11;
const FF = 12;
const CR = 13;
const BLANK = 32;

/** Reads content, in the form in which it is to be sent. Rejects when it can't be read. */
export async function examineForSigning(
  content: SizedContent,
): Promise<{ readonly examined: Examined; readonly form?: SentForm }> {
  const look = await examine(content);
  for (const form of look.forms) {
    const other = await formed(content, form);
    if (other) return { examined: await examine(other), form };
  }
  return { examined: look };
}

async function examine(
  { size, text }: SizedContent,
): Promise<Examined & { readonly forms: readonly SentForm[] }> {
  const hasher = new BodyHasher();
  const lines = new Lines();
  let start: Uint8Array[] | undefined = [];
  let header: Uint8Array = new Uint8Array(0);
  for await (const piece of text()) {
    lines.look(piece);
    if (!start) {
      hasher.write(piece);
      lines.ends(piece);
      continue;
    }
    start.push(piece);
    const whole = start.length === 1 ? piece : concat(start);
    const { end } = scanHeader(whole);
    if (end < 0 && whole.length <= MAX_HEADER) continue;
    start = undefined;
    header = end < 0 ? whole : whole.slice(0, end);
    const body = whole.subarray(header.length);
    lines.ends(body);
    if (whole.length < size || lines.isReadAlike) hasher.want("relaxed");
    if (whole.length < size || !lines.isReadAlike) hasher.want("simple");
    hasher.write(body);
  }
  if (start) {
    header = concat(start);
    hasher.want("relaxed");
  }
  hasher.end();
  // without a Content-Type nobody knows what eight bits stand for, and they would have to be called unknown
  const isMime = lines.eightBit && scanHeader(header).names.has("content-type");
  const bodyForm = lines.isReadAlike ? "relaxed" : "simple";
  return {
    header,
    bodyForm,
    bodyHash: hasher.hash(bodyForm).digest,
    forms: [...(isMime ? ["7bit"] as const : []), ...(lines.tooLong ? ["folded"] as const : [])],
  };
}

/** Looks at lines: at all of them for what not every server takes, at those of the body for what not every verifier reads. */
class Lines {
  eightBit = false;
  tooLong = false;
  #length = 0;
  /** The last octet of the line that is no blank; -1: none came; 0: nothing at all. */
  #last = 0;
  #blankTail = false;
  #odd = false;

  look(piece: Uint8Array): void {
    for (let i = 0; i < piece.length && !this.eightBit; i++) this.eightBit = piece[i]! > 127;
    for (let at = 0; at < piece.length && !this.tooLong;) {
      const end = piece.indexOf(LF, at);
      this.#length += (end < 0 ? piece.length : end) - at;
      // with its CR
      this.tooLong = this.#length > MAX_LINE_OCTETS + 1;
      if (end < 0) break;
      this.#length = 0;
      at = end + 1;
    }
  }

  ends(piece: Uint8Array): void {
    for (let at = 0; at < piece.length;) {
      const lineEnd = piece.indexOf(LF, at);
      const end = lineEnd < 0 ? piece.length : lineEnd;
      let i = end - 1;
      while (i >= at && (piece[i] === BLANK || piece[i] === TAB || piece[i] === CR)) i--;
      if (i >= at) this.#last = piece[i]!;
      else if (this.#last === 0 && hasBlank(piece, at, end)) this.#last = -1;
      if (lineEnd < 0) break;
      this.#lineEnds();
      at = lineEnd + 1;
    }
  }

  /**
   * Do all verifiers make the same of a relaxed body? Not of lines of blanks alone at its end, nor of a form feed before
   * a line's end.
   */
  get isReadAlike(): boolean {
    if (this.#last !== 0) this.#lineEnds();
    return !this.#blankTail && !this.#odd;
  }

  #lineEnds(): void {
    if (this.#last !== 0) this.#blankTail = this.#last < 0;
    this.#odd ||= this.#last === FF || this.#last === VT;
    this.#last = 0;
  }
}

function hasBlank(piece: Uint8Array, from: number, to: number): boolean {
  for (let i = from; i < to; i++) if (piece[i] === BLANK || piece[i] === TAB) return true;
  return false;
}
