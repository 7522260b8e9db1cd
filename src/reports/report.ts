/** The reports of others about our domains: DMARC's (RFC 9990) and those of TLS (RFC 8460), read into one form. */

import { decode } from "../base/bytes.ts";
import { canonicalName } from "../dns/names.ts";
import { child, parseXml, textAt, type XmlElement } from "./xml.ts";

/** What a report says. */
export interface Report {
  readonly kind: "dmarc" | "tls";
  /** Who reports, as it names itself. */
  readonly reporter: string;
  /** Its own name for the report. */
  readonly id: string;
  /** Our domain. */
  readonly domain: string;
  /** The time that it speaks of: milliseconds since 1970. */
  readonly begin: number;
  readonly end: number;
  /** Messages that passed, or sessions that were as the policy wants them; and the others. */
  readonly good: number;
  readonly bad: number;
  /** What was counted, the most first. */
  readonly rows: readonly ReportRow[];
}

/** One line of it. */
export interface ReportRow {
  /** Where from, or with which host. */
  readonly peer: string;
  /** In words: `dkim pass, spf fail, quarantine`, `certificate-expired`. */
  readonly result: string;
  readonly isGood: boolean;
  readonly count: number;
}

const MAX_ROWS = 50;
/** A longer text of JSON is no report that anybody sends; it may hold a value in every other character. */
const MAX_JSON = 1024 * 1024;
const MAX_TEXT = 100;

/** Reads a report; undefined: it is none. What it has too much is left out of the rows, never out of the sums. */
export function parseReport(bytes: Uint8Array): Report | undefined {
  const text = decode(bytes).replace(/^\uFEFF/, "").trimStart();
  try {
    return text.startsWith("{")
      ? text.length <= MAX_JSON ? tlsReport(JSON.parse(text)) : undefined
      : text.startsWith("<")
      ? dmarcReport(text)
      : undefined;
  } catch {
    return undefined;
  }
}

function dmarcReport(text: string): Report | undefined {
  const feedback = parseXml(text);
  const metadata = child(feedback, "report_metadata");
  const domain = textAt(feedback, "policy_published", "domain");
  if (feedback?.name !== "feedback" || !metadata || domain === "") return undefined;
  const rows = feedback.children.filter(({ name }) => name === "record").map(dmarcRow);
  const range = ["begin", "end"].map((name) => Number(textAt(metadata, "date_range", name)) * 1000);
  return completed("dmarc", {
    reporter: textAt(metadata, "org_name"),
    id: textAt(metadata, "report_id"),
    domain,
    begin: range[0]!,
    end: range[1]!,
  }, rows);
}

function dmarcRow(record: XmlElement): ReportRow {
  const row = child(record, "row");
  const evaluated = child(row, "policy_evaluated");
  const [dkim, spf, disposition] = ["dkim", "spf", "disposition"].map((name) => textAt(evaluated, name));
  return {
    peer: textAt(row, "source_ip"),
    result: [`dkim ${dkim}`, `spf ${spf}`, disposition].filter((word) => word !== "").join(", "),
    // one of them, aligned, is enough
    isGood: dkim === "pass" || spf === "pass",
    count: whole(textAt(row, "count")),
  };
}

// deno-lint-ignore no-explicit-any
function tlsReport(json: any): Report | undefined {
  const policies = json?.policies;
  if (!Array.isArray(policies) || policies.length === 0) return undefined;
  const rows: ReportRow[] = [];
  for (const { policy, summary, "failure-details": details } of policies) {
    const type = String(policy?.["policy-type"] ?? "");
    const hosts = [policy?.["mx-host"] ?? policy?.["mx-host-pattern"] ?? []].flat().map(String).join(", ");
    const listed: ReportRow[] = (Array.isArray(details) ? details : []).map((one) => ({
      peer: String(one?.["receiving-mx-hostname"] ?? one?.["receiving-ip"] ?? hosts),
      result: String(one?.["result-type"] ?? "failure"),
      isGood: false,
      count: whole(one?.["failed-session-count"]),
    }));
    const failed = whole(summary?.["total-failure-session-count"]);
    const named = listed.reduce((sum, { count }) => sum + count, 0);
    rows.push({
      peer: hosts,
      result: type,
      isGood: true,
      count: whole(summary?.["total-successful-session-count"]),
    });
    rows.push(...listed, { peer: hosts, result: `${type}: failed`, isGood: false, count: failed - named });
  }
  const range = json["date-range"];
  return completed("tls", {
    reporter: String(json["organization-name"] ?? ""),
    id: String(json["report-id"] ?? ""),
    domain: String(policies[0]?.policy?.["policy-domain"] ?? ""),
    begin: Date.parse(range?.["start-datetime"]),
    end: Date.parse(range?.["end-datetime"]),
  }, rows);
}

function completed(
  kind: Report["kind"],
  of: Pick<Report, "reporter" | "id" | "domain" | "begin" | "end">,
  all: readonly ReportRow[],
): Report | undefined {
  if (of.domain === "" || !Number.isFinite(of.begin) || !Number.isFinite(of.end)) return undefined;
  const counted = all.filter(({ count }) => count > 0);
  const sum = (isGood: boolean) =>
    counted.reduce((total, row) => total + (row.isGood === isGood ? row.count : 0), 0);
  const rows = counted.toSorted((a, b) => b.count - a.count).slice(0, MAX_ROWS)
    .map((row) => ({ ...row, peer: clipped(row.peer), result: clipped(row.result) }));
  const { reporter, id, domain } = of;
  return {
    kind,
    ...of,
    reporter: clipped(reporter),
    id: clipped(id),
    domain: canonicalName(domain),
    good: sum(true),
    bad: sum(false),
    rows,
  };
}

function whole(value: unknown): number {
  const number = Number(value);
  return Number.isSafeInteger(number) && number > 0 ? number : 0;
}

function clipped(text: string): string {
  return text.replace(/\p{Cc}+/gu, " ").slice(0, MAX_TEXT);
}
