/** The rules of one domain, where they differ from those of all: its smart host, TLS, and number of connections. */

import type { ClientTlsPolicy } from "../smtp/client/client.ts";
import type { RemoteAgentOptions, SmartHost } from "./remote_options.ts";

/** Where no rule says how many connections a destination may have. */
const DEFAULT_MAX_CONNECTIONS = 20;

/** The options that depend on the domain. */
export type DomainOptions = Pick<
  RemoteAgentOptions,
  "perDomain" | "smartHost" | "tls" | "port" | "maxConnectionsPerDomain"
>;

/** The one host that takes the domain's mail; undefined: its MX hosts do. */
export function smartHostOf(options: DomainOptions, domain: string): SmartHost | undefined {
  return options.perDomain?.[domain]?.smartHost ?? options.smartHost;
}

/**
 * The name of the destination whose connections and turns the domain shares: with a smart host that is one for all
 * domains. Who logs in as somebody else, or asks for more of TLS, gets no connection of another's.
 */
export function destinationOf(options: DomainOptions, domain: string): string {
  const smartHost = smartHostOf(options, domain);
  if (!smartHost) return domain;
  const { host, port, user, password } = smartHost;
  return JSON.stringify([host, port, tlsOf(options, domain), user, password]);
}

/** The policy of TLS. */
export function tlsOf(options: DomainOptions, domain: string): ClientTlsPolicy {
  const { perDomain, tls } = options;
  const smartHost = smartHostOf(options, domain);
  return (smartHost ? smartHost.tls : perDomain?.[domain]?.tls) ?? tls ?? "opportunistic";
}

/** The port of the domain's hosts. */
export function portOf(options: DomainOptions, domain: string): number {
  return smartHostOf(options, domain)?.port ?? options.port ?? 25;
}

/** How many connections the domain's destination may have at once. */
export function maxConnectionsOf(options: DomainOptions, domain: string): number {
  const { smartHost, perDomain, maxConnectionsPerDomain } = options;
  const own = smartHost ? undefined : perDomain?.[domain]?.maxConnections;
  return own ?? maxConnectionsPerDomain ?? DEFAULT_MAX_CONNECTIONS;
}
