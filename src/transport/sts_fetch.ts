/** The fetch of a policy over HTTPS (RFC 8461 3.3), by our own resolver, bounded in size and time. */

import type { IncomingMessage, RequestOptions } from "node:http";
import type { LookupFunction } from "node:net";
import process from "node:process";
import type { TLSSocket } from "node:tls";
import { concat, decode } from "../base/bytes.ts";
import type { Clock, Timer } from "../base/clock.ts";
import { messageOf } from "../base/errors.ts";
import { interleaved, refusal } from "../dns/addresses.ts";
import type { Resolver } from "../dns/resolver.ts";
import { parsePolicy, type StsPolicy } from "./sts_policy.ts";

/** Why there is no policy, by the names that reports have for it (RFC 8460 4.3.2.2). */
export type StsFailure = "sts-policy-fetch-error" | "sts-policy-invalid" | "sts-webpki-invalid";

/** What came of a fetch; `why` is a sentence for people without a full stop. */
export type FetchedPolicy =
  | { readonly ok: true; readonly policy: StsPolicy }
  | { readonly ok: false; readonly failure: StsFailure; readonly why: string };

/** How policies are fetched. */
export interface PolicyFetchOptions {
  readonly resolver: Pick<Resolver, "addresses">;
  readonly clock: Clock;
  /** Policy hosts on loopback, private and link-local addresses may be connected to. */
  readonly allowPrivate: boolean;
  /** Certificates to trust instead of the built-in ones, PEM. */
  readonly ca?: readonly string[] | undefined;
  /** Default 443. */
  readonly port?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** RFC 8461 3.3 advises limits: a minute, 64 KB. A policy has some hundred octets, and mail waits for it. */
const TIME_MS = 20_000;
const MAX_OCTETS = 32 * 1024;

/** An end that has a name in reports. */
class NoPolicy extends Error {
  constructor(readonly failure: StsFailure, why: string) {
    super(why);
  }
}

/** Fetches the policy of a domain. Never rejects. Redirects are not followed, as RFC 8461 3.3 wants. */
export async function fetchPolicy(domain: string, options: PolicyFetchOptions): Promise<FetchedPolicy> {
  const host = `mta-sts.${domain}`;
  try {
    const policy = parsePolicy(await get(host, await addressesOf(host, options), options));
    if (typeof policy !== "string") return { ok: true, policy };
    return { ok: false, failure: "sts-policy-invalid", why: `The policy of ${host} is malformed: ${policy}` };
  } catch (error) {
    const failure = error instanceof NoPolicy ? error.failure : failureOf(error);
    return { ok: false, failure, why: `${host} gave no policy: ${messageOf(error)}` };
  }
}

async function addressesOf(host: string, { resolver, allowPrivate }: PolicyFetchOptions): Promise<string[]> {
  const [v4, v6] = await Promise.all([resolver.addresses(host, 4), resolver.addresses(host, 6)]);
  const all = interleaved(
    v4.kind === "found" ? v4.records : [],
    v6.kind === "found" ? v6.records : [],
  );
  const usable = all.filter((ip) => refusal(ip, allowPrivate) === undefined);
  if (usable.length > 0) return usable;
  const why = [v4, v6].flatMap((answer) => answer.kind === "temporaryFailure" ? [answer.why] : []);
  if (why.length > 0) throw new Error(why[0]);
  throw new Error(all.length > 0 ? `${all[0]} is ${refusal(all[0]!, allowPrivate)}` : "it has no address");
}

async function get(
  host: string,
  addresses: readonly string[],
  { clock, ca, port, signal }: PolicyFetchOptions,
): Promise<string> {
  const { request } = process.getBuiltinModule("node:https");
  const options: RequestOptions & { ca?: string[] } = {
    host,
    port: port ?? 443,
    path: "/.well-known/mta-sts.txt",
    headers: { host, accept: "text/plain", "user-agent": "dinopost" },
    agent: false,
    lookup: lookupOf(addresses),
    ...(ca && { ca: [...ca] }),
  };
  const outgoing = request(options);
  let timer: Timer | undefined;
  let onAbort = () => {};
  const ended = new Promise<never>((_, reject) => {
    outgoing.on("error", reject);
    timer = clock.schedule(TIME_MS, () => reject(new Error(`no answer within ${TIME_MS / 1000} seconds`)));
    onAbort = () => reject(new Error("it was ended here"));
    signal?.addEventListener("abort", onAbort, { once: true });
    if (signal?.aborted) onAbort();
  });
  const answered = new Promise<IncomingMessage>((resolve) => outgoing.on("response", resolve)).then(bodyOf);
  try {
    outgoing.end();
    return await Promise.race([answered, ended]);
  } finally {
    timer?.cancel();
    signal?.removeEventListener("abort", onAbort);
    answered.catch(() => {}); // what breaks by the end of it
    outgoing.destroy();
  }
}

async function bodyOf(answer: IncomingMessage): Promise<string> {
  const { statusCode, headers } = answer;
  // RFC 8461 4.1 asks for a dNSName; the TLS library is content with a common name
  const { subjectaltname = "" } = (answer.socket as TLSSocket).getPeerCertificate();
  if (!/(?:^|, )DNS:/.test(subjectaltname)) {
    throw new NoPolicy("sts-webpki-invalid", "its certificate names no host (subjectAltName)");
  }
  if (statusCode !== 200) throw new Error(`it answered ${statusCode}`);
  const type = headers["content-type"];
  if (type !== undefined && !/^text\/plain[ \t]*(?:;|$)/i.test(type)) {
    throw new Error(`it answered ${type.slice(0, 80)} instead of text/plain`);
  }
  const pieces: Uint8Array[] = [];
  let octets = 0;
  for await (const piece of answer as AsyncIterable<Uint8Array>) {
    octets += piece.length;
    if (octets > MAX_OCTETS) throw new Error(`its answer is longer than ${MAX_OCTETS} octets`);
    pieces.push(piece);
  }
  return decode(concat(pieces));
}

/** The addresses that were looked up and judged before: nothing lies between that and the connection. */
function lookupOf(addresses: readonly string[]): LookupFunction {
  const list = addresses.map((address) => ({ address, family: address.includes(":") ? 6 : 4 }));
  return (_host, { all }, callback) => {
    if (all) callback(null, list);
    else callback(null, list[0]!.address, list[0]!.family);
  };
}

/** Codes of the TLS library that speak of the certificate. */
const CERTIFICATE = /CERT|VERIFY|ISSUER|SELF_SIGNED|ALTNAME/;

function failureOf(error: unknown): StsFailure {
  const { code } = error as { code?: unknown };
  return typeof code === "string" && CERTIFICATE.test(code) ? "sts-webpki-invalid" : "sts-policy-fetch-error";
}
