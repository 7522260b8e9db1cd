/** Words that both readable parts of a report use: addresses as the sender wrote them, replies, local diagnostics. */

import { printable } from "../mail/header.ts";
import { decodeUtf8Address, decodeXtext } from "../mail/xtext.ts";
import type { ReportRecipient } from "./request.ts";

/** An ORCPT that a report can repeat: its type and its address decoded; undefined when it is none. */
export function readOrcpt(orcpt: string): { type: string; address: string } | undefined {
  const parts = /^([A-Za-z0-9-]+);(.*)$/s.exec(orcpt);
  if (!parts) return undefined;
  const type = parts[1]!.toLowerCase();
  const written = parts[2]!;
  const decoded = type === "utf-8" ? decodeUtf8Address(written) : decodeXtext(written);
  // what would break the field, or says nothing, is repeated as it was written
  const address = decoded === undefined || printable(decoded) !== decoded ? printable(written) : decoded;
  return { type, address };
}

/** A reason in our own words. */
export function localDiagnostic({ note, text }: ReportRecipient): string {
  return note === undefined ? text : `${note}: ${text}`;
}

/** A reply with its code, once: `550 5.1.1 No such user`. */
export function replyText(code: number, text: string): string {
  return /^\d{3}(?:[ -]|$)/.test(text) && text.startsWith(String(code)) ? text : `${code} ${text}`;
}
