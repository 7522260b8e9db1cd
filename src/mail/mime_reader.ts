/** The reading of a whole message: postal-mime's parts, with what senders get wrong read as it was meant. */

import PostalMime, { type Attachment, type Email, type PostalMimeOptions } from "postal-mime";
import { binaryString, concat, decode, encode } from "../base/bytes.ts";
import { decodeCharset, decodeUnnamed, knowsCharset } from "./charset.ts";
import { decodeWords } from "./decoded_words.ts";
import { unflowed } from "./flowed_text.ts";
import { exactDecoder, type PartDecoder } from "./part_decoder.ts";

/** A message, and what is wrong with it, so that it may look otherwise than it was meant; empty: nothing. */
export interface ReadMessage {
  readonly email: Email;
  readonly faults: readonly string[];
}

/** An attachment, and which part of the message it is. */
export type PlacedAttachment = Attachment & { readonly place: string };

/** What a message is read with. */
export interface ReadOptions extends PostalMimeOptions {
  /** The charset of fields with eight bits that say none. */
  readonly around?: string | undefined;
  /** Texts have the line ends that were sent, whatever their format. Default: LF, and flowed text in its paragraphs. */
  readonly asSent?: boolean | undefined;
}

/** Reads a message. Rejects when it has too many parts within parts, or too long a header. */
export async function readMessage(
  bytes: Uint8Array<ArrayBuffer>,
  options: ReadOptions,
): Promise<ReadMessage> {
  const reader = new Reader(options);
  const email = await reader.parse(bytes);
  return { email, faults: [...reader.faults] };
}

const FAULTS = {
  clear: "A part in base64 has text in clear beside it",
  noBoundary: "The message does not say rightly what stands between its parts; that was found by looking",
  noParts: "The message says that it has parts, and has none; it is shown as text",
  charset: "A part's charset is unknown; it is shown as it looks best",
} as const;

/** What postal-mime has for a part, as far as it is read or changed here. */
interface Part {
  readonly state: "header" | "body" | "finished";
  readonly parentNode?: Part;
  readonly contentType: {
    readonly value: string;
    readonly parsed: { value: string; params: Record<string, string> };
    multipart: string | false;
  };
  readonly contentDisposition: { readonly parsed: { params: Record<string, string> } };
  readonly contentTransferEncoding: { readonly encoding: string };
  contentDecoder: PartDecoder | null;
  readonly content: ArrayBuffer | null;
  readonly childNodes: readonly Part[];
  feed(line: Uint8Array<ArrayBuffer>): void;
  processHeaders(): void;
  getTextContent(): string;
}

/** What postal-mime's parser has within. */
interface Parser {
  readonly currentNode: Part;
  readonly boundaries: { value: Uint8Array; node: Part }[];
  /** All of the message. */
  readonly av: Uint8Array;
  readonly attachments: Attachment[];
  parse(bytes: Uint8Array): Promise<Email>;
  processLine(line: Uint8Array<ArrayBuffer>, isFinal: boolean): Promise<void>;
  collectNode(node: Part, alternative: Part | false, related: boolean): Promise<void>;
  collectAttachment(node: Part, content: ArrayBuffer, related: boolean, tooDeep: boolean): void;
}

const Base = PostalMime as unknown as new (options: PostalMimeOptions) => Parser;
/** A line that may stand between parts (RFC 2046 5.1.1). */
const DELIMITER = /^--([!-~](?:[ -~]{0,68}[!-~])?)[ \t]*$/;

const CRLF = encode("\r\n");

/** Each look goes through the whole message. */
const MAX_LOOKS = 50;

class Reader extends Base {
  readonly faults = new Set<string>();
  readonly #around: string | undefined;
  readonly #asSent: boolean;
  /** By part that was seen: the text in clear that does not belong to it. */
  readonly #clear = new Map<Part, ClearText>();
  readonly #sought = new Set<Part>();
  readonly #foundless = new Set<Part>();
  #looks = 0;
  #octets: string | undefined;

  constructor({ around, asSent = false, ...options }: ReadOptions) {
    super(options);
    this.#around = around;
    this.#asSent = asSent;
  }

  override processLine(line: Uint8Array<ArrayBuffer>, isFinal: boolean): Promise<void> {
    const part = this.currentNode;
    if (!this.#clear.has(part)) {
      const clear = new ClearText();
      this.#clear.set(part, clear);
      mend(part, { around: this.#around, asSent: this.#asSent, faults: this.faults, clear });
    }
    if (part.contentType.multipart && part.state === "body" && this.#lacksBoundary(part)) {
      this.#findBoundary(part, line);
    }
    return super.processLine(line, isFinal);
  }

  /** It names none, or one that is nowhere in the message. */
  #lacksBoundary(part: Part): boolean {
    const { boundary } = part.contentType.parsed.params;
    if (this.#foundless.has(part) || !boundary) return true;
    if (part.childNodes.length > 0 || this.#sought.has(part)) return false;
    this.#sought.add(part);
    if (this.#count(boundary) > 0) return false;
    this.#foundless.add(part);
    return true;
  }

  /** The first line that may be a delimiter and comes again is one. */
  #findBoundary(part: Part, line: Uint8Array): void {
    const boundary = DELIMITER.exec(binaryString(line.subarray(0, 80)))?.[1];
    if (boundary === undefined || part.childNodes.length > 0) return;
    if (this.#count(boundary) < 2) return;
    this.boundaries.push({ value: encode(boundary), node: part });
    this.faults.add(FAULTS.noBoundary);
  }

  /** How often the message has it at a line's beginning; after many looks it is taken for what it should be. */
  #count(boundary: string): number {
    if (this.#looks++ >= MAX_LOOKS) return 1;
    this.#octets ??= binaryString(this.av);
    return this.#octets.split(`\n--${boundary}`).length - 1;
  }

  override collectNode(node: Part, alternative: Part | false, related: boolean): Promise<void> {
    const hasNoParts = node.contentType.multipart && node.childNodes.length === 0;
    if (hasNoParts && node.content && decode(new Uint8Array(node.content)).trim() !== "") {
      node.contentType.multipart = false;
      node.contentType.parsed.value = "text/plain";
      this.faults.add(FAULTS.noParts);
    }
    if (this.#clear.get(node)?.isThere) this.faults.add(FAULTS.clear);
    return super.collectNode(node, alternative, related);
  }

  override collectAttachment(node: Part, content: ArrayBuffer, related: boolean, tooDeep: boolean): void {
    super.collectAttachment(node, content, related, tooDeep);
    // what is all of the message has no delimiter behind it: its last line's end is its own
    const octets = node.parentNode || isBase64(node) || !endsLine(this.av)
      ? content
      : concat([new Uint8Array(content), CRLF]).buffer;
    // a calendar, too, is what was sent: postal-mime writes its text anew
    Object.assign(this.attachments.at(-1)!, { place: placeOf(node), content: octets });
  }
}

function endsLine(bytes: Uint8Array): boolean {
  return bytes.at(-1) === 0x0a;
}

/** `0`: the message itself; else the numbers of the part and of those around it, from the outside: `2`, `1.2`. */
function placeOf(part: Part): string {
  const around = part.parentNode;
  if (!around) return "0";
  const number = String(around.childNodes.indexOf(part) + 1);
  return around.parentNode ? `${placeOf(around)}.${number}` : number;
}

/** Has the part read its header's bytes, its base64 and its text in our way. */
function mend(
  part: Part,
  { around, asSent, faults, clear }: {
    around: string | undefined;
    asSent: boolean;
    faults: Set<string>;
    clear: ClearText;
  },
): void {
  const feed = part.feed.bind(part);
  const processHeaders = part.processHeaders.bind(part);
  part.feed = (line) => {
    if (part.state === "header") return feed(line.some((byte) => byte > 127) ? utf8(line, around) : line);
    if (isBase64(part) && clear.takes(line)) return;
    feed(line);
  };
  part.processHeaders = () => {
    processHeaders();
    mendType(part);
    if (part.contentDecoder) {
      part.contentDecoder = exactDecoder(part.contentTransferEncoding.encoding, part.contentDecoder);
    }
    for (const params of [part.contentType.parsed.params, part.contentDisposition.parsed.params]) {
      for (const name of ["name", "filename"]) {
        if (params[name] !== undefined) params[name] = decodeWords(params[name]);
      }
    }
  };
  part.getTextContent = () => {
    const { value, params: { charset, format, delsp } } = part.contentType.parsed;
    if (!knowsCharset(charset)) faults.add(FAULTS.charset);
    const bytes = new Uint8Array(part.content ?? new ArrayBuffer(0));
    const own = charset === undefined && value === "text/html"
      ? decodeUnnamed(bytes, charsetWithin(bytes))
      : decodeCharset(bytes, charset);
    const text = isBase64(part) ? clear.around(own) : asSent ? withLastEnd(own) : withLineFeeds(own);
    if (asSent) return text;
    return /^flowed$/i.test(format ?? "") ? unflowed(text, /^yes$/i.test(delsp ?? "")) : text;
  };
}

/** The text as it is shown: lines end with LF, the last one too. */
function withLineFeeds(text: string): string {
  return text === "" ? "" : `${text.replaceAll("\r\n", "\n")}\n`;
}

function withLastEnd(text: string): string {
  return text === "" ? "" : `${text}\r\n`;
}

function isBase64(part: Part): boolean {
  return part.contentTransferEncoding.encoding === "base64";
}

/** RFC 2045 5.2: what is no type is plain text; RFC 2046 4.1.4: so is a text of a kind that nobody knows. */
function mendType(part: Part): void {
  const { parsed, value } = part.contentType;
  const typed = /^([\w.+-]+\/[\w.+-]+)(.*)$/s.exec(parsed.value);
  if (!typed || typed[2] !== "") {
    parsed.value = typed?.[1] ?? "text/plain";
    const charset = /\bcharset\s*=\s*("[^"]*"|[^;\s]*)/i.exec(value)?.[1];
    if (charset !== undefined) parsed.params.charset ??= charset;
  }
  if (
    /^text\/(?:enriched|richtext|markdown|x-markdown|x-amp-html|plain-text|text)$/.test(parsed.value) &&
    !part.parentNode
  ) {
    parsed.value = "text/plain";
  }
}

/** The charset that an HTML text names itself. */
function charsetWithin(html: Uint8Array): string | undefined {
  return /<meta\b[^>]*\bcharset\s*=\s*["']?([\w:.-]+)/i.exec(binaryString(html.subarray(0, 4096)))?.[1];
}

function utf8(line: Uint8Array, around: string | undefined): Uint8Array<ArrayBuffer> {
  return encode(decodeUnnamed(line, around));
}

/** Lines of a part in base64 that are none of it: what a list or a gateway puts around it in clear. */
class ClearText {
  #before: string[] = [];
  #behind: string[] = [];
  #began = false;
  #padded = false;
  #ended = false;

  get isThere(): boolean {
    return this.#before.length > 0 || this.#behind.some((line) => line !== "");
  }

  /** Is the line no base64? Then it is kept here. */
  takes(line: Uint8Array): boolean {
    const octets = binaryString(line);
    const text = octets.trim();
    if (text === "") {
      this.#ended ||= this.#padded;
      if (this.#behind.length > 0) this.#behind.push("");
      return false;
    }
    const isData = /^[A-Za-z0-9+/]+={0,2}$/.test(text) && !this.#ended && this.#behind.length === 0;
    if (isData) {
      this.#began = true;
      this.#padded = text.endsWith("=");
      return false;
    }
    // a stray character is noise, which base64 passes over (RFC 2045 6.8)
    if (
      !this.#ended && this.#behind.length === 0 && text.length >= 40 &&
      !/[^A-Za-z0-9+/=].*[^A-Za-z0-9+/=]/.test(text)
    ) {
      return false;
    }
    (this.#began ? this.#behind : this.#before).push(decodeUnnamed(line));
    return true;
  }

  around(text: string): string {
    if (!this.isThere) return text;
    const behind = this.#behind.length === 0
      ? ""
      : `${text === "" || text.endsWith("\n") ? "" : "\n"}${this.#behind.join("\n")}\n`;
    return `${this.#before.map((line) => `${line}\n`).join("")}${text}${behind}`;
  }
}
