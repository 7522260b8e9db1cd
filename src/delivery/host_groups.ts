/** The groups of domains whose mail goes to the same hosts on the same terms: they share turns and connections. */

import type { Clock } from "../base/clock.ts";
import type { Route } from "./secured_route.ts";

/** A domain is looked up again after so long, milliseconds, however many connections its group has. */
const KEPT_MS = 60_000;
/** More domains than these are not remembered. */
const MAX_DOMAINS = 10_000;

interface Group {
  /** The domain whose name stands for all. */
  readonly first: string;
  readonly members: Set<string>;
}

/**
 * Learns from routes which domains have the same hosts. The first domain stands for the others, so that a domain alone
 * keeps its own name. Only routes count on which nothing is demanded of TLS: what one domain demands, a connection that
 * was made for another one need not have.
 */
export class HostGroups {
  readonly #clock: Clock;
  readonly #groups = new Map<string, Group>();
  /** Of each domain the hosts, as one text, and until when that is known. */
  readonly #domains = new Map<string, { readonly hosts: string; readonly until: number }>();
  #listeners: ((domain: string, first: string) => void)[] = [];
  #endListeners: ((first: string) => void)[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Told when a domain joins the group of another one. */
  onJoin(listener: (domain: string, first: string) => void): void {
    this.#listeners.push(listener);
  }

  /** Told when the name of a group's first domain means its hosts no more. */
  onEnd(listener: (first: string) => void): void {
    this.#endListeners.push(listener);
  }

  /** Were the domain's hosts looked up too long ago to use a connection that another domain may have made? */
  isStale(domain: string): boolean {
    const known = this.#domains.get(domain);
    return known !== undefined && this.#clock.monotonic() >= known.until;
  }

  /** The domain that stands for all that have the same hosts: itself where none are known. */
  firstOf(domain: string): string {
    const known = this.#domains.get(domain);
    if (!known) return domain;
    const group = this.#groups.get(known.hosts)!;
    if (group.first === domain || !this.isStale(domain)) return group.first;
    this.#leave(domain);
    return domain;
  }

  /** Notes the route of a domain, before anything is sent on it. */
  learn(domain: string, route: Route): void {
    const hosts = hostsOf(route);
    const before = this.#domains.get(domain);
    if (before && before.hosts !== hosts) this.#leave(domain);
    if (hosts === undefined) return;
    if (this.#domains.size >= MAX_DOMAINS) this.#forgetAll();
    let group = this.#groups.get(hosts);
    if (!group) this.#groups.set(hosts, group = { first: domain, members: new Set() });
    const isNew = !group.members.has(domain);
    group.members.add(domain);
    this.#domains.set(domain, { hosts, until: this.#clock.monotonic() + KEPT_MS });
    if (!isNew || group.first === domain) return;
    for (const listener of this.#listeners) listener(domain, group.first);
  }

  /** When the first one goes, its name means other hosts: the others are alone again. */
  #leave(domain: string): void {
    const { hosts } = this.#domains.get(domain)!;
    const { first, members } = this.#groups.get(hosts)!;
    const leaving = first === domain ? members : [domain];
    for (const one of leaving) this.#domains.delete(one);
    if (first !== domain) members.delete(domain);
    else {
      this.#groups.delete(hosts);
      this.#ended(first);
    }
  }

  #forgetAll(): void {
    const ended = [...this.#groups.values()];
    this.#groups.clear();
    this.#domains.clear();
    for (const { first } of ended) this.#ended(first);
  }

  #ended(first: string): void {
    for (const listener of this.#endListeners) listener(first);
  }
}

/** The hosts by preference, as one text; undefined: the route is not to be shared. */
function hostsOf(route: Route): string | undefined {
  if (route.kind !== "hosts" || route.how !== "mx" || (route.prevented?.length ?? 0) > 0) return undefined;
  const isPlain = route.hosts.every(({ demand, barred, policy }) =>
    demand === undefined && barred === undefined && (policy?.type ?? "no-policy-found") === "no-policy-found"
  );
  if (!isPlain) return undefined;
  const levels = Map.groupBy(route.hosts, ({ preference }) => preference);
  const inOrder = [...levels].sort(([a], [b]) => a - b);
  return inOrder.map(([, hosts]) => hosts.map(({ host }) => host).sort().join()).join(";");
}
