/** In charge of what a submitted message gets that its author left out (RFC 6409 section 8). */

import { formatDate } from "../mail/date.ts";
import type { Mailbox } from "../mail/envelope.ts";
import { foldField, parseFields } from "../mail/header.ts";
import { parseMailbox } from "../mail/address.ts";

/** What {@linkcode missingFields} needs. */
export interface Submitted {
  /** The head as it came. */
  readonly head: Uint8Array;
  /** Who is logged in. */
  readonly account: Mailbox | undefined;
  readonly now: number;
  readonly id: string;
  readonly hostname: string;
}

/** The fields to add, each with CRLF: Date, Message-ID, and Sender when From names somebody else. */
export function missingFields(names: ReadonlySet<string>, of: Submitted): string {
  let fields = "";
  if (!names.has("date")) fields += `Date: ${formatDate(of.now)}\r\n`;
  if (!names.has("message-id")) fields += `Message-ID: <${of.id}@${of.hostname}>\r\n`;
  if (!names.has("from") && of.account !== undefined) fields += foldField("From", of.account);
  else if (!names.has("sender") && of.account !== undefined && !isFrom(of.head, of.account)) {
    fields += foldField("Sender", of.account);
  }
  return fields;
}

/** Does From name that address and nobody else? */
function isFrom(head: Uint8Array, account: Mailbox): boolean {
  const from = parseFields(head).filter((f) => f.name.toLowerCase() === "from").map((f) => f.value);
  if (from.length !== 1) return false;
  const value = from[0]!;
  const open = value.lastIndexOf("<");
  const address = open < 0 ? value.trim() : value.slice(open + 1, value.indexOf(">", open));
  return parseMailbox(address)?.toLowerCase() === account.toLowerCase();
}
