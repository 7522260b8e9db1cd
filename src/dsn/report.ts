/** The reports to senders as whole messages (RFC 3461, 3464, 6522, 6533; RFC 5321 6.1). */

import { concat, encode } from "../base/bytes.ts";
import { needsUtf8 } from "../mail/address.ts";
import { isAscii, isMailText, startsLine } from "../mail/content.ts";
import { foldField, formatDate, parseFields, scanHeader } from "../mail/header.ts";
import { normalizeDomain, normalizeLiteral } from "../mail/domain.ts";
import { encodeQuoted } from "../mail/transfer_encoding.ts";
import { deliveryStatus } from "./delivery_status.ts";
import type { Action, ReportRequest } from "./request.ts";
import { reportText } from "./report_text.ts";

/** The subject of a report that tells of that. */
export const REPORT_SUBJECTS: Readonly<Record<Action, string>> = {
  failed: "Your message was not delivered",
  delayed: "Your message is delayed, but still on its way",
  delivered: "Your message was delivered",
  relayed: "Your message was passed on",
  expanded: "Your message was sent to a list",
};

interface Part {
  readonly type: string;
  /** The value of the Content-Transfer-Encoding field. */
  readonly encoding: "7bit" | "8bit" | "quoted-printable";
  readonly description: string;
  readonly body: Uint8Array;
}

/**
 * The report as a whole message with CRLF line ends, none longer than 998 octets. It is 7-bit unless a returned
 * message, or a UTF-8 report, needs more: see {@linkcode bodyTypeOf}. Send it with an empty reverse-path.
 */
export function buildReport(request: ReportRequest): Uint8Array<ArrayBuffer> {
  const host = hostName(request.reportingMta);
  const utf8 = request.utf8 === true || needsUtf8(request.to);
  const original = originalPart(request, utf8);
  const text = reportText({ ...request, reportingMta: host }, original.type.startsWith("message/"));
  const status = deliveryStatus({ ...request, reportingMta: host }, utf8);
  const parts: Part[] = [
    textPart(text, utf8),
    {
      type: isAscii(status) ? "message/delivery-status" : "message/global-delivery-status",
      encoding: isAscii(status) ? "7bit" : "8bit",
      description: "What became of it, for programs",
      body: encode(status),
    },
    original,
  ];
  const boundary = freeBoundary(request.id, original.body);
  const pieces: Uint8Array[] = [encode(reportHeader(request, host) + contentType(boundary) + "\r\n")];
  for (const part of parts) pieces.push(encode(partHeader(part, boundary)), part.body, encode("\r\n"));
  pieces.push(encode(`--${boundary}--\r\n`));
  return concat(pieces);
}

/** What BODY must say when the report is sent (RFC 6152). */
export function bodyTypeOf(report: Uint8Array): "7BIT" | "8BITMIME" {
  return isAscii(report) ? "7BIT" : "8BITMIME";
}

function reportHeader(request: ReportRequest, host: string): string {
  const messageId = originalMessageId(request.original.head);
  return foldField("From", `Mail Delivery System <MAILER-DAEMON@${host}>`) +
    foldField("To", `<${request.to}>`) +
    foldField("Subject", REPORT_SUBJECTS[request.kind]) +
    foldField("Date", formatDate(request.now)) +
    foldField("Message-ID", `<${plainId(request.id)}@${host}>`) +
    (messageId ? foldField("In-Reply-To", messageId) + foldField("References", messageId) : "") +
    foldField("Auto-Submitted", "auto-replied") +
    foldField("MIME-Version", "1.0");
}

function contentType(boundary: string): string {
  return `Content-Type: multipart/report; report-type=delivery-status;\r\n boundary="${boundary}"\r\n`;
}

function partHeader(part: Part, boundary: string): string {
  return `--${boundary}\r\nContent-Type: ${part.type}\r\nContent-Description: ${part.description}\r\n` +
    `Content-Transfer-Encoding: ${part.encoding}\r\n\r\n`;
}

function textPart(text: string, utf8: boolean): Part {
  const description = "What happened, for people";
  if (isAscii(text)) {
    return { type: "text/plain; charset=us-ascii", encoding: "7bit", description, body: encode(text) };
  }
  const bytes = encode(text);
  const type = "text/plain; charset=utf-8";
  if (utf8) return { type, encoding: "8bit", description, body: bytes };
  return { type, encoding: "quoted-printable", description, body: encodeQuoted(bytes) };
}

function originalPart(request: ReportRequest, utf8: boolean): Part {
  const { full } = request.original;
  const head = headerOnly(request.original.head);
  const plain = isAscii(head);
  const failed = request.recipients.some((recipient) => recipient.action === "failed");
  if (full && failed && isMailText(full)) {
    return {
      type: utf8 && !plain ? "message/global" : "message/rfc822",
      encoding: isAscii(full) ? "7bit" : "8bit",
      description: "Your message",
      body: full,
    };
  }
  const description = "The header of your message";
  if (utf8 && !plain && isMailText(head)) {
    return { type: "message/global-headers", encoding: "8bit", description, body: head };
  }
  const type = "text/rfc822-headers";
  if (plain && isMailText(head)) return { type, encoding: "7bit", description, body: head };
  // RFC 6522 section 3: a broken head may be encoded to make it legal
  return { type, encoding: "quoted-printable", description, body: encodeQuoted(head) };
}

function headerOnly(head: Uint8Array): Uint8Array {
  const { end } = scanHeader(head);
  if (end < 0) return head;
  const blankLine = head[end - 2] === 13 ? 2 : 1;
  return head.subarray(0, end - blankLine);
}

function originalMessageId(head: Uint8Array): string | undefined {
  const field = parseFields(head).find(({ name }) => name.toLowerCase() === "message-id");
  return field && field.value.length < 500 && /^<[!-;=?-~]+>$/.test(field.value) ? field.value : undefined;
}

/** A boundary that no line of the returned message begins with; the parts before it can't hold one. */
function freeBoundary(id: string, original: Uint8Array): string {
  const stem = `=_report_${plainId(id)}`;
  let boundary = stem;
  for (let n = 1; startsLine(original, encode(`--${boundary}`)); n++) boundary = `${stem}_${n}`;
  return boundary;
}

function plainId(id: string): string {
  return id.slice(0, 40).replace(/[^\w-]/g, "-");
}

/** Our name in a form that fits every field; it comes from the configuration or the system. */
function hostName(name: string): string {
  return normalizeDomain(name) ?? normalizeLiteral(name) ??
    (name.slice(0, 253).replace(/[^\w.-]/g, "-") || "localhost");
}
