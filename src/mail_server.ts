/** In charge of putting the house together: one process with SMTP, POP3, HTTP, the queue and the store. */

import { sleep, systemClock } from "./base/clock.ts";
import { Tasks } from "./base/tasks.ts";
import { createAdminApp } from "./admin/app.ts";
import type { Config } from "./config/config.ts";
import type { Accounts } from "./mailbox/accounts.ts";
import type { Aliases } from "./mailbox/aliases.ts";
import type { MailStore } from "./mailbox/mail_store.ts";
import type { Journal } from "./observe/journal.ts";
import { servePop3 } from "./pop3/session.ts";
import type { DeliveryQueue } from "./queue/delivery_queue.ts";
import { adminToken, firstAccounts } from "./server/first_start.ts";
import { Listeners } from "./server/listeners.ts";
import { closeParts, type MailServerOptions, openParts, type Parts } from "./server/parts.ts";
import { SessionLog } from "./server/session_log.ts";
import { serveSmtp } from "./smtp/session.ts";
import { BodySweeper } from "./storage/bodies.ts";
import type { ByteConn } from "./wire/byte_conn.ts";
import { Deadlines } from "./wire/deadlines.ts";

export type { MailServerOptions };

/** How often the store is looked through for texts that nobody owns. */
const SWEEP_EVERY_MS = 5 * 60_000;
const SWEEP_GRACE_MS = 3600_000;
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
