/** The run of a server from the command line: runs a server until it is stopped. */

import { sleep, systemClock } from "../base/clock.ts";
import type { Config } from "../config/config.ts";
import type { ReadConfig } from "../config/load.ts";
import { Journal } from "../observe/journal.ts";
import { log, type LogControl, setupLogging } from "../observe/log.ts";
import { removeAdminFile, writeAdminFile } from "./admin_file.ts";
import { urlOf } from "./api_client.ts";
import { type ConfigOptions, readFor } from "./options.ts";
import { print, printError } from "./output.ts";
import { VERSION } from "./version.ts";

/** What `serve` needs of a mail server. */
export interface ServedServer {
  /** `host:port` by kind of listener. */
  readonly addresses: Readonly<Record<string, readonly string[]>>;
  /** The account that was made because there was none. */
  readonly madeAccount?: { readonly address: string; readonly password: string } | undefined;
  /** The token of the HTTP surface. */
  readonly adminToken: string;
  /** Whether the token was made at this start. */
  readonly madeToken: boolean;
  /** Stops accepting, ends what is in flight, closes the store. */
  stop(): Promise<void>;
  /** Takes over what may change while it runs. */
  reload(config: Config): Promise<void>;
}

/** Options of the command. */
export interface ServeOptions extends ConfigOptions {
  /** Catch everything, deliver nothing. */
  capture?: boolean;
  /** `host:port`, instead of the configuration's. */
  smtp?: string;
  /** The same, of page and API. */
  http?: string;
  /** The same. */
  pop3?: string;
}

/** Starts a server. */
export type StartServer = (config: Config) => Promise<ServedServer>;

/** What a running server takes over. */
const RELOADED: ReadonlySet<string | undefined> = new Set(["accounts", "aliases", "log"]);
const STOP_LIMIT_MS = 10_000;
const LISTENER_NAMES: Readonly<Record<string, string>> = {
  smtp: "SMTP",
  submission: "Submission",
  submissions: "Submission, TLS",
  lmtp: "LMTP",
  pop3: "POP3",
  pop3s: "POP3, TLS",
  imap: "IMAP",
  imaps: "IMAP, TLS",
};

/** Starts the server as configured. */
export async function startMailServer(config: Config): Promise<ServedServer> {
  const { MailServer } = await import("../mail_server.ts");
  if (Deno.env.get("OTEL_DENO") !== "true") return await MailServer.start(config);
  const journal = new Journal();
  const { traceJournal } = await import("../observe/tracing.ts");
  traceJournal(journal, systemClock);
  return await MailServer.start(config, { journal });
}

/** Runs what `start` starts until a signal ends it. */
export async function serve(options: ServeOptions, start: StartServer): Promise<void> {
  const { capture = false, smtp, http, pop3 } = options;
  const listen = { smtp: listOf(smtp), admin: listOf(http), pop3: listOf(pop3) };
  const read = () => readFor(options, { listen }, { capture });
  const { config, warnings, placed } = await read();
  const logging = setupLogging(config.log);
  logWarnings(warnings);
  const welcome = await loadWelcome(config);
  const signals = new StopSignals();
  let running: ServedServer | undefined;
  let reloading = Promise.resolve();
  // also at the start and while it stops: unheard it would end the process at once
  const reload = () => {
    // one after the other: the newest file is the last one that is taken over
    reloading = reloading.then(() => running && reloadServer(running, { read, logging, started: config }));
  };
  Deno.addSignalListener("SIGHUP", reload);
  globalThis.addEventListener("unhandledrejection", onUnhandled);
  try {
    const server = running = await start(config).catch((error) => {
      throw placed(error);
    });
    await announce(server, { config, logging, welcome });
    log("INFO", "stopping", { signal: await signals.asked });
    logging.flush();
    running = undefined;
    if (!inMemory(config)) {
      await removeAdminFile(config.dataDir).catch((error) =>
        log("WARN", "admin.json stays", { error: String(error) })
      );
    }
    await stopServer(server);
  } finally {
    signals.close();
    Deno.removeSignalListener("SIGHUP", reload);
    globalThis.removeEventListener("unhandledrejection", onUnhandled);
    logging.flush();
  }
}

function listOf(address: string | undefined): string[] | undefined {
  return address === undefined ? undefined : [address];
}

/** A rejection that nobody waits for would end the process; mail in flight is worth more. */
function onUnhandled(event: PromiseRejectionEvent): void {
  event.preventDefault();
  const { reason } = event;
  log("ERROR", "unhandled", { error: reason, stack: reason instanceof Error ? reason.stack : undefined });
}

function logWarnings(warnings: readonly string[]): void {
  for (const warning of warnings) log("WARN", "configuration", { warning });
}

async function reloadServer(
  server: ServedServer,
  { read, logging, started }: { read: () => Promise<ReadConfig>; logging: LogControl; started: Config },
): Promise<void> {
  try {
    const { config, warnings, line, placed } = await read();
    logging.level = config.log.level;
    logging.format = config.log.format;
    logWarnings(warnings);
    await server.reload(config).catch((error) => {
      throw placed(error);
    });
    const { pathsOfChanges } = await import("../config/changes.ts");
    for (const path of pathsOfChanges(started, config)) {
      if (RELOADED.has(path[0])) continue;
      log("WARN", "configuration", { warning: line(path, "was changed, which the next start takes over") });
    }
    log("INFO", "reloaded");
  } catch (error) {
    log("ERROR", "reload refused", { error });
  }
}

async function announce(
  server: ServedServer,
  { config, logging, welcome }: { config: Config; logging: LogControl; welcome: Welcome },
): Promise<void> {
  const admin = server.addresses["admin"]?.[0];
  const url = admin === undefined ? undefined : urlOfAddress(admin);
  if (url !== undefined && !inMemory(config)) {
    // not worth ending a mail server for: the disk may be full
    await writeAdminFile(config.dataDir, { url, token: server.adminToken }).catch((error) =>
      log("WARN", "other commands need --url and --token", { error: String(error) })
    );
  }
  try {
    for (const line of welcome(server, { config, url })) print(line);
  } catch (error) {
    // whoever read stdout is gone, or its disk is full; the server is not
    log("WARN", "the welcome can't be shown", { error: String(error) });
  }
  // scripts wait for this line, whatever the level is
  logging.level = "INFO";
  log("INFO", "ready", { version: VERSION, ...server.addresses });
  logging.flush();
  logging.level = config.log.level;
}

/** What a person is told after the start. */
type Welcome = (server: ServedServer, by: { config: Config; url: string | undefined }) => string[];

/** Before the start: behind it everything else is loaded, and whoever waits to hear of it would wait for that. */
async function loadWelcome({ capture }: Config): Promise<Welcome> {
  if (!capture) return welcome;
  await tellIgnored();
  return (await import("./capture_welcome.ts")).captureWelcome;
}

/** What was meant for another program that captures, and has no meaning here. */
async function tellIgnored(): Promise<void> {
  const { readForeignEnvironment } = await import("../config/foreign_environment.ts");
  const { ignored } = readForeignEnvironment(Deno.env.toObject());
  if (ignored.length > 0) log("INFO", "variables that mean nothing here", { ignored });
}

/** Is there no data directory at all? */
function inMemory({ capture }: Config): boolean {
  return capture !== false && capture.memory;
}

function urlOfAddress(address: string): string {
  const colon = address.lastIndexOf(":");
  return urlOf({
    hostname: address.slice(0, colon).replace(/^\[|\]$/g, ""),
    port: Number(address.slice(colon + 1)),
  });
}

/** The same of a server that delivers. */
function welcome(
  server: ServedServer,
  { config, url }: { config: Config; url: string | undefined },
): string[] {
  const listeners = Object.entries(server.addresses)
    .filter(([kind, addresses]) => LISTENER_NAMES[kind] !== undefined && addresses.length > 0)
    .map(([kind, addresses]) => [LISTENER_NAMES[kind]!, addresses.join(", ")]);
  const rows = [
    ...listeners,
    ...(url === undefined ? [] : [["HTTP", url]]),
    ["Domains", config.domains.join(", ")],
    ["Data", config.dataDir],
  ];
  const { madeAccount } = server;
  return [
    `dinopost ${VERSION} is running as ${config.hostname}.`,
    "",
    ...rows.map(([name, value]) => `  ${name!.padEnd(16)}${value}`),
    ...(madeAccount
      ? [
        "",
        `A first account was made: ${madeAccount.address}, password ${madeAccount.password} (shown only now).`,
      ]
      : []),
    ...(server.madeToken
      ? ["", `A token for the HTTP surface was made: ${server.adminToken} (kept in the data directory).`]
      : []),
    "",
    "Try next:",
    ...nextSteps(server, { config, url }),
    "Ctrl-C stops it.",
  ];
}

/** Commands that work as they are; curl asks for a password that isn't shown here. */
function nextSteps(
  server: ServedServer,
  { config, url }: { config: Config; url: string | undefined },
): string[] {
  const smtp = server.addresses["smtp"]?.[0];
  const pop3 = server.addresses["pop3"]?.[0];
  const account = server.madeAccount?.address ?? Object.keys(config.accounts)[0];
  const password = server.madeAccount === undefined ? "" : `:${server.madeAccount.password}`;
  // postmaster is taken at every domain, whoever reads it
  const address = account ?? `postmaster@${config.domains[0]}`;
  const steps: string[] = [];
  if (smtp !== undefined) {
    steps.push(
      `  printf 'Subject: Hello\\r\\n\\r\\nA first message.\\r\\n' | curl --url smtp://${smtp} \\`,
      `    --mail-from me@example.org --mail-rcpt ${quoted(address)} --upload-file -`,
    );
  }
  if (pop3 !== undefined && account !== undefined) {
    steps.push(`  curl --user ${quoted(account + password)} pop3://${pop3}/1`);
  }
  if (url !== undefined) steps.push(`  curl ${url}/healthz`);
  return steps;
}

/** For a shell; plain addresses need no quotes. */
function quoted(text: string): string {
  return /^[\w.+@:-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

/** The signals that end a server. They are heard from before it starts, so that none gets lost. */
class StopSignals {
  readonly #asked = Promise.withResolvers<string>();
  #count = 0;

  constructor() {
    Deno.addSignalListener("SIGINT", this.#onInterrupt);
    Deno.addSignalListener("SIGTERM", this.#onTerminate);
  }

  /** Resolves to the name of the first signal. */
  get asked(): Promise<string> {
    return this.#asked.promise;
  }

  close(): void {
    Deno.removeSignalListener("SIGINT", this.#onInterrupt);
    Deno.removeSignalListener("SIGTERM", this.#onTerminate);
  }

  readonly #onInterrupt = () => {
    if (this.#count++ > 0) {
      printError("dinopost: ended at once");
      Deno.exit(130);
    }
    this.#asked.resolve("SIGINT");
  };

  readonly #onTerminate = () => {
    this.#count++;
    this.#asked.resolve("SIGTERM");
  };
}

async function stopServer(server: ServedServer): Promise<void> {
  const limit = new AbortController();
  const late = sleep(systemClock, STOP_LIMIT_MS, limit.signal).then(() => !limit.signal.aborted);
  const isLate = await Promise.race([server.stop().then(() => false), late]);
  limit.abort();
  log(isLate ? "WARN" : "INFO", "stopped", isLate ? { inFlight: true } : undefined);
  if (isLate) Deno.exit(0); // what is still under way would hold the process; a warning has been written at once
}
