/** The names of the DNS as text: canonical form, check, and the name under which an address is found. */

import ipaddr from "ipaddr.js";

/** Labels of a host or of a record beside it (`_25._tcp`, `selector._domainkey`), each up to 63 octets. */
const LABELS = /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?(?:\.[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?)*$/;
const ASKABLE = /^[\x20-\x2d\x2f-\x7e]{1,63}(?:\.[\x20-\x2d\x2f-\x7e]{1,63})*$/;
/** The longest name as text without the last dot (RFC 1035 2.3.4). */
const MAX_NAME = 253;

/** The canonical form of a name: lower case, without the final dot. The root is the empty string. */
export function canonicalName(name: string): string {
  const lower = name.toLowerCase();
  return lower.endsWith(".") ? lower.slice(0, -1) : lower;
}

/** Can a canonical name be asked of the DNS and belong to a host or service? */
export function isDnsName(name: string): boolean {
  return name.length <= MAX_NAME && LABELS.test(name);
}

/**
 * Can a canonical name be asked of the DNS at all? Beside those of hosts there are names that the macros of SPF make, with
 * whatever ASCII a local part has (`a+b._spf.example.com`).
 */
export function isAskable(name: string): boolean {
  return name.length <= MAX_NAME && ASKABLE.test(name);
}

/** What an address may be at all: most texts are names, and are told without the parser. */
const ADDRESS = /^[\d.]+$|:/;

/** Is a text an IP address instead of a name? */
export function isIp(text: string): boolean {
  if (!ADDRESS.test(text)) return false;
  return ipaddr.IPv4.isValidFourPartDecimal(text) || (text.includes(":") && ipaddr.IPv6.isValid(text));
}

/**
 * The canonical text of an IP address, so that two spellings compare as equal; an IPv4-mapped IPv6 address is the
 * IPv4 address it stands for. Undefined when it is none.
 */
export function canonicalIp(text: string): string | undefined {
  if (!isIp(text)) return undefined;
  return ipaddr.process(text).toString();
}

/**
 * The name under which the reverse zone knows an address: `4.3.2.1.in-addr.arpa` (RFC 1035 3.5) or 32 nibbles under
 * `ip6.arpa` (RFC 3596 2.5). Undefined when the text is no IP address.
 */
export function reverseName(ip: string): string | undefined {
  if (!isIp(ip)) return undefined;
  const bytes = ipaddr.process(ip).toByteArray().reverse();
  if (bytes.length === 4) return `${bytes.join(".")}.in-addr.arpa`;
  const nibbles = bytes.flatMap((byte) => [(byte & 15).toString(16), (byte >> 4).toString(16)]);
  return `${nibbles.join(".")}.ip6.arpa`;
}
