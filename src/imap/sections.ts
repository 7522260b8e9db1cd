/** What a section of a message is (RFC 9051 6.4.5.1): the places of its octets, by the places of the message's parts. */

import { encode } from "../base/bytes.ts";
import type { PlacedPart } from "../mail/message_facts.ts";
import type { PartNumber, Section } from "./request.ts";

/** Octets of a message, up to and without `to`. */
export interface Octets {
  readonly from: number;
  readonly to: number;
}

/** The octets of a section, or of the header section that it takes its fields from; undefined: there is no such section. */
export function sectionOctets(message: PlacedPart, { part: number, text }: Section): Octets | undefined {
  const isHeader = text === "HEADER" || text === "HEADER.FIELDS" || text === "HEADER.FIELDS.NOT";
  if (number.length === 0) {
    if (text === undefined) return { from: 0, to: message.contentEnd };
    return isHeader ? headerOf(message) : contentOf(message);
  }
  const part = partAt(message, number);
  if (!part) return undefined;
  if (text === undefined) return contentOf(part);
  if (text === "MIME") return headerOf(part);
  // only a message within the message has a header and a text of its own
  const within = part.kind === "message" ? part.parts[0]! : undefined;
  return within && (isHeader ? headerOf(within) : contentOf(within));
}

/** The part of that number; undefined: there is none. A message that is no multipart has its content as part 1. */
export function partAt(message: PlacedPart, number: PartNumber): PlacedPart | undefined {
  let part: PlacedPart | undefined = message;
  let isMessage = true;
  for (const place of number) {
    if (!isMessage && part.kind === "message") {
      part = part.parts[0]!;
      isMessage = true;
    }
    if (part.kind === "multipart") part = part.parts[place - 1];
    else if (!isMessage || place !== 1) return undefined;
    if (!part) return undefined;
    isMessage = false;
  }
  return part;
}

function headerOf({ headerStart, contentStart }: PlacedPart): Octets {
  return { from: headerStart, to: contentStart };
}

function contentOf({ contentStart, contentEnd }: PlacedPart): Octets {
  return { from: contentStart, to: contentEnd };
}

const LF = 10;
const CR = 13;
const CRLF = encode("\r\n");
/** No name that is looked for is longer. */
const MOST_NAME = 1000;

/** Where the content begins behind a header section; -1: the blank line is not there. */
export function contentStart(octets: Uint8Array): number {
  for (let at = 0; at < octets.length;) {
    if (octets[at] === LF) return at + 1;
    if (octets[at] === CR && octets[at + 1] === LF) return at + 2;
    const lineFeed = octets.indexOf(LF, at);
    if (lineFeed < 0) return -1;
    at = lineFeed + 1;
  }
  return -1;
}

/**
 * The fields of a header section that have one of these names, which are in lower case, or that have none of them; and
 * the blank line.
 */
export function fieldsOf(
  header: Uint8Array,
  { names, not }: { names: ReadonlySet<string>; not: boolean },
): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  let [start, taking] = [0, false];
  const end = (at: number) => {
    if (taking && at > start) pieces.push(header.subarray(start, at));
  };
  for (let at = 0; at < header.length;) {
    const lineFeed = header.indexOf(LF, at);
    const next = lineFeed < 0 ? header.length : lineFeed + 1;
    if (header[at] === LF || (header[at] === CR && header[at + 1] === LF)) break;
    if (header[at] !== 32 && header[at] !== 9) {
      const name = nameAt(header, at, next);
      const takes = name !== undefined && names.has(name) !== not;
      if (takes !== taking) {
        end(at);
        [start, taking] = [at, takes];
      }
    }
    at = next;
    if (taking && at === header.length) end(at);
    else if (taking && isBlankLine(header, at)) end(at);
  }
  // a header section that ends with the message
  if (pieces.length > 0 && pieces.at(-1)!.at(-1) !== LF) pieces.push(CRLF);
  pieces.push(CRLF);
  return pieces;
}

function isBlankLine(octets: Uint8Array, at: number): boolean {
  return octets[at] === LF || (octets[at] === CR && octets[at + 1] === LF);
}

/** The name of the field there, in lower case; undefined: the line is no field. */
function nameAt(header: Uint8Array, at: number, lineEnd: number): string | undefined {
  let name = "";
  for (let i = at; i < lineEnd && i - at < MOST_NAME; i++) {
    const octet = header[i]!;
    if (octet === 58) return name === "" ? undefined : name;
    if (octet === 32 || octet === 9) {
      // the obsolete `Name :`
      let colon = i;
      while (header[colon] === 32 || header[colon] === 9) colon++;
      return header[colon] === 58 && name !== "" ? name : undefined;
    }
    if (octet < 33 || octet > 126) return undefined;
    name += String.fromCharCode(octet >= 65 && octet <= 90 ? octet + 32 : octet);
  }
  return undefined;
}
