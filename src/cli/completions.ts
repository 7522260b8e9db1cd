/** The command `completions`: what a shell needs to complete our commands and options. */

import type { Command, Option } from "commander";
import { CliError, ExitCode } from "./cli_error.ts";
import { type CommandEntry, commandTree, withExamples } from "./command_tree.ts";
import { print } from "./output.ts";

const SHELLS: Readonly<Record<string, (tree: readonly CommandEntry[]) => string>> = { bash, zsh, fish };

/** Adds the command. */
export function addCompletions(program: Command): void {
  const names = Object.keys(SHELLS).join(", ");
  const command = program.command("completions").argument("<shell>", `one of ${names}`)
    .description("print what makes a shell complete our commands and options");
  withExamples(
    command,
    'eval "$(dinopost completions bash)"',
    'dinopost completions zsh > "${fpath[1]}/_dinopost"',
    "dinopost completions fish > ~/.config/fish/completions/dinopost.fish",
  ).action((shell: string) => {
    const script = Object.hasOwn(SHELLS, shell) ? SHELLS[shell]! : undefined;
    if (!script) {
      throw new CliError(ExitCode.usage, `received the shell "${shell}", expected one of ${names}`);
    }
    print(script(commandTree(program)));
  });
}

/** A command's path as the scripts have it: "", "/queue", "/queue/list". */
function keyOf(path: readonly string[]): string {
  return path.map((name) => `/${name}`).join("");
}

function keysOf(tree: readonly CommandEntry[]): string[] {
  return tree.filter((one) => one.path.length > 0).map((one) => keyOf(one.path));
}

function flagsOf(option: Option): string[] {
  return [option.short, option.long].filter((flag) => flag !== undefined && flag !== null) as string[];
}

/** Flags behind which a value stands, of all commands. */
function valueFlags(tree: readonly CommandEntry[]): string[] {
  const options = tree.flatMap((one) => one.options).filter((option) => option.required || option.optional);
  return [...new Set(options.flatMap(flagsOf))];
}

/** A text in single quotes, as all three shells read it. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", `'"'"'`)}'`;
}

function bash(tree: readonly CommandEntry[]): string {
  const cases = tree.map(({ path, subcommands, options }) => {
    const names = subcommands.map((one) => one.name).join(" ");
    return `    '${keyOf(path)}') names='${names}' flags='${options.flatMap(flagsOf).join(" ")}' ;;`;
  });
  return `_dinopost() {
  local word=\${COMP_WORDS[COMP_CWORD]} key= names= flags= i
  COMPREPLY=()
  case "\${COMP_WORDS[COMP_CWORD-1]}" in ${valueFlags(tree).join("|")}) return ;; esac
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "$key/\${COMP_WORDS[i]}" in ${keysOf(tree).join("|")}) key="$key/\${COMP_WORDS[i]}" ;; esac
  done
  case "$key" in
${cases.join("\n")}
  esac
  case "$word" in
    -*) COMPREPLY=($(compgen -W "$flags" -- "$word")) ;;
    *) COMPREPLY=($(compgen -W "$names" -- "$word")) ;;
  esac
}
complete -o default -F _dinopost dinopost`;
}

function zsh(tree: readonly CommandEntry[]): string {
  const described = (name: string, text: string) => quoted(`${name.replaceAll(":", "\\:")}:${text}`);
  const cases = tree.map(({ path, subcommands, options }) => {
    const names = subcommands.map((one) => described(one.name, one.description));
    const flags = options.flatMap((one) => flagsOf(one).map((flag) => described(flag, one.description)));
    return `    ('${keyOf(path)}')\n      names=(${names.join(" ")})\n      flags=(${flags.join(" ")}) ;;`;
  });
  return `#compdef dinopost
_dinopost() {
  local key= word
  local -a names flags
  case "\${words[CURRENT-1]}" in (${valueFlags(tree).join("|")}) _files; return ;; esac
  for word in "\${(@)words[2,CURRENT-1]}"; do
    case "$key/$word" in (${keysOf(tree).join("|")}) key="$key/$word" ;; esac
  done
  case "$key" in
${cases.join("\n")}
  esac
  if [[ "\${words[CURRENT]}" == -* ]]; then _describe option flags
  elif (( \${#names} )); then _describe command names
  else _files
  fi
}
if [ "\${funcstack[1]}" = _dinopost ]; then _dinopost "$@"; else compdef _dinopost dinopost; fi`;
}

function fish(tree: readonly CommandEntry[]): string {
  const lines = tree.flatMap(({ path, subcommands, options }) => {
    const at = `complete -c dinopost -n ${quoted(`__dinopost_at "${keyOf(path)}"`)}`;
    return [
      ...subcommands.map((one) => `${at} -f -a ${one.name} -d ${quoted(one.description)}`),
      ...options.map((one) => `${at}${fishFlags(one)} -d ${quoted(one.description)}`),
    ];
  });
  return `function __dinopost_at
  set -l key ''
  for word in (commandline -opc)[2..-1]
    contains -- "$key/$word" ${keysOf(tree).join(" ")}; and set key "$key/$word"
  end
  test "$key" = "$argv[1]"
end
${lines.join("\n")}`;
}

function fishFlags(option: Option): string {
  const long = option.long ? ` -l ${option.long.slice(2)}` : "";
  const short = option.short ? ` ${option.short.length === 2 ? "-s" : "-o"} ${option.short.slice(1)}` : "";
  return `${short}${long}${option.required ? " -r" : ""}`;
}
