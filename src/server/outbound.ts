/** The outbound side as configured: the queue, its waker, and the delivery agents. */

import { type Clock, systemClock } from "../base/clock.ts";
import { messageOf } from "../base/errors.ts";
import type { IdMaker } from "../base/ids.ts";
import { RemoteAgent } from "../delivery/remote_agent.ts";
import { linesTo, traceLine } from "../delivery/transcript.ts";
import type { Resolver } from "../dns/resolver.ts";
import type { FaultRules } from "../faults/rules.ts";
import type { Accounts } from "../auth/accounts.ts";
import type { MailStore } from "../mailbox/mail_store.ts";
import type { Quotas } from "../mailbox/quotas.ts";
import type { Journal } from "../observe/journal.ts";
import { DeliveryQueue } from "../queue/queue.ts";
import type { MessageSigner } from "../queue/signatures.ts";
import type { Suppressions } from "../queue/suppressions.ts";
import type { Suspensions } from "../queue/suspensions.ts";
import type { TallyOptions } from "../queue/tally.ts";
import { PeerNotifier, SharedWaker } from "../queue/shared_waker.ts";
import { KvWaker, type NewWork, TimerWaker, type Waker } from "../queue/waker.ts";
import type { Router } from "../recipients/router.ts";
import { type DestinationRate, RateLimit } from "../queue/rate_limit.ts";
import { SharedRate } from "../queue/shared_rate.ts";
import type { Store } from "../storage/store.ts";
import type { TlsSessions } from "../transport/tls_sessions.ts";
import { StsPolicies } from "../transport/sts_policies.ts";
import { trustedRoots } from "../wire/roots.ts";
import type { MailServerOptions, Surroundings } from "./options.ts";

/** What the outbound side is made of. */
export interface OutboundParts extends Surroundings {
  readonly store: Store;
  readonly ids: IdMaker;
  readonly resolver: Resolver;
  readonly router: Router;
  readonly accounts: Accounts;
  readonly mailStore: MailStore;
  readonly quotas: Quotas;
  readonly agent: RemoteAgent;
  /** Signs what goes to other servers. */
  readonly signing: MessageSigner | undefined;
  readonly suspensions: Suspensions;
  readonly suppressions: Suppressions | undefined;
  /** What the run before has kept of the queue's numbers. */
  readonly tally?: TallyOptions | undefined;
  readonly leaseMs?: number | undefined;
  /** Takes each line of each conversation with another server, with the message's id. */
  readonly trace?: ((id: string, line: string) => void) | undefined;
}

/** Makes the queue. */
export function makeQueue(parts: OutboundParts): DeliveryQueue {
  const { config, router, store, agent } = parts;
  const notifier = store.embedded ? undefined : new PeerNotifier(store, parts.clock);
  const { maxConnectionsPerDomain, domains } = config.outbound;
  const rates = new Map<string, DestinationRate>();
  for (const [domain, { rate }] of Object.entries(domains)) {
    if (!rate) continue;
    const of = { count: rate.count, perMs: rate.periodMs };
    rates.set(domain, store.embedded ? new RateLimit(parts.clock, of) : new SharedRate(parts, domain, of));
  }
  /** All that goes to the smart host is one destination, but for domains with rules of their own. */
  function sharesWay(domain: string): boolean {
    if (config.relay.smartHost === null || router.isLocal(domain)) return false;
    return !domains[domain]?.smartHost && !rates.has(domain);
  }
  /** Domains without rules of their own share a destination when they have the same hosts. */
  function destinationOf(domain: string): string {
    if (sharesWay(domain)) return "";
    const isAlone = config.relay.smartHost !== null || domains[domain] !== undefined ||
      router.isLocal(domain);
    return isAlone ? domain : agent.destinationOf(domain);
  }
  const queue = new DeliveryQueue({
    ...parts,
    signer: parts.signing,
    hostname: config.hostname,
    schedule: config.queue,
    concurrency: config.queue.concurrency,
    perDestination: (domain) => domains[domain]?.maxConnections ?? maxConnectionsPerDomain,
    rateOf: (destination) => rates.get(destination),
    destinationOf: ({ domain }) => destinationOf(domain),
    onJoin: (listener) => agent.onJoin(listener),
    historyMs: config.queue.history,
    waker: (wake) => makeWaker(store, { ...parts, wake }),
    notifyPeers: notifier && ((work) => void notifier.notify(work)),
  });
  const { trace } = parts;
  if (trace) queue.transcripts.subscribeAll(linesTo((line, id) => trace(id, line), traceLine));
  return queue;
}

function makeWaker(
  store: Store,
  options: { clock: Clock; journal: Journal; wake: (work?: NewWork) => void },
): Waker {
  const { clock, journal, wake } = options;
  if (!store.embedded) return new SharedWaker(store, { clock, wake });
  // The queue of KV knows only the real time.
  if (clock !== systemClock) return new TimerWaker(clock, () => wake());
  return new KvWaker({
    clock,
    wake: () => wake(),
    onError: (error) => journal.note("WARN", "wake-up failed", { error: String(error) }),
  });
}

/** Makes who delivers to other servers. */
export function makeAgent(
  parts: Surroundings & {
    readonly store: Store;
    readonly resolver: Resolver;
    readonly sessions?: TlsSessions;
    readonly faults?: FaultRules | undefined;
  },
  { ca = rootsOf(parts), policyPort }: Pick<MailServerOptions, "ca" | "policyPort"> = {},
): RemoteAgent {
  const { config, clock, random, resolver, faults, store, sessions } = parts;
  const { outbound, relay, hostname, listen: { smtp, submission, submissions } } = config;
  const { port, family, allowPrivate, tls, maxConnectionsPerDomain } = outbound;
  const own = new Map<number, string[]>();
  for (const endpoint of [...smtp, ...submission, ...submissions]) {
    own.set(endpoint.port, [...own.get(endpoint.port) ?? [], ...addressesOf(endpoint.hostname)]);
  }
  return new RemoteAgent({
    ca,
    sessions,
    policies: new StsPolicies(store, { ...parts, allowPrivate, ca, port: policyPort }),
    clock,
    random,
    resolver,
    faults,
    hostname,
    port,
    family,
    allowPrivate,
    tls,
    maxConnectionsPerDomain,
    ownNames: [hostname],
    ownAddresses: (port) => own.get(port) ?? [],
    perDomain: outbound.domains,
    retryIntervalMs: Math.min(...config.queue.retry),
    ...(relay.smartHost && { smartHost: relay.smartHost }),
  });
}

/** Further roots to trust; undefined: those that the library knows, since no others are named or they can't be had. */
export function rootsOf({ journal }: Surroundings): string[] | undefined {
  try {
    return trustedRoots();
  } catch (error) {
    journal.note("WARN", "the certificates of DENO_CERT are not trusted", { error: messageOf(error) });
    return undefined;
  }
}

/** The addresses a listener is reached at: itself, or all of this machine's. */
function addressesOf(hostname: string): string[] {
  if (hostname !== "0.0.0.0" && hostname !== "::") return [hostname];
  try {
    return Deno.networkInterfaces().map((i) => i.address);
  } catch (error) {
    // Without the permission the own name in an MX record is still known.
    if (error instanceof Deno.errors.NotCapable) return [];
    throw error;
  }
}
