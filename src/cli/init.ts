/** The command `init`, refused until it makes all that it promises: file, key and DNS records. */

import type { Command } from "commander";
import { CliError, ExitCode } from "./cli_error.ts";
import { withExamples } from "./command_tree.ts";
import { withConfig } from "./options.ts";

/** Adds the command. */
export function addInit(program: Command): void {
  const command = program.command("init", { hidden: true })
    .description(
      "write a configuration, make a DKIM key, print the DNS records to publish (not supported yet)",
    )
    .requiredOption("--domain <domain>", "the domain to receive mail for");
  withExamples(withConfig(command), "dinopost init --domain example.org").action(() => {
    throw new CliError(
      ExitCode.unavailable,
      "init is not supported yet; serve starts without a configuration",
    );
  });
}
