/** The mounting of the web page: its activity counts from the start, its views load when first asked for. */

import type { Clock } from "../base/clock.ts";
import type { Config } from "../config/config.ts";
import type { Journal } from "../observe/journal.ts";
import type { AdminOptions } from "../api/options.ts";
import { Activity } from "./activity.ts";
import type { ServerInfo } from "./context.ts";
import { DestinationTally } from "./destination_tally.ts";

/** What the page shows beside {@linkcode AdminOptions}. */
export interface PageParts {
  readonly config: Pick<Config, "hostname" | "domains">;
  readonly clock: Clock;
  readonly journal: Journal;
  /** The certificate; undefined when no TLS is offered. */
  readonly tls: { readonly daysLeft: number } | undefined;
}

/** The page, for {@linkcode AdminOptions.page}. `addresses` answers `host:port` of every listener, by kind. */
export function webPage(
  parts: PageParts,
  addresses: () => Record<string, string[]>,
): NonNullable<AdminOptions["page"]> {
  const { config, clock, journal } = parts;
  const activity = new Activity(journal, clock);
  const destinations = new DestinationTally(journal, clock);
  const server: ServerInfo = {
    hostname: config.hostname,
    startedAt: clock.now(),
    addresses,
    certificateDaysLeft: () => parts.tls?.daysLeft,
  };
  return async (options, auth) => {
    const { buildPage } = await import("./app.tsx");
    return buildPage({ options, auth, server, activity, destinations });
  };
}
