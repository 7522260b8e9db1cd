/**
 * The conversion of message content for a peer that can't take it as it is: lines within 998 octets (RFC 5321
 * 4.5.3.1.6), seven bits (RFC 6152 3), a header section of ASCII (RFC 2047). What a reader sees stays the same, and
 * nothing changes under a signature: not the content of a message with a DKIM or ARC signature or of multipart/signed,
 * nor a field that such a signature covers, but for folding where it counts blanks as relaxed.
 */

import { binaryString, concat, encode } from "../base/bytes.ts";
import { asciiField, isEightBitText } from "./ascii_field.ts";
import { MAX_LINE_OCTETS } from "./content.ts";
import { foldAtBlanks, hasLongLine } from "./folding.ts";
import { charsetOf, headerWith, type Part, partOf } from "./mime_part.ts";
import { Signatures } from "./signatures.ts";
import { cutBase64Line, cutQuotedLine, encodeBase64Lines, encodeQuotedLine } from "./transfer_encoding.ts";

/** Message content, as often as it is asked for. */
export type ContentSource = () => AsyncIterable<Uint8Array> | Iterable<Uint8Array>;

/** What the peer can't take. Lines over 998 octets are never sent where they can be helped. */
export interface ConversionNeeds {
  /** Octets over 127 anywhere. */
  readonly sevenBit?: boolean;
  /** Octets over 127 in header sections. */
  readonly asciiHeaders?: boolean;
}

/** The same content, converted; or why that would lose something. */
export type Conversion =
  | { readonly ok: true; readonly size: number; readonly text: () => AsyncGenerator<Uint8Array> }
  | { readonly ok: false; readonly why: "signed" | "unencodable" };

/**
 * Converts content with CRLF line ends. Lines that can't be made shorter without a loss stay; eight bits that can't be
 * encoded make it impossible. Reads the content twice now, and once for each call of `text`.
 */
export async function convert(source: ContentSource, needs: ConversionNeeds): Promise<Conversion> {
  const look = new Converter(needs);
  for await (const _ of converted(source, look)) if (look.impossible) break;
  if (look.impossible) return { ok: false, why: look.impossible };
  const text = () => converted(source, new Converter(needs, look.chosen));
  let size = 0;
  for await (const piece of text()) size += piece.length;
  return { ok: true, size, text };
}

/** Has any header section of it, also of parts and of messages in it, octets over 127? Those need SMTPUTF8. */
export async function hasEightBitHeaders(source: ContentSource): Promise<boolean> {
  const look = new Converter({});
  for await (const _ of converted(source, look)) if (look.eightBitHeader) return true;
  return look.eightBitHeader;
}

const LF = 10;
const CR = 13;
/** A header section that is longer is not looked into. */
const MAX_HEADER = 1024 * 1024;
/** A field with eight bits that is longer is nobody's. */
const MAX_FIELD = 64 * 1024;
const MAX_DEPTH = 50;

async function* converted(source: ContentSource, converter: Converter): AsyncGenerator<Uint8Array> {
  let rest: Uint8Array[] = []; // of a line whose end is not there yet
  for await (const piece of source()) {
    let start = 0;
    for (let end; (end = piece.indexOf(LF, start)) >= 0; start = end + 1) {
      const line = piece.subarray(start, end + 1);
      converter.line(rest.length === 0 ? line : concat([...rest, line]));
      rest = [];
    }
    if (start < piece.length) rest.push(piece.slice(start));
    const out = converter.take();
    if (out.length > 0) yield out;
  }
  if (rest.length > 0) converter.line(concat(rest));
  converter.end();
  yield converter.take();
}

/** Reads lines and writes them again. Without `chosen` it only finds out which leaves must be encoded. */
class Converter {
  /** The leaves that must be encoded, by number; true: they have octets over 127. */
  readonly chosen = new Map<number, boolean>();
  /** It can't be done without a loss. */
  impossible: "signed" | "unencodable" | undefined;
  /** A header section has octets over 127. */
  eightBitHeader = false;
  readonly #needs: ConversionNeeds;
  readonly #given: ReadonlyMap<number, boolean> | undefined;
  readonly #open: Part[] = [];
  readonly #out: Uint8Array[] = [];
  #header: string[] | undefined = [];
  #headerSize = 0;
  /** Of the whole message, once its header section is there. */
  #signatures: Signatures | undefined;
  #leaf: Part | undefined;
  /** The leaf has octets over 127. */
  #sawEightBit = false;
  #leaves = 0;
  /** Octets of a leaf in base64 that wait for a whole group, its last CRLF among them. */
  #base64: Uint8Array = new Uint8Array(0);

  constructor(needs: ConversionNeeds, chosen?: ReadonlyMap<number, boolean>) {
    this.#needs = needs;
    this.#given = chosen;
  }

  /** Takes a line with its CRLF. */
  line(line: Uint8Array): void {
    if (this.impossible) return;
    if (this.#open.length > 0 && line[0] === 45 && line[1] === 45 && this.#delimiter(line)) return;
    if (this.#header) this.#headerLine(line);
    else this.#bodyLine(line);
  }

  /** The content is complete. */
  end(): void {
    if (this.#header) this.#headerEnds();
    this.#leafEnds(false);
  }

  /** What was written since the last call. */
  take(): Uint8Array {
    return concat(this.#out.splice(0));
  }

  #headerLine(line: Uint8Array): void {
    this.#headerSize += line.length;
    if (this.#headerSize > MAX_HEADER || this.#open.length > MAX_DEPTH) {
      this.impossible = "unencodable";
      return;
    }
    const text = binaryString(line);
    const isBlank = text === "\r\n";
    if (!isBlank && /^[ \t]/.test(text) && this.#header!.length > 0) {
      this.#header![this.#header!.length - 1] += text;
    } else if (!isBlank) this.#header!.push(text);
    if (!isBlank) return;
    this.#headerEnds();
    this.#out.push(encode("\r\n"));
    // the header section of the message in a message/rfc822 comes next
    if (this.#leaf === undefined && this.#open.at(-1)?.kind === "message") this.#beginHeader();
  }

  #beginHeader(): void {
    this.#header = [];
    this.#headerSize = 0;
  }

  /** All fields are there: what kind of part it is, and its header section as it is written. */
  #headerEnds(): void {
    const given = this.#header!;
    this.#header = undefined;
    const outer = this.#open.at(-1);
    const signatures = this.#signatures ??= new Signatures(given);
    const part = partOf(given, { outer, ...(outer === undefined && { sealed: signatures.any }) });
    const fields = this.#fields(given, outer ?? signatures);
    let encoding = part.kind === "leaf" || !this.#needs.sevenBit ? undefined : "7bit";
    let charset = "us-ascii";
    if (part.kind === "leaf") {
      this.#leaf = part;
      this.#sawEightBit = false;
      const eightBit = this.#given?.get(this.#leaves);
      if (eightBit !== undefined) encoding = part.encoding;
      if (eightBit) charset = "unknown-8bit";
      this.#leaves++;
    } else this.#open.push(part);
    const isWhole = outer === undefined || outer.kind === "message";
    this.#out.push(encodeOctets(headerWith(fields, encoding, { isWhole, charset }).join("")));
  }

  /** The fields, in ASCII and folded where that is needed and nobody has signed them otherwise. */
  #fields(given: readonly string[], seal: Signatures | Part): string[] {
    const { sevenBit, asciiHeaders } = this.#needs;
    const charset = charsetOf(given);
    return given.map((field) => {
      const mayChange = "sealed" in seal ? !seal.sealed : seal.mayChange(field);
      const mayFold = "sealed" in seal ? !seal.sealed : seal.mayFold(field);
      const eightBit = isEightBitText(field);
      this.eightBitHeader ||= eightBit;
      if (eightBit && (sevenBit || asciiHeaders)) {
        const written = mayChange && field.length <= MAX_FIELD ? asciiField(field, charset) : undefined;
        if (written === undefined) this.impossible ??= mayChange ? "unencodable" : "signed";
        else return foldAtBlanks(written, false);
      }
      return mayFold && hasLongLine(field) ? foldAtBlanks(field, mayChange) : field;
    });
  }

  #bodyLine(line: Uint8Array): void {
    const leaf = this.#leaf;
    const number = this.#leaves - 1;
    if (!this.#given) this.#choose(line, leaf, number);
    if (!leaf || !this.#given?.has(number)) this.#out.push(line.slice());
    else if (leaf.encoding === "quoted-printable") this.#out.push(encodeQuotedLine(line));
    else if (leaf.encoding === "base64") this.#encode(line);
    else this.#out.push(leaf.encoded === "base64" ? cutBase64Line(line) : cutQuotedLine(line));
  }

  /** Must this leaf be encoded for the sake of this line? */
  #choose(line: Uint8Array, leaf: Part | undefined, number: number): void {
    const mayChange = leaf !== undefined && !leaf.sealed && (leaf.encoding ?? leaf.encoded) !== undefined;
    const eightBit = isEightBit(line);
    this.#sawEightBit ||= eightBit;
    if (eightBit && this.#needs.sevenBit && (!mayChange || leaf.encoded === "base64")) {
      this.impossible ??= leaf?.sealed ? "signed" : "unencodable";
    }
    const wanted = isTooLong(line) || (eightBit && this.#needs.sevenBit) || this.chosen.has(number);
    if (wanted && mayChange) this.chosen.set(number, this.#sawEightBit);
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
      if (this.#header) this.#headerEnds();
      this.#leafEnds(true);
      this.#open.length = tail === "" ? i + 1 : i;
      this.#out.push(line.slice());
      if (tail === "") this.#beginHeader();
      return true;
    }
    return false;
  }
}

function isEightBit(line: Uint8Array): boolean {
  for (let i = 0; i < line.length; i++) if (line[i]! > 127) return true;
  return false;
}

/** The octets of a text that has one per character. */
function encodeOctets(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

/** A last line may lack its line end, which is sent all the same. */
function isTooLong(line: Uint8Array): boolean {
  const end = line.at(-1) !== LF ? 0 : line.at(-2) === CR ? 2 : 1;
  return line.length - end > MAX_LINE_OCTETS;
}
