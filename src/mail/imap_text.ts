/** Strings as IMAP writes them (RFC 9051 4.3), gathered into bytes. */

import { encode } from "../base/bytes.ts";

// deno-lint-ignore no-control-regex
const PLAIN = /^[\x01-\x09\x0b\x0c\x0e-\x7f]*$/;
const UNSAFE = /[\0\r\n]+/g;

/**
 * A string, quoted or as a literal: what is beyond ASCII is a literal, which each revision of IMAP takes, with UTF8=ACCEPT
 * or without. CR, LF and NUL, which no header field has in its value, become a blank.
 */
export function imapString(text: string): string {
  if (PLAIN.test(text)) return `"${/["\\]/.test(text) ? text.replace(/["\\]/g, "\\$&") : text}"`;
  const safe = text.replace(UNSAFE, " ").toWellFormed();
  return PLAIN.test(safe) ? imapString(safe) : `{${encode(safe).length}}\r\n${safe}`;
}

/** A string, or NIL where there is none. */
export function imapNstring(text: string | undefined): string {
  return text === undefined ? "NIL" : imapString(text);
}

/** Names and values in parentheses, or NIL where there are none. */
export function imapPairs(pairs: readonly (readonly [string, string])[]): string {
  if (pairs.length === 0) return "NIL";
  return `(${pairs.map(([name, value]) => `${imapString(name)} ${imapString(value)}`).join(" ")})`;
}

/** Text of which some ranges can be left out. */
export class CuttableText {
  #text = "";
  /** Where ranges begin and end, in turn, in characters. */
  readonly #marks: number[] = [];

  add(text: string): void {
    this.#text += text;
  }

  /** Adds what can be left out. */
  addExtra(text: string): void {
    this.#marks.push(this.#text.length, this.#text.length + text.length);
    this.#text += text;
  }

  /** The text in bytes; `extras`: where those ranges begin and end in these, in turn. */
  finish(): { readonly bytes: Uint8Array; readonly extras: readonly number[] } {
    const bytes = encode(this.#text);
    if (bytes.length === this.#text.length) return { bytes, extras: this.#marks };
    let [at, octets] = [0, 0];
    const extras = this.#marks.map((mark) => {
      octets += encode(this.#text.slice(at, mark)).length;
      at = mark;
      return octets;
    });
    return { bytes, extras };
  }
}
