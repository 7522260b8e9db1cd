/**
 * The mbox file (RFC 4155, in the way called mboxrd): messages one behind the other, a `From ` line before each, a
 * blank line behind it. A line of a message that looks like a `From ` line, with any number of `>` before it, gets one
 * more `>`, so that nothing is lost. Lines end with LF in the file and with CRLF here.
 */

import { encode } from "../base/bytes.ts";
import { formatDate } from "./header.ts";
import { needsUtf8 } from "./address.ts";
import type { Mailbox } from "./envelope.ts";
import { ByteBuffer, LineCutter, type LinePlace } from "./line_cutter.ts";
import { encodeUtf8Address } from "./xtext.ts";

/** What an mbox file says of a message beside its content. */
export interface MboxMessage {
  /** The reverse-path; empty for none. */
  readonly sender: Mailbox;
  /** When it came: milliseconds since 1970, whole seconds; undefined when the file does not say. */
  readonly receivedAt: number | undefined;
  /** Somebody looked at it. */
  readonly seen: boolean;
  /** The letters of `X-Status`: A answered, F flagged, D to be deleted, T a draft; absent: none. */
  readonly marks?: string | undefined;
  /** Names that mail programs gave it (`X-Keywords`); absent: none. */
  readonly keywords?: readonly string[] | undefined;
}

const CR = 13;
const LF = 10;
const GREATER = 62;
const FROM = encode("From ");
/** Who stands in a `From ` line for a message without a sender. */
const NOBODY = "MAILER-DAEMON";

/** Writes a file, message by message. */
export class MboxWriter {
  readonly #lines = new LineCutter();
  readonly #out = new ByteBuffer();

  /** A message begins. */
  begin(message: MboxMessage): Uint8Array<ArrayBuffer> {
    const { sender, receivedAt = 0, seen, marks = "", keywords = [] } = message;
    // a blank in the address would make the line unreadable; the message's own fields have it still
    const known = sender === "" || /\s/.test(sender) ? NOBODY : sender;
    // the line is ASCII (RFC 4155): at another octet Python's mailbox gives the whole file up
    const name = needsUtf8(known) ? encodeUtf8Address(known) : known;
    // Status comes last: behind it the message is as it is, fields of the same names too
    const more = (marks === "" ? "" : `X-Status: ${marks}\n`) +
      (keywords.length === 0 ? "" : `X-Keywords: ${keywords.join(" ")}\n`);
    return encode(`From ${name} ${asctime(receivedAt)}\n${more}Status: ${seen ? "RO" : "O"}\n`);
  }

  /** A piece of its content, with CRLF line ends. */
  text(piece: Uint8Array): Uint8Array<ArrayBuffer> {
    this.#lines.push(piece, (line, place) => this.#line(line, place));
    return this.#out.take();
  }

  /** The message is over. */
  end(): Uint8Array<ArrayBuffer> {
    this.#lines.end((line, place) => this.#line(line, place));
    this.#out.putByte(LF);
    return this.#out.take();
  }

  #line(segment: Uint8Array, { first, last }: LinePlace): void {
    if (first && isQuotedFrom(segment)) this.#out.putByte(GREATER);
    this.#out.put(last ? withoutCr(segment) : segment);
    if (last) this.#out.putByte(LF);
  }
}

/** `Mon Jan  5 09:00:00 2026`, UTC. */
function asctime(ms: number): string {
  const [day = "", date = "", month = "", year = "", time = ""] = formatDate(ms).replace(",", "").split(" ");
  return `${day} ${month} ${String(Number(date)).padStart(2)} ${time} ${year}`;
}

/** `From `, `>From `, `>>From ` … */
export function isQuotedFrom(line: Uint8Array): boolean {
  let at = 0;
  while (line[at] === GREATER) at++;
  return isFrom(line.subarray(at, at + FROM.length));
}

/** `From `. */
export function isFrom(line: Uint8Array): boolean {
  for (let i = 0; i < FROM.length; i++) if (line[i] !== FROM[i]) return false;
  return true;
}

/** A line without the CR of its CRLF. */
export function withoutCr(line: Uint8Array): Uint8Array {
  return line[line.length - 1] === CR ? line.subarray(0, -1) : line;
}
