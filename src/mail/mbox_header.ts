/**
 * The header section of a message in a mbox file, in which programs keep what belongs to the folder: whether somebody
 * looked at the message, how long it is. That is read and taken out.
 */

import { decode } from "../base/bytes.ts";
import { parseFields } from "./header.ts";
import { ByteBuffer } from "./line_cutter.ts";
import { isQuotedFrom } from "./mbox.ts";

/** Of the folder, not of the message: mutt and Dovecot leave them out too. */
const OF_THE_FOLDER: ReadonlySet<string> = new Set([
  "status",
  "x-status",
  "x-keywords",
  "x-uid",
  "x-imap",
  "x-imapbase",
  "content-length",
]);
const READ_HERE = new Set([...OF_THE_FOLDER, "x-mozilla-status", "subject"]);
/** What our own files may have before Status, each in one line. */
const OWN = new Set(["x-status", "x-keywords"]);
/** A larger header section is passed on as it is. */
const MAX = 256 * 1024;
const FIELD_NAME = /^([!-9;-~]+)[ \t]*:[ \t]*/;
const BLANK = 32;
const TAB = 9;
/** Mozilla's flags, in hexadecimal. */
const MOZILLA_READ = 0x0001;
const MOZILLA_EXPUNGED = 0x0008;

/** Takes the lines of a header section. */
export class MboxHeader {
  readonly #kept = new ByteBuffer();
  readonly #values = new Map<string, string>();
  #dropping = false;

  /** Whether a line, or the first segment of one, belongs to it: the blank line behind it does not. */
  takes(line: Uint8Array): boolean {
    if (this.#kept.length > MAX) return false;
    return line[0] === BLANK || line[0] === TAB || isQuotedFrom(line) || nameOf(line) !== undefined;
  }

  /** Takes a line or a segment of one. */
  put(segment: Uint8Array, { first, last }: { first: boolean; last: boolean }): void {
    const isFolded = segment[0] === BLANK || segment[0] === TAB;
    if (first && !isFolded) {
      const name = nameOf(segment) ?? "";
      // a `From ` line of a server or program before, which is no field
      this.#dropping = isQuotedFrom(segment) || OF_THE_FOLDER.has(name);
      if (READ_HERE.has(name)) {
        this.#values.set(name, decode(segment.subarray(0, 500)).replace(FIELD_NAME, "").trim());
      }
    }
    if (this.#dropping) return;
    this.#kept.put(segment);
    if (!last) return;
    this.#kept.putByte(13);
    this.#kept.putByte(10);
  }

  /** Nothing was put yet. */
  get isEmpty(): boolean {
    return this.#kept.length === 0 && this.#values.size === 0;
  }

  /** Nothing was put but what our own files have before Status. */
  get mayBeOwn(): boolean {
    return this.#kept.length === 0 && [...this.#values.keys()].every((name) => OWN.has(name));
  }

  /** The letters of X-Status that mean something. */
  get marks(): string {
    return [...new Set(this.#value("x-status").match(/[AFDT]/g))].join("");
  }

  /** Names that mail programs gave the message. */
  get keywords(): string[] {
    return this.#value("x-keywords").split(/[ \t,]+/).filter((word) => word !== "");
  }

  /** Somebody looked at the message. */
  get seen(): boolean {
    return /R/.test(this.#value("status")) || (this.#mozilla & MOZILLA_READ) !== 0;
  }

  /** Deleted in Thunderbird, which takes it out of the file when the folder is compacted. */
  get isExpunged(): boolean {
    return (this.#mozilla & MOZILLA_EXPUNGED) !== 0;
  }

  /** What a mail program wrote on top of the file for itself: no message. */
  get isFolderData(): boolean {
    return this.#values.has("x-imap") && /^DON'T DELETE THIS MESSAGE/.test(this.#value("subject"));
  }

  /** How long the body is said to be, in octets of the file. */
  get contentLength(): number | undefined {
    const value = this.#value("content-length");
    return /^\d{1,12}$/.test(value) ? Number(value) : undefined;
  }

  get #mozilla(): number {
    return parseInt(this.#value("x-mozilla-status"), 16) || 0;
  }

  #value(name: string): string {
    return this.#values.get(name) ?? "";
  }

  /** The section without what belongs to the folder. */
  take(): Uint8Array<ArrayBuffer> {
    return this.#kept.take();
  }
}

/** When a message came, by the newest of its Received fields, else its Date; undefined without both. */
export function timeIn(header: Uint8Array): number | undefined {
  const fields = parseFields(header);
  for (const name of ["received", "date"]) {
    const value = fields.find((field) => field.name.toLowerCase() === name)?.value;
    const text = value?.replace(name === "received" ? /^.*;/s : "", "").replaceAll(/\([^()]*\)/g, "").trim();
    const at = text === undefined ? NaN : Date.parse(text);
    if (!Number.isNaN(at)) return at;
  }
  return undefined;
}

function nameOf(line: Uint8Array): string | undefined {
  return FIELD_NAME.exec(decode(line.subarray(0, 200)))?.[1]?.toLowerCase();
}
