/** The DNS records that a domain of ours has to publish: printed by `init`, compared with by `check --dns` and the page. */

import type { DkimPublicKey } from "../authentication/dkim_key_files.ts";
import { type MailService, serviceName } from "./mail_services.ts";
import { ownPolicyId } from "./own_mta_sts.ts";

/** What a record is for. */
export type RecordPurpose = "MX" | "SPF" | "DKIM" | "DMARC" | "MTA-STS" | "TLS-RPT" | "SRV";

/** A record as it should be. */
export interface PublishedRecord {
  readonly purpose: RecordPurpose;
  /** Its owner, without the final dot. */
  readonly name: string;
  readonly type: "MX" | "TXT" | "CNAME" | "SRV";
  /**
   * `10 mail.example.org` for an MX; the text, in one piece, for a TXT; the host for a CNAME;
   * `0 1 993 mail.example.org` for an SRV. Names without final dots.
   */
  readonly data: string;
}

/** A domain and how it is served. */
export interface OwnDomain {
  readonly domain: string;
  /** The server's own name, which receives the domain's mail. */
  readonly hostname: string;
  /** Is its mail signed? */
  readonly signs: boolean;
  /** All that sign its mail, or may have signed what is still under way. */
  readonly dkimKeys: readonly DkimPublicKey[];
  /** Whose keys those are: the domain itself, or one above it. */
  readonly keyDomain: string;
  /** Who sends the domain's mail on; undefined: the server itself. */
  readonly smartHost?: string | undefined;
  /** What people's mail programs use; absent: nothing. */
  readonly services?: readonly MailService[] | undefined;
}

/** The one MX record of a domain has this preference, so that others find room before it. */
const PREFERENCE = 10;

/** The records, in the order in which people read them. */
export function publishedRecords(own: OwnDomain): PublishedRecord[] {
  const { domain, hostname, dkimKeys, keyDomain, smartHost, services = [] } = own;
  const reports = `rua=mailto:postmaster@${domain}`;
  const txt = (purpose: RecordPurpose, name: string, data: string) =>
    ({ purpose, name, type: "TXT", data }) as const;
  // ~all: DMARC's policy decides, and forwarded mail gets as far as its signature (RFC 9989)
  const senders = smartHost === undefined || smartHost === hostname ? "mx" : `mx a:${smartHost}`;
  return [
    { purpose: "MX", name: domain, type: "MX", data: `${PREFERENCE} ${hostname}` },
    txt("SPF", domain, `v=spf1 ${senders} ~all`),
    ...dkimKeys.map(({ selector, record }) => txt("DKIM", `${selector}._domainkey.${keyDomain}`, record)),
    // older readers want p right behind v
    txt("DMARC", `_dmarc.${domain}`, `v=DMARC1; p=quarantine; ${reports}`),
    txt("MTA-STS", `_mta-sts.${domain}`, `v=STSv1; id=${ownPolicyId(hostname)};`),
    { purpose: "MTA-STS", name: `mta-sts.${domain}`, type: "CNAME", data: hostname },
    txt("TLS-RPT", `_smtp._tls.${domain}`, `v=TLSRPTv1; ${reports}`),
    ...services.map((service): PublishedRecord => {
      const data = `0 1 ${service.port} ${hostname}`;
      return { purpose: "SRV", name: `${serviceName(service)}.${domain}`, type: "SRV", data };
    }),
  ];
}
