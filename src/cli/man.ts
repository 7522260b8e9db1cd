/** The command `man`: the manual page, in roff, from what the commands' help shows. */

import type { Command } from "commander";
import { ExitCode } from "./cli_error.ts";
import { type CommandEntry, commandTree, withExamples } from "./command_tree.ts";
import { print } from "./output.ts";
import { VERSION } from "./version.ts";

/** Adds the command. */
export function addMan(program: Command): void {
  const command = program.command("man").description("print the manual page");
  withExamples(command, "dinopost man | man -l -", "dinopost man > /usr/local/share/man/man8/dinopost.8")
    .action(() => print(manualPage(commandTree(program))));
}

const EXITS: Readonly<Record<keyof typeof ExitCode, string>> = {
  ok: "All went well.",
  usage: "The command line is wrong.",
  badData: "What was given, or what was looked at, is wrong.",
  noUser: "An address is unknown here.",
  unavailable: "Something around us is not there: a server, a port, a file.",
  software: "A fault of dinopost.",
  tryAgain: "Not now; another process has the store, or the server asks to come again.",
  badConfig: "The configuration is wrong.",
};

function manualPage(tree: readonly CommandEntry[]): string {
  const [program, ...commands] = tree;
  return [
    `.TH DINOPOST 8 "" "dinopost ${roff(VERSION)}" "System Administration"`,
    ".SH NAME",
    `dinopost \\- ${roff(program!.description)}`,
    ".SH SYNOPSIS",
    ".B dinopost",
    ".I COMMAND",
    "[\\fIOPTION\\fR ...]",
    ".SH COMMANDS",
    ...commands.flatMap(commandLines),
    ".SH EXIT STATUS",
    ...Object.entries(ExitCode).flatMap(([name, code]) => [
      ".TP",
      `.B ${code}`,
      roff(EXITS[name as keyof typeof ExitCode]),
    ]),
    ".SH ENVIRONMENT",
    ".TP",
    ".B DINOPOST_KEY",
    roff("Overrides a key of the configuration: DINOPOST_DATA_DIR, DINOPOST_ADMIN_TOKEN."),
    ".SH FILES",
    ".TP",
    ".B ./dinopost.jsonc",
    roff("The configuration, unless --config names another."),
    ".SH EXAMPLES",
    ".nf",
    ...program!.examples.map(roff),
    ".fi",
  ].join("\n");
}

function commandLines({ path, usage, description, options, examples, subcommands }: CommandEntry): string[] {
  return [
    `.SS dinopost ${roff(path.join(" "))} ${roff(usage)}`.trimEnd(),
    roff(sentence(description)),
    ...options.flatMap((option) => [
      ".TP",
      `.B ${roff(option.flags)}`,
      roff(sentence(option.description)),
    ]),
    ...(subcommands.length > 0 ? [] : examples.flatMap((example) => [".PP", ".EX", roff(example), ".EE"])),
  ];
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}${/[.!?]$/.test(text) ? "" : "."}`;
}

/** A text as roff reads it: nothing in it is a request or an escape. */
function roff(text: string): string {
  return text.replaceAll("\\", "\\e").replaceAll("-", "\\-").replaceAll("\n", " ").replace(/^[.']/, "\\&$&");
}
