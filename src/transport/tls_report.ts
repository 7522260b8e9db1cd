/** The report of a day's TLS sessions (RFC 8460): whom it goes to, what it says, and what its letter is like. */

import process from "node:process";
import { encode } from "../base/bytes.ts";
import type { LetterForm, PackedReport, Reporter } from "./report_letter.ts";
import type { DomainDay, PolicyCount } from "./tls_sessions.ts";

const DAY_S = 24 * 60 * 60;

/** Where the TXT records of `_smtp._tls.DOMAIN` want reports: `mailto:` and `https:` URIs; none without one right record. */
export function reportAddresses(texts: readonly string[]): string[] {
  const [record, ...others] = texts.filter((text) => /^v=TLSRPTv1[ \t]*;/.test(text));
  if (record === undefined || others.length > 0) return [];
  const rua = record.split(";").map((field) => /^[ \t]*rua[ \t]*=(.*)$/s.exec(field)?.[1])
    .find((value) => value !== undefined) ?? "";
  return rua.split(",").map((uri) => uri.trim()).filter((uri) => /^(?:mailto|https):/i.test(uri));
}

/** Makes the report of a day (RFC 8460 4.4). */
export function tlsReport(
  { day, domain, policies }: DomainDay,
  { hostname, contact }: Reporter,
): PackedReport {
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
  const { gzipSync } = process.getBuiltinModule("node:zlib");
  const content = new Uint8Array(gzipSync(encode(JSON.stringify(report))));
  return { id, domain, filename: `${hostname}!${domain}!${begin}!${end}.json.gz`, content };
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

/** What its letter is like (RFC 8460 5.3): it goes on where TLS fails, since it is TLS that it speaks of. */
export function tlsLetterForm(domain: string, { hostname }: Reporter): LetterForm {
  return {
    multipart: 'multipart/report; report-type="tlsrpt"',
    type: "application/tlsrpt+gzip",
    fields: [`TLS-Report-Domain: ${domain}`, `TLS-Report-Submitter: ${hostname}`, "TLS-Required: No"],
    what: "This is an aggregate report of TLS sessions (RFC 8460)",
  };
}
