/** The addresses of header fields as IMAP's ENVELOPE has them (RFC 9051 7.5.2): taken apart, with groups marked. */

import { commentEnd } from "./address_list.ts";

/**
 * An address: both `mailbox` and `host` there; or the beginning of a group, whose name `mailbox` has and which has no
 * `host`; or its end, which has neither. An address that names no host has an empty one.
 */
export interface EnvelopeAddress {
  /** Without quoting; encoded words as they are. */
  readonly name?: string | undefined;
  /** The source route of old. */
  readonly route?: string | undefined;
  readonly mailbox?: string | undefined;
  readonly host?: string | undefined;
}

/** `gap`: white space or a comment stands before it. */
interface Token {
  readonly kind: "word" | "sign" | "end";
  readonly text: string;
  readonly gap: boolean;
}

const GROUP_END: EnvelopeAddress = {};
const ENCODED = /=\?[^?\s]+\?[bq]\?[^?\s]*\?=/iy;
const QUOTED = /"((?:[^"\\]|\\[^])*)(?:"|\\?$)/y;
/** Without another one in it: each sign is looked at once, whether it ends or not. */
const LITERAL = /\[(?:[^[\]\\,]|\\[^])*\]/y;
const ATOM = /[^\s()<>@,;:.\\"[\]]+/y;
const BLANKS = /\s+/y;

/** The addresses of a field's value, unfolded. What is no address is left out. */
export function parseEnvelopeAddresses(value: string): EnvelopeAddress[] {
  const reader = new Tokens(value);
  const addresses: EnvelopeAddress[] = [];
  let inGroup = false;
  let words: Token[] = [];
  const finish = () => {
    const address = bareAddress(words, reader.takeComment());
    if (address) addresses.push(address);
    words = [];
  };
  for (;;) {
    const token = reader.next();
    if (token.kind === "word") words.push(token);
    else if (token.text === "<") {
      const address = angleAddress(phrase(words), reader);
      if (address) addresses.push(address);
      words = [];
    } else if (token.text === ":" && !inGroup && !words.some(({ text }) => text === "@")) {
      const mailbox = phrase(words);
      if (mailbox !== "") {
        addresses.push({ mailbox });
        inGroup = true;
      }
      reader.takeComment();
      words = [];
    } else if (token.kind === "end" || token.text === "," || token.text === ";") {
      finish();
      if (inGroup && token.text !== ",") {
        addresses.push(GROUP_END);
        inGroup = false;
      }
      if (token.kind === "end") return addresses;
    } else words.push(token);
  }
}

/** What stands between angle brackets; the tokens up to the next comma are read. */
function angleAddress(name: string, reader: Tokens): EnvelopeAddress | undefined {
  let words: Token[] = [];
  let route: string | undefined;
  let closed = false;
  for (;;) {
    const token = reader.peek();
    if (token.kind === "end" || (closed && (token.text === "," || token.text === ";"))) break;
    reader.next();
    if (closed) continue;
    if (token.kind === "sign" && token.text === ">") closed = true;
    else if (token.kind === "sign" && token.text === ":" && words[0]?.text === "@") {
      route = words.map(({ text }) => text).join("");
      words = [];
    } else if (token.kind === "sign" && token.text === "<") words = [];
    else words.push(token);
  }
  const comment = reader.takeComment();
  const { mailbox, host } = split(words);
  if (mailbox === "") return undefined;
  return { name: name === "" ? comment : name, route, mailbox, host };
}

/** An address without angle brackets; its name may be a comment, or words before it. */
function bareAddress(words: readonly Token[], comment: string | undefined): EnvelopeAddress | undefined {
  const at = words.findLastIndex(({ kind, text }) => kind === "sign" && text === "@");
  if (at < 0) {
    // a local part alone, such as those of this machine have; several words are a name
    const isOne = words.length > 0 && words.every(({ gap }, i) => i === 0 || !gap);
    const { mailbox } = split(words);
    return isOne && mailbox !== "" ? { name: comment, mailbox, host: "" } : undefined;
  }
  let start = at;
  while (
    start > 0 && (start === at || !words[start]!.gap || isDot(words[start]) || isDot(words[start - 1]))
  ) start--;
  const name = phrase(words.slice(0, start));
  const { mailbox, host } = split(words.slice(start));
  return mailbox === "" ? undefined : { name: name === "" ? comment : name, mailbox, host };
}

function isDot(token: Token | undefined): boolean {
  return token?.kind === "sign" && token.text === ".";
}

function split(words: readonly Token[]): { mailbox: string; host: string } {
  const at = words.findLastIndex(({ kind, text }) => kind === "sign" && text === "@");
  const text = (some: readonly Token[]) => some.map((word) => word.text).join("");
  return at < 0
    ? { mailbox: text(words), host: "" }
    : { mailbox: text(words.slice(0, at)), host: text(words.slice(at + 1)) };
}

function phrase(words: readonly Token[]): string {
  return words.map(({ text, gap }, i) => gap && i > 0 ? ` ${text}` : text).join("");
}

class Tokens {
  readonly #text: string;
  #at = 0;
  #comment: string | undefined;
  #peeked: Token | undefined;

  constructor(text: string) {
    this.#text = text;
  }

  /** The last comment since it was asked for. */
  takeComment(): string | undefined {
    const comment = this.#comment?.trim();
    this.#comment = undefined;
    return comment === "" ? undefined : comment;
  }

  peek(): Token {
    return this.#peeked ??= this.#read();
  }

  next(): Token {
    const token = this.peek();
    this.#peeked = undefined;
    return token;
  }

  #read(): Token {
    const start = this.#at;
    this.#skip();
    const gap = this.#at > start;
    if (this.#at >= this.#text.length) return { kind: "end", text: "", gap };
    const quoted = this.#match(QUOTED);
    if (quoted) return { kind: "word", text: quoted[1]!.replace(/\\([^])/g, "$1"), gap };
    const word = this.#match(ENCODED) ?? this.#match(LITERAL) ?? this.#match(ATOM);
    if (word) return { kind: "word", text: word[0], gap };
    return { kind: "sign", text: this.#text[this.#at++]!, gap };
  }

  #match(pattern: RegExp): RegExpExecArray | undefined {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text);
    if (found) this.#at = pattern.lastIndex;
    return found ?? undefined;
  }

  #skip(): void {
    for (;;) {
      this.#match(BLANKS);
      if (this.#text[this.#at] !== "(") return;
      const end = commentEnd(this.#text, this.#at);
      const comment = this.#text.slice(this.#at + 1, end < 0 ? undefined : end - 1);
      this.#comment = comment.replace(/\\([^])/g, "$1");
      this.#at = end < 0 ? this.#text.length : end;
    }
  }
}
