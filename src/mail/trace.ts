/** The trace fields: what this server notes about a message's path (RFC 5321 4.4, RFC 3848, RFC 6531). */

import { foldField, formatDate, printable } from "./header.ts";
import { literalOf, normalizeDomain, normalizeLiteral } from "./domain.ts";
import type { Mailbox } from "./envelope.ts";
import { needsUtf8 } from "./address.ts";

/** What a Received field says. */
export interface ReceivedFacts {
  /** What the client called itself; anything, it is cleaned. */
  readonly helo: string;
  /** The client's IP address. */
  readonly remote: string;
  /** Our name. */
  readonly by: string;
  /** From {@linkcode protocolName}, or `HTTP`. */
  readonly protocol: string;
  /** The message's id here. */
  readonly id: string;
  /** When it came: milliseconds since 1970. */
  readonly at: number;
  /** The recipient, only when there is one alone: others' names are nobody's business (RFC 5321 7.6). */
  readonly for?: Mailbox | undefined;
  /** Protocol and cipher of the connection. */
  readonly tls?: { readonly protocol: string; readonly cipher: string } | undefined;
}

/** A Received field with its CRLF, folded. */
export function receivedField(facts: ReceivedFacts): string {
  const tls = facts.tls ? ` (${comment(facts.tls.protocol)} ${comment(facts.tls.cipher)})` : "";
  const utf8 = facts.protocol.startsWith("UTF8");
  const to = facts.for && (utf8 || !needsUtf8(facts.for)) ? ` for <${printable(facts.for)}>` : "";
  const from = `Received: from ${clientName(facts)} (${literalOf(facts.remote)})`;
  const by = ` by ${facts.by} with ${facts.protocol}${tls}`;
  const last = ` id ${facts.id}${to};`;
  const date = formatDate(facts.at);
  const folded = last.length + date.length < 78 ? `${last} ${date}` : `${last}\r\n ${date}`;
  return `${from}\r\n${by}\r\n${folded}\r\n`;
}

/** The protocol's name in a Received field: `SMTP`, `ESMTPSA`, `UTF8LMTPS`… (RFC 3848, RFC 6531 4.3). */
export function protocolName(
  session: { lmtp: boolean; extended: boolean; tls: boolean; authenticated: boolean; utf8: boolean },
): string {
  const ending = `${session.tls ? "S" : ""}${session.authenticated ? "A" : ""}`;
  if (session.lmtp) return `${session.utf8 ? "UTF8" : ""}LMTP${ending}`;
  // the registry knows no name for HELO over TLS
  if (!session.extended) return "SMTP";
  return `${session.utf8 ? "UTF8" : "E"}SMTP${ending}`;
}

/** The Return-Path field with its CRLF, which the server of final delivery puts first. */
export function returnPathField(sender: Mailbox): string {
  return foldField("Return-Path", `<${sender}>`);
}

/** What the client said when it is a name or a literal, else its address: the field must keep its grammar. */
function clientName(facts: ReceivedFacts): string {
  const { helo, remote } = facts;
  const name = helo[0] === "[" ? normalizeLiteral(helo) : normalizeDomain(helo) ?? strangeName(helo);
  return name ?? literalOf(remote);
}

/** A name with what the wild is full of, such as underscores, is still worth telling. */
function strangeName(helo: string): string | undefined {
  return /^[\w-]+(?:\.[\w-]+)*$/.test(helo) && helo.length <= 255 ? helo : undefined;
}

function comment(text: string): string {
  return text.replace(/[^\w.-]/g, "?");
}
