/** The command `account`: the accounts of a running server. */

import type { Command } from "commander";
import { formatSize, parseSize } from "../base/units.ts";
import { ApiClient, type ApiOptions, withApi } from "./api_client.ts";
import { CliError, ExitCode } from "./cli_error.ts";
import { withExamples } from "./command_tree.ts";
import { print, printJson, printTable, safe } from "./output.ts";
import { askPassword } from "./password.ts";

/** An account, as the API shows it. */
interface AccountItem {
  address: string;
  name: string | null;
  quota: number | null;
  used: number;
  messages: number;
}

interface AccountOptions extends ApiOptions {
  json?: boolean;
}

/** Adds the command with its subcommands. */
export function addAccount(program: Command): void {
  const account = program.command("account").helpCommand(false).description(
    "the accounts of a running server",
  );
  withExamples(account, "dinopost account list", "dinopost account add jo@example.org");

  const add = sub(account, "add <address>", "add an account; its password is asked for, or read from stdin")
    .option("--name <name>", "the person's name")
    .option("--quota <size>", 'how much the mailbox holds, such as "1GiB"')
    .option("--sub-folders", "deliver name+folder@ into that folder, where it is there");
  withExamples(
    add,
    'dinopost account add jo@example.org --name "Jo Doe" --quota 1GiB',
    "dinopost account add jo@example.org < password.txt",
  ).action(addOne);

  const list = sub(account, "list", "list the accounts");
  withExamples(list, "dinopost account list", "dinopost account list --json").action(listAll);

  const remove = sub(account, "remove <address>", "remove an account and its mailbox");
  withExamples(remove, "dinopost account remove jo@example.org").action(removeOne);

  const password = sub(account, "password <address>", "set a password; it is asked for, or read from stdin");
  withExamples(password, "dinopost account password jo@example.org").action(setPassword);
}

function sub(account: Command, usage: string, description: string): Command {
  return withApi(account.command(usage)).description(description).option("--json", "print JSON, for scripts");
}

function accountPath(address: string): string {
  return `/accounts/${encodeURIComponent(address)}`;
}

async function addOne(
  address: string,
  options: AccountOptions & { name?: string; quota?: string; subFolders?: boolean },
): Promise<void> {
  const quota = options.quota === undefined ? undefined : parseSize(options.quota);
  if (options.quota !== undefined && quota === undefined) {
    const received = safe(options.quota);
    throw new CliError(ExitCode.usage, `--quota: received "${received}", expected a size such as "1GiB"`);
  }
  const api = await ApiClient.find(options);
  const { name, subFolders } = options;
  const json = { address, name, quota, subFolders, password: await askPassword() };
  const made = await api.call<AccountItem>("/accounts", { method: "POST", json });
  if (options.json) printJson(made);
  else print(`${safe(made.address)} is added.`);
}

async function listAll(options: AccountOptions): Promise<void> {
  const api = await ApiClient.find(options);
  const items: AccountItem[] = [];
  let cursor: string | undefined;
  do {
    const page = await api.call<{ items: AccountItem[]; cursor: string | null }>("/accounts", {
      query: { cursor },
    });
    items.push(...page.items);
    cursor = page.cursor ?? undefined;
  } while (cursor !== undefined);
  if (options.json) return printJson({ items, cursor: null });
  if (items.length === 0) return print('There are no accounts; "dinopost account add ADDRESS" adds one.');
  printTable(
    ["ADDRESS", "MESSAGES", "USED", "QUOTA", "NAME"],
    items.map((item) => [
      item.address,
      String(item.messages),
      formatSize(item.used),
      item.quota === null ? "-" : formatSize(item.quota),
      item.name ?? "",
    ]),
  );
}

async function removeOne(address: string, options: AccountOptions): Promise<void> {
  const api = await ApiClient.find(options);
  await api.call(accountPath(address), { method: "DELETE" });
  if (options.json) printJson({ address });
  else print(`${safe(address)} is removed.`);
}

async function setPassword(address: string, options: AccountOptions): Promise<void> {
  const api = await ApiClient.find(options);
  const json = { password: await askPassword() };
  const account = await api.call<AccountItem>(accountPath(address), { method: "PATCH", json });
  if (options.json) printJson(account);
  else print(`${safe(address)} has a new password.`);
}
