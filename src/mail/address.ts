/** Addresses: the one parser of paths and mailboxes (RFC 5321 4.1.2, RFC 6531 3.3) and their identity. */

import { encode } from "../base/bytes.ts";
import { normalizeDomain, normalizeLiteral } from "./domain.ts";
import type { Mailbox } from "./envelope.ts";

/** What {@linkcode parsePath} made of a text. */
export type ParsedPath =
  | {
    readonly ok: true;
    /** The canonical address; empty for `<>`, `postmaster` for `<postmaster>`. */
    readonly mailbox: Mailbox;
    /** What follows the path, without leading blanks: the ESMTP parameters. */
    readonly rest: string;
    /** The path was written with characters beyond ASCII, which needs SMTPUTF8 (RFC 6531 3.4). */
    readonly utf8: boolean;
  }
  | {
    readonly ok: false;
    /** What is wrong, for the reply's text: ASCII, without any of the received text. */
    readonly reason: string;
  };

/**
 * RFC 5321 4.5.3.1.3, in octets, with the angle brackets. Local parts have no limit of their own (RFC 5321 4.5.3.1
 * wants none where possible): SRS, VERP and reply tokens are longer than 64 octets.
 */
const MAX_PATH = 256;

/** UTF8-non-ascii without C1 controls, line separators, broken surrogates, U+FFFD and non-characters. */
const NON_ASCII = "\\u{A0}-\\u{2027}\\u{202A}-\\u{D7FF}\\u{E000}-\\u{FFFC}\\u{10000}-\\u{10FFFF}";
const ATEXT = `[A-Za-z0-9!#$%&'*+\\-\\/=?^_\`{|}~${NON_ASCII}]`;
const DOT_STRING = new RegExp(`${ATEXT}+(?:\\.${ATEXT}+)*`, "uy");
/** What is taken: a Dot-string with dots in a row or at its end too, as old Japanese phones have them. */
const DOTTED = new RegExp(`${ATEXT}(?:${ATEXT}|\\.)*`, "uy");
const QUOTED_STRING = new RegExp(`"(?:[ !#-\\[\\]-~${NON_ASCII}]|\\\\[ -~])*"`, "uy");
/** Everything a domain or a literal may hold and what ends it may not: the grammar is checked after the cut. */
const DOMAIN_TEXT = /\[[^\]]*\]|[^\s<>,:;@"()[\]\\]+/y;
const AT_DOMAIN = /@([^\s<>,:;@"()[\]\\]+)/y;
const DOT = 46;
const HYPHEN = 45;
const LESS = 60;
const GREATER = 62;
const AT = 64;
/** The longest name of the DNS and the longest of its labels, without the last dot (RFC 1035 2.3.4). */
const MAX_NAME = 253;
const MAX_LABEL = 63;
// deno-lint-ignore no-control-regex
const BEYOND_ASCII = /[^\x00-\x7f]/;

/**
 * Parses what follows `FROM:` (`reverse`) or `TO:` (`forward`). Blanks after the colon are forgiven; source routes
 * are checked and dropped (RFC 5321 appendix C); `<>` is a reverse-path only, `<postmaster>` a forward-path only.
 * `bare`: the angle brackets may be left out.
 */
export function parsePath(
  text: string,
  kind: "reverse" | "forward",
  options?: { bare: boolean },
): ParsedPath {
  return usualPath(text) ?? parseAnyPath(text, kind, options?.bare ?? false);
}

/**
 * Parses a bare address (`Mailbox` of RFC 5321 4.1.2, nothing before or behind it) and answers its canonical form;
 * undefined when it is none.
 */
export function parseMailbox(text: string): Mailbox | undefined {
  const parsed = mailboxAt(text, 0);
  return typeof parsed === "string" || parsed.end !== text.length ? undefined : parsed.mailbox;
}

/** The canonical form of a local part that stands alone, such as `root`; undefined when it is none. */
export function parseLocal(text: string): string | undefined {
  // the grammar is the same, with any domain behind it
  const mailbox = parseMailbox(`${text}@example`);
  return mailbox === undefined ? undefined : splitMailbox(mailbox).local;
}

/** The two halves of a canonical address; the domain of `postmaster` and of the null path is empty. */
export function splitMailbox(mailbox: Mailbox): { local: string; domain: string } {
  // the content of a general literal may hold an @, but no bracket
  const at = mailbox.endsWith("]") ? mailbox.lastIndexOf("@[") : mailbox.lastIndexOf("@");
  if (at < 0) return { local: mailbox, domain: "" };
  return { local: mailbox.slice(0, at), domain: mailbox.slice(at + 1) };
}

/**
 * The identity of a local mailbox: addresses that reach the same one have the same key. Needless quotes go, the
 * local part is taken in lower case and in Unicode's composed form (NFC).
 */
export function localKey(mailbox: Mailbox): Mailbox {
  const { local, domain } = splitMailbox(mailbox);
  const key = BEYOND_ASCII.test(local) || local[0] === '"' ? foldLocal(local) : local.toLowerCase();
  return mailbox.length === local.length ? key : `${key}@${domain.toLowerCase()}`;
}

/** The local part without its quotes and backslashes: what was meant, not how it was written. */
export function localText(local: string): string {
  return local[0] === '"' ? local.slice(1, -1).replace(/\\(.)/gu, "$1") : local;
}

/** The canonical local part that means this text: quoted only when it must be (RFC 5321 4.1.2). */
export function quoteLocal(text: string): string {
  if (match(DOT_STRING, text, 0) === text) return text;
  return `"${text.replace(/["\\]/g, "\\$&")}"`;
}

/** Can an address be sent only to a server with SMTPUTF8 (RFC 6531), since its local part isn't ASCII? */
export function needsUtf8(mailbox: Mailbox): boolean {
  return BEYOND_ASCII.test(mailbox);
}

function foldLocal(local: string): string {
  // NFC on both sides: lower case may decompose, and composing may bring ASCII to light that must be quoted
  const text = localText(local).normalize("NFC").toLowerCase().normalize("NFC");
  return match(DOTTED, text, 0) === text ? text : quoteLocal(text);
}

// what an octet may be in a path that is written as its canonical form is
const LOCAL = 1;
const NAME = 2;
const CLASSES = Uint8Array.from({ length: 128 }, (_, code) => {
  const character = String.fromCharCode(code);
  return (/[\w!#$%&'*+\-/=?^`{|}~]/.test(character) ? LOCAL : 0) | (/[a-z0-9_]/.test(character) ? NAME : 0);
});

/** The path of nearly every command, `<local@domain>` in canonical form: one look at each character; else undefined. */
function usualPath(text: string): ParsedPath | undefined {
  let at = 0;
  while (isBlank(text.charCodeAt(at))) at++;
  if (text.charCodeAt(at) !== LESS) return undefined;
  const start = ++at;
  while (isLocal(text.charCodeAt(at)) || (at > start && text.charCodeAt(at) === DOT)) at++;
  if (at === start || text.charCodeAt(at) !== AT) return undefined;
  const end = usualDomainEnd(text, at + 1);
  if (end < 0 || text.charCodeAt(end) !== GREATER || end - start > MAX_PATH - 2) return undefined;
  const mailbox = text.slice(start, end);
  if (end + 1 === text.length) return { ok: true, mailbox, rest: "", utf8: false };
  let rest = end + 1;
  while (isBlank(text.charCodeAt(rest))) rest++;
  return rest === end + 1 ? undefined : { ok: true, mailbox, rest: text.slice(rest), utf8: false };
}

/** Where a domain in canonical form ends; -1 when there is none. */
function usualDomainEnd(text: string, start: number): number {
  let at = start;
  for (;;) {
    const label = at;
    let code = text.charCodeAt(at);
    while (isName(code) || (code === HYPHEN && at > label)) code = text.charCodeAt(++at);
    const length = at - label;
    if (length === 0 || length > MAX_LABEL || text.charCodeAt(at - 1) === HYPHEN) return -1;
    if (code !== DOT) return at - start > MAX_NAME ? -1 : at;
    at++;
  }
}

function isLocal(code: number): boolean {
  return code < 128 && (CLASSES[code]! & LOCAL) !== 0;
}

function isName(code: number): boolean {
  return code < 128 && (CLASSES[code]! & NAME) !== 0;
}

function isBlank(code: number): boolean {
  return code === 32 || code === 9;
}

function parseAnyPath(text: string, kind: "reverse" | "forward", bare: boolean): ParsedPath {
  let at = 0;
  while (text[at] === " " || text[at] === "\t") at++;
  const start = at;
  if (text[at] !== "<") {
    return bare
      ? barePath(text, start, kind)
      : refused("The address must stand in angle brackets: <local@domain>");
  }
  at++;
  if (text[at] === ">") {
    if (kind === "forward") return refused("The null path <> is no recipient");
    return accepted(text, { start, end: at + 1, mailbox: "" });
  }
  if (text[at] === "@") {
    const route = routeEnd(text, at);
    if (route < 0) return refused("The source route is malformed: <@host,@host:local@domain>");
    at = route;
  } else if (kind === "forward" && /^postmaster>/i.test(text.slice(at, at + 11))) {
    return accepted(text, { start, end: at + 11, mailbox: "postmaster" });
  }
  const parsed = mailboxAt(text, at);
  if (typeof parsed === "string") return refused(parsed);
  if (text[parsed.end] !== ">") return refused("The address is malformed: <local@domain> is right");
  return accepted(text, { start, end: parsed.end + 1, mailbox: parsed.mailbox });
}

/** An address without angle brackets, as RAID controllers and PLCs write it. */
function barePath(text: string, start: number, kind: "reverse" | "forward"): ParsedPath {
  if (kind === "forward" && /^postmaster(?:[ \t]|$)/i.test(text.slice(start, start + 11))) {
    return accepted(text, { start, end: start + 10, mailbox: "postmaster" });
  }
  const parsed = mailboxAt(text, start);
  return typeof parsed === "string" ? refused(parsed) : accepted(text, { start, ...parsed });
}

function accepted(text: string, found: { start: number; end: number; mailbox: Mailbox }): ParsedPath {
  const next = text[found.end];
  if (next !== undefined && next !== " " && next !== "\t") {
    return refused("A blank is missing behind the path");
  }
  const path = text.slice(found.start, found.end);
  if (longer(path, MAX_PATH)) return refused("The path is longer than 256 octets");
  const rest = text.slice(found.end).replace(/^[ \t]+/, "");
  return { ok: true, mailbox: found.mailbox, rest, utf8: BEYOND_ASCII.test(path) };
}

function refused(reason: string): ParsedPath {
  return { ok: false, reason };
}

/** Where the address behind the route `@a,@b:` begins; -1 when the route is malformed. */
function routeEnd(text: string, start: number): number {
  for (let at = start;;) {
    const host = match(AT_DOMAIN, text, at);
    if (host === undefined || normalizeDomain(host.slice(1)) === undefined) return -1;
    at += host.length;
    if (text[at] === ":") return at + 1;
    if (text[at] !== ",") return -1;
    at++;
  }
}

/** The canonical address at an offset and where it ends, or what is wrong. */
function mailboxAt(text: string, start: number): { mailbox: Mailbox; end: number } | string {
  const written = match(text[start] === '"' ? QUOTED_STRING : DOTTED, text, start);
  if (written === undefined) return "The local part is malformed";
  const at = start + written.length;
  if (text[at] !== "@") {
    return at === text.length || text[at] === ">" ? "The domain is missing" : "The local part is malformed";
  }
  const local = written[0] === '"' ? quoteLocal(localText(written)) : written;
  const behind = match(DOMAIN_TEXT, text, at + 1);
  if (behind === undefined) return "The domain is missing";
  const domain = behind[0] === "[" ? normalizeLiteral(behind) : normalizeDomain(behind);
  if (domain === undefined) {
    return behind[0] === "[" ? "The address literal is malformed" : "The domain is malformed";
  }
  const mailbox = `${local}@${domain}`;
  if (longer(mailbox, MAX_PATH - 2)) return "The path is longer than 256 octets";
  return { mailbox, end: at + 1 + behind.length };
}

function match(pattern: RegExp, text: string, at: number): string | undefined {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0];
}

function longer(text: string, octets: number): boolean {
  if (text.length > octets) return true;
  return text.length * 3 > octets && BEYOND_ASCII.test(text) && encode(text).length > octets;
}
