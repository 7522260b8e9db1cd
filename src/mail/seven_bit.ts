/**
 * In charge of texts with eight bits for peers that take seven: each part that needs it gets a transfer encoding, and
 * says the same as before (RFC 6152 3, RFC 2045 6). What can't be changed without a loss is left alone.
 */

import { binaryString, concat, encode } from "../base/bytes.ts";
import { encodeBase64Lines, encodeQuotedLine } from "./transfer_encoding.ts";

/** A text, as often as it is asked for. */
export type TextSource = () => AsyncIterable<Uint8Array> | Iterable<Uint8Array>;

/** The same text in seven bits. */
export interface SevenBitText {
  /** In octets. */
  readonly size: number;
  /** CRLF line ends. */
  readonly text: () => AsyncGenerator<Uint8Array>;
}

/**
 * Recodes a text with CRLF line ends. Undefined when that would lose something: eight bits in a header, in a signed or
 * encrypted part, or in what MIME lets nobody encode. Reads the text twice now, and once for each call of `text`.
 */
export async function toSevenBit(source: TextSource): Promise<SevenBitText | undefined> {
  const look = new Recoder();
  for await (const _ of recoded(source, look)) if (look.isImpossible) return undefined;
  if (look.isImpossible) return undefined;
  const text = () => recoded(source, new Recoder(look.eightBit));
  let size = 0;
  for await (const piece of text()) size += piece.length;
  return { size, text };
}

const LF = 10;
/** A head that is longer is not looked into. */
const MAX_HEAD = 1024 * 1024;
const MAX_DEPTH = 50;

async function* recoded(source: TextSource, recoder: Recoder): AsyncGenerator<Uint8Array> {
  let rest: Uint8Array = new Uint8Array(0);
  for await (const piece of source()) {
    let start = 0;
    for (let end; (end = piece.indexOf(LF, start)) >= 0; start = end + 1) {
      const line = piece.subarray(start, end + 1);
      recoder.line(rest.length === 0 ? line : concat([rest, line]));
      rest = new Uint8Array(0);
    }
    if (start < piece.length) rest = concat([rest, piece.subarray(start)]);
    const out = recoder.take();
    if (out.length > 0) yield out;
  }
  if (rest.length > 0) recoder.line(rest);
  recoder.end();
  yield recoder.take();
}

/** What a part is, told by its head. */
interface Part {
  readonly kind: "leaf" | "multipart" | "message";
  /** How it would be encoded; undefined: it must not be. */
  readonly encoding: "quoted-printable" | "base64" | undefined;
  readonly boundary: string;
  /** Nothing in it may change. */
  readonly sealed: boolean;
  /** A part in it that doesn't tell its type is a message (RFC 2046 5.1.5). */
  readonly digest?: true;
}

/** Reads lines and writes them again. Without `chosen` it only finds out which leaves have eight bits. */
class Recoder {
  /** The numbers of the leaves that have eight bits. */
  readonly eightBit = new Set<number>();
  /** It can't be done without a loss. */
  isImpossible = false;
  readonly #chosen: ReadonlySet<number> | undefined;
  readonly #open: Part[] = [];
  readonly #out: Uint8Array[] = [];
  #head: string[] | undefined = [];
  #headSize = 0;
  #leaf: Part | undefined;
  #leaves = 0;
  /** Octets of a leaf in base64 that wait for a whole group, its last CRLF among them. */
  #base64: Uint8Array = new Uint8Array(0);

  constructor(chosen?: ReadonlySet<number>) {
    this.#chosen = chosen;
  }

  /** Takes a line with its CRLF. */
  line(line: Uint8Array): void {
    if (this.isImpossible) return;
    if (this.#open.length > 0 && line[0] === 45 && line[1] === 45 && this.#delimiter(line)) return;
    if (this.#head) this.#headLine(line);
    else this.#bodyLine(line);
  }

  /** The text is complete. */
  end(): void {
    if (this.#head) this.#headEnds();
    this.#leafEnds(false);
  }

  /** What was written since the last call. */
  take(): Uint8Array {
    return concat(this.#out.splice(0));
  }

  #headLine(line: Uint8Array): void {
    this.#headSize += line.length;
    if (isEightBit(line) || this.#headSize > MAX_HEAD || this.#open.length > MAX_DEPTH) {
      this.isImpossible = true;
      return;
    }
    const text = binaryString(line);
    const isBlank = text === "\r\n";
    if (!isBlank && /^[ \t]/.test(text) && this.#head!.length > 0) {
      this.#head![this.#head!.length - 1] += text;
    } else if (!isBlank) this.#head!.push(text);
    if (!isBlank) return;
    this.#headEnds();
    this.#out.push(encode("\r\n"));
    // the head of the message in a message/rfc822 comes next
    if (this.#leaf === undefined && this.#open.at(-1)?.kind === "message") this.#beginHead();
  }

  #beginHead(): void {
    this.#head = [];
    this.#headSize = 0;
  }

  /** All fields are there: what kind of part it is, and its head as it is written. */
  #headEnds(): void {
    const fields = this.#head!;
    this.#head = undefined;
    const outer = this.#open.at(-1);
    const part = partOf(fields, outer);
    let encoding = part.kind === "leaf" ? undefined : "7bit";
    if (part.kind === "leaf") {
      this.#leaf = part;
      if (this.#chosen?.has(this.#leaves)) encoding = part.encoding;
      this.#leaves++;
    } else this.#open.push(part);
    const isWhole = outer === undefined || outer.kind === "message";
    this.#out.push(encode(headWith(fields, encoding, isWhole).join("")));
  }

  #bodyLine(line: Uint8Array): void {
    const leaf = this.#leaf;
    const number = this.#leaves - 1;
    if (isEightBit(line)) {
      if (!leaf?.encoding || leaf.sealed) this.isImpossible = true;
      else this.eightBit.add(number);
    }
    if (!leaf || !this.#chosen?.has(number)) this.#out.push(line.slice());
    else if (leaf.encoding === "quoted-printable") this.#out.push(encodeQuotedLine(line));
    else this.#encode(line);
  }

  /** Base64: the last CRLF waits, since before a delimiter it is no part of the content (RFC 2046 5.1.1). */
  #encode(line: Uint8Array): void {
    const all = concat([this.#base64, line]);
    const whole = Math.max(0, all.length - 2 - ((all.length - 2) % 57));
    if (whole > 0) this.#out.push(encodeBase64Lines(all.subarray(0, whole)));
    this.#base64 = all.slice(whole);
  }

  #leafEnds(byDelimiter: boolean): void {
    const left = byDelimiter ? this.#base64.subarray(0, -2) : this.#base64;
    if (left.length > 0) this.#out.push(encodeBase64Lines(left));
    this.#base64 = new Uint8Array(0);
    this.#leaf = undefined;
  }

  /** Is it the delimiter of an open multipart? Then what is within it has ended. */
  #delimiter(line: Uint8Array): boolean {
    const text = binaryString(line).trimEnd();
    for (let i = this.#open.length - 1; i >= 0; i--) {
      const { kind, boundary } = this.#open[i]!;
      if (kind !== "multipart" || !text.startsWith(`--${boundary}`)) continue;
      const tail = text.slice(boundary.length + 2);
      if (tail !== "" && tail !== "--") continue;
      if (this.#head) this.#headEnds();
      this.#leafEnds(true);
      this.#open.length = tail === "" ? i + 1 : i;
      this.#out.push(line.slice());
      if (tail === "") this.#beginHead();
      return true;
    }
    return false;
  }
}

function isEightBit(line: Uint8Array): boolean {
  for (let i = 0; i < line.length; i++) if (line[i]! > 127) return true;
  return false;
}

function valueOf(fields: readonly string[], name: string): string | undefined {
  const field = fields.find((f) => nameOf(f) === name);
  return field?.slice(field.indexOf(":") + 1).replace(/\r\n/g, "").trim();
}

function nameOf(field: string): string {
  return field.slice(0, Math.max(0, field.indexOf(":"))).trimEnd().toLowerCase();
}

const BOUNDARY = /;\s*boundary\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;"]+))/i;

const GLOBAL = /^global(-headers|-delivery-status|-disposition-notification)?$/;

function partOf(fields: readonly string[], outer: Part | undefined): Part {
  const sealed = outer?.sealed ?? false;
  const type = valueOf(fields, "content-type") ?? (outer?.digest ? "message/rfc822" : "text/plain");
  const now = (valueOf(fields, "content-transfer-encoding") ?? "7bit").toLowerCase();
  const [, major = "text", minor = "plain"] = /^([a-z0-9-]+)\/([a-z0-9.+-]+)/i.exec(type.toLowerCase()) ?? [];
  const [, quoted, plain] = BOUNDARY.exec(type) ?? [];
  const boundary = quoted?.replace(/\\(.)/g, "$1") ?? plain ?? "";
  if (major === "multipart" && boundary !== "") {
    const isSealed = sealed || minor === "signed" || minor === "encrypted";
    const digest = minor === "digest" && { digest: true as const };
    return { kind: "multipart", encoding: undefined, boundary, sealed: isSealed, ...digest };
  }
  if (major === "message" && minor === "rfc822") {
    return { kind: "message", encoding: undefined, boundary: "", sealed };
  }
  // of messages and their parts only the kinds for UTF-8 may be encoded (RFC 6532 3.7, RFC 6533 6)
  const isGlobal = major === "message" && GLOBAL.test(minor);
  const isLeaf = isGlobal || (major !== "message" && major !== "multipart");
  const mayChange = isLeaf && /^(7bit|8bit|binary)$/.test(now);
  const encoding = !mayChange ? undefined : major === "text" || isGlobal ? "quoted-printable" : "base64";
  return { kind: "leaf", encoding, boundary: "", sealed };
}

/** The fields with that transfer encoding; undefined: as they are. */
function headWith(
  fields: readonly string[],
  encoding: string | undefined,
  isWhole: boolean,
): readonly string[] {
  const given = valueOf(fields, "content-transfer-encoding");
  // of containers only a wrong word is replaced: they have no encoding of their own
  if (encoding === undefined || (encoding === "7bit" && (given ?? encoding).toLowerCase() === "7bit")) {
    return fields;
  }
  const others = fields.filter((f) => nameOf(f) !== "content-transfer-encoding");
  const added = [`Content-Transfer-Encoding: ${encoding}\r\n`];
  // RFC 1428 3: a text that says nothing of its characters
  if (isWhole && !valueOf(fields, "content-type")) {
    added.unshift("Content-Type: text/plain; charset=unknown-8bit\r\n");
  }
  if (isWhole && valueOf(fields, "mime-version") === undefined) added.unshift("MIME-Version: 1.0\r\n");
  return [...others, ...added];
}
