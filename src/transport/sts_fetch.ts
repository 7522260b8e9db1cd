/** The fetch of a policy over HTTPS (RFC 8461 3.3). */

import { decode } from "../base/bytes.ts";
import { messageOf } from "../base/errors.ts";
import { type HttpsOptions, requestHttps } from "./https_request.ts";
import { parsePolicy, type StsPolicy } from "./sts_policy.ts";

/** Why there is no policy, by the names that reports have for it (RFC 8460 4.3.2.2). */
export type StsFailure = "sts-policy-fetch-error" | "sts-policy-invalid" | "sts-webpki-invalid";

/** What came of a fetch; `why` is a sentence for people without a full stop. */
export type FetchedPolicy =
  | { readonly ok: true; readonly policy: StsPolicy }
  | { readonly ok: false; readonly failure: StsFailure; readonly why: string };

/** How policies are fetched. */
export interface PolicyFetchOptions extends HttpsOptions {
  /** Default 443. */
  readonly port?: number | undefined;
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
    const policy = parsePolicy(await textFrom(host, options));
    if (typeof policy !== "string") return { ok: true, policy };
    return { ok: false, failure: "sts-policy-invalid", why: `The policy of ${host} is malformed: ${policy}` };
  } catch (error) {
    const failure = error instanceof NoPolicy ? error.failure : failureOf(error);
    return { ok: false, failure, why: `${host} gave no policy: ${messageOf(error)}` };
  }
}

async function textFrom(host: string, options: PolicyFetchOptions): Promise<string> {
  const answer = await requestHttps({
    host,
    port: options.port ?? 443,
    path: "/.well-known/mta-sts.txt",
    method: "GET",
    headers: { accept: "text/plain" },
    maxOctets: MAX_OCTETS,
    timeMs: TIME_MS,
  }, options);
  // RFC 8461 4.1 asks for a dNSName; the TLS library is content with a common name
  if (!/(?:^|, )DNS:/.test(answer.names)) {
    throw new NoPolicy("sts-webpki-invalid", "its certificate names no host (subjectAltName)");
  }
  if (answer.status !== 200) throw new Error(`it answered ${answer.status}`);
  const { type } = answer;
  if (type !== undefined && !/^text\/plain[ \t]*(?:;|$)/i.test(type)) {
    throw new Error(`it answered ${type.slice(0, 80)} instead of text/plain`);
  }
  return decode(answer.body);
}

/** Codes of the TLS library that speak of the certificate. */
const CERTIFICATE = /CERT|VERIFY|ISSUER|SELF_SIGNED|ALTNAME/;

function failureOf(error: unknown): StsFailure {
  const { code } = error as { code?: unknown };
  return typeof code === "string" && CERTIFICATE.test(code) ? "sts-webpki-invalid" : "sts-policy-fetch-error";
}
