/** The domains of a configuration as the DNS should show them. */

import { listDkimKeys } from "../authentication/dkim_key_files.ts";
import {
  type OwnDomain,
  type PublishedRecord,
  publishedRecords,
} from "../deliverability/published_records.ts";
import { clientConfig, mailServices } from "../deliverability/mail_services.ts";
import { ownPolicy } from "../deliverability/own_mta_sts.ts";
import type { Config } from "../config/config.ts";

/** A domain of the configuration, with the keys it has now. Throws a `DkimKeyError` for a key that can't be read. */
export async function ownDomain(domain: string, config: Config): Promise<OwnDomain> {
  const signs = config.dkim.sign;
  const common = { domain, hostname: config.hostname, signs, smartHost: config.relay.smartHost?.host };
  const services = mailServices(config.listen);
  for (
    let keyDomain = domain;
    keyDomain.includes(".");
    keyDomain = keyDomain.slice(keyDomain.indexOf(".") + 1)
  ) {
    const dkimKeys = await listDkimKeys(config.dataDir, keyDomain);
    if (dkimKeys.length > 0) return { ...common, services, dkimKeys, keyDomain };
  }
  return { ...common, services, dkimKeys: [], keyDomain: domain };
}

/** Those that the world can know, of all that are delivered here. */
export function publicDomains({ domains }: Config): string[] {
  return domains.filter((domain) => domain.includes("."));
}

/** All that is to be published for a domain. */
export async function recordsToPublish(domain: string, config: Config): Promise<PublishedRecord[]> {
  return publishedRecords(await ownDomain(domain, config));
}

/** What mail programs are told of a domain; undefined for others, and where no service can be reached. */
export function ownSettings({ domains, hostname, listen }: Config): (domain: string) => string | undefined {
  const known = new Set(domains);
  const services = mailServices(listen);
  return (domain) =>
    services.length > 0 && known.has(domain) ? clientConfig({ domain, hostname, services }) : undefined;
}

/** The MTA-STS policy by policy host, `mta-sts.` and a domain of ours; undefined for other hosts. */
export function ownPolicies({ domains, hostname, tls }: Config): (host: string) => string | undefined {
  const hosts = new Set(domains.map((domain) => `mta-sts.${domain}`));
  // who made its certificate itself can't ask others to verify it
  const isTrusted = tls !== null && (tls.cert !== undefined || tls.acme !== null);
  const policy = ownPolicy(hostname, isTrusted ? "enforce" : "testing");
  return (host) => hosts.has(host) ? policy : undefined;
}
