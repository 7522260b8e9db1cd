/** The field that tells what the checks of a message came to: written, read, and taken out where it is forged (RFC 8601). */

import { binaryString, concat } from "../base/bytes.ts";
import { commentEnd } from "../mail/address_list.ts";
import { normalizeDomain } from "../mail/domain.ts";

/** What one method came to. */
export interface MethodResult {
  /** Such as `spf`; in lower case. */
  readonly method: string;
  /** Such as `pass`; in lower case. */
  readonly result: string;
  /** In words for people. */
  readonly reason?: string;
  /** What it was found for, by names such as `smtp.mailfrom`. */
  readonly properties: Readonly<Record<string, string>>;
}

const FIELD = "Authentication-Results";
const NAME = FIELD.toLowerCase();
/** What needs no quotes for any of the readers: less than the tokens of RFC 2045 5.1. */
const PLAIN = /^[A-Za-z0-9_+.-]+$/;
/** No line is longer, though no field is folded within a result: not all readers put strings together again. */
const MAX_REASON = 200;
const LF = 10;

/** The field with its CRLF, a line for each result. `host` is the name under which results are ours. */
export function resultsField(host: string, results: readonly MethodResult[]): string {
  const lines = results.length === 0 ? ["none"] : results.map(resultLine);
  return `${FIELD}: ${host};\r\n\t${lines.join(";\r\n\t")}\r\n`;
}

function resultLine({ method, result, reason, properties }: MethodResult): string {
  const why = reason === undefined ? "" : ` reason="${quotable(reason).slice(0, MAX_REASON)}"`;
  const rest = Object.entries(properties).map(([name, value]) => ` ${name}=${written(value)}`);
  return `${method}=${result}${why}${rest.join("")}`;
}

function written(value: string): string {
  return PLAIN.test(value) ? value : `"${quotable(value)}"`;
}

/** Without what would have to be escaped, which not all readers understand. */
function quotable(text: string): string {
  return text.replace(/["\\]/g, "'").replace(/[^\x20-\x7e]/g, "?");
}

/** A field is read as an authserv-id, and `method=result`, reason and properties between semicolons. */
interface Token {
  readonly kind: "word" | "quoted" | "sign";
  readonly text: string;
}

/** Who says what a field says, and what that is; undefined when it can't be read. `value` is what follows the colon. */
export function readResults(value: string): { host: string; results: MethodResult[] } | undefined {
  const tokens = tokensOf(value);
  const host = tokens?.[0];
  if (!tokens || !host || host.kind === "sign") return undefined;
  const results: MethodResult[] = [];
  for (const part of partsOf(tokens).slice(1)) {
    const [method, equals, result, ...rest] = part;
    if (method?.text === "none" && part.length === 1) continue;
    if (!method || equals?.text !== "=" || !result) return undefined;
    const properties: Record<string, string> = {};
    let reason: string | undefined;
    for (let i = 0; i + 2 < rest.length; i += 3) {
      const [name, sign, held] = [rest[i]!, rest[i + 1]!, rest[i + 2]!];
      if (name.kind !== "word" || sign.text !== "=") return undefined;
      if (name.text.toLowerCase() === "reason") reason = held.text;
      else properties[name.text.toLowerCase()] = held.text;
    }
    results.push({
      method: method.text.toLowerCase(),
      result: result.text.toLowerCase(),
      ...(reason !== undefined && { reason }),
      properties,
    });
  }
  return { host: host.text, results };
}

/**
 * A header section without the fields that claim to be ours: whoever puts one on forges it (RFC 8601 5). One that can't
 * be read and names us before its results goes, too.
 */
export function withoutResultsOf(header: Uint8Array, host: string): Uint8Array {
  const kept: Uint8Array[] = [];
  let from = 0;
  for (let at = 0; at < header.length;) {
    const end = fieldEnd(header, at);
    // a field is looked at only where it can be one, without a text of it being made
    if ((header[at]! | 32) === 97 && isForged(binaryString(header.subarray(at, end)), host)) {
      kept.push(header.subarray(from, at));
      from = end;
    }
    at = end;
  }
  if (from === 0) return header;
  kept.push(header.subarray(from));
  return concat(kept);
}

function isForged(field: string, host: string): boolean {
  const colon = field.indexOf(":");
  if (colon < 0 || field.slice(0, colon).trimEnd().toLowerCase() !== NAME) return false;
  const value = field.slice(colon + 1);
  const claimed = hostOf(value);
  const own = canonical(host);
  return claimed === undefined ? value.toLowerCase().includes(own) : canonical(claimed) === own;
}

/** The authserv-id alone: what else can't be read in the field is no matter. */
function hostOf(value: string): string | undefined {
  const first = tokensOf(value, 1)?.[0];
  return first && first.kind !== "sign" ? first.text : undefined;
}

function canonical(host: string): string {
  return normalizeDomain(host) ?? host.toLowerCase();
}

/** Where the field ends that begins there, with the lines that are folded. */
function fieldEnd(header: Uint8Array, start: number): number {
  for (let at = start;;) {
    const lineFeed = header.indexOf(LF, at);
    if (lineFeed < 0) return header.length;
    at = lineFeed + 1;
    if (header[at] !== 32 && header[at] !== 9) return at;
  }
}

function partsOf(tokens: readonly Token[]): Token[][] {
  const parts: Token[][] = [[]];
  for (const token of tokens) {
    if (token.kind === "sign" && token.text === ";") parts.push([]);
    else parts.at(-1)!.push(token);
  }
  return parts.filter((part, i) => i === 0 || part.length > 0);
}

const WORD = /[^\s"();=\\]+/y;
const QUOTED = /"((?:[^"\\]|\\[^])*)"/y;
const BLANKS = /\s+/y;

/** The first `most` words, strings and signs of a value, without blanks and comments; undefined when one has no end. */
function tokensOf(value: string, most = Infinity): Token[] | undefined {
  const tokens: Token[] = [];
  for (let at = 0; at < value.length && tokens.length < most;) {
    const sign = value[at]!;
    if (sign === "(") {
      at = commentEnd(value, at);
      if (at < 0) return undefined;
      continue;
    }
    const pattern = sign === '"' ? QUOTED : /\s/.test(sign) ? BLANKS : WORD;
    pattern.lastIndex = at;
    const found = pattern.exec(value);
    if (found) {
      at = pattern.lastIndex;
      if (pattern === WORD) tokens.push({ kind: "word", text: found[0] });
      else if (pattern === QUOTED) tokens.push({ kind: "quoted", text: found[1]!.replace(/\\([^])/g, "$1") });
      continue;
    }
    if (sign === '"' || sign === "\\" || sign === ")") return undefined;
    tokens.push({ kind: "sign", text: sign });
    at++;
  }
  return tokens;
}
