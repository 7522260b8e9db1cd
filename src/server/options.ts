/** What a mail server is given: the real surroundings, or those of a test. */

import type { Clock } from "../base/clock.ts";
import type { Random } from "../base/random.ts";
import type { Config } from "../config/config.ts";
import type { Resolver } from "../dns/resolver.ts";
import type { FaultRules } from "../faults/rules.ts";
import type { Health } from "../observe/health.ts";
import type { Journal } from "../observe/journal.ts";
import type { Metrics } from "../observe/metrics.ts";
import type { MemoryStore } from "../storage/memory_store.ts";
import type { TlsMaterial } from "../wire/tls.ts";

/** What a server can be given in place of the real thing: time, chance, names, the store. */
export interface MailServerOptions {
  /** Default: the system's. */
  readonly clock?: Clock;
  /** Default: the system's. */
  readonly random?: Random;
  /** Default: one on `Deno.resolveDns`, as `dns` in the configuration says. */
  readonly resolver?: Resolver;
  /** Default: one that writes log lines. */
  readonly journal?: Journal;
  /**
   * True: the store lives in memory, and the data directory is not touched. A {@linkcode MemoryStore} is there after the
   * server's end, for the next one.
   */
  readonly inMemory?: boolean | MemoryStore;
  /**
   * The certificate; null: no TLS is offered. Default: the configured one, or one that is made in the data directory
   * (none for a server in memory).
   */
  readonly certificate?: TlsMaterial | null;
  /** Called with each line of each conversation with another server (`* ` names the host), with the message's id. */
  readonly trace?: (id: string, line: string) => void;
  /** What goes wrong on purpose, by rules that may be changed at any time; absent: nothing does. */
  readonly faults?: FaultRules | undefined;
  /**
   * Lets time pass, in milliseconds, and resolves when all that was due by then is done; absent: nobody can, and the API's
   * call says so. A server on a {@linkcode MovableClock} knows how.
   */
  readonly advance?: ((ms: number) => Promise<void>) | undefined;
  /** Certificates to trust instead of the built-in ones when other servers are verified, PEM. */
  readonly ca?: readonly string[] | undefined;
  /** Where other domains' policy hosts (MTA-STS) listen. Default: 443. */
  readonly policyPort?: number | undefined;
  /** How long a queue lease lasts, in milliseconds. Default: as `lease` in the configuration says. */
  readonly leaseMs?: number;
  /** True: every recipient is captured, and nothing is delivered elsewhere, whatever the configuration says. */
  readonly capture?: boolean;
  /** True: the data directory is not touched; the store has to be elsewhere (`kv`). */
  readonly withoutFiles?: boolean;
}

/** Time, chance and the journal: what everything is given. */
export interface Surroundings {
  readonly config: Config;
  readonly clock: Clock;
  readonly random: Random;
  readonly journal: Journal;
  readonly metrics: Metrics;
  readonly health: Health;
}
