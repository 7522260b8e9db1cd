/** What a message gets that its author left out (RFC 6409 section 8), and what is taken out of it. */

import { withoutResultsOf } from "../authentication/authentication_results.ts";
import { binaryString, octetsOf } from "../base/bytes.ts";
import { parseMailbox } from "../mail/address.ts";
import { completeAddresses } from "../mail/address_list.ts";
import { BLIND_FIELDS, foldField, formatDate, parseFields, withoutFields } from "../mail/header.ts";
import type { Mailbox } from "../mail/envelope.ts";

/**
 * Who a message is from: `user`: somebody who logged in or holds a token; `network`: a program in a trusted network;
 * `stranger`: anybody else, whose message stays as it is but for what mailbox files and other servers left in it;
 * `captured`: anybody, whose message is kept to be looked at: not an octet of it changes.
 */
export type Trust = "user" | "network" | "stranger" | "captured";

/** What {@linkcode fixHeader} needs to know. */
export interface FixupOptions {
  readonly trust: Trust;
  /** Authentication results that claim to be ours are forged. */
  readonly checked?: boolean | undefined;
  /** The names of the fields that are there, in lower case. */
  readonly names: ReadonlySet<string>;
  /** Those of them that say nothing. */
  readonly empty: ReadonlySet<string>;
  /** One of them has blanks behind it. */
  readonly obsolete: boolean;
  /** Who is logged in, and so is Sender where From names somebody else. */
  readonly account: Mailbox | undefined;
  /** Who is From where that is missing. */
  readonly author: Mailbox | undefined;
  /** What completes a name without a domain. */
  readonly domain: string;
  readonly now: number;
  readonly id: string;
  readonly hostname: string;
}

/** A header section that may go on. */
export interface FixedHeader {
  /** The fields to put before it, each with CRLF. */
  readonly added: string;
  readonly header: Uint8Array;
}

/** What the server of final delivery writes (RFC 5321 4.4). */
const OF_DELIVERY: ReadonlySet<string> = new Set(["return-path"]);
/** What is nobody else's business: hidden recipients (RFC 5322 3.6.3) and what mailbox files note. */
const PRIVATE = OF_DELIVERY.union(BLIND_FIELDS).union(new Set(["content-length", "status", "x-uidl"]));

const ADDRESS_FIELDS: ReadonlySet<string> = new Set(
  ["from", "sender", "reply-to", "to", "cc"].flatMap((name) => [name, `resent-${name}`]),
);

/**
 * Mends a header section: takes out the line of a mailbox file and what must not go on, completes the addresses of our
 * users, and says which fields are missing.
 */
export function fixHeader(header: Uint8Array, options: FixupOptions): FixedHeader {
  const { trust, domain, checked = false, hostname } = options;
  if (trust === "captured") return { added: "", header };
  const lacking = trust === "stranger" ? NONE : emptyFields(options);
  const names = lacking.size === 0 ? options.names : options.names.difference(lacking);
  const unwanted = trust === "stranger" ? OF_DELIVERY : lacking.size === 0 ? PRIVATE : PRIVATE.union(lacking);
  let fixed = withoutMailboxLine(header);
  if (!unwanted.isDisjointFrom(options.names)) fixed = withoutFields(fixed, unwanted);
  if (checked && options.names.has("authentication-results")) fixed = withoutResultsOf(fixed, hostname);
  if (trust === "user" && !options.names.has("dkim-signature")) fixed = plain(fixed, options);
  if (trust === "user") fixed = withDomains(fixed, domain);
  return { added: trust === "stranger" ? "" : missingFields(fixed, names, options), header: fixed };
}

const NONE: ReadonlySet<string> = new Set();
/** Fields that are as good as missing when they are empty: large providers refuse `Message-ID: <>`. */
const NEVER_EMPTY: ReadonlySet<string> = new Set(["date", "message-id"]);

/** Those that are to be written anew; a signature may cover them as they are. */
function emptyFields({ names, empty }: FixupOptions): ReadonlySet<string> {
  if (empty.size === 0 || names.has("dkim-signature")) return NONE;
  return NEVER_EMPTY.intersection(empty);
}

/** Date, Message-ID, MIME-Version where MIME is used, and From, or Sender when From names somebody else. */
function missingFields(header: Uint8Array, names: ReadonlySet<string>, of: FixupOptions): string {
  const { trust, account, author } = of;
  // what was signed elsewhere may be signed as having no such field
  if (trust === "network" && names.has("dkim-signature")) return "";
  let fields = "";
  if (!names.has("date")) fields += `Date: ${formatDate(of.now)}\r\n`;
  if (!names.has("message-id")) fields += `Message-ID: <${of.id}@${of.hostname}>\r\n`;
  const isMime = names.has("content-type") || names.has("content-transfer-encoding");
  if (isMime && !names.has("mime-version")) fields += "MIME-Version: 1.0\r\n";
  const hasFrom = names.has("from");
  if (!hasFrom && author !== undefined) fields += foldField("From", author);
  if (hasFrom && account !== undefined && !names.has("sender") && !isFrom(header, account)) {
    fields += foldField("Sender", account);
  }
  return fields;
}

/** Does From name that address and nobody else? */
function isFrom(header: Uint8Array, account: Mailbox): boolean {
  const from = parseFields(header).filter((f) => f.name.toLowerCase() === "from").map((f) => f.value);
  if (from.length !== 1) return false;
  const value = from[0]!;
  const open = value.lastIndexOf("<");
  const address = open < 0 ? value.trim() : value.slice(open + 1, value.indexOf(">", open));
  return parseMailbox(address)?.toLowerCase() === account.toLowerCase();
}

const MAILBOX_LINE = /^>?From +[^: \r\n][^\r\n]*\r\n/;
const FIELD_START = /^[!-9;-~]+[ \t]*:/;
/** A day's time and a year: the date of a mailbox line. */
const DATED = /\d:\d\d.*\b\d{4}\b|\b\d{4}\b.*\d:\d\d/;

/**
 * Without the lines that mailbox files put before a message (`From jo@example.org Mon Jan …`), which are no fields.
 * Other sentences that begin so stay.
 */
function withoutMailboxLine(header: Uint8Array): Uint8Array {
  if (!beginsWithFrom(header)) return header;
  const text = binaryString(header);
  let start = 0;
  for (;;) {
    const line = MAILBOX_LINE.exec(text.slice(start))?.[0];
    if (line === undefined) break;
    const next = start + line.length;
    const rest = text.slice(next, next + 1000);
    if (!FIELD_START.test(rest) && !MAILBOX_LINE.test(rest) && !DATED.test(line)) break;
    start = next;
  }
  return header.subarray(start);
}

/** `From` and a blank, or `>From`: looked at in place, since most messages begin with a field `From:`. */
function beginsWithFrom(header: Uint8Array): boolean {
  const at = header[0] === 62 ? 1 : 0;
  return header[at] === 70 && header[at + 4] === 32 && binaryString(header.subarray(at, at + 4)) === "From";
}

const VT = 11;
const FF = 12;

/**
 * Without what verifiers of signatures read differently, legal as it is: blanks behind a field's name, and VT and FF in its
 * value, which become blanks.
 */
function plain(header: Uint8Array, { obsolete }: FixupOptions): Uint8Array {
  if (!obsolete && !header.includes(VT) && !header.includes(FF)) return header;
  const text = binaryString(header).replace(/^([!-9;-~]+)[ \t]+:/gm, "$1:").replace(/[\v\f]/g, " ");
  return octetsOf(text);
}

/** With a domain behind each name that has none (RFC 6409 8.1). */
function withDomains(header: Uint8Array, domain: string): Uint8Array {
  const text = binaryString(header);
  const fixed = text.replace(/^([!-9;-~]+)([ \t]*:)(.*(?:\r\n[ \t].*)*)/gm, (field, name, colon, value) => {
    if (!ADDRESS_FIELDS.has(name.toLowerCase())) return field;
    return name + colon + completeAddresses(value, domain);
  });
  return fixed === text ? header : octetsOf(fixed);
}
