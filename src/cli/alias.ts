/** The command `alias`: the aliases and lists of a running server. */

import type { Command } from "commander";
import { ApiClient, type ApiOptions, withApi } from "./api_client.ts";
import { withExamples } from "./command_tree.ts";
import { print, printJson, printTable, safe } from "./output.ts";

/** An alias, as the API shows it. */
interface AliasItem {
  address: string;
  targets: string[];
  owner?: string | null;
}

interface AliasOptions extends ApiOptions {
  json?: boolean;
}

/** Adds the command with its subcommands. */
export function addAlias(program: Command): void {
  const alias = program.command("alias").helpCommand(false).description(
    "the aliases and lists of a running server",
  );
  withExamples(alias, "dinopost alias list", "dinopost alias add staff@example.org jo@example.org");

  const add = sub(alias, "add <address> <target...>", "add targets to an alias; it is made when missing")
    .option("--owner <address>", "make it a list: this address hears of what can't be delivered");
  withExamples(
    add,
    "dinopost alias add staff@example.org jo@example.org ann@example.net",
    "dinopost alias add news@example.org jo@example.org --owner ann@example.org",
  ).action(addTargets);

  const list = sub(alias, "list", "list the aliases");
  withExamples(list, "dinopost alias list", "dinopost alias list --json").action(listAll);

  const remove = sub(alias, "remove <address> [target...]", "remove targets from an alias, or all of it");
  withExamples(
    remove,
    "dinopost alias remove staff@example.org ann@example.net",
    "dinopost alias remove staff@example.org",
  ).action(removeTargets);
}

function sub(alias: Command, usage: string, description: string): Command {
  return withApi(alias.command(usage)).description(description).option("--json", "print JSON, for scripts");
}

function aliasPath(address: string): string {
  return `/aliases/${encodeURIComponent(address)}`;
}

async function allAliases(api: ApiClient): Promise<AliasItem[]> {
  const items: AliasItem[] = [];
  let cursor: string | undefined;
  do {
    const page = await api.call<{ items: AliasItem[]; cursor?: string | null }>("/aliases", {
      query: { cursor },
    });
    items.push(...page.items);
    cursor = page.cursor ?? undefined;
  } while (cursor !== undefined);
  return items;
}

/** The server changes it: what others change at the same time is not lost, and it knows which addresses are one. */
async function change(
  address: string,
  json: { add?: string[]; remove?: string[]; owner?: string | undefined },
  options: AliasOptions,
): Promise<void> {
  const api = await ApiClient.find(options);
  const alias = await api.call<AliasItem>(aliasPath(address), { method: "PATCH", json });
  if (options.json) printJson(alias);
  else if (alias.targets.length === 0) print(`${safe(address)} is removed.`);
  else print(safe(`${alias.address} leads to ${alias.targets.join(", ")}.`));
}

async function addTargets(
  address: string,
  targets: string[],
  options: AliasOptions & { owner?: string },
): Promise<void> {
  await change(address, { add: targets, owner: options.owner }, options);
}

async function removeTargets(address: string, targets: string[], options: AliasOptions): Promise<void> {
  if (targets.length > 0) return await change(address, { remove: targets }, options);
  const api = await ApiClient.find(options);
  await api.call(aliasPath(address), { method: "DELETE" });
  if (options.json) printJson({ address });
  else print(`${safe(address)} is removed.`);
}

async function listAll(options: AliasOptions): Promise<void> {
  const items = await allAliases(await ApiClient.find(options));
  if (options.json) return printJson({ items, cursor: null });
  if (items.length === 0) return print('There are no aliases; "dinopost alias add ADDRESS TARGET" adds one.');
  printTable(
    ["ADDRESS", "OWNER", "TARGETS"],
    items.map((item) => [item.address, item.owner ?? "-", item.targets.join(", ")]),
  );
}
