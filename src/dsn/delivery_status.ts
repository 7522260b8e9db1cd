/** The part of a report that programs read: message/delivery-status (RFC 3464, RFC 6533). */

import { needsUtf8 } from "../mail/address.ts";
import { foldField, formatDate, printable } from "../mail/header.ts";
import type { Mailbox } from "../mail/envelope.ts";
import { decodeXtext, encodeUtf8Address } from "../mail/xtext.ts";
import { ORDER, type ReportRecipient, type ReportRequest } from "./request.ts";
import { localDiagnostic, readOrcpt, replyText } from "./words.ts";

/**
 * The part's body: one group of fields for the message, one for each recipient. ASCII only unless `utf8`. Failures come
 * first: readers of bounces are in use that go by the first recipient.
 */
export function deliveryStatus(request: ReportRequest, utf8: boolean): string {
  const message = (request.envid === undefined ? "" : envelopeId(request.envid)) +
    foldField("Reporting-MTA", `dns; ${request.reportingMta}`) +
    foldField("Arrival-Date", formatDate(request.arrival));
  const recipients = ORDER.flatMap((action) => request.recipients.filter((one) => one.action === action));
  return [message, ...recipients.map((recipient) => recipientFields(recipient, utf8))].join("\r\n");
}

function envelopeId(envid: string): string {
  const decoded = decodeXtext(envid);
  const safe = decoded !== undefined && /^[ -~]*$/.test(decoded) ? decoded : ascii(envid);
  return foldField("Original-Envelope-Id", safe);
}

function recipientFields(recipient: ReportRecipient, utf8: boolean): string {
  const { orcpt, action, willRetryUntil } = recipient;
  let fields = orcpt === undefined ? "" : originalRecipient(orcpt, utf8);
  fields += foldField("Final-Recipient", typed(recipient.address, utf8));
  fields += foldField("Action", action);
  fields += foldField("Status", recipient.status);
  if (recipient.remoteMta) fields += foldField("Remote-MTA", `dns; ${ascii(recipient.remoteMta)}`);
  if (recipient.text || recipient.code) {
    fields += foldField("Diagnostic-Code", diagnosticCode(recipient, utf8));
  }
  fields += foldField("Last-Attempt-Date", formatDate(recipient.lastAttempt));
  if (action === "delayed" && willRetryUntil !== undefined) {
    fields += foldField("Will-Retry-Until", formatDate(willRetryUntil));
  }
  return fields;
}

function originalRecipient(orcpt: string, utf8: boolean): string {
  const read = readOrcpt(orcpt);
  if (!read) return "";
  const { type, address } = read;
  if (type === "utf-8") return foldField("Original-Recipient", typed(address, utf8, "utf-8"));
  const plain = /^[ -~]*$/.test(address) ? address : ascii(orcpt.slice(orcpt.indexOf(";") + 1));
  return foldField("Original-Recipient", `${type}; ${plain}`);
}

function typed(address: Mailbox, utf8: boolean, type = needsUtf8(address) ? "utf-8" : "rfc822"): string {
  if (type === "utf-8" && !utf8) return `utf-8; ${encodeUtf8Address(address)}`;
  return `${type}; ${address}`;
}

function diagnosticCode(recipient: ReportRecipient, utf8: boolean): string {
  // what a peer said stays as it was, without a word of our own (RFC 3464 2.3.6)
  const words = recipient.code === undefined ? localDiagnostic(recipient) : recipient.text;
  const text = utf8 ? words : ascii(words);
  return recipient.code === undefined ? `X-Dinopost; ${text}` : `smtp; ${replyText(recipient.code, text)}`;
}

function ascii(text: string): string {
  return printable(text).replace(/[^ -~]/gu, "?");
}
