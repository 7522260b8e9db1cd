/** The report of a day's mail in a domain's name (RFC 9990), as XML, packed. */

import process from "node:process";
import { encode } from "../base/bytes.ts";
import type { PackedReport, Reporter } from "../transport/report_letter.ts";
import type { DmarcRow, PublishedPolicy } from "./dmarc_counts.ts";

const DAY_S = 24 * 60 * 60;

type Content = string | readonly Content[];

/** Makes it of the rows of one day and domain, one at least. */
export function dmarcReport(
  rows: readonly DmarcRow[],
  { hostname, contact, version }: Reporter & { readonly version: string },
): PackedReport {
  const { day, policy } = rows[0]!;
  const begin = Date.parse(day) / 1000;
  const end = begin + DAY_S - 1;
  const { domain } = policy;
  const id = `${day}.${domain}@${hostname}`;
  const body = [
    tag("version", "1.0"),
    tag("report_metadata", [
      tag("org_name", hostname),
      tag("email", contact),
      tag("report_id", id),
      tag("date_range", [tag("begin", `${begin}`), tag("end", `${end}`)]),
      tag("generator", `dinopost ${version}`),
    ]),
    tag("policy_published", policyTags(policy)),
    ...rows.map(recordTag),
  ];
  const xml = `<?xml version="1.0" encoding="UTF-8"?>\n<feedback xmlns="urn:ietf:params:xml:ns:dmarc-2.0">\n${
    body.join("")
  }</feedback>\n`;
  const filename = `${hostname}!${domain}!${begin}!${end}.xml.gz`;
  const { gzipSync } = process.getBuiltinModule("node:zlib");
  return { id, domain, filename, content: new Uint8Array(gzipSync(encode(xml))) };
}

function policyTags({ domain, p, sp, np, adkim, aspf, fo, testing }: PublishedPolicy): string[] {
  return [
    tag("domain", domain),
    tag("discovery_method", "treewalk"),
    tag("p", p ?? "none"),
    ...(sp ? [tag("sp", sp)] : []),
    ...(np ? [tag("np", np)] : []),
    tag("adkim", adkim),
    tag("aspf", aspf),
    tag("fo", fo),
    tag("testing", testing ? "y" : "n"),
  ];
}

function recordTag({ source, count }: DmarcRow): string {
  const { ip, headerFrom, envelopeFrom, disposition, isOverridden, isTest, aligned, dkim, spf } = source;
  const evaluated = [
    tag("disposition", disposition),
    tag("dkim", aligned.dkim ? "pass" : "fail"),
    tag("spf", aligned.spf ? "pass" : "fail"),
    ...(isOverridden
      ? [
        tag("reason", [
          tag("type", isTest ? "policy_test_mode" : "local_policy"),
          ...(isTest ? [] : [tag("comment", "Results are marked here, mail is taken")]),
        ]),
      ]
      : []),
  ];
  return tag("record", [
    tag("row", [tag("source_ip", ip), tag("count", `${count}`), tag("policy_evaluated", evaluated)]),
    tag("identifiers", [
      tag("header_from", headerFrom),
      ...(envelopeFrom === "" ? [] : [tag("envelope_from", envelopeFrom)]),
    ]),
    tag("auth_results", [
      ...dkim.map((one) =>
        tag("dkim", [tag("domain", one.domain), tag("selector", one.selector), tag("result", one.result)])
      ),
      ...(spf
        // no other scope is allowed; without a sender it is that of postmaster at the HELO name (RFC 7208 2.4)
        ? [tag("spf", [tag("domain", spf.domain), tag("scope", "mfrom"), tag("result", spf.result)])]
        : []),
    ]),
  ]);
}

function tag(name: string, content: Content): string {
  const inner = typeof content === "string" ? escaped(content) : `\n${content.join("")}`;
  return `<${name}>${inner}</${name}>\n`;
}

function escaped(text: string): string {
  return text.replace(/\p{Cc}/gu, " ").replace(/[&<>]/g, (char) => `&#${char.charCodeAt(0)};`);
}
