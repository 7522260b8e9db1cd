/** The domains of a configuration as the DNS should show them. */

import { listDkimKeys } from "../authentication/dkim_key_files.ts";
import {
  type OwnDomain,
  type PublishedRecord,
  publishedRecords,
} from "../authentication/published_records.ts";
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
