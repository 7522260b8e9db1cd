/** The daily reports of mail in others' names to the domains that ask for them (RFC 9990), by mail. */

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
      for await (const rows of dmarc.past()) {
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

  /** Who is elsewhere must have said that it takes the domain's reports (RFC 9990 4): nobody is flooded by a record. */
  async #addressee(uri: string, domain: string): Promise<Mailbox> {
    const written = /^mailto:([^?!]+)/i.exec(uri)?.[1];
    const to = written === undefined ? undefined : parseMailbox(decodeURIComponent(written));
    if (to === undefined) throw new Error("Reports go to mailto: addresses only");
    const { domain: other } = splitMailbox(to);
    if (`.${other}`.endsWith(`.${domain}`) || `.${domain}`.endsWith(`.${other}`)) return to;
    const answer = await this.options.resolver.txt(`${domain}._report._dmarc.${other}`);
    if (answer.kind === "found" && answer.records.some((text) => /^v[ \t]*=[ \t]*DMARC1\b/.test(text))) {
      return to;
    }
    throw new Error(`${other} has not said that it takes the reports of ${domain}`);
  }
}
