/** The command line: which command it is, and how its end becomes an exit code and one line. */

import { Command, CommanderError, Option } from "commander";
import { ConfigError } from "../config/error.ts";
import { addAccount } from "./account.ts";
import { addAlias } from "./alias.ts";
import { addBackup, addRestore } from "./backup.ts";
import { addCheck } from "./check.ts";
import { CliError, ExitCode } from "./cli_error.ts";
import { addCompletions } from "./completions.ts";
import { addInit } from "./init.ts";
import { withExamples } from "./command_tree.ts";
import { print, printError, safe } from "./output.ts";
import { addMan } from "./man.ts";
import { addMailbox } from "./mailbox.ts";
import { addQueue } from "./queue.ts";
import { addReplay } from "./replay.ts";
import { addSend, sendmailArguments } from "./send.ts";
import { addServe } from "./serve_command.ts";
import { addVersion, VERSION } from "./version.ts";

/**
 * Runs a command line, without the program's name, to its end.
 *
 * @returns The exit code, after sysexits(3). Errors were printed in one line on stderr.
 */
export async function main(args: string[]): Promise<number> {
  try {
    if (args.length === 0) throw new CliError(ExitCode.usage, 'no command; "dinopost help" lists them');
    await buildProgram().parseAsync(sendmailArguments(args), { from: "user" });
    return ExitCode.ok;
  } catch (error) {
    return exitOf(error, args);
  }
}

/** The program with all its commands. */
export function buildProgram(): Command {
  const program = new Command("dinopost")
    .description("A mail server for Deno: SMTP, a queue that loses nothing, POP3 and an HTTP surface.")
    .version(VERSION, "--version", "print the version")
    .exitOverride()
    .configureOutput({
      writeOut: (text) => print(text.trimEnd()),
      writeErr: () => {},
      outputError: () => {},
    })
    .helpCommand(false);
  for (
    const add of [
      addServe,
      addDemo,
      addInit,
      addCheck,
      addQueue,
      addAccount,
      addAlias,
      addMailbox,
      addBackup,
      addRestore,
      addSend,
      addReplay,
      addCompletions,
      addMan,
      addVersion,
    ]
  ) add(program);
  addHelp(program);
  takeConfig(program);
  return withExamples(program, "dinopost serve", "dinopost demo", "dinopost help queue");
}

/** Every command takes `--config`, so that scripts may give it to all; some have nothing to read in it. */
function takeConfig(program: Command): void {
  for (const command of program.commands) {
    const takes = command.commands.length > 0 || command.options.some((one) => one.long === "--config");
    if (!takes) command.addOption(new Option("--config <file>").hideHelp());
  }
}

function addDemo(program: Command): void {
  const command = program.command("demo")
    .description("play the story of a message on loopback, with real servers and a fast clock");
  withExamples(command, "dinopost demo").action(async () => {
    const { runDemo } = await import("./demo.ts");
    await runDemo();
  });
}

function addHelp(program: Command): void {
  const command = program.command("help").argument("[command...]").description("explain a command");
  withExamples(command, "dinopost help", "dinopost help queue list").action((names: string[]) => {
    let at = program;
    for (const name of names) {
      const next = at.commands.find((one) => one.name() === name || one.aliases().includes(name));
      if (!next) {
        const known = at.createHelp().visibleCommands(at).map((one) => one.name()).join(", ");
        throw new CliError(
          ExitCode.usage,
          `there is no command "${safe(names.join(" "))}"; known are ${known}`,
        );
      }
      at = next;
    }
    at.outputHelp();
  });
}

/** Our own errors about what is around us: ports that others have, a store that can't be opened. */
const OUTSIDE: ReadonlySet<string> = new Set(["ListenError", "StorageError"]);

/** Prints an error in one line, each fault of a configuration in its own; answers the exit code. */
function exitOf(error: unknown, args: readonly string[]): number {
  const { code, message } = verdict(error, args);
  const lines = error instanceof ConfigError ? error.faults.map((f) => f.message) : message ?? [];
  for (const line of [lines].flat()) printError(`dinopost: ${safe(line.replaceAll(/\s*\n\s*/g, " "))}`);
  return code;
}

function verdict(error: unknown, args: readonly string[]): { code: number; message?: string } {
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) return { code: ExitCode.ok };
    const message = error.code === "commander.help"
      ? `a command is missing behind "${args[0]}"; "dinopost help ${args[0]}" lists them`
      : error.message.replace(/^error: /, "").replace(
        /^(unknown command '[^']*')$/,
        '$1; "dinopost help" lists them',
      );
    return { code: ExitCode.usage, message };
  }
  if (error instanceof CliError) return { code: error.code, message: error.message };
  if (error instanceof ConfigError) return { code: ExitCode.badConfig, message: error.message };
  if (error instanceof Deno.errors.BrokenPipe) return { code: ExitCode.ok }; // who read us has seen enough
  if (!(error instanceof Error)) return { code: ExitCode.software, message: String(error) };
  const { message } = error;
  if (error.name === "StoreInUse") return { code: ExitCode.tryAgain, message };
  if (OUTSIDE.has(error.name)) return { code: ExitCode.unavailable, message };
  if (error instanceof Deno.errors.NotCapable) {
    return {
      code: ExitCode.badConfig,
      message: `Deno was started without a permission that is needed: ${message}`,
    };
  }
  const isOutside = Object.values(Deno.errors).some((kind) => error instanceof kind);
  return isOutside
    ? { code: ExitCode.unavailable, message }
    : { code: ExitCode.software, message: `unexpected: ${error.name}: ${message}` };
}
