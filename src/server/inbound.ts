/** The inbound side as configured: what strangers meet, and how much others may send. */

import type { Resolver } from "../dns/resolver.ts";
import { ArrivalChecks } from "../intake/arrival_checks.ts";
import { BlockLists } from "../intake/block_lists.ts";
import { Complaints } from "../intake/complaints.ts";
import { Greylist } from "../intake/greylist.ts";
import { Strangers } from "../intake/strangers.ts";
import { SubmissionRates } from "../intake/submission_rates.ts";
import type { Metrics } from "../observe/metrics.ts";
import type { Suppressions } from "../queue/suppressions.ts";
import type { DmarcCounts } from "../reports/dmarc_counts.ts";
import type { Store } from "../storage/store.ts";
import type { Surroundings } from "./options.ts";

/** Who reads complaints, where there is a list that they lead to. */
export function complaints(
  { config, metrics, suppressions, ...by }: Surroundings & {
    readonly store: Store;
    readonly suppressions: Suppressions | undefined;
  },
): Complaints | undefined {
  const onComplaint = (type: string) => metrics.complaint(type);
  return suppressions && new Complaints({ ...by, suppressions, hostname: config.hostname, onComplaint });
}

/** How many recipients those who log in may name. */
export function submissionRates({ config, clock, metrics }: Surroundings): SubmissionRates | undefined {
  const rate = config.limits.submissionRate;
  if (!rate) return undefined;
  const onRefused = () => metrics.rateLimited();
  return new SubmissionRates({ clock, rate: { count: rate.count, perMs: rate.periodMs }, onRefused });
}

/** What strangers meet, as far as it is on. */
export function strangers(
  { config, metrics, ...by }: Surroundings & {
    readonly resolver: Resolver;
    readonly store: Store;
    readonly dmarc: DmarcCounts;
  },
): Strangers | undefined {
  const { checks: { dnsbl: zones, greylist: greylists, ...policies }, hostname } = config;
  const onChecked: Metrics["checked"] = (words, refusedBy) => metrics.checked(words, refusedBy);
  const checks = ArrivalChecks.areOn(policies)
    ? new ArrivalChecks({ ...by, policies, hostname, onChecked })
    : undefined;
  const onAnswer: Metrics["blockList"] = (zone, result) => metrics.blockList(zone, result);
  const lists = zones.length > 0 ? new BlockLists({ ...by, zones, onAnswer }) : undefined;
  const onGrey: Metrics["greylisted"] = (result) => metrics.greylisted(result);
  const greylist = greylists ? new Greylist({ ...by, onAnswer: onGrey }) : undefined;
  return checks || lists || greylist ? new Strangers({ checks, lists, greylist }) : undefined;
}
