/** The commands as a list, with what their help shows: what completions and the man page are made from. */

import type { Command, Option } from "commander";

/** A command, or the program itself. */
export interface CommandEntry {
  /** Its names from the program on: `[]`, `["queue"]`, `["queue", "list"]`. */
  readonly path: readonly string[];
  /** How it is called, without the program's name and its path. */
  readonly usage: string;
  readonly description: string;
  readonly examples: readonly string[];
  readonly subcommands: readonly { name: string; description: string }[];
  readonly options: readonly Option[];
}

const examples = new WeakMap<Command, readonly string[]>();

/** Adds examples to a command's help. */
export function withExamples(command: Command, ...lines: string[]): Command {
  examples.set(command, lines);
  return command.addHelpText("after", `\nExamples:\n${lines.map((line) => `  $ ${line}`).join("\n")}`);
}

/** The program and all its commands, each before its subcommands; what help hides is left out. */
export function commandTree(command: Command, path: readonly string[] = []): CommandEntry[] {
  const help = command.createHelp();
  const commands = help.visibleCommands(command);
  const entry: CommandEntry = {
    path,
    usage: command.usage(),
    description: command.description(),
    examples: examples.get(command) ?? [],
    subcommands: commands.map((one) => ({ name: one.name(), description: one.description() })),
    options: help.visibleOptions(command),
  };
  return [entry, ...commands.flatMap((one) => commandTree(one, [...path, one.name()]))];
}
