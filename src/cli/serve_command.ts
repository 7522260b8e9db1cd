/** The command `serve`, without what it runs: other commands are quicker without. */

import type { Command } from "commander";
import { withExamples } from "./command_tree.ts";
import { withConfig } from "./options.ts";
import type { ServeOptions } from "./serve.ts";

/** Adds the command. */
export function addServe(program: Command): void {
  const command = withConfig(program.command("serve"))
    .description(
      "run the server until SIGINT or SIGTERM; SIGHUP reloads TLS files, DKIM keys, accounts, aliases and log level",
    )
    .option("--data-dir <dir>", "where the data is (default: ./data)")
    .option("--capture", "take all mail for everybody, show it, and deliver nothing: for development and CI")
    .option("--smtp <host:port>", "where SMTP listens, instead of listen.smtp")
    .option("--http <host:port>", "where page and API listen, instead of listen.admin")
    .option("--pop3 <host:port>", "where POP3 listens, instead of listen.pop3");
  withExamples(
    command,
    "dinopost serve",
    "dinopost serve --capture",
    "dinopost serve --capture --smtp 127.0.0.1:2025 --http 127.0.0.1:9025",
    "dinopost serve --config /etc/dinopost.jsonc --data-dir /var/lib/dinopost",
    'DINOPOST_LISTEN_SMTP="0.0.0.0:25" dinopost serve',
  ).action(async (options: ServeOptions) => {
    const { serve, startMailServer } = await import("./serve.ts");
    await serve(options, startMailServer);
  });
}
