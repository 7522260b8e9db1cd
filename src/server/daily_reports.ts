/** The reports that go out once a day: of TLS, and of mail in others' names. */

import { type Clock, sleep } from "../base/clock.ts";
import about from "../../deno.json" with { type: "json" };
import { DmarcReports, type DmarcReportsOptions } from "./dmarc_reports.ts";
import type { Surroundings } from "./options.ts";
import { publicDomains } from "./own_domains.ts";
import { TlsReports, type TlsReportsOptions } from "./tls_reports.ts";

const DAY_MS = 24 * 60 * 60_000;
/** RFC 8460 4.1: not all reporters of the world at midnight. */
const SPREAD_MS = 4 * 60 * 60_000;

/** Sends them, some time after each midnight of UTC. */
export class DailyReports {
  /** In this order; `hostname` says how long after midnight. */
  constructor(
    private readonly reports: readonly { sendAll(): Promise<void> }[],
    private readonly options: { readonly clock: Clock; readonly hostname: string },
  ) {}

  /** Goes on until the signal comes. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, hostname } = this.options;
    const spread = [...hostname].reduce((sum, char) => (sum * 31 + char.codePointAt(0)!) % SPREAD_MS, 0);
    while (!signal.aborted) {
      await sleep(clock, DAY_MS - (clock.now() - spread) % DAY_MS, signal);
      for (const report of this.reports) if (!signal.aborted) await report.sendAll();
    }
  }
}

/**
 * Makes what sends them; undefined where mail is captured, since nothing goes into the world, and without a domain that
 * the world can answer to.
 */
export function makeDailyReports(
  parts:
    & Surroundings
    & Pick<TlsReportsOptions, "sessions" | "submission" | "resolver">
    & Pick<DmarcReportsOptions, "dmarc">,
): DailyReports | undefined {
  const { hostname, outbound: { allowPrivate }, capture } = parts.config;
  const [domain] = publicDomains(parts.config);
  if (capture !== false || domain === undefined) return undefined;
  const by = {
    ...parts,
    hostname,
    contact: `postmaster@${domain}`,
    allowPrivate,
    version: about.version,
  };
  return new DailyReports([new TlsReports(by), new DmarcReports(by)], by);
}
