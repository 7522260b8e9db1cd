/** The composition of the server: one process with SMTP, POP3, HTTP, the queue and the store. */

import { Proofs } from "./acme/proofs.ts";
import { type Clock, systemClock } from "./base/clock.ts";
import { MovableClock, steadyClock } from "./base/movable_clock.ts";
import { TimePassage, type Work } from "./base/time_passage.ts";
import { Tasks } from "./base/tasks.ts";
import type { WaitingOptions } from "./api/waiting.ts";
import type { Config } from "./config/config.ts";
import type { Accounts } from "./auth/accounts.ts";
import type { CapturedMail } from "./capture/captured_mail.ts";
import type { Aliases } from "./recipients/aliases.ts";
import type { MailStore } from "./mailbox/mail_store.ts";
import type { Journal } from "./observe/journal.ts";
import { watchEventLoop } from "./observe/event_loop.ts";
import type { AdminApp } from "./http/app.ts";
import type { DeliveryQueue } from "./queue/queue.ts";
import { adminToken, firstAccounts } from "./server/first_start.ts";
import { isOpen, withCapture } from "./server/capture.ts";
import type { Certificates } from "./server/certificates.ts";
import { type ListenerKind, Listeners } from "./server/listeners.ts";
import { closeParts, openParts, type Parts } from "./server/parts.ts";
import { nameWarnings } from "./server/name_warnings.ts";
import type { MailServerOptions } from "./server/options.ts";
import { ownPolicies } from "./server/own_domains.ts";
import { PublicWeb } from "./server/public_web.ts";
import { pop3Server } from "./server/pop3_server.ts";
import { SessionLog } from "./server/session_log.ts";
import { Sweeps } from "./server/sweeps.ts";
import { makeAdminServer } from "./server/admin_server.ts";
import type { Service } from "./smtp/server/reception.ts";
import { SmtpServer } from "./smtp/server/server.ts";
import type { ByteConn } from "./wire/byte_conn.ts";
import { ConnectionLimiter } from "./wire/connection_limiter.ts";
import { Deadlines } from "./wire/deadlines.ts";
import { HttpServer, type HttpServerOptions } from "./wire/http_server.ts";
import type { SessionServer } from "./wire/session_server.ts";

export type { MailServerOptions };

/** A session that sends more commands than this, and no mail, is slowed down. */
const COMMANDS_PER_SECOND = 100;
/** What is under way at the end gets this long, in two halves. */
const STOP_MS = 7000;

/**
 * How time passes where the clock is moved: a peer that is silent for a second of real time is left waiting, and what is
 * due within a second is done together.
 */
const PASSAGE = { stallTurns: 40, slackMs: 1000, moments: 0 };

/** A whole mail server. */
export class MailServer implements AsyncDisposable {
  /** The configuration it runs with. */
  readonly config: Config;
  /** The queue. */
  readonly queue: DeliveryQueue;
  /** The mailboxes. */
  readonly mailStore: MailStore;
  /** The captured messages, where it captures. */
  readonly captured: CapturedMail | undefined;
  /** The accounts. */
  readonly accounts: Accounts;
  /** The aliases. */
  readonly aliases: Aliases;
  /** What happens. */
  readonly journal: Journal;
  /** The HTTP surface, also without a listener; `remote` is the client's IP address, when it is known. */
  readonly fetch: (request: Request, remote?: string) => Response | Promise<Response>;
  /** The token of the HTTP surface. */
  readonly adminToken: string;
  /** Whether the token was made at this start. */
  readonly madeToken: boolean;
  /** The account that was made at this start because there was none. */
  readonly madeAccount: { readonly address: string; readonly password: string } | undefined;

  readonly #parts: Parts;
  /** The clock of connections, which nobody moves under them. */
  readonly #steady: Clock;
  readonly #listeners: Listeners;
  readonly #deadlines: Deadlines;
  readonly #sweeps: Sweeps;
  readonly #limiter: ConnectionLimiter;
  readonly #closing = new AbortController();
  readonly #tasks: Tasks;
  readonly #app: AdminApp;
  readonly #proofs = new Proofs();
  #public: PublicWeb | undefined;
  #sessions = 0;
  #isReady = false;
  #unwatch: (() => void) | undefined;
  #stopped: Promise<void> | undefined;

  /** Opens the store, binds every listener, starts the queue; resolves when the server is ready. */
  static async start(config: Config, options: MailServerOptions = {}): Promise<MailServer> {
    ({ config, options } = withCapture(config, options));
    const parts = await openParts(config, options);
    try {
      const made = await firstAccounts(parts.accounts, config, parts.random);
      const keep = !options.inMemory && !isOpen(config);
      const token = await adminToken(config, { random: parts.random, keep });
      const server = new MailServer(parts, { madeAccount: made, ...token, advance: options.advance });
      await server.#start();
      return server;
    } catch (error) {
      await closeParts(parts);
      throw error;
    }
  }

  private constructor(
    parts: Parts,
    first: {
      madeAccount: { address: string; password: string } | undefined;
      token: string;
      made: boolean;
      advance: MailServerOptions["advance"];
    },
  ) {
    const { config, journal, queue } = parts;
    this.#parts = parts;
    const clock = this.#steady = steadyClock(parts.clock);
    this.config = config;
    this.queue = queue;
    this.mailStore = parts.mailStore;
    this.captured = parts.captured;
    this.accounts = parts.accounts;
    this.aliases = parts.aliases;
    this.journal = journal;
    this.adminToken = first.token;
    this.madeToken = first.made;
    this.madeAccount = first.madeAccount;
    this.#deadlines = new Deadlines(clock);
    this.#limiter = new ConnectionLimiter({
      maxConnections: config.limits.connections,
      // tests that run at the same time all come from one
      maxPerAddress: config.capture ? Infinity : config.limits.connectionsPerIp,
      clock,
    });
    parts.metrics.gauge({
      name: "dinopost_connections",
      help: "Mail connections that are served now",
      read: () => [{ value: this.#limiter.count }],
    });
    this.#tasks = new Tasks((name, error) =>
      journal.note("ERROR", "task failed", { name, error: String(error) })
    );
    this.#sweeps = new Sweeps(parts, { clock, tasks: this.#tasks, closing: this.#closing.signal });
    const app = makeAdminServer(parts, {
      token: first.token,
      addresses: () => this.addresses,
      ready: () => this.#isReady,
      advance: first.advance ?? this.#passageOf(parts.clock),
      closing: this.#closing.signal,
    });
    this.fetch = (request, remote) => app.fetch(request, remote === undefined ? {} : { remote });
    this.#app = app;
    this.#listeners = new Listeners({ listen: config.listen, server: (kind) => this.#server(kind) });
  }

  /**
   * What waits for messages work with.
   * @internal
   */
  get waiting(): WaitingOptions {
    return { ...this.#parts, closing: this.#closing.signal };
  }

  /**
   * What goes by the clock, and has to end before time goes on.
   * @internal
   */
  get works(): Work[] {
    return [this.queue, this.#parts.webhooks];
  }

  /** `host:port` of every listener, by kind. */
  get addresses(): Record<string, string[]> {
    return this.#listeners.addresses;
  }

  /** Takes over accounts, aliases, keys and the certificate of a new configuration; the rest stays until a restart. */
  async reload(config: Config): Promise<void> {
    const { accounts, aliases } = this.#parts;
    await accounts.load();
    await accounts.seed(
      Object.entries(config.accounts).map(([address, account]) => ({ address, ...account })),
    );
    await aliases.load();
    aliases.configure(config.aliases);
    this.#warn(config);
    await this.#parts.signing?.load();
    await this.#parts.certificates?.reload();
  }

  /** Stops accepting, lets what is under way end, closes the store. */
  stop(): Promise<void> {
    return this.#stopped ??= this.#stop();
  }

  /** {@linkcode stop}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  /** Aliases that lead nowhere are legal, and lose mail: the log says so. */
  #warn(config: Config): void {
    for (const { path, text } of nameWarnings(config, this.#parts.router)) {
      this.journal.note("WARN", "configuration", { warning: `${path.join(" ")}: ${text}` });
    }
  }

  async #start(): Promise<void> {
    this.#warn(this.config);
    await this.#listeners.bind();
    this.#unwatch = watchEventLoop((ms) => this.#parts.metrics.eventLoopLag(ms));
    this.queue.start();
    this.#parts.webhooks.start();
    this.#sweeps.start();
    const { dailyReports } = this.#parts;
    if (dailyReports) this.#tasks.run("reports", () => dailyReports.run(this.#closing.signal));
    const { certificates } = this.#parts;
    if (certificates) {
      this.#tasks.run("certificates", () => certificates.watch(this.#closing.signal));
      if (this.config.tls?.acme) this.#tasks.run("acme", () => this.#keepCertificate(certificates));
    }
    this.#isReady = true;
    if (this.config.listen.admin.length > 0) this.#tasks.run("http", () => this.#app.warmUp());
  }

  /** Loaded when it is wanted, which few servers do. */
  async #keepCertificate(certificates: Certificates): Promise<void> {
    const { certificateKeeper } = await import("./server/certificate_keeper.ts");
    const keeper = certificateKeeper(this.#parts, { certificates, proofs: this.#proofs });
    await keeper?.run(this.#closing.signal);
  }

  async #stop(): Promise<void> {
    this.#isReady = false;
    this.#unwatch?.();
    this.#closing.abort();
    await Promise.all([this.#listeners.stop(STOP_MS), this.queue.stop(STOP_MS)]);
    this.#deadlines.close();
    await this.#tasks.settle(systemClock, 1000);
    await closeParts(this.#parts);
  }

  /** How time passes here: undefined where the clock can't be moved. */
  #passageOf(clock: Clock): ((ms: number) => Promise<void>) | undefined {
    if (!(clock instanceof MovableClock)) return undefined;
    const works = () => this.works;
    const passage = new TimePassage({ ...PASSAGE, clock, works, closing: this.#closing.signal });
    return async (ms) => {
      await passage.pass(ms);
      await this.#sweeps.once(false);
    };
  }

  async #server(kind: ListenerKind): Promise<SessionServer> {
    if (kind === "admin") return this.#httpServer();
    if (kind === "http" || kind === "https") return this.#publicWeb().server(kind);
    if (kind === "imap" || kind === "imaps") return await this.#imapServer(kind);
    if (kind === "pop3" || kind === "pop3s") return pop3Server(this.#parts, this.#around(kind));
    return this.#smtpServer(kind);
  }

  /** Its connections are counted apart, and not by address: tests, waiters and a proxy's clients come from one. */
  #httpServer(): HttpServer {
    const { connections } = this.config.limits;
    const { metrics } = this.#parts;
    const clock = this.#steady;
    const limiter = new ConnectionLimiter({ maxConnections: connections, maxPerAddress: Infinity, clock });
    metrics.gauge({
      name: "dinopost_http_connections",
      help: "HTTP connections that are open now",
      read: () => [{ value: limiter.count }],
    });
    const fetch: HttpServerOptions["fetch"] = (request, remote, upgrade) =>
      this.#app.fetch(request, { remote, ...(upgrade && { upgrade }) });
    return new HttpServer({ ...this.#shared(false), limiter, fetch });
  }

  #publicWeb(): PublicWeb {
    return this.#public ??= new PublicWeb({
      policyOf: ownPolicies(this.config),
      proofs: this.#proofs,
      random: this.#parts.random,
      tls: this.#parts.tls,
      shared: this.#shared(false),
      limits: this.config.limits,
    });
  }

  #smtpServer(service: Service): SmtpServer {
    const { policy, certificates, faults, dialogues } = this.#parts;
    const { limits } = this.config;
    return new SmtpServer({
      ...this.#shared(service === "submissions"),
      reception: policy,
      ...(faults && { faults }),
      ...(dialogues && { dialogues }),
      service,
      noTlsOnLoopback: service === "smtp" && this.config.tls === null && certificates !== undefined,
      auth: this.#authOn(service),
      limits: {
        messageSize: limits.messageSize,
        recipients: limits.recipients,
        commandTimeoutMs: limits.commandTimeout,
        dataTimeoutMs: limits.dataTimeout,
        errorsPerSession: limits.errorsPerSession,
        commandsPerSecond: COMMANDS_PER_SECOND,
      },
      watch: (id, conn) => {
        const log = this.#sessionLog(id, service, conn);
        return (event, session) => log.smtp(event, session);
      },
    });
  }

  /** Strangers have no reason to log in. */
  #authOn(service: Service): "never" | "overTls" | "always" {
    if (service === "lmtp") return "never";
    const { auth, capture } = this.config;
    if (capture) return "always";
    return service === "smtp" ? "never" : auth.allowInsecure ? "always" : "overTls";
  }

  /** Loaded only where it is used. */
  async #imapServer(kind: "imap" | "imaps"): Promise<SessionServer> {
    const { imapServer } = await import("./server/imap_server.ts");
    return imapServer(this.#parts, this.#around(kind));
  }

  /** What the servers that people read their mail by have in common. */
  #around(service: string) {
    return {
      config: this.config,
      shared: this.#shared(service.endsWith("s")),
      log: (id: string, conn: ByteConn) => this.#sessionLog(id, service, conn),
    };
  }

  #shared(implicitTls: boolean) {
    const { journal, tls } = this.#parts;
    const { capture, tls: configured } = this.config;
    // many programs take STARTTLS up unasked, and stop at a certificate that nobody has signed
    const offered = implicitTls || !capture || configured !== null || this.#parts.certificates === undefined;
    return {
      hostname: this.config.hostname,
      clock: this.#steady,
      limiter: this.#limiter,
      deadlines: this.#deadlines,
      nextId: () => `s${(++this.#sessions).toString(36)}`,
      onError: (error: unknown) => journal.note("ERROR", "connection failed", { error: String(error) }),
      ...(tls && offered && { tls, implicitTls }),
    };
  }

  #sessionLog(id: string, service: string, conn: ByteConn): SessionLog {
    return new SessionLog({ ...this.#parts, clock: this.#steady }, {
      id,
      service,
      remote: conn.remote.hostname,
    });
  }
}
