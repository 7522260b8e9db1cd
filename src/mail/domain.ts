/** Domains and address literals: one grammar, one canonical form (RFC 5321 4.1.2, 4.1.3; RFC 5890). */

import { domainToASCII } from "node:url";
import ipaddr from "ipaddr.js";

/** The longest name the DNS can hold, as text without the last dot (RFC 1035 2.3.4). */
const MAX_NAME = 253;
/** The longest literal: the limit of RFC 5321 4.5.3.1.2 on whatever stands behind the @. */
const MAX_LITERAL = 255;

/** Letters, digits, hyphens, and underscores, which the DNS has and mail is sent from (`app_web_1`). */
const NAME = /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?(?:\.[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?)*$/;
// deno-lint-ignore no-control-regex
const ASCII = /^[\x00-\x7f]*$/;
const IPV4 = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/;
const IPV6_CHARACTERS = /^[0-9A-Fa-f:.]+$/;
/** Standardized-tag ":" 1*dcontent, RFC 5321 4.1.3. */
const GENERAL = /^([A-Za-z0-9-]*[A-Za-z0-9]):([\x21-\x5a\x5e-\x7e]+)$/;

/**
 * The canonical form of a domain: lower case, U-labels as A-labels (UTS 46), RFC 1035's lengths, without the dot that
 * may end a name. Undefined when the text is none; underscores are taken beside what RFC 5321 4.1.2 allows.
 */
export function normalizeDomain(text: string): string | undefined {
  if (text.length === 0 || text.length > MAX_NAME + 1) return undefined;
  const written = ASCII.test(text) ? text.toLowerCase() : domainToASCII(text);
  // the checks come after the mapping: UTS 46 turns other scripts' dots, digits and slashes into ours
  const name = written.endsWith(".") ? written.slice(0, -1) : written;
  return name.length <= MAX_NAME && NAME.test(name) ? name : undefined;
}

/**
 * The bare IP address of a literal in brackets, canonical: `[192.0.2.1]` → `192.0.2.1`, `[IPv6:2001:DB8::1]` →
 * `2001:db8::1`. Undefined for anything else, general literals (`[tag:…]`) too: they name no IP address.
 */
export function parseLiteral(text: string): string | undefined {
  if (text.length > MAX_LITERAL || text[0] !== "[" || text.at(-1) !== "]") return undefined;
  const inner = text.slice(1, -1);
  if (/^ipv6:/i.test(inner)) return ipv6(inner.slice(5));
  return ipv4(inner);
}

/**
 * The canonical form of any literal in brackets: `[192.0.2.1]`, `[IPv6:2001:db8::1]`, `[tag:content]`; undefined
 * when it is none (RFC 5321 4.1.3).
 */
export function normalizeLiteral(text: string): string | undefined {
  const ip = parseLiteral(text);
  if (ip !== undefined) return literalOf(ip);
  if (text.length > MAX_LITERAL || text[0] !== "[" || text.at(-1) !== "]") return undefined;
  const inner = text.slice(1, -1);
  const parts = GENERAL.exec(inner);
  // an IPv6 address that lacks its tag would pass as a general literal whose tag is "2001"
  if (!parts || ipv6(inner) !== undefined) return undefined;
  const tag = parts[1]!.toLowerCase();
  // a malformed IPv6 literal would pass as a general one whose tag is "IPv6"
  return tag === "ipv6" ? undefined : `[${tag}:${parts[2]}]`;
}

/** The literal of a bare IP address: `192.0.2.1` → `[192.0.2.1]`, `2001:db8::1` → `[IPv6:2001:db8::1]`. */
export function literalOf(ip: string): string {
  return ip.includes(":") ? `[IPv6:${ip}]` : `[${ip}]`;
}

function ipv4(text: string): string | undefined {
  const parts = IPV4.exec(text);
  if (!parts) return undefined;
  // Snum is decimal, also with leading zeros
  const numbers = parts.slice(1).map(Number);
  return numbers.every((n) => n <= 255) ? numbers.join(".") : undefined;
}

function ipv6(text: string): string | undefined {
  if (!IPV6_CHARACTERS.test(text) || !ipaddr.IPv6.isValid(text)) return undefined;
  return ipaddr.IPv6.parse(text).toString();
}
