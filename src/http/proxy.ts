/** The client's view of a request that came through a trusted proxy: its address, and the URL that it asked for. */

import type { Context } from "hono";
import { isIP } from "node:net";
import { Networks } from "../base/networks.ts";
import type { AdminBindings, AdminEnv } from "./options.ts";

/** Reads X-Forwarded-* of the proxies in `networks`; from anybody else they mean nothing. */
export function proxyReader(
  networks: readonly string[],
): (request: Request, bindings: AdminBindings) => AdminBindings {
  const trusted = new Networks(networks);
  return (request, bindings) => {
    const { remote } = bindings;
    if (remote === undefined || !trusted.has(remote)) return bindings;
    return { ...bindings, remote: clientOf(request, remote, trusted), url: urlOf(request) };
  };
}

/** The URL that the client asked for. */
export function askedUrl(c: Context<AdminEnv>): URL {
  return new URL(c.env?.url ?? c.req.url);
}

/** Each proxy adds the address it was connected from: the last one that is no proxy of ours is the client's. */
function clientOf(request: Request, remote: string, trusted: Networks): string {
  let client = remote;
  for (const text of listOf(request, "x-forwarded-for").reverse()) {
    if (!trusted.has(client)) break;
    // some write a port, and brackets for it
    const address = text.replace(/^\[([^\]]*)\](?::\d+)?$/, "$1").replace(/^(\d+\.\d+\.\d+\.\d+):\d+$/, "$1");
    if (isIP(address) === 0) break;
    client = address;
  }
  return client;
}

/** Of several hosts the last one counts: the proxy that we trust wrote it. The scheme is the client's, the first. */
function urlOf(request: Request): string {
  const url = new URL(request.url);
  const scheme = listOf(request, "x-forwarded-proto")[0]?.toLowerCase();
  const host = listOf(request, "x-forwarded-host").at(-1) ?? url.host;
  if (scheme !== "https" && scheme !== "http") return withHost(url, url.protocol, host);
  return withHost(url, `${scheme}:`, host);
}

function withHost(url: URL, protocol: string, host: string): string {
  const text = `${protocol}//${host}${url.pathname}${url.search}`;
  // what is no host is not answered for
  return !/[/?#@\\\s]/.test(host) && URL.canParse(text) ? text : `${protocol}//invalid/`;
}

function listOf(request: Request, name: string): string[] {
  return (request.headers.get(name) ?? "").split(",").map((text) => text.trim()).filter((text) =>
    text !== ""
  );
}
