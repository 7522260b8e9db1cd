/** In charge of who may use the HTTP surface: host names, the token, and the headers on every answer. */

import type { Context, MiddlewareHandler } from "hono";
import { encode, equalInConstantTime } from "../base/bytes.ts";
import { Problem } from "./problem.ts";

/** Headers that every answer carries. */
const SECURITY_HEADERS: Readonly<Record<string, string>> = {
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "content-security-policy":
    "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'",
  "x-frame-options": "DENY",
  "cache-control": "no-store",
};

/** Puts the security headers on every answer that hasn't its own. */
export function securityHeaders(): MiddlewareHandler {
  return async (c, next) => {
    await next();
    for (const [name, value] of Object.entries(SECURITY_HEADERS)) {
      if (!c.res.headers.has(name)) c.res.headers.set(name, value);
    }
  };
}

/** Refuses requests for host names that aren't ours, so that a page elsewhere can't reach us by DNS rebinding. */
export function knownHosts(names: readonly string[]): MiddlewareHandler {
  const known = new Set(names.map((n) => n.toLowerCase()));
  return async (c, next) => {
    const host = new URL(c.req.url).hostname.replace(/^\[(.*)\]$/, "$1").toLowerCase();
    if (!known.has(host)) throw new Problem(421, `This server does not answer for the host ${host}`);
    await next();
  };
}

/** Lets only requests with the token through. */
export function bearerToken(token: string): MiddlewareHandler {
  return async (c: Context, next) => {
    const given = /^Bearer +(\S+)$/i.exec(c.req.header("authorization") ?? "")?.[1];
    if (given === undefined) throw new Problem(401, "Send the admin token: Authorization: Bearer TOKEN");
    if (!(await sameSecret(given, token))) throw new Problem(401, "The admin token is wrong");
    await next();
  };
}

/** Compares digests, so that neither content nor length of the secret shows in the time it takes. */
async function sameSecret(a: string, b: string): Promise<boolean> {
  const [x, y] = await Promise.all([a, b].map((t) => crypto.subtle.digest("SHA-256", encode(t))));
  return equalInConstantTime(new Uint8Array(x!), new Uint8Array(y!));
}
