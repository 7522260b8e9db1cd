/** The words of a command (RFC 9051 9), read from its octets one behind the other. */

import { binaryString, decodeStrictly } from "../base/bytes.ts";
import { SyntaxFault } from "./syntax_fault.ts";

const SP = 32;
const QUOTE = 34;
const OPEN = 40;
const CLOSE = 41;
const STAR = 42;
const BACKSLASH = 92;

/** Of each octet: whether an atom may hold it. */
const ATOM = octets((code) => code > 32 && code < 127 && !'(){%*"\\]'.includes(String.fromCharCode(code)));
/** An astring may hold `]` too; and we take eight bits, since programs write names as they are typed. */
const ASTRING = octets((code) => ATOM[code] === 1 || code === 93 || code > 127);
/** RFC 9051's list-char: an astring's, with the wild cards. */
const LIST = octets((code) => ASTRING[code] === 1 || code === 37 || code === STAR);
/** RFC 9051 9: a tag is an astring's characters but for `+`. */
const TAG = octets((code) => ATOM[code] === 1 && code !== 43 || code === 93);

function octets(holds: (code: number) => boolean): Uint8Array {
  return Uint8Array.from({ length: 256 }, (_, code) => holds(code) ? 1 : 0);
}

/** The largest numbers of the grammar. */
const MAX_32 = 2 ** 32 - 1;
/** Of `number64` and mod-sequences (RFC 7162 7: 63 bits); beyond 2^53 they mean "more than there ever is". */
const MAX_63 = 2 ** 63;

/**
 * A place in a command. What a literal holds stands in the octets behind its head and CRLF, as it came; nothing else in
 * them is a CR or LF. All methods throw a {@linkcode SyntaxFault} where something else stands.
 */
export class Cursor {
  readonly bytes: Uint8Array;
  at: number;
  /** How deep parentheses and operators are nested now. */
  #depth = 0;

  /** Begins at that octet. */
  constructor(bytes: Uint8Array, at = 0) {
    this.bytes = bytes;
    this.at = at;
  }

  /** Is the command over? */
  get done(): boolean {
    return this.at >= this.bytes.length;
  }

  /** The octet that stands here; -1 at the end. */
  get next(): number {
    return this.bytes[this.at] ?? -1;
  }

  /** Something else should stand here. */
  fault(expected: string, at = this.at): SyntaxFault {
    return new SyntaxFault(expected, at, this.bytes);
  }

  /** Nothing may follow. Blanks at the end are overlooked. */
  end(): void {
    while (this.next === SP) this.at++;
    if (!this.done) throw this.fault("Expected the end of the command");
  }

  /** One blank. */
  sp(): void {
    if (this.next !== SP) throw this.fault("Expected a blank");
    this.at++;
  }

  /** Takes this character when it stands here. */
  take(character: string): boolean {
    if (this.next !== character.charCodeAt(0)) return false;
    this.at++;
    return true;
  }

  /** This character. */
  expect(character: string): void {
    if (!this.take(character)) throw this.fault(`Expected '${character}'`);
  }

  /** Does an opening parenthesis stand here? */
  get opens(): boolean {
    return this.next === OPEN;
  }

  #run(set: Uint8Array): number {
    const start = this.at;
    const { bytes } = this;
    let at = start;
    while (at < bytes.length && set[bytes[at]!] === 1) at++;
    this.at = at;
    return start;
  }

  #text(from: number): string {
    return binaryString(this.bytes.subarray(from, this.at));
  }

  /** A tag. */
  tag(): string {
    const start = this.#run(TAG);
    if (this.at === start) throw this.fault("Expected a tag");
    return this.#text(start);
  }

  /** An atom, as it is written. */
  atom(what = "an atom"): string {
    const start = this.#run(ATOM);
    if (this.at === start) throw this.fault(`Expected ${what}`);
    return this.#text(start);
  }

  /** An atom in upper case: a word of the grammar. */
  word(what = "a word"): string {
    return this.atom(what).toUpperCase();
  }

  /** The letters, digits, dots and hyphens that stand here, in upper case: a word up to `[` or `<`. */
  name(what: string): string {
    const start = this.at;
    const { bytes } = this;
    while (isNameOctet(bytes[this.at] ?? 0)) this.at++;
    if (this.at === start) throw this.fault(`Expected ${what}`);
    return this.#text(start).toUpperCase();
  }

  /** Takes this word (upper case), in any case of letters, when it is the whole one that stands here. */
  takeWord(word: string): boolean {
    const end = this.at + word.length;
    if (end > this.bytes.length || ATOM[this.bytes[end] ?? SP] === 1) return false;
    if (binaryString(this.bytes.subarray(this.at, end)).toUpperCase() !== word) return false;
    this.at = end;
    return true;
  }

  /** A flag: `\Seen`, a keyword. As it is written. */
  flag(): string {
    const start = this.at;
    if (this.take("\\") && this.take("*")) return "\\*";
    this.atom("a flag");
    return this.#text(start);
  }

  /** A string: quoted, or a literal; its octets. */
  stringBytes(): Uint8Array {
    if (this.next === QUOTE) return this.#quoted();
    const literal = this.#literal();
    if (literal) return literal;
    throw this.fault("Expected a string");
  }

  /** A string or the characters of one without quotes; its octets. */
  astringBytes(set = ASTRING): Uint8Array {
    const { next } = this;
    if (next === QUOTE) return this.#quoted();
    const literal = this.#literal();
    if (literal) return literal;
    const start = this.#run(set);
    if (this.at === start) throw this.fault("Expected a string");
    return this.bytes.subarray(start, this.at);
  }

  /** A string that has to be UTF-8. */
  string(): string {
    const start = this.at;
    return this.#utf8(this.stringBytes(), start);
  }

  /** An astring that has to be UTF-8. */
  astring(): string {
    const start = this.at;
    return this.#utf8(this.astringBytes(), start);
  }

  /** A password: an astring; undefined when it is not UTF-8. */
  secret(): string | undefined {
    return decodeStrictly(this.astringBytes());
  }

  /** A mailbox name or pattern of LIST, which may hold wild cards without quotes. */
  listMailbox(): string {
    const start = this.at;
    return this.#utf8(this.astringBytes(LIST), start);
  }

  /** A string, or NIL. */
  nstring(): string | undefined {
    return this.takeWord("NIL") ? undefined : this.string();
  }

  #utf8(bytes: Uint8Array, start: number): string {
    const text = decodeStrictly(bytes);
    if (text === undefined) throw this.fault("Expected UTF-8", start);
    if (text.includes("\0")) throw this.fault("Expected a text without NUL", start);
    return text;
  }

  #quoted(): Uint8Array {
    const { bytes } = this;
    const start = ++this.at;
    let escapes = 0;
    for (;;) {
      const code = bytes[this.at];
      if (code === undefined || code === 13 || code === 10 || code === 0) {
        throw this.fault("Expected the quotation mark that ends the text");
      }
      if (code === QUOTE) break;
      if (code === BACKSLASH) {
        const escaped = bytes[++this.at];
        if (escaped !== QUOTE && escaped !== BACKSLASH) {
          throw this.fault("Expected a quotation mark or backslash behind the backslash");
        }
        escapes++;
      }
      this.at++;
    }
    const raw = bytes.subarray(start, this.at++);
    return escapes === 0 ? raw : unescaped(raw, escapes);
  }

  /** What a literal holds, when one stands here. */
  #literal(): Uint8Array | undefined {
    const head = literalHead(this.bytes, this.at);
    if (!head) return undefined;
    const start = this.at + head.length;
    if (start + head.size > this.bytes.length) throw this.fault("Expected a whole literal");
    this.at = start + head.size;
    return this.bytes.subarray(start, this.at);
  }

  /** A number up to 2^32 - 1. */
  number(what = "a number"): number {
    return this.#number(what, MAX_32);
  }

  /** A number from 1 up to 2^32 - 1. */
  nzNumber(what = "a number from 1"): number {
    const start = this.at;
    const value = this.#number(what, MAX_32);
    if (value === 0) throw this.fault(`Expected ${what}`, start);
    return value;
  }

  /** A number of 63 bits: sizes, mod-sequences. Those beyond 2^53 are not exact, and larger than any that we gave out. */
  number64(what = "a number"): number {
    return this.#number(what, MAX_63);
  }

  #number(what: string, max: number): number {
    const start = this.at;
    let value = 0;
    for (;;) {
      const digit = this.next - 48;
      if (digit < 0 || digit > 9) break;
      value = value * 10 + digit;
      // not exact beyond 2^53: numbers of 63 bits may come out a little over 2^63
      if (this.at - start < 19) value = Math.min(value, MAX_63);
      if (value > max) {
        throw this.fault(`Expected ${what} of at most ${max === MAX_32 ? 32 : 63} bits`, start);
      }
      this.at++;
    }
    if (this.at === start) throw this.fault(`Expected ${what}`);
    return value;
  }

  /** What stands in parentheses, a blank between each two; an empty pair too where `empty` allows it. */
  list<T>(item: () => T, { empty = false }: { empty?: boolean } = {}): T[] {
    const items: T[] = [];
    this.expect("(");
    if (empty && this.take(")")) return items;
    for (;;) {
      items.push(item());
      if (this.next === CLOSE) break;
      this.sp();
    }
    this.at++;
    return items;
  }

  /** Goes one level down while `inner` runs; no deeper than `limit`. */
  nested<T>(limit: number, inner: () => T): T {
    if (this.#depth >= limit) {
      throw new SyntaxFault(`Nested more than ${limit} deep`, this.at, this.bytes, "LIMIT");
    }
    this.#depth++;
    try {
      return inner();
    } finally {
      this.#depth--;
    }
  }
}

function isNameOctet(code: number): boolean {
  return code >= 65 && code <= 90 || code >= 97 && code <= 122 || code >= 48 && code <= 57 || code === 45 ||
    code === 46;
}

function unescaped(raw: Uint8Array, escapes: number): Uint8Array {
  const text = new Uint8Array(raw.length - escapes);
  let to = 0;
  for (let from = 0; from < raw.length; from++) {
    if (raw[from] === BACKSLASH) from++;
    text[to++] = raw[from]!;
  }
  return text;
}

/** The head of a literal (RFC 9051 4.3, RFC 7888). */
export interface LiteralHead {
  /** How many octets it says will come. */
  readonly size: number;
  /** The client waits for our word before it sends them. */
  readonly waits: boolean;
  /** `~{`: they may hold NUL (RFC 3516). */
  readonly binary: boolean;
  /** The octets of the head itself, with CRLF. */
  readonly length: number;
}

const HEAD = /^(~?)\{(\d{1,20})(\+?)\}\r\n/;
const LONGEST_HEAD = 26;

/** The head of a literal that stands there with its CRLF; undefined: none does. */
function literalHead(bytes: Uint8Array, at: number): LiteralHead | undefined {
  const code = bytes[at];
  if (code !== 123 && code !== 126) return undefined;
  return head(HEAD.exec(binaryString(bytes.subarray(at, at + LONGEST_HEAD))));
}

const TAIL = /(?:^|[^~])(~?)\{(\d{1,20})(\+?)\}$/;

/** The head of a literal that a line (without CRLF) ends with. */
export function literalAtEnd(line: Uint8Array): LiteralHead | undefined {
  if (line[line.length - 1] !== 125) return undefined;
  return head(TAIL.exec(binaryString(line.subarray(Math.max(0, line.length - LONGEST_HEAD)))));
}

function head(found: RegExpExecArray | null): LiteralHead | undefined {
  if (!found) return undefined;
  const [, tilde, digits, plus] = found as unknown as [string, string, string, string];
  return {
    size: Number(digits),
    waits: plus === "",
    binary: tilde !== "",
    length: tilde.length + digits.length + plus.length + 4,
  };
}
