/** The letter that carries a report to who asked for it (RFC 8460 5.3, RFC 9990 5): a few words, and the packed data. */

import { decode, encode } from "../base/bytes.ts";
import { encodeBase64Lines } from "../mail/transfer_encoding.ts";

/** Who reports. */
export interface Reporter {
  /** Our host's name. */
  readonly hostname: string;
  /** Where questions go; the letter is from there. */
  readonly contact: string;
}

/** A report, packed. */
export interface PackedReport {
  readonly id: string;
  /** Of whom it speaks. */
  readonly domain: string;
  /** `SUBMITTER!DOMAIN!BEGIN!END…` */
  readonly filename: string;
  /** Gzip. */
  readonly content: Uint8Array;
}

/** What differs between the kinds of reports. */
export interface LetterForm {
  /** `multipart/mixed`, with its parameters but the boundary. */
  readonly multipart: string;
  /** The type of the data. */
  readonly type: string;
  /** Further fields of the header, whole. */
  readonly fields: readonly string[];
  /** What it is, as the beginning of a sentence. */
  readonly what: string;
}

/** Writes it. */
export function reportLetter(
  { id, domain, filename, content }: PackedReport,
  { hostname, contact }: Reporter,
  { to, multipart, type, fields, what }: LetterForm & { readonly to: string },
): Uint8Array {
  const boundary = `=_${id.replace(/[^A-Za-z0-9]/g, "_").slice(0, 60)}`;
  const lines = [
    `From: <${contact}>`,
    `To: <${to}>`,
    `Subject: Report Domain: ${domain}`,
    ` Submitter: ${hostname}`,
    ` Report-ID: <${id}>`,
    ...fields,
    "Auto-Submitted: auto-generated",
    "MIME-Version: 1.0",
    `Content-Type: ${multipart};`,
    ` boundary="${boundary}"`,
    "",
    `--${boundary}`,
    "Content-Type: text/plain; charset=us-ascii",
    "",
    `${what} from ${hostname}`,
    `about ${domain}. Its data is attached.`,
    "",
    `--${boundary}`,
    `Content-Type: ${type};`,
    ` name="${filename}"`,
    "Content-Disposition: attachment;",
    ` filename="${filename}"`,
    "Content-Transfer-Encoding: base64",
    "",
    `${decode(encodeBase64Lines(content))}`,
    `--${boundary}--`,
    "",
  ];
  return encode(lines.join("\r\n"));
}
