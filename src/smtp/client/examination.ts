/** The examination of message content before it is sent: is there anything that not every peer takes? */

import { after, type Awaitable, eachPiece } from "../../base/awaitable.ts";
import { readHeaderSection } from "../../mail/header.ts";
import { fieldValue, MAX_HEADER_OCTETS, parseHeader } from "../../mail/decoded_header.ts";
import type { OutgoingMessage } from "./options.ts";

/** What was found. */
export interface Examined {
  /** A line has over 998 octets (RFC 5321 4.5.3.1.6). */
  readonly longLine: boolean;
  /** There are octets over 127, as far as they were looked for. */
  readonly eightBit: boolean;
  /** There are some in the message's own header section. */
  readonly eightBitHeader: boolean;
  /** The content, without another look into the store where it is small. */
  readonly text: OutgoingMessage["text"];
}

/** Content up to here is kept while it is examined, and need not be read twice. */
const KEPT = 256 * 1024;
/** With its LF. */
const MAX_LINE = 1000;
const LF = 10;
const CR = 13;

/**
 * Reads a message, at once where it is in memory; `octets`: looks for octets over 127 as well. Rejects when the content
 * can't be read.
 */
export function examine(message: OutgoingMessage, { octets }: { octets: boolean }): Awaitable<Examined> {
  let pieces: Uint8Array[] | undefined = message.size <= KEPT ? [] : undefined;
  let kept = 0;
  const lines = new Lines();
  const eight = octets ? new EightBits() : undefined;
  const look = (piece: Uint8Array) => {
    kept += piece.length;
    if (kept > KEPT) pieces = undefined;
    pieces?.push(piece);
    lines.look(piece);
    eight?.look(piece);
    // what is over the limit of lines is converted, for which all is read again anyway
    return pieces !== undefined || !lines.tooLong || (eight !== undefined && !eight.anywhere);
  };
  return after(eachPiece(message.text(), look), () => {
    lines.end();
    const all = pieces;
    return {
      longLine: lines.tooLong,
      eightBit: eight?.anywhere ?? false,
      eightBitHeader: eight?.inHeader ?? false,
      text: all ? () => all : message.text,
    };
  });
}

/** The subject, as people read it. Rejects when the content can't be read. */
export async function subjectOf({ text }: OutgoingMessage): Promise<string> {
  const header = await readHeaderSection(
    (async function* () {
      yield* text();
    })(),
    MAX_HEADER_OCTETS,
  );
  return fieldValue(await parseHeader(header), "subject");
}

/** The lengths of lines. */
class Lines {
  tooLong = false;
  /** Octets of the line that has not ended. */
  #length = 0;

  look(piece: Uint8Array): void {
    let start = 0;
    let room = MAX_LINE - this.#length;
    // the last LF within reach is enough: whatever lies before it is lines that are no longer
    while (!this.tooLong && piece.length - start > room) {
      const end = piece.lastIndexOf(LF, start + room - 1);
      this.tooLong = room === 0 || end < start;
      start = end + 1;
      room = MAX_LINE;
    }
    const last = piece.lastIndexOf(LF);
    this.#length = last < start ? MAX_LINE - room + piece.length - start : piece.length - 1 - last;
  }

  /** The content is complete; a last line without CRLF gets one. */
  end(): void {
    this.tooLong ||= this.#length > MAX_LINE - 2;
  }
}

/** Where the octets over 127 are. */
class EightBits {
  anywhere = false;
  inHeader = false;
  #inHeader = true;
  /** LF seen since the last octet that is neither CR nor LF. */
  #newlines = 0;

  look(piece: Uint8Array): void {
    for (let i = 0; i < piece.length; i++) {
      const octet = piece[i]!;
      if (octet > 127) {
        this.anywhere = true;
        this.inHeader ||= this.#inHeader;
      }
      if (!this.#inHeader) {
        if (this.anywhere) return;
      } else if (octet === LF) this.#inHeader = ++this.#newlines < 2;
      else if (octet !== CR) this.#newlines = 0;
    }
  }
}
