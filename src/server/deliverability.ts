/** What the DNS says of a configuration's host and domains, asked anew: `check --dns`, API and page show it. */

import { SystemResolver } from "../dns/resolver.ts";
import type { Resolver } from "../dns/resolver.ts";
import { DkimKeyError } from "../authentication/dkim_key_files.ts";
import type { OwnDomain } from "../deliverability/published_records.ts";
import {
  checkDomain,
  checkHost,
  type Deliverability,
  type DomainCheckOptions,
  type RecordFinding,
} from "../deliverability/domain_check.ts";
import type { Clock } from "../base/clock.ts";
import type { Random } from "../base/random.ts";
import type { Config } from "../config/config.ts";
import { ownDomain, publicDomains } from "./own_domains.ts";

/** What it works with. */
export interface DeliverabilityOptions {
  readonly config: Config;
  readonly clock: Clock;
  readonly random: Random;
  /** Default: one that has no answers of before, as `dns` in the configuration says. */
  readonly resolver?: Resolver | undefined;
  /** Certificates to trust instead of those that the platform knows, PEM. */
  readonly ca?: readonly string[] | undefined;
  /** Where policy hosts listen. Default: 443. */
  readonly policyPort?: number | undefined;
}

/** Checks the host, and all domains that the world can know, or those that are named. Never rejects. */
export async function checkDeliverability(
  { config, clock, random, ca, policyPort, ...given }: DeliverabilityOptions,
  domains: readonly string[] = publicDomains(config),
): Promise<Deliverability> {
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
      findings: await findingsOf(domain, config, (own) => checkDomain(own, addresses, options)),
    })));
    return { host: findings, domains: found };
  } finally {
    fresh?.close();
  }
}

/** A key that can't be read is a finding, too. */
async function findingsOf(
  domain: string,
  config: Config,
  check: (own: OwnDomain) => Promise<RecordFinding[]>,
): Promise<RecordFinding[]> {
  try {
    return await check(await ownDomain(domain, config));
  } catch (error) {
    if (!(error instanceof DkimKeyError)) throw error;
    const { hostname } = config;
    const rest = await check({ domain, hostname, signs: false, dkimKeys: [], keyDomain: domain });
    const name = `*._domainkey.${domain}`;
    const mend = "put a key there, or take the file away";
    return [...rest, { purpose: "DKIM", name, state: "wrong", text: error.message, mend }];
  }
}
