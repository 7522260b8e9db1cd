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
import type { ConnectionPool, Offer } from "./connection_pool.ts";
import { destinationOf, portOf, smartHostOf, tlsOf } from "./domain_rules.ts";
import { HostGroups } from "./host_groups.ts";
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
  /** Who shares connections. */
  readonly groups: HostGroups;
  /** Of open connections what was counted when they were made, and for which domains. */
  readonly #counted = new WeakMap<
    SmtpClient,
    { readonly session: TlsSession; readonly domains: Set<string> }
  >();
  /** Hosts on which TLS broke, and how: they are spoken with in clear, where that is allowed. */
  readonly #tlsFailures: HostMemory<string>;
  /** Hosts on which a message came to nothing behind the end of another one: each waits for the answer again. */
  readonly #oneByOne: HostMemory<true>;
  readonly #stop = new AbortController();
  /** Conversations under way, so that {@linkcode abort} can end them. */
  readonly #active = new Set<SmtpClient>();

  /** `pool` keeps what is idle. */
  constructor(options: RemoteAgentOptions, pool: ConnectionPool) {
    this.#options = options;
    this.#pool = pool;
    const { clock, retryIntervalMs } = options;
    const memoryMs = Math.min(retryIntervalMs ?? MAX_MEMORY_MS, MAX_MEMORY_MS);
    this.groups = new HostGroups(clock);
    this.groups.onEnd((first) => pool.empty(first));
    this.#dead = new HostMemory(clock, memoryMs);
    this.#tlsFailures = new HostMemory(clock, memoryMs);
    this.#oneByOne = new HostMemory(clock, memoryMs);
  }

  /** The hosts that a domain's mail would be offered to now, or why there are none; `wish`: what its sender wants of TLS. */
  async route(domain: string, wish?: SenderParameters["tls"]): Promise<Route> {
    const { resolver, random, ownNames, ownAddresses, family, allowPrivate, policies } = this.#options;
    const smartHost = smartHostOf(this.#options, domain);
    const ownHere = ownAddresses?.(this.portOf(domain)) ?? [];
    const search: MailHostsOptions = {
      resolver,
      random,
      ownNames: smartHost && ownHere.length === 0 ? [] : ownNames,
      ownAddresses: ownHere,
      family: family ?? "any",
      allowPrivate: allowPrivate ?? false,
    };
    const found =
      await (smartHost
        ? findHost(smartHost.host, { ...search, allowPrivate: true })
        : findMailHosts(domain, search));
    // who wants all in clear asked for no policy
    if (tlsOf(this.#options, domain) === "never") return this.#learned(domain, found, wish);
    const sts = smartHost || domain.startsWith("[") ? undefined : policies;
    const sources = { resolver, port: this.portOf(domain), sts, wish };
    return this.#learned(domain, await securedRoute(domain, found, sources), wish);
  }

  /** Domains with rules of their own share nothing, and what a sender wants of TLS says nothing of others. */
  #learned(domain: string, route: Route, wish: SenderParameters["tls"]): Route {
    const { perDomain } = this.#options;
    const isAlone = smartHostOf(this.#options, domain) !== undefined || perDomain?.[domain] !== undefined;
    if (wish === undefined && !isAlone) this.groups.learn(domain, route);
    return route;
  }

  /** The name of the destination whose turns and connections the domain shares now. */
  destinationOf(domain: string): string {
    return this.groups.firstOf(destinationOf(this.#options, domain));
  }

  /** The port of a domain's hosts. */
  portOf(domain: string): number {
    return portOf(this.#options, domain);
  }

  /** A connection that is left over from another message with the same wish, for the same hosts, where these are known. */
  takeIdle(domain: string, wish?: SenderParameters["tls"]): SmtpClient | undefined {
    if (this.groups.isStale(domain)) return undefined;
    const client = this.#pool.take(this.destinationOf(domain), kindOf(domain, wish));
    if (client) this.#countFor(domain, client);
    return this.#hold(client);
  }

  /**
   * Offers a connection to the next message for the same hosts with the same wish, since the content of one has ended on
   * it; until what this answers is called. Undefined: the next one is not to be put behind it.
   */
  offer(
    domain: string,
    { client, wish, ...of }: Pick<Offer, "client" | "turn" | "taken"> & { wish: SenderParameters["tls"] },
  ): (() => void) | undefined {
    if (this.#oneByOne.recall(this.#keyOn(domain, client))) return undefined;
    return this.#pool.offer(this.destinationOf(domain), { client, kind: kindOf(domain, wish), ...of });
  }

  /** A connection that is offered, with the turn of who offers it. */
  takeOffered(domain: string, wish?: SenderParameters["tls"]): Pick<Offer, "client" | "turn"> | undefined {
    if (this.groups.isStale(domain)) return undefined;
    const offer = this.#pool.takeOffered(this.destinationOf(domain), kindOf(domain, wish));
    if (offer) this.#countFor(domain, offer.client);
    return offer;
  }

  /** A message came to nothing behind the end of another one. */
  rememberOneByOne(domain: string, client: SmtpClient): void {
    this.#oneByOne.remember(this.#keyOn(domain, client), true);
  }

  #keyOn(domain: string, { peer: { address } }: SmtpClient): string {
    return keyOf({ address, port: this.portOf(domain) });
  }

  #countFor(domain: string, client: SmtpClient): void {
    const counted = this.#counted.get(client);
    if (!counted || counted.domains.has(domain)) return;
    counted.domains.add(domain);
    const { session } = counted;
    this.count(domain, { ...session, policy: { ...session.policy, domain } });
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
    if (policy && result.tls) {
      const session = { policy, verdict: result.tls, host, address };
      this.count(domain, session);
      if (result.ok) this.#counted.set(result.client, { session, domains: new Set([domain]) });
    }
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
    this.#pool.park(this.destinationOf(domain), client, kindOf(domain, wish));
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

/** What was made for what a sender wants of TLS was judged for that domain, and serves no other one. */
function kindOf(domain: string, wish: SenderParameters["tls"]): string {
  return wish === undefined ? "" : `${wish} ${domain}`;
}

/** What a host is remembered by. */
function keyOf({ address, port }: Pick<ClientTarget, "address" | "port">): string {
  return `${address} ${port}`;
}
