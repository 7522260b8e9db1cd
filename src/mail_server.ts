/** In charge of putting the house together: one process with SMTP, POP3, HTTP, the queue and the store. */

import { join } from "node:path";
import { type Clock, sleep, systemClock } from "./base/clock.ts";
import { IdMaker } from "./base/ids.ts";
import { type Random, systemRandom } from "./base/random.ts";
import { Tasks } from "./base/tasks.ts";
import { createAdminApp } from "./admin/app.ts";
import type { Config } from "./config/config.ts";
import { RemoteAgent } from "./delivery/remote_agent.ts";
import { type Resolver, SystemResolver } from "./dns/resolver.ts";
import { Destinations } from "./intake/destinations.ts";
import { Networks } from "./intake/networks.ts";
import { Policy } from "./intake/policy.ts";
import { Accounts } from "./mailbox/accounts.ts";
import { Aliases } from "./mailbox/aliases.ts";
import { LoginGuard } from "./mailbox/login_guard.ts";
import { MailStore } from "./mailbox/mail_store.ts";
import { Journal } from "./observe/journal.ts";
import { servePop3 } from "./pop3/session.ts";
import { DeliveryQueue } from "./queue/delivery_queue.ts";
import { KvWaker, TimerWaker, type Waker } from "./queue/waker.ts";
import { Router } from "./routing/router.ts";
import { adminToken, firstAccounts } from "./server/first_start.ts";
import { Listeners } from "./server/listeners.ts";
import { SessionLog } from "./server/session_log.ts";
import { serveSmtp } from "./smtp/session.ts";
import { BodySweeper } from "./storage/bodies.ts";
import { type DataDirLock, lockDataDir } from "./storage/data_dir.ts";
import { openStore, type Store } from "./storage/store.ts";
import type { ByteConn } from "./wire/byte_conn.ts";
import { Deadlines } from "./wire/deadlines.ts";

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
  /** True: the store lives in memory, and the data directory is not touched. */
  readonly inMemory?: boolean;
  /** Told each line of each conversation with another server, with the message's id. */
  readonly trace?: (id: string, line: string) => void;
}

/** How often the store is looked through for texts that nobody owns. */
const SWEEP_EVERY_MS = 5 * 60_000;
const SWEEP_GRACE_MS = 3600_000;
/** The default of `outbound.port` is 25; a session tells VERB's watchers for at most this long. */
const VERBOSE_MS = 60_000;
/** What is under way at the end gets this long, in two halves. */
const STOP_MS = 8000;

/** A whole mail server. */
export class MailServer implements AsyncDisposable {
  /** The configuration it runs with. */
  readonly config: Config;
  /** The queue. */
  readonly queue: DeliveryQueue;
  /** The mailboxes. */
  readonly mailStore: MailStore;
  /** The accounts. */
  readonly accounts: Accounts;
  /** The aliases. */
  readonly aliases: Aliases;
  /** What happens. */
  readonly journal: Journal;
  /** The HTTP surface, also without a listener. */
  readonly fetch: (request: Request) => Response | Promise<Response>;
  /** The token of the HTTP surface. */
  readonly adminToken: string;
  /** Whether the token was made at this start. */
  readonly madeToken: boolean;
  /** The account that was made at this start because there was none. */
  readonly madeAccount: { readonly address: string; readonly password: string } | undefined;

  readonly #parts: Parts;
  readonly #listeners: Listeners;
  readonly #deadlines: Deadlines;
  readonly #closing = new AbortController();
  readonly #tasks: Tasks;
  #sessions = 0;
  #isReady = false;
  #stopped: Promise<void> | undefined;

  /** Opens the store, binds every listener, starts the queue; resolves when the server is ready. */
  static async start(config: Config, options: MailServerOptions = {}): Promise<MailServer> {
    const parts = await openParts(config, options);
    try {
      const made = await firstAccounts(parts.accounts, config, parts.random);
      const token = await adminToken(config, { random: parts.random, keep: !options.inMemory });
      const server = new MailServer(parts, { madeAccount: made, ...token });
      server.#start();
      return server;
    } catch (error) {
      await closeParts(parts);
      throw error;
    }
  }

  private constructor(
    parts: Parts,
    first: { madeAccount: { address: string; password: string } | undefined; token: string; made: boolean },
  ) {
    const { config, clock, journal, queue } = parts;
    this.#parts = parts;
    this.config = config;
    this.queue = queue;
    this.mailStore = parts.mailStore;
    this.accounts = parts.accounts;
    this.aliases = parts.aliases;
    this.journal = journal;
    this.adminToken = first.token;
    this.madeToken = first.made;
    this.madeAccount = first.madeAccount;
    this.#deadlines = new Deadlines(clock);
    this.#tasks = new Tasks((name, error) =>
      journal.note("ERROR", "task failed", { name, error: String(error) })
    );
    const hosts = [
      "localhost",
      "127.0.0.1",
      "::1",
      config.hostname,
      ...config.listen.admin.map((e) => e.hostname),
    ];
    const app = createAdminApp({
      queue,
      clock,
      journal,
      hosts,
      token: first.token,
      giveUpAfter: config.queue.giveUpAfter,
      ready: () => this.#isReady,
    });
    this.fetch = (request) => app.fetch(request);
    this.#listeners = new Listeners({
      config,
      clock,
      journal,
      serve: (kind, conn) => this.#serve(kind, conn),
      fetch: this.fetch,
    });
  }

  /** `host:port` of every listener, by kind. */
  get addresses(): Record<string, string[]> {
    return this.#listeners.addresses;
  }

  /** Takes over accounts and aliases of a new configuration; the rest stays until a restart. */
  async reload(config: Config): Promise<void> {
    const { accounts, aliases } = this.#parts;
    await accounts.load();
    await accounts.seed(
      Object.entries(config.accounts).map(([address, account]) => ({ address, ...account })),
    );
    await aliases.load();
    aliases.configure(config.aliases);
  }

  /** Stops accepting, lets what is under way end, closes the store. */
  stop(): Promise<void> {
    return this.#stopped ??= this.#stop();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  #start(): void {
    this.#listeners.bind();
    this.queue.start();
    this.#tasks.run("sweep", () => this.#sweep());
    this.#isReady = true;
  }

  async #stop(): Promise<void> {
    this.#isReady = false;
    this.#listeners.close();
    this.#closing.abort();
    await Promise.all([this.#listeners.settle(STOP_MS), this.queue.stop(STOP_MS)]);
    this.#deadlines.close();
    await this.#tasks.settle(systemClock, 1000);
    await closeParts(this.#parts);
  }

  async #sweep(): Promise<void> {
    const { store, clock, journal } = this.#parts;
    const sweeper = new BodySweeper(store, { clock, graceMs: SWEEP_GRACE_MS });
    for (let first = store.embedded; !this.#closing.signal.aborted; first = false) {
      try {
        await sweeper.sweep(first);
      } catch (error) {
        journal.note("WARN", "sweep failed", { error: String(error) });
      }
      await sleep(clock, SWEEP_EVERY_MS, this.#closing.signal);
    }
  }

  #serve(kind: string, conn: ByteConn): Promise<void> {
    const { config, clock, policy, accounts, mailStore, guard, journal } = this.#parts;
    const id = `s${(++this.#sessions).toString(36)}`;
    const { hostname, limits } = config;
    const shared = { hostname, clock, deadlines: this.#deadlines, id, closing: this.#closing.signal };
    const sessionLog = new SessionLog(journal, { id, service: kind, remote: conn.remote.hostname });
    if (kind === "pop3" || kind === "pop3s") {
      return servePop3(conn, {
        ...shared,
        accounts,
        mailStore,
        guard,
        allowInsecure: config.auth.allowInsecure,
        idleTimeoutMs: Math.max(600_000, limits.commandTimeout),
        onEvent: (event) => sessionLog.pop3(event),
      });
    }
    return serveSmtp(conn, {
      ...shared,
      reception: policy,
      service: "smtp",
      auth: "never",
      limits: {
        messageSize: limits.messageSize,
        recipients: limits.recipients,
        commandTimeoutMs: limits.commandTimeout,
        dataTimeoutMs: limits.dataTimeout,
        errorsPerSession: limits.errorsPerSession,
      },
      onEvent: (event, session) => sessionLog.smtp(event, session),
    });
  }
}

/** Everything that is opened before a server can be. */
interface Parts {
  readonly config: Config;
  readonly clock: Clock;
  readonly random: Random;
  readonly journal: Journal;
  readonly lock: DataDirLock | undefined;
  readonly store: Store;
  readonly resolver: Resolver;
  readonly accounts: Accounts;
  readonly aliases: Aliases;
  readonly guard: LoginGuard;
  readonly mailStore: MailStore;
  readonly queue: DeliveryQueue;
  readonly policy: Policy;
}

async function openParts(config: Config, options: MailServerOptions): Promise<Parts> {
  const clock = options.clock ?? systemClock;
  const journal = options.journal ?? new Journal();
  const lock = options.inMemory ? undefined : await lockDataDir(config.dataDir);
  let store: Store;
  try {
    store = await openStore({
      location: options.inMemory ? ":memory:" : join(config.dataDir, "dinopost.db"),
      clock,
      onTrouble: (what, error) => journal.note("WARN", what, { error: String(error) }),
    });
  } catch (error) {
    lock?.release();
    throw error;
  }
  try {
    return { ...await furnish(store, { config, clock, journal, options }), lock };
  } catch (error) {
    await store.close();
    lock?.release();
    throw error;
  }
}

async function furnish(
  store: Store,
  by: { config: Config; clock: Clock; journal: Journal; options: MailServerOptions },
): Promise<Omit<Parts, "lock">> {
  const { config, clock, journal, options } = by;
  const random = options.random ?? systemRandom;
  const { nameServer, timeout } = config.dns;
  const resolver = options.resolver ??
    new SystemResolver({ timeoutMs: timeout, clock, random, ...(nameServer === null ? {} : { nameServer }) });
  const accounts = new Accounts(store, { clock, random, domains: config.domains });
  const aliases = new Aliases(store, { clock, configured: config.aliases });
  await Promise.all([accounts.load(), aliases.load()]);
  const mailStore = new MailStore(store, { clock, random });
  const guard = new LoginGuard({ clock });
  const router = new Router({
    directory: {
      hasAccount: (address) => accounts.has(address) === true,
      firstAccount: () => accounts.first()?.address,
      alias: (address) => atOnce(aliases.get(address)),
    },
    domains: config.domains,
    catchAll: config.catchAll,
    subaddressSeparator: config.subaddressSeparator,
  });
  const ids = new IdMaker(clock, random);
  const agent = remoteAgent(config, {
    clock,
    random,
    resolver,
    ...(options.trace === undefined ? {} : { trace: options.trace }),
  });
  const { maxConnectionsPerDomain, domains } = config.outbound;
  const queue = new DeliveryQueue({
    store,
    clock,
    ids,
    journal,
    router,
    accounts,
    mailStore,
    agent,
    hostname: config.hostname,
    schedule: config.queue,
    concurrency: config.queue.concurrency,
    perDestination: (domain) => domains[domain]?.maxConnections ?? maxConnectionsPerDomain,
    destinationOf: (record) =>
      config.relay.smartHost === null || router.isLocal(record.domain) ? record.domain : "",
    historyMs: config.queue.history,
    waker: (wake) => makeWaker(store, { clock, journal, wake }),
  });
  const destinations = new Destinations({ router, accounts, mailStore, clock });
  const { vrfy, expn, verb } = config;
  const policy = new Policy({
    store,
    clock,
    journal,
    ids,
    router,
    accounts,
    guard,
    queue,
    destinations,
    hostname: config.hostname,
    maxHops: config.limits.hops,
    verboseMs: VERBOSE_MS,
    trusted: new Networks(config.relay.networks),
    verbs: { VRFY: vrfy, EXPN: expn, VERB: verb },
  });
  return {
    config,
    clock,
    random,
    journal,
    store,
    resolver,
    accounts,
    aliases,
    guard,
    mailStore,
    queue,
    policy,
  };
}

async function closeParts(parts: Parts): Promise<void> {
  parts.resolver.close();
  await parts.store.close();
  parts.lock?.release();
}

/** The embedded store answers from memory, at once. */
function atOnce<T>(value: T | Promise<T>): T {
  if (value instanceof Promise) throw new TypeError("The directory of names must be in memory");
  return value;
}

function makeWaker(store: Store, options: { clock: Clock; journal: Journal; wake: () => void }): Waker {
  const { clock, journal, wake } = options;
  // The queue of KV knows only the real time, and is not there over KV Connect.
  if (clock !== systemClock || !store.embedded) return new TimerWaker(clock, wake);
  return new KvWaker(store.kv, {
    clock,
    wake,
    trouble: (error) => journal.note("ERROR", "wake-up failed", { error: String(error) }),
  });
}

function remoteAgent(
  config: Config,
  by: { clock: Clock; random: Random; resolver: Resolver; trace?: (id: string, line: string) => void },
): RemoteAgent {
  const { outbound, relay, hostname } = config;
  const own = config.listen.smtp.filter((e) => e.port === outbound.port).map((e) => e.hostname);
  return new RemoteAgent({
    ...by,
    hostname,
    ownNames: [hostname],
    ownAddresses: own,
    port: outbound.port,
    family: outbound.family,
    allowPrivate: outbound.allowPrivate,
    tls: outbound.tls,
    maxConnectionsPerDomain: outbound.maxConnectionsPerDomain,
    perDomain: Object.fromEntries(
      Object.entries(outbound.domains).map(([domain, { rate, ...rules }]) => [
        domain,
        { ...rules, ...(rate === undefined ? {} : { rate: { count: rate.count, perMs: rate.periodMs } }) },
      ]),
    ),
    retryIntervalMs: Math.min(...config.queue.retry),
    ...(relay.smartHost === null ? {} : { smartHost: relay.smartHost }),
  });
}
