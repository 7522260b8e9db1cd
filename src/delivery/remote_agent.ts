/** The agent that delivers to other servers: gives each job its turn, and answers whatever happens. */

import type { Deferred, EnhancedStatus, Outcome } from "../mail/outcome.ts";
import { Transcript } from "../observe/transcripts.ts";
import { ConnectionPool, Turn } from "./connection_pool.ts";
import type { Attempt, DeliveryAgent, DeliveryJob } from "./delivery.ts";
import { maxConnectionsOf } from "./domain_rules.ts";
import { HostConnections } from "./host_connections.ts";
import { RemoteAttempt } from "./remote_attempt.ts";
import type { RemoteAgentOptions } from "./remote_options.ts";
import type { Route } from "./secured_route.ts";
import { Dialogue, linesTo, traceLine } from "./transcript.ts";

export type { DomainRules, RemoteAgentOptions, SmartHost } from "./remote_options.ts";

/** Delivers over SMTP. */
export class RemoteAgent implements DeliveryAgent {
  readonly #options: RemoteAgentOptions;
  /** Turns and idle connections, by destination. */
  readonly #pool: ConnectionPool;
  readonly #connections: HostConnections;
  #closed = false;

  constructor(options: RemoteAgentOptions) {
    this.#options = options;
    const { clock, idleMs } = options;
    this.#pool = new ConnectionPool({ clock, ...(idleMs === undefined ? {} : { idleMs }) });
    this.#connections = new HostConnections(options, this.#pool);
  }

  /** How many jobs a domain's destination has under way, how many wait for their turn, and how many may be at once. */
  load(domain: string): { active: number; waiting: number; max: number } {
    const { active, waiting } = this.#pool.load(this.destinationOf(domain));
    return { active, waiting, max: maxConnectionsOf(this.#options, domain) };
  }

  /** The name of the destination whose turns and connections the domain shares now: domains with the same hosts have one. */
  destinationOf(domain: string): string {
    return this.#connections.destinationOf(domain);
  }

  /** Told when a domain joins the destination of another one. */
  onJoin(listener: (domain: string, destination: string) => void): void {
    this.#connections.groups.onJoin(listener);
  }

  /** The hosts that a domain's mail would be offered to now, or why there are none. */
  route(domain: string): Promise<Route> {
    return this.#connections.route(domain);
  }

  /** Forgets which hosts were dead. */
  forgetDeadHosts(): void {
    this.#connections.forgetDeadHosts();
  }

  async deliver(job: DeliveryJob): Promise<Attempt[]> {
    const { clock } = this.#options;
    const turn = new Turn(this.#pool, clock);
    const takeTurn = () =>
      turn.take(this.destinationOf(job.domain), maxConnectionsOf(this.#options, job.domain));
    const started = clock.monotonic();
    let outcomes: Outcome[];
    const dialogue = new Dialogue();
    const transcript = job.transcript ?? new Transcript(job.id);
    transcript.subscribe(linesTo((line) => dialogue.add(line), traceLine));
    try {
      const early = this.#closed ? localDeferral("4.3.2", "This server is shutting down") : undefined;
      const behind = early ? undefined : this.#connections.takeOffered(job.domain, job.parameters.tls);
      if (behind) turn.takeOver(behind.turn);
      else if (!early) await takeTurn();
      outcomes = early ? job.recipients.map(() => early) : await new RemoteAttempt(job, this.#connections, {
        transcript,
        turn,
        takeTurn,
        behind: behind?.client,
      }).run();
    } catch (error) {
      const text = `The attempt failed here: ${error instanceof Error ? error.message : String(error)}`;
      const outcome = localDeferral("4.3.0", text);
      outcomes = job.recipients.map(() => outcome);
    } finally {
      turn.end();
    }
    const durationMs = Math.round(clock.monotonic() - started - turn.waitedMs);
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
    this.#connections.abort();
  }
}

function localDeferral(status: EnhancedStatus, text: string): Deferred {
  return { kind: "deferred", status, text, stage: "route" };
}
