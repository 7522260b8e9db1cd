/** The daily reports of TLS sessions to the domains that ask for them (RFC 8460), by mail or HTTPS. */

import { messageOf } from "../base/errors.ts";
import type { Clock } from "../base/clock.ts";
import type { Resolver } from "../dns/resolver.ts";
import type { HttpSubmission } from "../intake/http_message.ts";
import { parseMailbox } from "../mail/address.ts";
import type { Journal } from "../observe/journal.ts";
import { type HttpsOptions, requestHttps } from "../transport/https_request.ts";
import { type PackedReport, type Reporter, reportLetter } from "../transport/report_letter.ts";
import { reportAddresses, tlsLetterForm, tlsReport } from "../transport/tls_report.ts";
import type { DomainDay, TlsSessions } from "../transport/tls_sessions.ts";

/** What the reports need. */
export interface TlsReportsOptions extends Reporter, HttpsOptions {
  readonly sessions: TlsSessions;
  readonly submission: Pick<HttpSubmission, "submit">;
  readonly resolver: Resolver;
  readonly clock: Clock;
  readonly journal: Journal;
}

const TIME_MS = 30_000;
const MAX_ANSWER = 64 * 1024;
/** A record can't make us write to more. */
const MAX_ADDRESSES = 5;

/** Sends reports. */
export class TlsReports {
  constructor(private readonly options: TlsReportsOptions) {}

  /** Sends what is due. Never rejects. */
  async sendAll(): Promise<void> {
    const { sessions, journal } = this.options;
    try {
      await sessions.write();
      for await (const entry of sessions.past()) {
        const { domain } = entry.value;
        const uris = await this.#wanted(domain);
        // who can't be asked now is asked tomorrow; of servers on one store one alone sends
        if (uris === undefined || !await sessions.take([entry])) continue;
        for (const uri of uris.slice(0, MAX_ADDRESSES)) await this.#send(uri, entry.value);
      }
    } catch (error) {
      journal.note("WARN", "TLS reports not sent", { error: messageOf(error) });
    }
  }

  async #wanted(domain: string): Promise<string[] | undefined> {
    const answer = await this.options.resolver.txt(`_smtp._tls.${domain}`);
    if (answer.kind === "temporaryFailure") return undefined;
    return answer.kind === "found" ? reportAddresses(answer.records) : [];
  }

  async #send(uri: string, day: DomainDay): Promise<void> {
    const { journal } = this.options;
    const report = tlsReport(day, this.options);
    const { domain } = report;
    try {
      if (/^mailto:/i.test(uri)) await this.#mail(uri, report);
      else await this.#post(new URL(uri), report);
      journal.note("INFO", "TLS report sent", { domain, to: uri, report: report.id });
    } catch (error) {
      journal.note("WARN", "TLS report not sent", { domain, to: uri, error: messageOf(error) });
    }
  }

  async #mail(uri: string, report: PackedReport): Promise<void> {
    const written = decodeURIComponent(uri.slice("mailto:".length).split(/[?!]/)[0]!);
    const to = parseMailbox(written);
    if (to === undefined) throw new Error(`"${written}" is no address`);
    const { contact, submission } = this.options;
    const text = reportLetter(report, this.options, { ...tlsLetterForm(report.domain, this.options), to });
    const result = await submission.submit({ from: contact, to: [to], text });
    if (!result.ok) throw new Error(result.refusal.text);
  }

  async #post(url: URL, { content }: PackedReport): Promise<void> {
    const answer = await requestHttps({
      host: url.hostname,
      port: Number(url.port || 443),
      path: `${url.pathname}${url.search}`,
      method: "POST",
      headers: { "content-type": "application/tlsrpt+gzip" },
      body: content,
      // a certificate that is wrong may be what it reports of (RFC 8460 3)
      anyCertificate: true,
      maxOctets: MAX_ANSWER,
      timeMs: TIME_MS,
    }, this.options);
    if (answer.status < 200 || answer.status > 299) throw new Error(`it answered ${answer.status}`);
  }
}
