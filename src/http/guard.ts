/** The guards of every request: known host names, and the security headers of every answer. */

import type { Context, MiddlewareHandler } from "hono";
import { isIP } from "node:net";
import { askedUrl } from "./proxy.ts";
import { policyAnswer, type PolicyOf } from "./policy_site.ts";
import { settingsAnswer, type SettingsOf } from "./settings_site.ts";
import { Problem, quoted } from "./problem.ts";

/** Headers that every answer carries. */
const SECURITY_HEADERS: Readonly<Record<string, string>> = {
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "content-security-policy":
    "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'; sandbox",
  "x-frame-options": "DENY",
  "cross-origin-resource-policy": "same-origin",
  "cross-origin-opener-policy": "same-origin",
  "permissions-policy": "camera=(), geolocation=(), microphone=()",
  "cache-control": "no-store",
};

/** Puts the security headers on every answer that hasn't its own. */
export function securityHeaders(): MiddlewareHandler {
  return async (c, next) => {
    await next();
    secure(c.res.headers);
  };
}

/** Adds the security headers that are missing. */
export function secure(headers: Headers): void {
  for (const [name, value] of Object.entries(SECURITY_HEADERS)) {
    if (!headers.has(name)) headers.set(name, value);
  }
}

/** What the world may ask of a domain of ours; absent: of none. */
export interface OpenSites {
  /** The text of the MTA-STS policy that a host name stands for. */
  readonly policyOf?: PolicyOf | undefined;
  /** The settings of a domain's accounts for mail programs, as XML. */
  readonly settingsOf?: SettingsOf | undefined;
}

/** Answers whoever looks for a policy or for settings, by whatever name: both are public. */
export function openSites(
  { policyOf = () => undefined, settingsOf = () => undefined }: OpenSites,
): MiddlewareHandler {
  return async (c, next) => {
    const host = hostOf(c);
    const { method, path } = c.req;
    const address = () => c.req.query("emailaddress");
    const found = host === undefined ? undefined : policyAnswer(host, { method, path }, policyOf) ??
      settingsAnswer(host, { method, path, address }, settingsOf);
    if (!found) return await next();
    c.res = found;
  };
}

/**
 * Refuses requests for host names that aren't ours, so that a page elsewhere can't reach us by DNS rebinding. That
 * takes a name: requests for an IP address are let through.
 */
export function knownHosts(names: readonly string[]): MiddlewareHandler {
  const known = new Set(names.map((name) => name.toLowerCase()));
  return async (c, next) => {
    const host = hostOf(c);
    if (host === undefined || !(known.has(host) || isIP(host) !== 0)) {
      const name = quoted(host ?? "of that name");
      throw new Problem(421, `This server does not answer for the host ${name}; admin.hosts can name it`);
    }
    await next();
  };
}

/** The name or address the request is for, in lower case, without port, brackets and final dot. */
function hostOf(c: Context): string | undefined {
  try {
    return askedUrl(c).hostname.replace(/^\[(.*)\]$/, "$1").replace(/\.$/, "").toLowerCase();
  } catch {
    return undefined;
  }
}
