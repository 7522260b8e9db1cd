/**
 * The pages in `docs/reference/`, from what the program itself goes by: the schema of the configuration, the commands
 * with their help, and the API's document. `deno task docs` writes them, and a test finds them out of date.
 */

import { buildProgram } from "../../src/cli/main.ts";
import { type CommandEntry, commandTree } from "../../src/cli/command_tree.ts";
import { describedKeys, pathText } from "../../src/config/keys.ts";
import { UNSUPPORTED } from "../../src/config/unsupported.ts";
import { documentOfApi, formatted } from "../client_types.ts";
import { denoDoc, type JsDoc, type MemberNode, type SymbolNode, type TypeNode } from "./deno_doc.ts";

const CONFIG = new URL("../../src/config/config.ts", import.meta.url);
const MADE = "<!-- Made by `deno task docs`; change what it is made from, not this file. -->";

/** All pages, by their file names. */
export async function references(): Promise<Record<string, string>> {
  const pages = {
    "configuration.md": await configuration(),
    "commands.md": await commands(),
    "calls.md": await calls(),
  };
  const written = Object.entries(pages).map(async ([name, text]) => [name, await formatted(text, "md")]);
  return Object.fromEntries(await Promise.all(written));
}

async function configuration(): Promise<string> {
  const { symbols } = Object.values(await denoDoc([CONFIG]))[0]!;
  const sections = describedKeys().map((key) => {
    const name = nameOf(key.path);
    const missing = UNSUPPORTED.find((one) => isAt(one.path, key.path));
    const meaning = meaningOf(key.path, symbols);
    if (meaning === undefined && !missing) throw new Error(`${CONFIG} does not tell what ${name} is`);
    const facts = [
      key.want === undefined ? "" : `Expected: ${escaped(key.want)}.`,
      key.fallback === undefined ? "" : `Default: ${code(JSON.stringify(key.fallback))}.`,
      key.variable === undefined ? "" : `Variable: \`${key.variable}\`.`,
      missing ? `**Not supported yet**: to be left at ${code(missing.instead)}.` : "",
    ].filter((fact) => fact !== "");
    const level = key.path.length === 1 ? "##" : "###";
    return [`${level} ${code(name)}`, meaning ?? "", facts.join("\n")].join("\n\n");
  });
  return [
    MADE,
    "# Configuration",
    'JSON with comments and trailing commas, in `dinopost.jsonc` or the file that `--config` names. Every key is optional; an unknown one is refused, with its line and the nearest known name. Relative paths are relative to the file. Durations are `"30s"`, `"15m"`, `"4h"`, `"5d"` or milliseconds, sizes `"25MiB"` or bytes.',
    "A variable of the environment overrides its key. Lists are separated by commas. Tables stand in the file only; `*` below is for a name of yours in a table, or for an element of a list.",
    "`dinopost check` says what a configuration does, all that is wrong with it, and what is legal and harmful.",
    ...sections,
  ].join("\n\n");
}

function isAt(section: readonly (string | number)[], path: readonly string[]): boolean {
  return section.every((step, index) => path[index] === step);
}

/** A key as the page writes it: `accounts.*.quota`. */
export function nameOf(path: readonly string[]): string {
  return pathText(path).replaceAll('["*"]', ".*");
}

/** The comment of a key in the interface of the whole configuration. */
function meaningOf(path: readonly string[], symbols: readonly SymbolNode[]): string | undefined {
  let members = membersOf({ kind: "typeRef", value: { typeName: "Config" } }, symbols);
  let doc: JsDoc | undefined;
  for (const step of path) {
    if (step === "*") continue;
    const member = members.find((one) => one.name === step);
    if (!member?.tsType) return undefined;
    doc = member.jsDoc;
    members = membersOf(member.tsType, symbols);
  }
  return doc?.doc?.trim();
}

/** The members that a type has, or that what is in it has: of a list, a table, or one of several types. */
function membersOf(type: TypeNode, symbols: readonly SymbolNode[]): MemberNode[] {
  const all = (types: TypeNode[]) => types.flatMap((one) => membersOf(one, symbols));
  switch (type.kind) {
    case "typeLiteral":
      return (type.value as { properties: MemberNode[] }).properties;
    case "union":
      return all(type.value as TypeNode[]);
    case "array":
      return membersOf(type.value as TypeNode, symbols);
    case "typeRef": {
      const { typeName, typeParams = [] } = type.value as { typeName: string; typeParams?: TypeNode[] };
      const def = symbols.find((one) => one.name === typeName)?.declarations[0]?.def;
      const parents = Array.isArray(def?.extends) ? def.extends : [];
      return [...def?.properties ?? [], ...all(parents), ...all(typeParams)];
    }
    default:
      return [];
  }
}

async function commands(): Promise<string> {
  return [
    MADE,
    "# Commands",
    "`dinopost help COMMAND`, or `--help` behind one, says the same. Exit codes follow sysexits(3): 0 ok, 64 usage, 65 bad data, 67 unknown user, 69 unavailable, 75 try again, 78 bad configuration. An error is one line on stderr.",
    ...commandTree(await buildProgram()).filter(({ path }) => path.length > 0).map(command),
  ].join("\n\n");
}

function command({ path, usage, description, options, examples, subcommands }: CommandEntry): string {
  const name = `dinopost ${path.join(" ")}`;
  const text = `${description.charAt(0).toUpperCase()}${description.slice(1)}`;
  const rows = options.filter((one) => one.long !== "--help").map((one) =>
    `| \`${cell(one.flags)}\` | ${cell(escaped(one.description))} |`
  );
  return [
    `${path.length === 1 ? "##" : "###"} ${name}`,
    `${escaped(text)}.`,
    "```text\n" + `${name} ${usage}`.trim() + "\n```",
    ...(subcommands.length > 0 || rows.length === 0
      ? []
      : [`| option | |\n| --- | --- |\n${rows.join("\n")}`]),
    ...(examples.length === 0 ? [] : ["```sh\n" + examples.join("\n") + "\n```"]),
  ].join("\n\n");
}

async function calls(): Promise<string> {
  const { paths } = await documentOfApi();
  const groups = Map.groupBy(
    Object.entries(paths).flatMap(([path, item]) =>
      Object.entries(item).map(([method, operation]) => ({ path, method, operation }))
    ),
    ({ operation }) => operation.tags?.[0] ?? "Others",
  );
  return [
    MADE,
    "# Every call of the API",
    "What they have in common is told in [The HTTP API](../http-api.md). A running server shows each with an example at `/docs`, and its document at `/openapi.json`.",
    ...[...groups].flatMap(([tag, members]) => [
      `## ${tag}`,
      ...members.map(({ path, method, operation }) =>
        [
          `### ${code(`${method.toUpperCase()} ${path}`)}`,
          `${escaped(operation.summary)}. ${operation.description ?? ""}`,
          ...parameters(operation.parameters?.filter((one) => one.in === "query") ?? []),
        ].join("\n\n")
      ),
    ]),
  ].join("\n\n");
}

function parameters(query: readonly { name: string; description?: string }[]): string[] {
  if (query.length === 0) return [];
  const rows = query.map(({ name, description = "" }) => `| \`${name}\` | ${cell(description)} |`);
  return [`| parameter | |\n| --- | --- |\n${rows.join("\n")}`];
}

function code(text: string): string {
  return `\`${text}\``;
}

/** A text in which nothing is a sign of Markdown's. */
function escaped(text: string): string {
  return text.replaceAll(/[\\*_<>[\]`]/g, "\\$&");
}

function cell(text: string): string {
  return text.replaceAll("|", "\\|").replaceAll("\n", " ");
}
