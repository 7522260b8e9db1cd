/** The daily reports of TLS sessions to the domains that ask for them (RFC 8460), by mail or HTTPS. */

import { messageOf } from "../base/errors.ts";
import { type Clock, sleep } from "../base/clock.ts";
import type { Resolver } from "../dns/resolver.ts";
import type { HttpSubmission } from "../intake/http_message.ts";
import { parseMailbox } from "../mail/address.ts";
import type { Journal } from "../observe/journal.ts";
import { type HttpsOptions, requestHttps } from "../transport/https_request.ts";
import {
  reportAddresses,
  type Reporter,
  reportLetter,
  type TlsReport,
  tlsReport,
} from "../transport/tls_report.ts";
import type { Surroundings } from "./options.ts";
import type { DomainDay, TlsSessions } from "../transport/tls_sessions.ts";

/** What the reports need. */
export interface TlsReportsOptions extends Reporter, HttpsOptions {
  readonly sessions: TlsSessions;
  readonly submission: Pick<HttpSubmission, "submit">;
  readonly resolver: Resolver;
  readonly clock: Clock;
  readonly journal: Journal;
}

const HOUR_MS = 60 * 60_000;
const DAY_MS = 24 * HOUR_MS;
/** RFC 8460 4.1: not all reporters of the world at midnight. */
const SPREAD_MS = 4 * HOUR_MS;
const TIME_MS = 30_000;
const MAX_ANSWER = 64 * 1024;

/** Makes who sends reports; undefined where mail is captured: nobody is connected to. */
export function makeTlsReports(
  parts: Surroundings & Pick<TlsReportsOptions, "sessions" | "submission" | "resolver">,
): TlsReports | undefined {
  const { hostname, domains, outbound: { allowPrivate }, capture } = parts.config;
  if (capture !== false) return undefined;
  return new TlsReports({ ...parts, hostname, contact: `postmaster@${domains[0]}`, allowPrivate });
}

/** Sends reports. */
export class TlsReports {
  constructor(private readonly options: TlsReportsOptions) {}

  /** Sends, some time after each midnight of UTC, what was counted on the days before, until the signal comes. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, hostname } = this.options;
    const spread = [...hostname].reduce((sum, char) => (sum * 31 + char.codePointAt(0)!) % SPREAD_MS, 0);
    while (!signal.aborted) {
      await sleep(clock, DAY_MS - (clock.now() - spread) % DAY_MS, signal);
      if (!signal.aborted) await this.sendAll();
    }
  }

  /** Sends what is due. Never rejects. */
  async sendAll(): Promise<void> {
    const { sessions, journal } = this.options;
    try {
      await sessions.write();
      for await (const entry of sessions.past()) {
        const { domain } = entry.value;
        const uris = await this.#wanted(domain);
        // who can't be asked now is asked tomorrow; of servers on one store one alone sends
        if (uris === undefined || !await sessions.take(entry)) continue;
        for (const uri of uris) await this.#send(uri, entry.value);
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

  async #mail(uri: string, report: TlsReport): Promise<void> {
    const written = decodeURIComponent(uri.slice("mailto:".length).split(/[?!]/)[0]!);
    const to = parseMailbox(written);
    if (to === undefined) throw new Error(`"${written}" is no address`);
    const { contact, submission } = this.options;
    const text = reportLetter(report, this.options, to);
    const result = await submission.submit({ from: contact, to: [to], text });
    if (!result.ok) throw new Error(result.refusal.text);
  }

  async #post(url: URL, { content }: TlsReport): Promise<void> {
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
