/** The domains of a configuration as the DNS should show them. */

import { listDkimKeys } from "../authentication/dkim_key_files.ts";
import {
  type OwnDomain,
  type PublishedRecord,
  publishedRecords,
} from "../authentication/published_records.ts";
import { ownPolicy } from "../authentication/own_mta_sts.ts";
import type { Config } from "../config/config.ts";

/** A domain of the configuration, with the keys it has now. Throws a `DkimKeyError` for a key that can't be read. */
export async function ownDomain(domain: string, config: Config): Promise<OwnDomain> {
  return {
    domain,
    hostname: config.hostname,
    dkimKeys: await listDkimKeys(config.dataDir, domain),
    smartHost: config.relay.smartHost?.host,
  };
}

/** All that is to be published for it. */
export async function recordsToPublish(domain: string, config: Config): Promise<PublishedRecord[]> {
  return publishedRecords(await ownDomain(domain, config));
}

/** The MTA-STS policy by policy host, `mta-sts.` and a domain of ours; undefined for other hosts. */
export function ownPolicies({ domains, hostname, tls }: Config): (host: string) => string | undefined {
  const hosts = new Set(domains.map((domain) => `mta-sts.${domain}`));
  // who made its certificate itself can't ask others to verify it
  const isTrusted = tls !== null && (tls.cert !== undefined || tls.acme !== null);
  const policy = ownPolicy(hostname, isTrusted ? "enforce" : "testing");
  return (host) => hosts.has(host) ? policy : undefined;
}
