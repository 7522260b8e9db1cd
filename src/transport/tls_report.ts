/** The report of a day's TLS sessions (RFC 8460): whom it goes to, what it says, and the letter that carries it. */

import { gzipSync } from "node:zlib";
import { encode } from "../base/bytes.ts";
import { encodeBase64Lines } from "../mail/transfer_encoding.ts";
import type { DomainDay, PolicyCount } from "./tls_sessions.ts";

/** Who reports. */
export interface Reporter {
  /** Our host's name. */
  readonly hostname: string;
  /** Where questions go; the letter is from there. */
  readonly contact: string;
}

/** A report, packed. */
export interface TlsReport {
  readonly id: string;
  readonly domain: string;
  /** `SUBMITTER!DOMAIN!BEGIN!END!ID.json.gz` (RFC 8460 5.1). */
  readonly filename: string;
  /** Gzip of JSON. */
  readonly content: Uint8Array;
}

const DAY_S = 24 * 60 * 60;

/** Where the TXT records of `_smtp._tls.DOMAIN` want reports: `mailto:` and `https:` URIs; none without one right record. */
export function reportAddresses(texts: readonly string[]): string[] {
  const [record, ...others] = texts.filter((text) => /^v=TLSRPTv1[ \t]*;/.test(text));
  if (record === undefined || others.length > 0) return [];
  const rua = record.split(";").map((field) => /^[ \t]*rua[ \t]*=[ \t]*(.*?)[ \t]*$/.exec(field)?.[1])
    .find((value) => value !== undefined) ?? "";
  return rua.split(",").map((uri) => uri.trim()).filter((uri) => /^(?:mailto|https):/i.test(uri));
}

/** Makes the report of a day (RFC 8460 4.4). */
export function tlsReport({ day, domain, policies }: DomainDay, { hostname, contact }: Reporter): TlsReport {
  const begin = Date.parse(day) / 1000;
  const end = begin + DAY_S - 1;
  const id = `${day}.${domain}@${hostname}`;
  const report = {
    "organization-name": hostname,
    "date-range": { "start-datetime": iso(begin), "end-datetime": iso(end) },
    "contact-info": contact,
    "report-id": id,
    policies: policies.map(policyReport),
  };
  const content = new Uint8Array(gzipSync(encode(JSON.stringify(report))));
  return { id, domain, filename: `${hostname}!${domain}!${begin}!${end}!${day}.json.gz`, content };
}

function iso(seconds: number): string {
  return new Date(seconds * 1000).toISOString().replace(".000Z", "Z");
}

function policyReport({ policy, successes, failures, details }: PolicyCount) {
  return {
    policy: {
      "policy-type": policy.type,
      "policy-string": policy.text,
      "policy-domain": policy.domain,
      ...(policy.mx.length > 0 && { "mx-host": policy.mx }),
    },
    summary: { "total-successful-session-count": successes, "total-failure-session-count": failures },
    "failure-details": details.map(({ type, local, host, address, reason, count }) => ({
      "result-type": type,
      ...(local !== "" && { "sending-mta-ip": local }),
      ...(host !== "" && { "receiving-mx-hostname": host }),
      ...(address !== "" && { "receiving-ip": address }),
      "failed-session-count": count,
      ...(reason !== "" && { "failure-reason-code": reason }),
    })),
  };
}

/** The letter (RFC 8460 5.3): it goes on where TLS fails, since it is TLS that it speaks of. */
export function reportLetter(report: TlsReport, { hostname, contact }: Reporter, to: string): Uint8Array {
  const boundary = `=_${report.id.replace(/[^A-Za-z0-9]/g, "_").slice(0, 60)}`;
  const lines = [
    `From: <${contact}>`,
    `To: <${to}>`,
    `Subject: Report Domain: ${report.domain}`,
    ` Submitter: ${hostname}`,
    ` Report-ID: <${report.id}>`,
    `TLS-Report-Domain: ${report.domain}`,
    `TLS-Report-Submitter: ${hostname}`,
    "TLS-Required: No",
    "Auto-Submitted: auto-generated",
    "MIME-Version: 1.0",
    'Content-Type: multipart/report; report-type="tlsrpt";',
    ` boundary="${boundary}"`,
    "",
    `--${boundary}`,
    "Content-Type: text/plain; charset=us-ascii",
    "",
    `This is an aggregate report of TLS sessions (RFC 8460) from ${hostname}`,
    `to the mail hosts of ${report.domain}. Its data is attached.`,
    "",
    `--${boundary}`,
    "Content-Type: application/tlsrpt+gzip;",
    ` name="${report.filename}"`,
    "Content-Disposition: attachment;",
    ` filename="${report.filename}"`,
    "Content-Transfer-Encoding: base64",
    "",
  ];
  const end = `--${boundary}--\r\n`;
  const encoded = new TextDecoder().decode(encodeBase64Lines(report.content)).replace(/(?:\r\n)?$/, "\r\n");
  return encode(`${lines.join("\r\n")}\r\n${encoded}\r\n${end}`);
}
