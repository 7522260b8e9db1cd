/** Records in the form of a zone file (RFC 1035 5.1), one a line, with absolute names. */

import { encode } from "../base/bytes.ts";
import type { PublishedRecord } from "./published_records.ts";

/** Seconds; short enough for a mistake to be mended the same morning. */
const TTL = 3600;
/** A character-string has at most so many octets (RFC 1035 3.3). */
const STRING_OCTETS = 255;

/** The line of a record. */
export function zoneLine({ name, type, data }: PublishedRecord): string {
  const value = type === "TXT" ? characterStrings(data) : `${data}.`;
  return `${name}.\t${TTL}\tIN\t${type}\t${value}`;
}

/** A text as quoted strings, as many as it needs; what is not visible ASCII is written by its number. */
export function characterStrings(text: string): string {
  const octets = encode(text);
  const strings: string[] = [];
  for (let at = 0; at === 0 || at < octets.length; at += STRING_OCTETS) {
    strings.push(`"${[...octets.subarray(at, at + STRING_OCTETS)].map(written).join("")}"`);
  }
  return strings.join(" ");
}

function written(octet: number): string {
  const character = String.fromCharCode(octet);
  if (octet < 0x20 || octet > 0x7e) return `\\${String(octet).padStart(3, "0")}`;
  return character === '"' || character === "\\" ? `\\${character}` : character;
}
