/** The charsets of SEARCH, SORT and THREAD (RFC 9051 6.4.4). */

import { decodeStrictly } from "../base/bytes.ts";
import { isAscii } from "../mail/content.ts";

/** Those that are taken; others are answered by `NO [BADCHARSET (US-ASCII UTF-8)]`. */
export const SEARCH_CHARSETS = ["US-ASCII", "UTF-8"] as const;

/** Is it one of them, in any case of letters? */
export function isSearchCharset(name: string): boolean {
  return SEARCH_CHARSETS.some((one) => one === name.toUpperCase());
}

/**
 * The text of a search key's octets; undefined: they are none in that charset. Without a charset UTF-8 is taken too:
 * clients send it without saying so, and IMAP4rev2 has it so.
 */
export function searchText(octets: Uint8Array, charset = "UTF-8"): string | undefined {
  if (charset.toUpperCase() === "US-ASCII" && !isAscii(octets)) return undefined;
  return decodeStrictly(octets);
}
