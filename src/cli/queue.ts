/** The command `queue`: the queue of a running server, shown and operated. */

import { type Command, Option } from "commander";
import { systemClock } from "../base/clock.ts";
import { formatSize } from "../base/units.ts";
import { ApiClient, type ApiOptions, withApi } from "./api_client.ts";
import { CliError, ExitCode } from "./cli_error.ts";
import { withExamples } from "./command_tree.ts";
import { bold, cut, print, printJson, printTable, safe, span } from "./output.ts";

/** One message, as the API shows it. */
interface QueueItem {
  id: string;
  sender: string;
  recipients: QueueRecipient[];
  state: string;
  size: number;
  receivedAt: string;
  nextAttemptAt: string | null;
  expiresAt: string;
  attempts?: QueueAttempt[];
}

interface QueueRecipient {
  address: string;
  state: string;
  attempts: number;
  nextAttemptAt: string | null;
  lastReply: string | null;
  lastError: string | null;
}

interface QueueAttempt {
  at: string;
  recipient: string;
  host: string | null;
  address?: string | null;
  reply: string | null;
  durationMs: number;
}

interface QueueSummary {
  total: number;
  byState: Record<string, number>;
  byDomain: { domain: string; count: number; oldest: string }[];
}

interface QueueOptions extends ApiOptions {
  json?: boolean;
}

interface ListOptions extends QueueOptions {
  state?: string;
  domain?: string;
  sender?: string;
  recipient?: string;
  limit: string;
  cursor?: string;
}

/** As many as the API gives at once. */
const MAX_LIMIT = 1000;

/** What is done to one message, and what is said of it. */
const ACTIONS: readonly { name: string; description: string; done: string }[] = [
  { name: "retry", description: "try a message now", done: "is tried now" },
  { name: "hold", description: "keep a message back until it is released", done: "is held" },
  { name: "release", description: "let a held message go on", done: "goes on" },
  { name: "bounce", description: "give up a message and notify its sender", done: "goes back to its sender" },
];

/** Adds the command with its subcommands. */
export function addQueue(program: Command): void {
  const queue = program.command("queue").helpCommand(false).description(
    "look at the queue of a running server and operate it",
  );
  withExamples(queue, "dinopost queue list", "dinopost queue show 01HXYZ…", "dinopost queue retry 01HXYZ…");

  const list = sub(queue, "list", "list messages, oldest first")
    .addOption(new Option("--state <state>", "only in this state").choices(["queued", "deferred", "held"]))
    .option("--domain <domain>", "only with a recipient in this domain")
    .option("--sender <address>", "only from this sender")
    .option("--recipient <address>", "only to this recipient")
    .option("--limit <count>", `at most so many, up to ${MAX_LIMIT}`, "100")
    .option("--cursor <cursor>", "go on behind an earlier list");
  withExamples(
    list,
    "dinopost queue list --state deferred",
    "dinopost queue list --domain example.org --json",
  )
    .action(listQueue);

  const show = sub(queue, "show <id>", "show a message with all attempts");
  withExamples(show, "dinopost queue show 01HXYZ…").action(showItem);

  for (const { name, description, done } of ACTIONS) {
    const command = sub(queue, `${name} <id>`, description);
    withExamples(command, `dinopost queue ${name} 01HXYZ…`).action((id: string, options: QueueOptions) =>
      act(id, { ...options, name, done })
    );
  }

  const remove = sub(queue, "delete <id>", "take a message out; nobody is notified");
  withExamples(remove, "dinopost queue delete 01HXYZ…").action(deleteItem);

  const flush = sub(queue, "flush", "try all waiting messages now")
    .option("--domain <domain>", "only those for this domain");
  withExamples(flush, "dinopost queue flush --domain example.org").action(flushQueue);

  const summary = sub(queue, "summary", "count the messages by state and by domain");
  withExamples(summary, "dinopost queue summary").action(summarize);
}

function sub(queue: Command, usage: string, description: string): Command {
  return withApi(queue.command(usage)).description(description).option("--json", "print JSON, for scripts");
}

function itemPath(id: string): string {
  return `/queue/${encodeURIComponent(id)}`;
}

async function listQueue(options: ListOptions): Promise<void> {
  const { state, domain, sender, recipient, limit, cursor } = options;
  if (!/^\d{1,4}$/.test(limit) || Number(limit) < 1 || Number(limit) > MAX_LIMIT) {
    const received = safe(limit);
    throw new CliError(
      ExitCode.usage,
      `--limit: received "${received}", expected a whole number from 1 to ${MAX_LIMIT}`,
    );
  }
  const api = await ApiClient.find(options);
  const query = { state, domain, sender, recipient, limit, cursor };
  const page = await api.call<{ items: QueueItem[]; cursor: string | null }>("/queue", { query });
  if (options.json) return printJson(page);
  if (page.items.length === 0) return print("The queue is empty.");
  const now = systemClock.now();
  printTable(
    ["ID", "STATE", "AGE", "SIZE", "FROM", "TO", "NEXT TRY", "WHY"],
    page.items.map((item) => [
      item.id,
      item.state,
      span(Date.parse(item.receivedAt), now),
      formatSize(item.size),
      cut(item.sender || "<>", 30),
      cut(recipientsText(item.recipients), 40),
      item.nextAttemptAt === null ? "-" : nextText(Date.parse(item.nextAttemptAt), now),
      cut(item.recipients.find((r) => r.lastError !== null)?.lastError ?? "", 60),
    ]),
  );
  if (page.cursor !== null) print(`There is more: add --cursor ${safe(page.cursor)}`);
}

function recipientsText(recipients: readonly QueueRecipient[]): string {
  const more = recipients.length - 1;
  return (recipients[0]?.address ?? "") + (more > 0 ? ` +${more}` : "");
}

function nextText(at: number, now: number): string {
  return at <= now ? "now" : `in ${span(now, at)}`;
}

async function showItem(id: string, options: QueueOptions): Promise<void> {
  const api = await ApiClient.find(options);
  const item = await api.call<QueueItem>(itemPath(id));
  if (options.json) return printJson(item);
  const facts: [string, string][] = [
    ["Message", item.id],
    ["State", item.state],
    ["From", item.sender || "<>"],
    ["Size", formatSize(item.size)],
    ["Received", item.receivedAt],
    ["Next try", item.nextAttemptAt ?? "-"],
    ["Gives up", item.expiresAt],
  ];
  for (const [name, value] of facts) print(`${bold(name.padEnd(9))} ${safe(value)}`);
  print("");
  printTable(
    ["TO", "STATE", "TRIES", "LAST ANSWER"],
    item.recipients.map((r) => [r.address, r.state, String(r.attempts), r.lastReply ?? r.lastError ?? ""]),
  );
  if (!item.attempts?.length) return;
  print("");
  printTable(
    ["AT", "TO", "HOST", "TOOK", "ANSWER"],
    item.attempts.map((
      a,
    ) => [a.at, a.recipient, hostText(a), `${Math.round(a.durationMs)}ms`, a.reply ?? ""]),
  );
}

function hostText({ host, address }: QueueAttempt): string {
  return host === null ? "-" : `${host}${address ? ` [${address}]` : ""}`;
}

async function act(id: string, options: QueueOptions & { name: string; done: string }): Promise<void> {
  const api = await ApiClient.find(options);
  const item = await api.call<QueueItem>(`${itemPath(id)}/${options.name}`, { method: "POST" });
  if (options.json) printJson(item);
  else print(`${safe(id)} ${options.done}.`);
}

async function deleteItem(id: string, options: QueueOptions): Promise<void> {
  const api = await ApiClient.find(options);
  await api.call(itemPath(id), { method: "DELETE" });
  if (options.json) printJson({ id });
  else print(`${safe(id)} is deleted; nobody was notified.`);
}

async function flushQueue(options: QueueOptions & { domain?: string }): Promise<void> {
  const api = await ApiClient.find(options);
  const json = options.domain === undefined ? {} : { domain: options.domain };
  const answer = await api.call<{ count: number }>("/queue/flush", { method: "POST", json });
  if (options.json) printJson(answer);
  else print(`${answer.count} ${answer.count === 1 ? "message is" : "messages are"} tried now.`);
}

async function summarize(options: QueueOptions): Promise<void> {
  const api = await ApiClient.find(options);
  const summary = await api.call<QueueSummary>("/queue/summary");
  if (options.json) return printJson(summary);
  const states = Object.entries(summary.byState).map(([state, count]) => `${count} ${state}`).join(", ");
  print(safe(`${summary.total} ${summary.total === 1 ? "message" : "messages"}${states && `: ${states}`}`));
  if (summary.byDomain.length === 0) return;
  const now = systemClock.now();
  print("");
  printTable(
    ["DOMAIN", "COUNT", "OLDEST"],
    summary.byDomain.map((d) => [d.domain, String(d.count), span(Date.parse(d.oldest), now)]),
  );
}
