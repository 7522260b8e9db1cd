/** The text forms of configuration values: addresses, networks, schedules, rates. */

import { parseDuration } from "../base/units.ts";
import type { Endpoint } from "./config.ts";

const IPV4 = /^(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)(?:\.(?!$)|$)){4}$/;
const LABEL = /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/;
/** A local part without quotes; dots in a row or at its end are taken as SMTP takes them. */
const DOTTED = /^(?!\.)[^\s"(),:;<>@[\\\]\p{Cc}]+$/u;
const QUOTED = /^"(?:[^"\\\p{Cc}]|\\[^\p{Cc}])*"$/u;

/** Can the text stand behind "Bearer" (visible ASCII, no blanks), so that requests can carry it? */
export function isToken(text: string): boolean {
  return /^[!-~]+$/.test(text);
}

/** Is the text an IPv4 address or an IPv6 address without brackets? */
export function isIp(text: string): boolean {
  return isIpv4(text) || isIpv6(text);
}

function isIpv4(text: string): boolean {
  return IPV4.test(text);
}

function isIpv6(text: string): boolean {
  return text.includes(":") && /^[0-9a-f:.]+$/i.test(text) && URL.canParse(`http://[${text}]/`);
}

/** A domain as lower-case A-labels without a trailing dot; undefined when it is none (RFC 1035, 5890). */
export function readDomain(text: string): string | undefined {
  let domain = text.trim().replace(/\.$/, "").toLowerCase();
  // deno-lint-ignore no-control-regex
  if (/[^\x00-\x7f]/.test(domain)) {
    if (/[\s/?#@:\\[\]%]/.test(domain)) return undefined;
    const url = URL.parse(`http://${domain}/`);
    if (!url) return undefined;
    domain = url.hostname;
  }
  if (domain === "" || domain.length > 253 || IPV4.test(domain)) return undefined;
  return domain.split(".").every((label) => LABEL.test(label)) ? domain : undefined;
}

/** An address `local@domain` with its domain normalized; undefined when it is none. */
export function readMailbox(text: string): string | undefined {
  const at = text.lastIndexOf("@");
  const local = text.slice(0, Math.max(0, at)).trim();
  if (!DOTTED.test(local) && !QUOTED.test(local)) return undefined;
  const domain = readDomain(text.slice(at + 1));
  const mailbox = `${local}@${domain}`;
  // a path has 256 octets with its brackets (RFC 5321 4.5.3.1.3)
  return domain === undefined || new TextEncoder().encode(mailbox).length > 254 ? undefined : mailbox;
}

/** Reads `host:port`, with an IPv6 address in brackets; undefined when it is none. */
export function readEndpoint(text: string): Endpoint | undefined {
  const match = /^(?:\[([^\]]+)\]|([^:[\]\s]+)):(\d{1,5})$/.exec(text.trim());
  if (!match) return undefined;
  const port = Number(match[3]);
  if (port > 65535) return undefined;
  if (match[1] !== undefined) return isIpv6(match[1]) ? { hostname: match[1], port } : undefined;
  const hostname = isIpv4(match[2]!) ? match[2] : readDomain(match[2]!);
  return hostname === undefined ? undefined : { hostname, port };
}

/** Reads the address of a name server, `ip` or `ip:port`; answers it with its port. */
export function readNameServer(given: string): string | undefined {
  const text = given.trim();
  const whole = isIpv4(text) ? `${text}:53` : isIpv6(text) ? `[${text}]:53` : text;
  const endpoint = readEndpoint(whole);
  return endpoint && endpoint.port > 0 && isIp(endpoint.hostname) ? whole : undefined;
}

/** Reads a CIDR block; a bare address is a block of one. Answers it with its prefix length. */
export function readNetwork(text: string): string | undefined {
  const match = /^([^/\s]+)(?:\/(\d{1,3}))?$/.exec(text.trim());
  if (!match || !isIp(match[1]!)) return undefined;
  const bits = isIpv4(match[1]!) ? 32 : 128;
  const length = match[2] === undefined ? bits : Number(match[2]);
  return length > bits ? undefined : `${match[1]!.toLowerCase()}/${length}`;
}

/** No date is further away than times can be told of; who says more means "for ever". */
const LONGEST_MS = 36_500 * 86_400_000;

/** Reads a duration, a hundred years at most, in milliseconds; undefined when it is none. */
export function readDuration(value: string | number): number | undefined {
  const ms = parseDuration(value);
  return ms === undefined ? undefined : Math.min(ms, LONGEST_MS);
}

/**
 * Reads the intervals between attempts, in milliseconds, of which the last repeats: one duration, a list of them,
 * or a text such as `"1m, 5m*2, 1h*3"`. Each is a second or more.
 */
export function readSchedule(value: string | number | readonly (string | number)[]): number[] | undefined {
  const steps = typeof value === "string" ? value.split(",") : typeof value === "number" ? [value] : value;
  const intervals: number[] = [];
  for (const step of steps) {
    const [, text, times] = typeof step === "string" ? /^\s*(.*?)\s*(?:\*\s*(\d{1,4}))?\s*$/.exec(step)! : [];
    const interval = readDuration(text ?? step);
    const count = times === undefined ? 1 : Number(times);
    if (interval === undefined || interval < 1000 || count < 1) return undefined;
    for (let i = 0; i < count; i++) intervals.push(interval);
    if (intervals.length > 10_000) return undefined;
  }
  return intervals.length > 0 ? intervals : undefined;
}

/** Reads a rate such as `"100/m"`, `"5/s"` or `"10/15m"`. */
export function readRate(text: string): { count: number; periodMs: number } | undefined {
  const match = /^\s*(\d{1,9})\s*\/\s*(\S+)\s*$/.exec(text);
  if (!match) return undefined;
  const periodMs = readDuration(/^\d/.test(match[2]!) ? match[2]! : `1${match[2]}`);
  const count = Number(match[1]);
  return periodMs && count > 0 ? { count, periodMs } : undefined;
}
