/** In charge of `alias`: the aliases and lists of a running server. */

import type { Command } from "commander";
import { ApiClient, type ApiOptions, withApi } from "./api_client.ts";
import { CliError, ExitCode } from "./cli_error.ts";
import { withExamples } from "./options.ts";
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

function sameAddress(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase();
}

async function put(api: ApiClient, alias: AliasItem, options: AliasOptions): Promise<void> {
  const json = { targets: alias.targets, ...(alias.owner == null ? {} : { owner: alias.owner }) };
  const saved = await api.call<AliasItem>(aliasPath(alias.address), { method: "PUT", json });
  if (options.json) printJson(saved);
  else print(safe(`${saved.address} leads to ${saved.targets.join(", ")}.`));
}

async function addTargets(
  address: string,
  targets: string[],
  options: AliasOptions & { owner?: string },
): Promise<void> {
  const api = await ApiClient.find(options);
  const old = (await allAliases(api)).find((item) => sameAddress(item.address, address));
  const before = old?.targets ?? [];
  const fresh = targets.filter((target) => !before.some((old) => sameAddress(old, target)));
  await put(
    api,
    { address, targets: [...before, ...fresh], owner: options.owner ?? old?.owner ?? null },
    options,
  );
}

async function removeTargets(address: string, targets: string[], options: AliasOptions): Promise<void> {
  const api = await ApiClient.find(options);
  if (targets.length > 0) {
    const before = (await allAliases(api)).find((item) => sameAddress(item.address, address));
    if (!before) throw new CliError(ExitCode.badData, `there is no alias ${safe(address)}`);
    const rest = before.targets.filter((old) => !targets.some((target) => sameAddress(old, target)));
    if (rest.length > 0) return await put(api, { ...before, address, targets: rest }, options);
  }
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
