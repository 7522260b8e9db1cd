/** The command `init`: a configuration to begin with, DKIM keys, and the DNS records to publish. */

import { resolve } from "node:path";
import type { Command } from "commander";
import { systemClock } from "../base/clock.ts";
import type { Config } from "../config/config.ts";
import { readDomain } from "../config/values.ts";
import { CliError, ExitCode } from "./cli_error.ts";
import { withExamples } from "./command_tree.ts";
import { type ConfigOptions, DEFAULT_FILE, loadFor, withConfig } from "./options.ts";
import { print, printError, safe } from "./output.ts";

interface InitOptions extends ConfigOptions {
  domain: string;
  rotateDkim?: boolean;
}

/** Adds the command. */
export function addInit(program: Command): void {
  const command = program.command("init")
    .description("write a configuration, make DKIM keys, print the DNS records to publish")
    .requiredOption("--domain <domain>", "the domain to receive mail for")
    .option("--data-dir <dir>", "where the keys go (default: dataDir of the configuration)")
    .option("--rotate-dkim", "make new keys beside those that are there; the newest sign");
  withExamples(
    withConfig(command),
    "dinopost init --domain example.org",
    "dinopost init --domain example.org > example.org.zone",
    "dinopost init --domain example.org --rotate-dkim",
  ).action(init);
}

async function init(options: InitOptions): Promise<void> {
  const domain = readDomain(options.domain);
  if (domain === undefined) {
    throw new CliError(
      ExitCode.usage,
      `--domain: received "${safe(options.domain)}", expected a domain such as "example.org"`,
    );
  }
  const file = options.config ?? DEFAULT_FILE;
  note(
    await writeNew(file, domain, options.dataDir)
      ? `${file} is written; it starts as it is, on loopback`
      : `${file} is there already and stays as it is`,
  );
  const config = await loadFor({ ...options, config: file });
  if (!config.domains.includes(domain)) {
    note(`warning: ${domain} is not one of "domains" in ${file}: its mail is refused until it is`);
  }
  if (!config.hostname.includes(".")) {
    note(`warning: "${config.hostname}" is no full name; "hostname" in ${file} should be one`);
  }
  await makeKeys(domain, config, options.rotateDkim ?? false);
  const { recordsToPublish } = await import("../server/own_domains.ts");
  const { zoneLine } = await import("../deliverability/zone_file.ts");
  for (const record of await recordsToPublish(domain, config)) print(zoneLine(record));
  if (options.rotateDkim) {
    note(
      "the new keys sign once they are published and the server has read them, at its next start or SIGHUP",
    );
  }
  note(
    `publish these records, give ${config.hostname} an address and that address this name (PTR); ` +
      '"dinopost check --dns" says what is still wrong',
  );
}

async function makeKeys(domain: string, { dataDir }: Config, rotate: boolean): Promise<void> {
  const { DkimKeyError, makeDkimKeys } = await import("../authentication/dkim_key_files.ts");
  try {
    const made = await makeDkimKeys({ dataDir, domain }, { now: systemClock.now(), rotate });
    note(
      made.length === 0
        ? "the DKIM keys are there already; --rotate-dkim makes new ones"
        : `new DKIM keys: ${made.join(", ")}, below ${dataDir}`,
    );
  } catch (error) {
    if (error instanceof DkimKeyError) throw new CliError(ExitCode.badData, error.message);
    throw error;
  }
}

/** False: there is a file of that name. */
async function writeNew(file: string, domain: string, dataDir: string | undefined): Promise<boolean> {
  const { firstConfig } = await import("./init_file.ts");
  const place = dataDir === undefined ? "./data" : resolve(dataDir);
  try {
    await Deno.writeTextFile(file, firstConfig(domain, place), { createNew: true });
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) return false;
    if (error instanceof Deno.errors.NotFound) {
      throw new CliError(ExitCode.unavailable, `${file}: there is no such directory`);
    }
    throw error;
  }
}

/** What is no record goes where a redirected output does not. */
function note(text: string): void {
  printError(`dinopost: ${safe(text)}`);
}
