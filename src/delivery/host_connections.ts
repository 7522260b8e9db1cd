/** The connections to other hosts: those left over from an earlier message, new ones, and what is remembered of hosts. */

import { findHost, findMailHosts, type MailHostsOptions } from "../dns/mail_hosts.ts";
import type { SenderParameters } from "../mail/envelope.ts";
import type { Deferred } from "../mail/outcome.ts";
import {
  type ClientOptions,
  type ClientTarget,
  type ConnectResult,
  SmtpClient,
} from "../smtp/client/client.ts";
import type { ConnectionPool } from "./connection_pool.ts";
import { destinationOf, portOf, smartHostOf, tlsOf } from "./domain_rules.ts";
import { HostMemory } from "./host_memory.ts";
import type { TlsSession } from "../transport/tls_session.ts";
import type { RemoteAgentOptions } from "./remote_options.ts";
import { type Route, type RouteHost, securedRoute } from "./secured_route.ts";

/** What a host did is not remembered for longer, however long the retry interval is. */
const MAX_MEMORY_MS = 5 * 60_000;

/** Gives connections out by domain. Every one that was given out comes back by {@linkcode HostConnections.giveBack}. */
export class HostConnections {
  readonly #options: RemoteAgentOptions;
  readonly #pool: ConnectionPool;
  /** Hosts that let us wait in vain. */
  readonly #dead: HostMemory<Deferred>;
  /** Hosts on which TLS broke, and how: they are spoken with in clear, where that is allowed. */
  readonly #tlsFailures: HostMemory<string>;
  readonly #stop = new AbortController();
  /** Conversations under way, so that {@linkcode abort} can end them. */
  readonly #active = new Set<SmtpClient>();

  /** `pool` keeps what is idle. */
  constructor(options: RemoteAgentOptions, pool: ConnectionPool) {
    this.#options = options;
    this.#pool = pool;
    const { clock, retryIntervalMs } = options;
    const memoryMs = Math.min(retryIntervalMs ?? MAX_MEMORY_MS, MAX_MEMORY_MS);
    this.#dead = new HostMemory(clock, memoryMs);
    this.#tlsFailures = new HostMemory(clock, memoryMs);
  }

  /** The hosts that a domain's mail would be offered to now, or why there are none; `wish`: what its sender wants of TLS. */
  async route(domain: string, wish?: SenderParameters["tls"]): Promise<Route> {
    const { resolver, random, ownNames, ownAddresses, family, allowPrivate, policies } = this.#options;
    const smartHost = smartHostOf(this.#options, domain);
    const search: MailHostsOptions = {
      resolver,
      random,
      ownNames,
      ...(ownAddresses && { ownAddresses }),
      family: family ?? "any",
      allowPrivate: allowPrivate ?? false,
    };
    const found =
      await (smartHost
        ? findHost(smartHost.host, { ...search, allowPrivate: true })
        : findMailHosts(domain, search));
    // who wants all in clear asked for no policy
    if (tlsOf(this.#options, domain) === "never") return found;
    const sts = smartHost || domain.startsWith("[") ? undefined : policies;
    return await securedRoute(domain, found, { resolver, port: this.portOf(domain), sts, wish });
  }

  /** The port of a domain's hosts. */
  portOf(domain: string): number {
    return portOf(this.#options, domain);
  }

  /** A connection that is left over from another message with the same wish. */
  takeIdle(domain: string, wish?: SenderParameters["tls"]): SmtpClient | undefined {
    return this.#hold(this.#pool.take(destinationOf(this.#options, domain), wish));
  }

  /** A new connection, as the host's policies demand; `trace` is told its lines. */
  async connect(
    domain: string,
    target: ClientTarget & Pick<RouteHost, "demand" | "policy">,
    trace: ((line: string) => void) | undefined,
  ): Promise<ConnectResult> {
    const key = keyOf(target);
    const result = await SmtpClient.connect(target, {
      ...this.#clientOptions(domain, key, trace),
      demand: target.demand,
      judged: target.policy?.type === "sts",
    });
    const { policy, host, address } = target;
    if (policy && result.tls) this.count(domain, { policy, verdict: result.tls, host, address });
    if (result.ok) {
      this.#dead.forget(key);
      if (result.tlsFailure !== undefined) this.#tlsFailures.remember(key, result.tlsFailure);
      this.#hold(result.client);
    } else if (result.silent && result.outcome.kind === "deferred") {
      // A host that refuses at once costs nothing to ask again, and may be back for the next message.
      this.#dead.remember(key, result.outcome);
    }
    return result;
  }

  /** Counts a session for the report that the domain gets; a smart host is the operator's own choice. */
  count(domain: string, session: TlsSession): void {
    if (!smartHostOf(this.#options, domain)) this.#options.sessions?.count(domain, session);
  }

  /** Ends the use of a connection: the next message of the domain with that wish may have it. */
  giveBack(domain: string, client: SmtpClient, wish?: SenderParameters["tls"]): void {
    this.#active.delete(client);
    this.#pool.park(destinationOf(this.#options, domain), client, wish);
  }

  /** How a host let us wait in vain a moment ago; undefined: nothing is known against it. */
  deadHost(target: Pick<ClientTarget, "address" | "port">): Deferred | undefined {
    return this.#dead.recall(keyOf(target));
  }

  /** Forgets which hosts were dead. */
  forgetDeadHosts(): void {
    this.#dead.forget();
  }

  /** May the domain's mail go in clear where TLS breaks on that connection (RFC 7435)? */
  maySendInClear(domain: string, client: SmtpClient): boolean {
    return tlsOf(this.#options, domain) === "opportunistic" && !client.isDemanded;
  }

  /** Remembers that TLS broke on a host: the next connection to it is in clear. */
  rememberTlsFailure(target: Pick<ClientTarget, "address" | "port">, why: string): void {
    this.#tlsFailures.remember(keyOf(target), why);
  }

  /** Ends every conversation at once, and from now on each that begins. */
  abort(): void {
    this.#stop.abort();
    this.#options.policies?.close();
    for (const client of this.#active) client.close();
  }

  #clientOptions(
    domain: string,
    key: string,
    trace: ((line: string) => void) | undefined,
  ): ClientOptions {
    const { hostname, clock, ca, dial, timeouts, faults } = this.#options;
    const { user, password } = smartHostOf(this.#options, domain) ?? {};
    const inClear = this.#tlsFailures.recall(key);
    return {
      hostname,
      clock,
      tls: tlsOf(this.#options, domain),
      signal: this.#stop.signal,
      ...(inClear !== undefined && { inClear }),
      ...(ca && { ca }),
      ...(dial && { dial }),
      ...(faults && { faults }),
      ...(timeouts && { timeouts }),
      ...(user !== undefined && password !== undefined && { auth: { user, password } }),
      ...(trace && { trace }),
    };
  }

  #hold(client: SmtpClient | undefined): SmtpClient | undefined {
    if (client) this.#active.add(client);
    if (this.#stop.signal.aborted) client?.close();
    return client;
  }
}

/** What a host is remembered by. */
function keyOf({ address, port }: Pick<ClientTarget, "address" | "port">): string {
  return `${address} ${port}`;
}
