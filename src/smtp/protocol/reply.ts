/** Replies: how a server's answer is kept and written (RFC 5321 4.2, RFC 2034). */

import { encode } from "../../base/bytes.ts";
import type { EnhancedStatus } from "../../mail/outcome.ts";

/** A server's answer. */
export interface Reply {
  /** The three digits. */
  readonly code: number;
  /** The enhanced status (RFC 3463), on every reply but the greeting, EHLO's and 354. */
  readonly status?: EnhancedStatus;
  /** The text, a line each, without CR and LF. */
  readonly lines: readonly string[];
  /** True: the connection closes after this reply. */
  readonly close?: true;
}

/** Makes a reply. */
export function reply(code: number, status: EnhancedStatus | undefined, ...lines: string[]): Reply {
  return status === undefined ? { code, lines } : { code, status, lines };
}

/** The same reply, after which the connection closes. */
export function closing(of: Reply): Reply {
  return { ...of, close: true };
}

/** The octets of a line without its CRLF (RFC 5321 4.5.3.1.5). */
const MAX_LINE = 510;
const CUT = "...";
const room = new Uint8Array(MAX_LINE - CUT.length);

/** A reply as it goes on the wire, CRLF included; control bytes in the text become `?`, and what is too long is cut. */
export function formatReply(of: Reply): string {
  const status = of.status === undefined ? "" : `${of.status} `;
  const last = of.lines.length - 1;
  if (last <= 0) return `${cut(`${of.code} ${status}${clean(of.lines[0] ?? "")}`)}\r\n`;
  let text = "";
  for (let i = 0; i <= last; i++) {
    text += `${cut(`${of.code}${i < last ? "-" : " "}${status}${clean(of.lines[i]!)}`)}\r\n`;
  }
  return text;
}

function cut(line: string): string {
  if (line.length * 3 <= MAX_LINE || encode(line).length <= MAX_LINE) return line;
  // no character is cut in the middle
  return line.slice(0, new TextEncoder().encodeInto(line, room).read) + CUT;
}

// deno-lint-ignore no-control-regex
const CONTROL = /[\x00-\x08\x0a-\x1f\x7f]/g;

function clean(text: string): string {
  return text.replace(CONTROL, "?");
}
