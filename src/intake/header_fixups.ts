/** In charge of what a message gets that its author left out (RFC 6409 section 8), and of what it must not have. */

import { formatDate } from "../mail/date.ts";
import type { Mailbox } from "../mail/envelope.ts";
import { BLIND_FIELDS, foldField, parseFields, withoutFields } from "../mail/header.ts";
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

const OF_DELIVERY: ReadonlySet<string> = new Set(["return-path"]);
const OF_DELIVERY_OR_BLIND = OF_DELIVERY.union(BLIND_FIELDS);

/**
 * The head without what must not be in it: Return-Path, which the server of final delivery writes (RFC 5321 4.4), and in
 * what is submitted, the names of those whom the others are not to know of (RFC 5322 3.6.3).
 */
export function allowedHead(
  head: Uint8Array,
  { names, submitted }: { names: ReadonlySet<string>; submitted: boolean },
): Uint8Array {
  const unwanted: ReadonlySet<string> = submitted ? OF_DELIVERY_OR_BLIND : OF_DELIVERY;
  return unwanted.isDisjointFrom(names) ? head : withoutFields(head, unwanted);
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
