/** What the DNS says of a configuration's host and domains, asked anew: `check --dns`, API and page show it. */

import { SystemResolver } from "../dns/resolver.ts";
import type { Resolver } from "../dns/resolver.ts";
import {
  checkDomain,
  checkHost,
  type DomainCheckOptions,
  type RecordFinding,
} from "../deliverability/domain_check.ts";
import type { Clock } from "../base/clock.ts";
import type { Random } from "../base/random.ts";
import type { Config } from "../config/config.ts";
import { trustedRoots } from "../wire/roots.ts";
import { ownDomain, publicDomains } from "./own_domains.ts";

/** What it works with. */
export interface DeliverabilityOptions {
  readonly config: Config;
  readonly clock: Clock;
  readonly random: Random;
  /** Default: one that has no answers of before, as `dns` in the configuration says. */
  readonly resolver?: Resolver | undefined;
  /** Default: those of the platform and of DENO_CERT. */
  readonly ca?: readonly string[] | undefined;
  /** Where policy hosts listen. Default: 443. */
  readonly policyPort?: number | undefined;
}

/** What was found of each domain; of the host's own records with the first one. */
export interface DomainFindings {
  readonly domain: string;
  readonly findings: readonly RecordFinding[];
}

/**
 * Checks the host, and all domains that the world can know, or one of them. Rejects with a `DkimKeyError` for a key that
 * can't be read.
 */
export async function checkDeliverability(
  { config, clock, random, ca = trustedRoots(), policyPort, ...given }: DeliverabilityOptions,
  domains: readonly string[] = publicDomains(config),
): Promise<{ host: readonly RecordFinding[]; domains: DomainFindings[] }> {
  const { nameServer, timeout } = config.dns;
  const fresh = given.resolver ? undefined : new SystemResolver({
    timeoutMs: timeout,
    clock,
    random,
    ...(nameServer !== null && { nameServer }),
  });
  const resolver = given.resolver ?? fresh!;
  const options: DomainCheckOptions = {
    resolver,
    clock,
    ca,
    port: policyPort,
    allowPrivate: config.outbound.allowPrivate,
  };
  try {
    const { addresses, findings } = await checkHost(config.hostname, options);
    const found = await Promise.all(domains.map(async (domain) => ({
      domain,
      findings: await checkDomain(await ownDomain(domain, config), addresses, options),
    })));
    return { host: findings, domains: found };
  } finally {
    fresh?.close();
  }
}
