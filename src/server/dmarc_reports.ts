/** The daily reports of mail in others' names to the domains that ask for them (RFC 9990), by mail. */

import { DmarcWalker } from "../authentication/dmarc_walk.ts";
import { messageOf } from "../base/errors.ts";
import type { Resolver } from "../dns/resolver.ts";
import type { HttpSubmission } from "../intake/http_message.ts";
import { parseMailbox, splitMailbox } from "../mail/address.ts";
import type { Mailbox } from "../mail/envelope.ts";
import type { Journal } from "../observe/journal.ts";
import type { DmarcCounts, DmarcRow } from "../reports/dmarc_counts.ts";
import { dmarcReport } from "../reports/dmarc_report.ts";
import { type LetterForm, type Reporter, reportLetter } from "../transport/report_letter.ts";

/** What the reports need. */
export interface DmarcReportsOptions extends Reporter {
  readonly dmarc: DmarcCounts;
  readonly submission: Pick<HttpSubmission, "submit">;
  readonly resolver: Pick<Resolver, "txt">;
  readonly journal: Journal;
  readonly version: string;
}

/** What its letter is like. */
export const dmarcLetterForm: LetterForm = {
  multipart: "multipart/mixed",
  type: "application/gzip",
  fields: [],
  what: "This is an aggregate report of DMARC (RFC 9990)",
};
/** A record can't make us write to more. */
const MAX_ADDRESSES = 5;

/** Sends reports. */
export class DmarcReports {
  constructor(private readonly options: DmarcReportsOptions) {}

  /** Sends what was counted on the days before. Never rejects. */
  async sendAll(): Promise<void> {
    const { dmarc, journal } = this.options;
    try {
      await dmarc.write();
      for await (const rows of dmarc.pastByDomain()) {
        // of servers on one store one alone sends
        if (await dmarc.take(rows)) await this.#send(rows.map(({ value }) => value));
      }
    } catch (error) {
      journal.note("WARN", "DMARC reports not sent", { error: messageOf(error) });
    }
  }

  async #send(rows: readonly DmarcRow[]): Promise<void> {
    const { journal, submission, contact } = this.options;
    const { domain, rua } = rows[0]!.policy;
    const report = dmarcReport(rows, this.options);
    for (const uri of rua.slice(0, MAX_ADDRESSES)) {
      try {
        const to = await this.#addressee(uri, domain);
        const text = reportLetter(report, this.options, { ...dmarcLetterForm, to });
        const result = await submission.submit({ from: contact, to: [to], text });
        if (!result.ok) throw new Error(result.refusal.text);
        journal.note("INFO", "DMARC report sent", { domain, to, report: report.id });
      } catch (error) {
        journal.note("WARN", "DMARC report not sent", { domain, to: uri, error: messageOf(error) });
      }
    }
  }

  async #addressee(uri: string, domain: string): Promise<Mailbox> {
    const written = /^mailto:([^?!]+)/i.exec(uri)?.[1];
    const to = written === undefined ? undefined : parseMailbox(decodeURIComponent(written));
    if (to === undefined) throw new Error("Reports go to mailto: addresses only");
    const { domain: other } = splitMailbox(to);
    if (await takesReports(other, domain, this.options.resolver)) return to;
    throw new Error(`${other} has not said that it takes the reports of ${domain}`);
  }
}

/**
 * May reports about a domain go to addresses at another one? Of the same organization, yes; who is elsewhere must have
 * said so (RFC 9990 4): nobody is flooded by a record. Never rejects.
 */
export async function takesReports(
  other: string,
  domain: string,
  resolver: Pick<Resolver, "txt">,
): Promise<boolean> {
  if (other === domain) return true;
  const walker = new DmarcWalker(resolver);
  const [at, of] = await Promise.all([walker.organization(other), walker.organization(domain)]);
  if (typeof at === "string" && at === of) return true;
  const answer = await resolver.txt(`${domain}._report._dmarc.${other}`);
  return answer.kind === "found" && answer.records.some((text) => /^v[ \t]*=[ \t]*DMARC1\b/.test(text));
}
