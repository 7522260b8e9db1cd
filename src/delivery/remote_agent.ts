/** In charge of delivery to other servers: who has a turn, over which connection, with what remembered. */

import { findHost, findMailHosts, type MailHosts, type MailHostsOptions } from "../dns/mail_hosts.ts";
import type { Deferred, EnhancedStatus, Outcome } from "../mail/outcome.ts";
import {
  type ClientOptions,
  type ClientTarget,
  type ConnectResult,
  SmtpClient,
} from "../smtp/client/client.ts";
import { ConnectionPool } from "./connection_pool.ts";
import { HostMemory } from "./host_memory.ts";
import type { Attempt, DeliveryAgent, DeliveryJob } from "./delivery.ts";
import { type Destination, keyOf, RemoteAttempt } from "./remote_attempt.ts";
import { Dialogue } from "./transcript.ts";
import type { RemoteAgentOptions, SmartHost } from "./remote_options.ts";

export type { DomainRules, RemoteAgentOptions, SmartHost } from "./remote_options.ts";

/** What a host did is not remembered for longer, however long the retry interval is. */
const MAX_MEMORY_MS = 5 * 60_000;

/** Delivers over SMTP. */
export class RemoteAgent implements DeliveryAgent {
  readonly #options: RemoteAgentOptions;
  readonly #pool: ConnectionPool;
  /** Hosts that let us wait in vain. */
  readonly #dead: HostMemory<Deferred>;
  /** Hosts on which TLS breaks, and how. */
  readonly #tlsFailures: HostMemory<string>;
  readonly #stop = new AbortController();
  readonly #active = new Set<SmtpClient>();
  #closed = false;

  constructor(options: RemoteAgentOptions) {
    this.#options = options;
    const { clock, idleMs, retryIntervalMs } = options;
    this.#pool = new ConnectionPool({ clock, ...(idleMs === undefined ? {} : { idleMs }) });
    const memoryMs = Math.min(retryIntervalMs ?? MAX_MEMORY_MS, MAX_MEMORY_MS);
    this.#dead = new HostMemory(clock, memoryMs);
    this.#tlsFailures = new HostMemory(clock, memoryMs);
  }

  /** How many jobs a domain's destination has under way, how many wait for their turn, and how many may be at once. */
  load(domain: string): { active: number; waiting: number; max: number } {
    const { active, waiting } = this.#pool.load(this.#keyOf(domain));
    return { active, waiting, max: this.#maxOf(domain) };
  }

  /** The hosts that a domain's mail would be offered to now, or why there are none. */
  route(domain: string): Promise<MailHosts> {
    const { resolver, random, ownNames, ownAddresses, family, allowPrivate } = this.#options;
    const smartHost = this.#smartHostOf(domain);
    const search: MailHostsOptions = {
      resolver,
      random,
      ownNames,
      ...(ownAddresses && { ownAddresses }),
      family: family ?? "any",
      allowPrivate: allowPrivate ?? false,
    };
    return smartHost
      ? findHost(smartHost.host, { ...search, allowPrivate: true })
      : findMailHosts(domain, search);
  }

  /** Forgets which hosts were dead. */
  forgetDeadHosts(): void {
    this.#dead.forget();
  }

  async deliver(job: DeliveryJob): Promise<Attempt[]> {
    const { clock } = this.#options;
    const key = this.#keyOf(job.domain);
    let started = clock.monotonic();
    let turn = false;
    let outcomes: Outcome[];
    const dialogue = new Dialogue();
    try {
      const early = this.#closed ? ownWords("4.3.2", "This server is shutting down") : undefined;
      if (!early) {
        await this.#pool.acquire(key, this.#maxOf(job.domain));
        turn = true;
        started = clock.monotonic();
      }
      outcomes = early ? job.recipients.map(() => early) : await this.#attempt(job, dialogue);
    } catch (error) {
      const text = `The attempt failed here: ${error instanceof Error ? error.message : String(error)}`;
      const outcome = ownWords("4.3.0", text);
      outcomes = job.recipients.map(() => outcome);
    } finally {
      if (turn) this.#pool.release(key);
    }
    const durationMs = Math.round(clock.monotonic() - started);
    const lines = outcomes.every(({ kind }) => kind === "delivered") ? [] : dialogue.lines;
    return job.recipients.map(({ address }, i) => ({
      recipient: address,
      outcome: outcomes[i]!,
      durationMs,
      ...(lines.length > 0 && { dialogue: lines }),
    }));
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#pool.close();
  }

  /** Ends every conversation at once; what is under way is deferred. For a shutdown that can't wait any longer. */
  abort(): void {
    this.#closed = true;
    this.#stop.abort();
    for (const client of this.#active) client.close();
  }

  #attempt(job: DeliveryJob, dialogue: Dialogue): Promise<Outcome[]> {
    const key = this.#keyOf(job.domain);
    const destination: Destination = {
      port: this.#smartHostOf(job.domain)?.port ?? this.#options.port ?? 25,
      dead: this.#dead,
      maySendInClear: this.#tlsOf(job.domain) === "opportunistic",
      tlsFailures: this.#tlsFailures,
      route: () => this.route(job.domain),
      takeIdle: () => this.#hold(this.#pool.take(key)),
      connect: (target, listener) => this.#connect(target, job.domain, listener),
      giveBack: (client) => {
        this.#active.delete(client);
        this.#pool.park(key, client);
      },
    };
    const { trace } = this.#options;
    const listen = (line: string) => {
      dialogue.add(line);
      trace?.(job.id, line);
    };
    return new RemoteAttempt(job, destination, listen).run();
  }

  async #connect(
    target: ClientTarget,
    domain: string,
    listener: ((line: string) => void) | undefined,
  ): Promise<ConnectResult> {
    const { hostname, clock, ca, dial, timeouts } = this.#options;
    const smartHost = this.#smartHostOf(domain);
    const { user, password } = smartHost ?? {};
    const key = keyOf(target);
    const inClear = this.#tlsFailures.recall(key);
    const options: ClientOptions = {
      hostname,
      clock,
      tls: this.#tlsOf(domain),
      signal: this.#stop.signal,
      ...(inClear !== undefined && { inClear }),
      ...(ca && { ca }),
      ...(dial && { dial }),
      ...(timeouts && { timeouts }),
      ...(user !== undefined && password !== undefined && { auth: { user, password } }),
      ...(listener && { trace: listener }),
    };
    const result = await SmtpClient.connect(target, options);
    if (result.ok && result.tlsFailure !== undefined) this.#tlsFailures.remember(key, result.tlsFailure);
    if (result.ok) this.#hold(result.client);
    return result;
  }

  /** Conversations under way are known, so that {@linkcode abort} can end them. */
  #hold(client: SmtpClient | undefined): SmtpClient | undefined {
    if (client) this.#active.add(client);
    if (this.#stop.signal.aborted) client?.close();
    return client;
  }

  #smartHostOf(domain: string): SmartHost | undefined {
    return this.#options.perDomain?.[domain]?.smartHost ?? this.#options.smartHost;
  }

  /**
   * With a smart host there is one destination for all domains. Who logs in as somebody else, or asks for more of TLS,
   * gets no connection of another's.
   */
  #keyOf(domain: string): string {
    const smartHost = this.#smartHostOf(domain);
    if (!smartHost) return domain;
    const { host, port, user, password } = smartHost;
    return JSON.stringify([host, port, this.#tlsOf(domain), user, password]);
  }

  #tlsOf(domain: string): ClientOptions["tls"] {
    const { perDomain, tls } = this.#options;
    const smartHost = this.#smartHostOf(domain);
    return (smartHost ? smartHost.tls : perDomain?.[domain]?.tls) ?? tls ?? "opportunistic";
  }

  #maxOf(domain: string): number {
    const { smartHost, perDomain, maxConnectionsPerDomain } = this.#options;
    const own = smartHost ? undefined : perDomain?.[domain]?.maxConnections;
    return own ?? maxConnectionsPerDomain ?? 20;
  }
}

function ownWords(status: EnhancedStatus, text: string): Deferred {
  return { kind: "deferred", status, text, stage: "route" };
}
