/** Values of MIME fields: a type or disposition with its parameters (RFC 2045 5.1, RFC 2183, RFC 2231), languages, tokens. */

/** Names as they were written, and values without their quoting. */
export type Parameters = readonly (readonly [name: string, value: string])[];

/** What stands before the parameters, as it was written and without comments; and these. */
export interface ParameterizedValue {
  readonly value: string;
  readonly parameters: Parameters;
}

/** A media type, in the letters in which it was written. */
export interface MediaType {
  readonly type: string;
  readonly subtype: string;
  readonly parameters: Parameters;
}

const TOKEN = /[^\s()<>@,;:\\"/[\]?=]+/y;
const NAME = /[^\s()<>@,;:\\"/[\]?=]+/y;
/** Quoted, whether it ends or not. */
const QUOTED = /"((?:[^"\\]|\\[^])*)(?:"|\\?$)/y;
const TO_SEMICOLON = /[^;]*/y;
/** No message needs more. */
const MOST_PARAMETERS = 100;

/** A media type; undefined: the value is none. */
export function parseMediaType(text: string): MediaType | undefined {
  const reader = new Reader(text);
  const type = reader.match(TOKEN);
  if (type === undefined || !reader.takes("/")) return undefined;
  const subtype = reader.match(TOKEN);
  if (subtype === undefined) return undefined;
  return { type, subtype, parameters: joined(reader.parameters()) };
}

/** A disposition; undefined: the value is none. */
export function parseDisposition(text: string): ParameterizedValue | undefined {
  const reader = new Reader(text);
  const value = reader.match(TOKEN);
  return value === undefined ? undefined : { value, parameters: joined(reader.parameters()) };
}

/** The one token that a value is, such as a transfer encoding; undefined: it begins with none. */
export function parseToken(text: string): string | undefined {
  return new Reader(text).match(TOKEN);
}

/** The tokens of a list with commas, such as languages (RFC 3282). */
export function parseTokens(text: string): string[] {
  const reader = new Reader(text);
  const tokens: string[] = [];
  for (;;) {
    const token = reader.match(TOKEN);
    if (token !== undefined) tokens.push(token);
    if (!reader.takes(",") || tokens.length >= MOST_PARAMETERS) return tokens;
  }
}

/** A parameter's value; names are compared without regard to case. */
export function parameter(parameters: Parameters, name: string): string | undefined {
  return parameters.find(([own]) => own.toLowerCase() === name)?.[1];
}

/** Reads a value from its beginning on, past white space and comments. */
class Reader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  match(pattern: RegExp): string | undefined {
    this.#skip();
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text);
    if (!found) return undefined;
    this.#at = pattern.lastIndex;
    return found[1] ?? found[0];
  }

  takes(sign: string): boolean {
    this.#skip();
    if (this.#text[this.#at] !== sign) return false;
    this.#at++;
    return true;
  }

  /** What is no parameter is passed over up to the next semicolon. */
  parameters(): [string, string][] {
    const parameters: [string, string][] = [];
    while (this.#at < this.#text.length && parameters.length < MOST_PARAMETERS) {
      if (!this.takes(";")) {
        this.match(TO_SEMICOLON);
        if (this.#text[this.#at] !== ";") break;
        continue;
      }
      const name = this.match(NAME);
      if (name === undefined || !this.takes("=")) continue;
      const value = this.#value();
      if (value !== undefined) parameters.push([name, value]);
    }
    return parameters;
  }

  #value(): string | undefined {
    this.#skip();
    if (this.#text[this.#at] === '"') return this.match(QUOTED)?.replace(/\\([^])/g, "$1");
    const start = this.#at;
    this.match(TOKEN);
    const end = this.#at;
    this.#skip();
    if (this.#at >= this.#text.length || this.#text[this.#at] === ";") return this.#text.slice(start, end);
    // blanks and other signs that should have been quoted
    TO_SEMICOLON.lastIndex = start;
    const value = TO_SEMICOLON.exec(this.#text)![0];
    this.#at = start + value.length;
    return value.trimEnd();
  }

  /** White space and comments, which may have others in them (RFC 5322 3.2.2). */
  #skip(): void {
    let depth = 0;
    for (; this.#at < this.#text.length; this.#at++) {
      const sign = this.#text[this.#at]!;
      if (sign === "(") depth++;
      else if (depth === 0 && !isBlank(sign)) return;
      else if (sign === ")") depth--;
      else if (sign === "\\" && depth > 0) this.#at++;
    }
  }
}

function isBlank(sign: string): boolean {
  return sign === " " || sign === "\t" || sign === "\r" || sign === "\n";
}

interface Piece {
  readonly value: string;
  readonly isEncoded: boolean;
}

/**
 * Joins what RFC 2231 3 cut into `name*0`, `name*1` …: to `name`, or `name*` where a piece is encoded, which stays so.
 * Pieces that lack their beginning stay as they are.
 */
function joined(parameters: readonly [string, string][]): [string, string][] {
  if (!parameters.some(([name]) => name.includes("*"))) return [...parameters];
  const rows = new Map<string, Map<number, Piece>>();
  for (const [name, value] of parameters) {
    const cut = /^(.+)\*(\d{1,3})(\*?)$/.exec(name);
    if (!cut) continue;
    const key = cut[1]!.toLowerCase();
    const row = rows.get(key) ?? new Map<number, Piece>();
    rows.set(key, row);
    if (!row.has(Number(cut[2]))) row.set(Number(cut[2]), { value, isEncoded: cut[3] === "*" });
  }
  const done = new Set<string>();
  return parameters.flatMap(([name, value]): [string, string][] => {
    const base = /^(.+)\*\d{1,3}\*?$/.exec(name)?.[1];
    const row = base === undefined ? undefined : rows.get(base.toLowerCase());
    if (base === undefined || !row?.has(0)) return [[name, value]];
    if (done.has(base.toLowerCase())) return [];
    done.add(base.toLowerCase());
    return [together(base, row)];
  });
}

function together(name: string, row: ReadonlyMap<number, Piece>): [string, string] {
  const pieces: Piece[] = [];
  for (let n = 0; row.has(n); n++) pieces.push(row.get(n)!);
  if (!pieces.some(({ isEncoded }) => isEncoded)) return [name, pieces.map(({ value }) => value).join("")];
  const text = pieces.map(({ value, isEncoded }) => isEncoded ? value : encodeURIComponentLeniently(value));
  // without them the first piece would be taken for charset and language
  return [`${name}*`, pieces[0]!.isEncoded ? text.join("") : `''${text.join("")}`];
}

function encodeURIComponentLeniently(value: string): string {
  return encodeURIComponent(value.toWellFormed()).replace(
    /['()*]/g,
    (sign) => `%${sign.charCodeAt(0).toString(16)}`,
  );
}
