/** The command line: which command it is, and how its end becomes an exit code and one line. */

import { Command, CommanderError, Option } from "commander";
import { ConfigError } from "../config/error.ts";
import { CliError, ExitCode } from "./cli_error.ts";
import { withExamples } from "./command_tree.ts";
import { print, printError, safe } from "./output.ts";
import { VERSION } from "./version.ts";

type Add = (program: Command) => void;

/** What adds each command; its file is read when it is the one that was called, or all are asked for. */
const COMMANDS: Readonly<Record<string, () => Promise<Add>>> = {
  serve: async () => (await import("./serve_command.ts")).addServe,
  demo: () => Promise.resolve(addDemo),
  init: async () => (await import("./init.ts")).addInit,
  check: async () => (await import("./check.ts")).addCheck,
  queue: async () => (await import("./queue.ts")).addQueue,
  account: async () => (await import("./account.ts")).addAccount,
  alias: async () => (await import("./alias.ts")).addAlias,
  mailbox: async () => (await import("./mailbox.ts")).addMailbox,
  backup: async () => (await import("./backup.ts")).addBackup,
  restore: async () => (await import("./backup.ts")).addRestore,
  send: async () => (await import("./send.ts")).addSend,
  replay: async () => (await import("./replay.ts")).addReplay,
  completions: async () => (await import("./completions.ts")).addCompletions,
  man: async () => (await import("./man.ts")).addMan,
  version: async () => (await import("./version.ts")).addVersion,
};
/** They tell of all others. */
const OF_ALL: ReadonlySet<string> = new Set(["completions", "man"]);

/**
 * Runs a command line, without the program's name, to its end.
 *
 * @returns The exit code, after sysexits(3). Errors were printed in one line on stderr.
 */
export async function main(args: string[]): Promise<number> {
  try {
    if (args.length === 0) throw new CliError(ExitCode.usage, 'no command; "dinopost help" lists them');
    const program = await buildProgram(args[0]);
    await program.parseAsync(sendmailArguments(args), { from: "user" });
    return ExitCode.ok;
  } catch (error) {
    return exitOf(error, args);
  }
}

/** For the command that stands for sendmail: the options whose values are always written at once, in a form that leaves what stands behind them alone. */
function sendmailArguments(args: readonly string[]): string[] {
  if (args[0] !== "send") return [...args];
  const end = args.indexOf("--");
  const options = end === -1 ? args : args.slice(0, end);
  const kept = options.filter((arg) => !/^-d[\d.,-]*$/.test(arg)).map((arg) => arg.replace(/^-q.+$/, "-q"));
  return [...kept, ...args.slice(options.length)];
}

/** The program with all its commands; with the one of that name only, where it is one and does without the others. */
export async function buildProgram(called?: string): Promise<Command> {
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
  const isOne = called !== undefined && Object.hasOwn(COMMANDS, called) && !OF_ALL.has(called);
  const found = isOne ? [COMMANDS[called]!] : Object.values(COMMANDS);
  for (const add of await Promise.all(found.map((find) => find()))) add(program);
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

/** What commander says; of what nobody asked for only the place: it may be a password, which logs would keep. */
function withoutValues({ code, message }: CommanderError): string {
  const text = message.replace(/^error: /, "");
  if (code === "commander.excessArguments") return text.replace(/( but got \d+): .*$/s, "$1");
  if (code === "commander.unknownOption") return text.replace(/^(unknown option '[^'=]*)=.*'/s, "$1'");
  return text;
}

function verdict(error: unknown, args: readonly string[]): { code: number; message?: string } {
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) return { code: ExitCode.ok };
    const message = error.code === "commander.help"
      ? `a command is missing behind "${args[0]}"; "dinopost help ${args[0]}" lists them`
      : withoutValues(error).replace(/^(unknown command '[^']*')$/, '$1; "dinopost help" lists them');
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
  // what Deno has no class for, such as a full disk, has the system's code
  const isOutside = Object.values(Deno.errors).some((kind) => error instanceof kind) ||
    ("code" in error && /^E[A-Z\d]+$/.test(String(error.code)));
  return isOutside
    ? { code: ExitCode.unavailable, message }
    : { code: ExitCode.software, message: `unexpected: ${error.name}: ${message}` };
}
