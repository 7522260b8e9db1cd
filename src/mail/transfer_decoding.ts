/** The transfer encodings of MIME, read (RFC 2045 6): piece by piece, for parts of any size. */

import { binaryString, concat } from "../base/bytes.ts";

/** How a content is encoded; undefined: in a way that nobody knows. */
export type Transfer = "identity" | "base64" | "quoted-printable";

/** The encoding of that name. */
export function transferOf(name: string): Transfer | undefined {
  switch (name.toLowerCase()) {
    case "7bit":
    case "8bit":
    case "binary":
      return "identity";
    case "base64":
      return "base64";
    case "quoted-printable":
      return "quoted-printable";
    default:
      return undefined;
  }
}

/** All of a content, or its beginning; undefined: the encoding is unknown. */
export function decodeTransfer(octets: Uint8Array, encoding: string): Uint8Array | undefined {
  const transfer = transferOf(encoding);
  if (transfer === undefined) return undefined;
  const decoder = transferDecoder(transfer);
  return concat([decoder.push(octets), decoder.finish()]);
}

/** Decodes piece by piece. */
export interface TransferDecoder {
  push(octets: Uint8Array): Uint8Array;
  /** What is left when nothing more comes. */
  finish(): Uint8Array;
}

/** A decoder. What the encoding does not allow is passed over, or stays as it is (RFC 2045 6.7, 6.8). */
export function transferDecoder(transfer: Transfer): TransferDecoder {
  if (transfer === "base64") return new Base64Decoder();
  return transfer === "quoted-printable" ? new QuotedDecoder() : IDENTITY;
}

const NOTHING = new Uint8Array(0);

const IDENTITY: TransferDecoder = { push: (octets) => octets, finish: () => NOTHING };

const NO_BASE64 = /[^A-Za-z0-9+/=]+/g;

class Base64Decoder implements TransferDecoder {
  #rest = "";

  push(octets: Uint8Array): Uint8Array {
    const text = this.#rest + binaryString(octets).replace(NO_BASE64, "");
    if (!text.includes("=")) {
      const whole = text.length - text.length % 4;
      this.#rest = text.slice(whole);
      return Uint8Array.fromBase64(text.slice(0, whole));
    }
    // padding ends a run; another one may follow
    const runs = text.split(/=+/);
    const last = text.endsWith("=") ? "" : runs.pop()!;
    const whole = last.length - last.length % 4;
    this.#rest = last.slice(whole);
    return concat([...runs.map(run), Uint8Array.fromBase64(last.slice(0, whole))]);
  }

  finish(): Uint8Array {
    const rest = run(this.#rest);
    this.#rest = "";
    return rest;
  }
}

/** A run of base64 to its end, padded or not; a single letter left over is nothing. */
function run(text: string): Uint8Array {
  return Uint8Array.fromBase64(text.length % 4 === 1 ? text.slice(0, -1) : text);
}

const EQUALS = 61;
const CR = 13;
const LF = 10;
/** More blanks in a row stay, whatever follows: no line is longer. */
const MOST_BLANKS = 1000;

class QuotedDecoder implements TransferDecoder {
  /** What depends on what follows. */
  #rest: Uint8Array = NOTHING;

  push(octets: Uint8Array): Uint8Array {
    return this.#decode(this.#rest.length > 0 ? concat([this.#rest, octets]) : octets, false);
  }

  finish(): Uint8Array {
    return this.#decode(this.#rest, true);
  }

  #decode(octets: Uint8Array, isLast: boolean): Uint8Array {
    const out = new Uint8Array(octets.length);
    const { length } = octets;
    let [at, end] = [0, 0];
    while (at < length) {
      const octet = octets[at]!;
      if (octet !== EQUALS && octet !== BLANK && octet !== TAB) {
        out[end++] = octet;
        at++;
        continue;
      }
      const step = octet === EQUALS ? equalsAt(octets, at, isLast) : blanksAt(octets, at, isLast);
      if (step === undefined) break;
      for (const one of step.stays) out[end++] = one;
      at += step.octets;
    }
    this.#rest = octets.slice(at);
    return out.subarray(0, end);
  }
}

const TAB = 9;
const BLANK = 32;

/** So many octets are read, and those stay; undefined: it depends on what follows. */
type Step = { readonly octets: number; readonly stays: Uint8Array } | undefined;

/** RFC 2045 6.7 (3): white space at a line's end was put there on the way. */
function blanksAt(octets: Uint8Array, at: number, isLast: boolean): Step {
  const end = blanksEnd(octets, at);
  const run = { octets: end - at, stays: octets.subarray(at, end) };
  if (end - at > MOST_BLANKS) return run;
  const lineEnd = lineEndAt(octets, end, isLast);
  if (lineEnd === undefined) return undefined;
  return lineEnd > 0 || end === octets.length ? { ...run, stays: NOTHING } : run;
}

function equalsAt(octets: Uint8Array, at: number, isLast: boolean): Step {
  const [high, low] = [hexValue(octets[at + 1]), hexValue(octets[at + 2])];
  if (high >= 0 && low >= 0) return { octets: 3, stays: Uint8Array.of(high * 16 + low) };
  if (!isLast && (at + 1 === octets.length || (high >= 0 && at + 2 === octets.length))) return undefined;
  const end = blanksEnd(octets, at + 1);
  const lineEnd = end - at > MOST_BLANKS ? 0 : lineEndAt(octets, end, isLast);
  if (lineEnd === undefined) return undefined;
  // (2) a sign that is none stands for itself
  const isSoft = lineEnd > 0 || end === octets.length;
  return isSoft
    ? { octets: end + lineEnd - at, stays: NOTHING }
    : { octets: 1, stays: octets.subarray(at, at + 1) };
}

function blanksEnd(octets: Uint8Array, from: number): number {
  let end = from;
  while (octets[end] === BLANK || octets[end] === TAB) end++;
  return end;
}

/** How many octets the line end there has; undefined: nobody knows yet. */
function lineEndAt(octets: Uint8Array, at: number, isLast: boolean): number | undefined {
  if (octets[at] === LF) return 1;
  if (at === octets.length) return isLast ? 0 : undefined;
  if (octets[at] !== CR) return 0;
  if (octets[at + 1] === LF) return 2;
  return at + 1 === octets.length && !isLast ? undefined : 0;
}

function hexValue(octet: number | undefined): number {
  if (octet === undefined) return -1;
  if (octet >= 48 && octet <= 57) return octet - 48;
  const letter = octet & ~32;
  return letter >= 65 && letter <= 70 ? letter - 55 : -1;
}
