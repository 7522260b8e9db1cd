/** The comparison of what the DNS says of a domain of ours, and of our host, with what it should: a finding for each record. */

import { type PublicKey, readKey } from "../authentication/dkim_key.ts";
import type { Refusal } from "../authentication/dkim_result.ts";
import { parseDmarcRecord } from "../authentication/dmarc_record.ts";
import { DmarcWalker } from "../authentication/dmarc_walk.ts";
import { checkSpf } from "../authentication/spf.ts";
import { isSpfRecord } from "../authentication/spf_record.ts";
import { canonicalName, reverseName } from "../dns/names.ts";
import type { DnsResult, Resolver } from "../dns/resolver.ts";
import { fetchPolicy, type PolicyFetchOptions } from "../transport/sts_fetch.ts";
import { announcedPolicy, isInPolicy } from "../transport/sts_policy.ts";
import { isOwnPolicyId, ownPolicyId } from "./own_mta_sts.ts";
import {
  type OwnDomain,
  type PublishedRecord,
  publishedRecords,
  type RecordPurpose,
} from "./published_records.ts";
import { zoneLine } from "./zone_file.ts";

/** What was found of one record. */
export interface RecordFinding {
  readonly purpose: RecordPurpose | "Address" | "PTR";
  /** Whose record it is: a name, or an address for a PTR. */
  readonly name: string;
  /** `unknown`: the DNS could not be asked. */
  readonly state: "right" | "wrong" | "unknown";
  /** What is there, or what is wrong with it, without a full stop. */
  readonly text: string;
  /** What would be right; undefined where it is. */
  readonly mend?: string | undefined;
}

/** What was found of our host, and of domains of ours. */
export interface Deliverability {
  readonly host: readonly RecordFinding[];
  readonly domains: readonly { readonly domain: string; readonly findings: readonly RecordFinding[] }[];
}

/** How it is asked. */
export interface DomainCheckOptions extends Omit<PolicyFetchOptions, "resolver"> {
  readonly resolver: Resolver;
}

/** The addresses of our host, and what is found of them. */
export interface HostCheck {
  readonly addresses: readonly string[];
  readonly findings: readonly RecordFinding[];
}

type Found = Pick<RecordFinding, "state" | "text"> & { readonly mend?: string | undefined };

/** Checks that our host has addresses, and they its name. Never rejects. */
export async function checkHost(hostname: string, { resolver }: DomainCheckOptions): Promise<HostCheck> {
  const answers = await Promise.all([resolver.addresses(hostname, 4), resolver.addresses(hostname, 6)]);
  const addresses = answers.flatMap((answer) => answer.kind === "found" ? answer.records : []);
  const finding = { purpose: "Address", name: hostname } as const;
  if (addresses.length > 0) {
    const pointers = await Promise.all(addresses.map((ip) => checkPointer(ip, hostname, resolver)));
    return {
      addresses,
      findings: [{ ...finding, state: "right", text: addresses.join(", ") }, ...pointers],
    };
  }
  const failed = answers.find((answer) => answer.kind === "temporaryFailure");
  const none = failed ? unknown(failed.why) : wrong(
    "it has no address",
    `give ${hostname} an A or AAAA record with this server's address`,
  );
  const pointer = { purpose: "PTR", name: hostname, text: "there is no address to look for" } as const;
  return {
    addresses,
    findings: [{ ...finding, ...none }, { ...pointer, state: none.state, mend: none.mend }],
  };
}

/** Checks what is published for a domain; `addresses` are those of our host. Never rejects. */
export async function checkDomain(
  own: OwnDomain,
  addresses: readonly string[],
  options: DomainCheckOptions,
): Promise<RecordFinding[]> {
  return await Promise.all([
    ...publishedRecords(own).map(async (record): Promise<RecordFinding> => {
      const { purpose, name } = record;
      const { mend, ...found } = await checkRecord(record, { own, addresses, options });
      if (found.state !== "wrong") return { purpose, name, ...found };
      return { purpose, name, ...found, mend: mend ?? `publish ${zoneLine(record).replaceAll("\t", " ")}` };
    }),
    ...(own.signs && own.dkimKeys.length === 0 ? [missingKeys(own)] : []),
  ]);
}

function checkRecord(
  record: PublishedRecord,
  { own, addresses, options }: {
    own: OwnDomain;
    addresses: readonly string[];
    options: DomainCheckOptions;
  },
): Promise<Found> {
  const { resolver } = options;
  switch (record.purpose) {
    case "MX":
      return checkMx(own, resolver);
    case "SPF":
      return checkSenders(record, { own, addresses, options });
    case "DKIM":
      return checkKey(record, resolver);
    case "DMARC":
      return checkPolicyRecord(own.domain, resolver);
    case "MTA-STS":
      return record.type === "TXT"
        ? checkAnnouncement(record, own.hostname, resolver)
        : checkPolicy(own, options);
    case "TLS-RPT":
      return checkTlsReports(record, resolver);
    case "SRV":
      return checkService(record, resolver);
  }
}

async function checkPointer(ip: string, hostname: string, resolver: Resolver): Promise<RecordFinding> {
  const found = await judged(resolver.ptr(ip), (names): Found => {
    if (names.some((name) => canonicalName(name) === hostname)) return right(names.join(", "));
    return wrong(
      names.length === 0 ? "it has no name" : `its name is ${names.join(", ")}`,
      `have whoever gave you ${ip} name it: ${reverseName(ip)}. IN PTR ${hostname}.`,
    );
  });
  return { purpose: "PTR", name: ip, ...found };
}

function checkMx({ domain, hostname }: OwnDomain, resolver: Resolver): Promise<Found> {
  return judged(resolver.mx(domain), (records) => {
    const text = records.toSorted((a, b) => a.preference - b.preference)
      .map(({ preference, exchange }) => `${preference} ${exchange || "."}`).join(", ");
    if (records.some(({ exchange }) => exchange === hostname)) return right(text);
    return wrong(records.length === 0 ? NONE : `its mail goes elsewhere: ${text}`);
  });
}

async function checkSenders(
  { name, data }: PublishedRecord,
  { own, addresses, options }: {
    own: OwnDomain;
    addresses: readonly string[];
    options: DomainCheckOptions;
  },
): Promise<Found> {
  const there = await judged(options.resolver.txt(name), (texts) => {
    const records = texts.filter(isSpfRecord);
    if (records.length === 1) return right(records[0]!);
    return wrong(records.length === 0 ? NONE : `there are ${records.length} SPF records, expected just one`);
  });
  // who sends by a smart host is known to the world by its addresses, which only its owner knows
  if (there.state !== "right" || there.text === data || own.smartHost !== undefined) return there;
  for (const ip of addresses) {
    const sender = `postmaster@${own.domain}`;
    const request = { ip, helo: own.hostname, sender, receiver: own.hostname };
    const { result, reason } = await checkSpf(request, options);
    if (result === "temperror") return unknown(reason);
    if (result !== "pass") return wrong(`${there.text} is ${result} for ${ip} (${reason})`);
  }
  return there;
}

function checkKey({ name, data }: PublishedRecord, resolver: Resolver): Promise<Found> {
  const algorithm = data.includes("k=ed25519") ? "ed25519-sha256" : "rsa-sha256";
  const read = (record: string) => readKey(record, algorithm);
  return judged(resolver.txt(name), (texts) => {
    const wanted = spkiOf(read(data));
    const found = texts.map(read);
    if (found.some((key) => spkiOf(key) === wanted)) return right("the key is there");
    if (texts.length === 0) return wrong(NONE);
    const refused = found.find((key) => "result" in key);
    return wrong(refused ? `it can't be used: ${refused.reason}` : "there is another key");
  });
}

function spkiOf(key: PublicKey | Refusal): string | undefined {
  return "result" in key ? undefined : key.key.export({ type: "spki", format: "der" }).toString("base64");
}

function missingKeys({ domain }: OwnDomain): RecordFinding {
  return {
    purpose: "DKIM",
    name: `*._domainkey.${domain}`,
    state: "wrong",
    text: "there is no key to sign with",
    mend: `make one: dinopost init --domain ${domain}`,
  };
}

async function checkPolicyRecord(domain: string, resolver: Resolver): Promise<Found> {
  const at = (name: string) => `_dmarc.${name}`;
  const own = await judged(resolver.txt(at(domain)), (texts) => {
    const records = texts.filter((text) => parseDmarcRecord(text) !== undefined);
    const [first] = records;
    if (records.length > 1) return wrong(`there are ${records.length} DMARC records, expected just one`);
    if (first === undefined) return wrong(texts.length === 0 ? NONE : "there is no DMARC record in it");
    if (parseDmarcRecord(first)!.p === undefined) return wrong(`${first} has no policy`);
    return right(first);
  });
  if (own.state !== "wrong" || own.text !== NONE) return own;
  const walked = await new DmarcWalker(resolver).walk(domain);
  if ("failure" in walked) return unknown(walked.failure);
  const above = walked.find(({ record }) => record.p !== undefined);
  return above ? right(`as ${at(above.domain)} says`) : own;
}

function checkAnnouncement({ name }: PublishedRecord, hostname: string, resolver: Resolver): Promise<Found> {
  return judged(resolver.txt(name), (texts) => {
    const id = announcedPolicy(texts);
    if (id === undefined) return wrong(texts.length === 0 ? NONE : `${texts.join(", ")} announces no policy`);
    if (isOwnPolicyId(id) && id !== ownPolicyId(hostname)) {
      return wrong(`the id ${id} is that of an older policy`);
    }
    return right(`id ${id}`);
  });
}

async function checkPolicy({ domain, hostname }: OwnDomain, options: DomainCheckOptions): Promise<Found> {
  const host = `mta-sts.${domain}`;
  const [v4, v6] = await Promise.all(
    [4, 6].map((family) => options.resolver.addresses(host, family as 4 | 6)),
  );
  const failed = [v4!, v6!].find((answer) => answer.kind === "temporaryFailure");
  if (v4!.kind !== "found" && v6!.kind !== "found") {
    return failed ? unknown(failed.why) : wrong("it has no address");
  }
  const fetched = await fetchPolicy(domain, options);
  const serve = `listen.https, or a proxy before listen.admin, serves it with a certificate for ${host}`;
  if (!fetched.ok) return wrong(fetched.why, serve);
  const { mode, mx } = fetched.policy;
  if (!isInPolicy(fetched.policy, hostname)) {
    return wrong(`its policy does not name ${hostname}: ${mx.join(", ") || "no host"}`, serve);
  }
  if (mode === "none") return wrong('its policy has the mode "none"', serve);
  const exchangers = await options.resolver.mx(domain);
  const left = (exchangers.kind === "found" ? exchangers.records : [])
    .filter(({ exchange }) => !isInPolicy(fetched.policy, exchange)).map(({ exchange }) => exchange);
  const text = `policy: mode ${mode}, ${mx.join(", ")}` +
    (left.length > 0 ? `; who keeps to it leaves out ${left.join(", ")}` : "");
  return right(mode === "enforce" ? text : `${text}; tls.acme or tls.cert makes it "enforce"`);
}

function checkTlsReports({ name }: PublishedRecord, resolver: Resolver): Promise<Found> {
  return judged(resolver.txt(name), (texts) => {
    const records = texts.filter((text) => /^v=TLSRPTv1[ \t]*;/.test(text));
    const [first] = records;
    if (records.length > 1) return wrong(`there are ${records.length} TLS-RPT records, expected just one`);
    if (first === undefined) return wrong(texts.length === 0 ? NONE : "there is no TLS-RPT record in it");
    return /;[ \t]*rua=(?:mailto|https):/.test(first) ? right(first) : wrong(`${first} names no address`);
  });
}

/** Nothing is wrong without it: mail programs guess then, or ask their users. */
function checkService(record: PublishedRecord, resolver: Resolver): Promise<Found> {
  return judged(resolver.srv(record.name), (records) => {
    if (records.length === 0) {
      return right(`${NONE}: with ${zoneLine(record).replaceAll("\t", " ")} programs find it`);
    }
    const target = record.data.split(" ").slice(2).join(" ");
    if (records.some((found) => found.endsWith(` ${target}`))) return right(records.join(", "));
    return wrong(`it leads elsewhere: ${records.join(", ")}`);
  });
}

const NONE = "there is no such record";

/** What the records come to; a "no" is an empty list. */
async function judged<T>(
  asked: Promise<DnsResult<T>>,
  judge: (records: readonly T[]) => Found,
): Promise<Found> {
  const answer = await asked;
  if (answer.kind === "temporaryFailure") return unknown(answer.why);
  return judge(answer.kind === "found" ? answer.records : []);
}

function right(text: string): Found {
  return { state: "right", text };
}

function wrong(text: string, mend?: string): Found {
  return { state: "wrong", text, mend };
}

function unknown(why: string): Found {
  return { state: "unknown", text: why };
}
