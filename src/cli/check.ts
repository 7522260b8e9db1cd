/** The command `check`: is the configuration right, and what would the server do. */

import type { Command } from "commander";
import { formatDuration, formatSize } from "../base/units.ts";
import type { CaptureConfig, Config, Endpoint, SmartHostConfig } from "../config/config.ts";
import { withoutLogin } from "../config/error.ts";
import { CliError, ExitCode } from "./cli_error.ts";
import { withExamples } from "./command_tree.ts";
import { type ConfigOptions, readFor, withConfig } from "./options.ts";
import { print, printError, printJson, safe } from "./output.ts";

interface CheckOptions extends ConfigOptions {
  dns?: boolean;
  json?: boolean;
  store?: boolean;
  repair?: boolean;
}

/** Adds the command. */
export function addCheck(program: Command): void {
  const command = withConfig(program.command("check"))
    .description("check the configuration and say what the server would do")
    .option("--dns", "also compare what the DNS says of the server's host and domains with what it should")
    .option("--store", "check the data of a server that is down, instead of the configuration")
    .option("--repair", "with --store: mend what can be mended")
    .option("--data-dir <dir>", "with --store: where the data is")
    .option("--json", "print the whole configuration, without secrets, or what --dns found, for scripts");
  withExamples(
    command,
    "dinopost check",
    "dinopost check --config /etc/dinopost.jsonc",
    "dinopost check --dns",
    "dinopost check --store --repair",
  ).action(check);
}

async function check(options: CheckOptions): Promise<void> {
  const { config, warnings, line, placed } = await readFor(options);
  if (options.repair && !options.store) {
    throw new CliError(ExitCode.usage, "--repair goes with --store; a configuration is mended by hand");
  }
  if (options.store && options.dns) {
    throw new CliError(ExitCode.usage, "--store and --dns are two checks; call them one after the other");
  }
  if (options.store && config.kv !== null) {
    const where = safe(withoutLogin(config.kv));
    throw new CliError(
      ExitCode.badConfig,
      `the configuration has its store elsewhere (kv: ${where}); --store checks the one of a data directory`,
    );
  }
  if (options.store) {
    const { checkData } = await import("./check_store.ts");
    return await checkData(config.dataDir, options);
  }
  const { nameWarnings } = await import("../server/name_warnings.ts");
  const aboutNames = nameWarnings(config).map(({ path, text }) => line(path, text));
  for (const warning of [...warnings, ...aboutNames]) printError(`dinopost: warning: ${safe(warning)}`);
  const { checkCertificates } = await import("../server/certificates.ts");
  const certificate = await checkCertificates(config).catch((error) => {
    throw placed(error);
  });
  const { describeSigning } = await import("../server/signing.ts");
  const signing = await describeSigning(
    config,
    (problem) => printError(`dinopost: warning: ${safe(problem)}`),
  );
  if (options.json && !options.dns) printJson(withoutSecrets(config));
  else if (!options.json) { for (const line of describe(config, { certificate, signing })) print(line); }
  if (options.dns) await (await import("./check_dns.ts")).checkDns(config, options);
}

/** What the server would do, in sentences. */
function describe(
  config: Config,
  { certificate, signing }: { certificate: string; signing: string },
): string[] {
  const { listen, limits } = config;
  const listeners = Object.entries(listen).filter(([, endpoints]) => endpoints.length > 0);
  return [
    `${config.file ?? "The configuration (no file)"} is right.`,
    `It is ${config.hostname} and takes ${
      config.capture ? "all mail for everybody" : `mail for ${config.domains.join(", ")}`
    }.`,
    ...listeners.map(([name, endpoints]) => `It listens for ${name} on ${endpoints.map(text).join(", ")}.`),
    certificate,
    dataOf(config),
    ...(config.capture ? captured(config.capture) : served(config)),
    `A message may have ${formatSize(limits.messageSize)} and ${limits.recipients} recipients.`,
    ...config.webhooks.map(({ url, events }) => `${withoutLogin(url)} gets ${events.join(", ")}.`),
    ...(config.capture ? [] : [checksOf(config), signing]),
  ];
}

function checksOf({ checks }: Config): string {
  const each = (["spf", "dkim", "dmarc", "arc"] as const).map((name) => `${name} ${checks[name]}`);
  return `What strangers bring is checked: ${each.join(", ")}.`;
}

function dataOf({ capture, kv, dataDir }: Config): string {
  if (capture && capture.memory) return "Its data is in memory, and ends with it.";
  if (kv === null) return `Its data is in ${dataDir}.`;
  return `Its data is in the shared store ${withoutLogin(kv)}; its certificates and token are in ${dataDir}.`;
}

/** What becomes of mail where it is captured. */
function captured({ messages, age, size }: CaptureConfig): string[] {
  const until = age === null ? "" : `, none for longer than ${formatDuration(age)}`;
  return [
    "Nothing is delivered to anybody: each recipient has a mailbox here, made with its first message.",
    `It keeps the newest ${messages} messages or ${formatSize(size)}${until}.`,
  ];
}

/** Whose mail is served, and where it goes. */
function served(config: Config): string[] {
  const { queue, relay, outbound } = config;
  return [
    `It has ${count(config.accounts, "account")} and ${
      count(config.aliases, "alias", "aliases")
    } in the configuration.`,
    relay.smartHost
      ? `Remote mail goes to ${smartHostText(relay.smartHost)}.`
      : `Remote mail goes where MX records say, port ${outbound.port}.`,
    ...Object.entries(outbound.domains).flatMap(([domain, { smartHost }]) =>
      smartHost ? [`Mail for ${domain} goes to ${smartHostText(smartHost)}.`] : []
    ),
    relay.networks.length > 0
      ? `Clients in ${relay.networks.join(", ")} may relay.`
      : "No client may relay without logging in.",
    `A message that can't be delivered is tried again ${
      schedule(queue.retry)
    }; its sender is notified after ` +
    `${formatDuration(queue.warnAfter)}, and it goes back after ${formatDuration(queue.giveUpAfter)}.`,
  ];
}

function text({ hostname, port }: Endpoint): string {
  return `${hostname.includes(":") ? `[${hostname}]` : hostname}:${port}`;
}

function count(table: Record<string, unknown>, one: string, many = `${one}s`): string {
  const size = Object.keys(table).length;
  return size === 0 ? `no ${one}` : `${size} ${size === 1 ? one : many}`;
}

function schedule(intervals: readonly number[]): string {
  const last = formatDuration(intervals.at(-1)!);
  if (intervals.length === 1) return `every ${last}`;
  return `after ${intervals.slice(0, -1).map(formatDuration).join(", ")} and then every ${last}`;
}

function withoutSecrets(config: Config): unknown {
  return JSON.parse(JSON.stringify(config, (key, value) => {
    const isSecret = /^(?:password|passwordHash|token|secret)$/.test(key);
    if (typeof value !== "string") return value;
    return isSecret ? "(hidden)" : withoutLogin(value);
  }));
}

function smartHostText({ host, port, tls }: SmartHostConfig): string {
  return `${host}, port ${port}${tls === "implicit" ? " (TLS from the first octet)" : ""}`;
}
