/** The options of the remote agent: how to find hosts, how to speak with them, how much at once. */

import type { Clock } from "../base/clock.ts";
import type { Random } from "../base/random.ts";
import type { FaultRules } from "../faults/rules.ts";
import type { Resolver } from "../dns/resolver.ts";
import type { TlsSessions } from "../transport/tls_sessions.ts";
import type { StsPolicies } from "../transport/sts_policies.ts";
import type { ClientTimeouts, ClientTlsPolicy, Dial } from "../smtp/client/client.ts";

/** One host that takes all mail that leaves, or all of a domain. */
export interface SmartHost {
  /** A name (its A and AAAA records are used, not its MX) or an address. */
  readonly host: string;
  readonly port: number;
  /** Logs in when both are there. */
  readonly user?: string;
  readonly password?: string;
  /** Default: the agent's policy. */
  readonly tls?: ClientTlsPolicy;
}

/** What is different for one domain. */
export interface DomainRules {
  readonly tls?: ClientTlsPolicy;
  readonly maxConnections?: number;
  /** Takes the domain's mail in place of its MX hosts, and of the one that takes all mail. */
  readonly smartHost?: SmartHost;
}

/** How the remote agent works. */
export interface RemoteAgentOptions {
  readonly resolver: Resolver;
  readonly random: Random;
  readonly clock: Clock;
  /** Our name in EHLO. */
  readonly hostname: string;
  /** Names by which an MX record may mean this server. */
  readonly ownNames: readonly string[];
  /**
   * Addresses at which this server takes mail on a port, by which it may. A smart host of our name or address at a port
   * of which there are none is another server.
   */
  readonly ownAddresses?: (port: number) => readonly string[];
  /** Default 25. */
  readonly port?: number;
  /** Which addresses are used; default `any`. */
  readonly family?: "any" | "ipv4" | "ipv6";
  /** Hosts on loopback and private addresses may be connected to; default false. A smart host always may. */
  readonly allowPrivate?: boolean;
  /** Default `opportunistic`. */
  readonly tls?: ClientTlsPolicy;
  /** What domains demand by MTA-STS; absent: nobody is asked. */
  readonly policies?: StsPolicies | undefined;
  /** Counts what TLS comes to; absent: nobody is told. */
  readonly sessions?: TlsSessions | undefined;
  /** Certificates to trust instead of the built-in ones, PEM. */
  readonly ca?: readonly string[] | undefined;
  /** Default 20. */
  readonly maxConnectionsPerDomain?: number;
  readonly smartHost?: SmartHost;
  /** By domain, lower case A-labels. */
  readonly perDomain?: Readonly<Record<string, DomainRules>>;
  /** Rules that stand for the hosts' answers; absent: none. */
  readonly faults?: FaultRules | undefined;
  /** How to connect; default TCP. */
  readonly dial?: Dial;
  readonly timeouts?: Partial<ClientTimeouts>;
  /** The shortest interval between attempts: no host is remembered as dead for longer. Default 15 min. */
  readonly retryIntervalMs?: number;
  /** How long an idle connection is kept; default 5 s. */
  readonly idleMs?: number;
}
