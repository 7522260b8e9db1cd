/** The name servers that are asked: the configured one, or those of the system. */

import type { Clock } from "../base/clock.ts";
import ipaddr from "ipaddr.js";

/** The address of a name server. */
export interface NameServer {
  /** Bare: `127.0.0.1`, `2001:db8::1`, `fe80::1%eth0`. */
  readonly ip: string;
  /** 53 as a rule. */
  readonly port: number;
}

/** The file of resolv.conf(5). */
const RESOLV_CONF = "/etc/resolv.conf";
/** For how long its content is believed, in milliseconds: networks come and go on a laptop. */
const READ_AGAIN = 30_000;
/** Like the C library, no more than these are asked (MAXNS). */
const MAX_SERVERS = 3;

/**
 * Reads `127.0.0.1`, `127.0.0.1:5353`, `::1` or `[::1]:5353`; the port is 53 unless said. Undefined when it is none of
 * these.
 */
export function parseNameServer(text: string): NameServer | undefined {
  const parts = /^(?:\[([^\]]+)\]|([^:[\]]+)|([^[\]]*:[^[\]]*:[^[\]]*))(?::(\d{1,5}))?$/.exec(text.trim());
  if (!parts) return undefined;
  const ip = (parts[1] ?? parts[2] ?? parts[3])!;
  const bare = ip.split("%")[0]!;
  const valid = parts[2] === undefined ? ipaddr.IPv6.isValid(bare) : ipaddr.IPv4.isValidFourPartDecimal(ip);
  const port = Number(parts[4] ?? 53);
  return valid && port > 0 && port < 65536 ? { ip, port } : undefined;
}

/** How a name server is shown and configured: `127.0.0.1:53`, `[::1]:53`. */
export function showNameServer({ ip, port }: NameServer): string {
  return ip.includes(":") ? `[${ip}]:${port}` : `${ip}:${port}`;
}

/**
 * The name servers of a text in the form of resolv.conf(5), at most 3; with none, the one on this machine, as the
 * manual says.
 */
export function parseResolvConf(text: string): NameServer[] {
  const servers: NameServer[] = [];
  for (const line of text.split("\n")) {
    const ip = /^\s*nameserver\s+(\S+)/.exec(line)?.[1];
    const server = ip === undefined ? undefined : parseNameServer(ip.includes(":") ? `[${ip}]` : ip);
    if (server && servers.length < MAX_SERVERS) servers.push(server);
  }
  return servers.length > 0 ? servers : [{ ip: "127.0.0.1", port: 53 }];
}

/** The system's name servers, read again now and then. */
export class SystemNameServers {
  #servers: NameServer[] = [];
  #readAt = -Infinity;

  /** For when to read them again. */
  constructor(private readonly clock: Clock) {}

  /** The servers in the order in which they are to be asked. Rejects when the system doesn't let us know them. */
  async list(): Promise<readonly NameServer[]> {
    if (this.clock.monotonic() - this.#readAt < READ_AGAIN) return this.#servers;
    const servers = await systemServers();
    this.#servers = servers;
    this.#readAt = this.clock.monotonic();
    return servers;
  }
}

async function systemServers(): Promise<NameServer[]> {
  if (Deno.build.os === "windows") {
    const { getServers } = await import("node:dns");
    const servers = getServers().map(parseNameServer).filter((server) => server !== undefined);
    return [...new Map(servers.map((server) => [showNameServer(server), server])).values()];
  }
  try {
    return parseResolvConf(await Deno.readTextFile(RESOLV_CONF));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return parseResolvConf("");
    throw error;
  }
}
