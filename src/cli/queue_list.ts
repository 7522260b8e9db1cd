/** The views of the queue: `queue list|show|summary`. */

import { systemClock } from "../base/clock.ts";
import { formatSize } from "../base/units.ts";
import { ApiClient } from "./api_client.ts";
import { CliError, ExitCode } from "./cli_error.ts";
import { bold, print, printJson, printTable, safe, span } from "./output.ts";
import { filterOf, type FilterOptions, type QueueOptions, wholeId } from "./queue_options.ts";

/** One message, as the API shows it. */
interface QueueItem {
  id: string;
  sender: string;
  subject?: string | null;
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

interface Page {
  items: QueueItem[];
  cursor: string | null;
}

interface ListOptions extends FilterOptions {
  limit: string;
  cursor?: string;
  all?: boolean;
}

/** As many as the API gives at once. */
export const MAX_LIMIT = 1000;

/** Lists what fits. */
export async function listQueue(options: ListOptions): Promise<void> {
  const { limit, cursor } = options;
  if (!/^\d{1,4}$/.test(limit) || Number(limit) < 1 || Number(limit) > MAX_LIMIT) {
    const received = safe(limit);
    throw new CliError(
      ExitCode.usage,
      `--limit: received "${received}", expected a whole number from 1 to ${MAX_LIMIT}`,
    );
  }
  const filter = filterOf(options);
  const api = await ApiClient.find(options);
  const query = { ...filter, limit: options.all ? String(MAX_LIMIT) : limit, cursor };
  let page = await api.call<Page>("/queue", { query });
  if (!options.all) return showPage(page, options);
  const all: QueueItem[] = [];
  for (;;) {
    if (options.json) { for (const item of page.items) print(JSON.stringify(item)); }
    else all.push(...page.items);
    if (page.cursor === null) break;
    page = await api.call<Page>("/queue", { query: { ...query, cursor: page.cursor } });
  }
  if (!options.json) showPage({ items: all, cursor: null }, options);
}

function showPage(page: Page, options: ListOptions): void {
  if (options.json) return printJson(page);
  if (page.items.length === 0 && page.cursor === null) {
    const asked = Object.keys(filterOf(options)).length > 0;
    return print(asked ? "No message fits." : "The queue is empty.");
  }
  const now = systemClock.now();
  printTable(
    ["ID", "STATE", "AGE", "SIZE", "FROM", "TO", "NEXT TRY", "WHY"],
    page.items.map((item) => [
      item.id,
      item.state,
      span(Date.parse(item.receivedAt), now),
      formatSize(item.size),
      item.sender || "<>",
      recipientsText(item.recipients),
      item.nextAttemptAt === null ? "-" : nextText(Date.parse(item.nextAttemptAt), now),
      item.recipients.find((r) => r.lastError !== null)?.lastError ?? "",
    ]),
  );
  if (page.cursor !== null) print(`There is more: add --cursor ${safe(page.cursor)}, or --all`);
}

function recipientsText(recipients: readonly QueueRecipient[]): string {
  const more = recipients.length - 1;
  return (recipients[0]?.address ?? "") + (more > 0 ? ` +${more}` : "");
}

/** When the next attempt is, seen from now. */
export function nextText(at: number, now: number): string {
  return at <= now ? "now" : `in ${span(now, at)}`;
}

/** Shows one message with what was tried and said. */
export async function showItem(given: string, options: QueueOptions): Promise<void> {
  const api = await ApiClient.find(options);
  const id = await wholeId(api, given);
  const item = await api.call<QueueItem>(`/queue/${encodeURIComponent(id)}`);
  if (options.json) return printJson(item);
  const facts: [string, string][] = [
    ["Message", item.id],
    ["State", item.state],
    ["From", item.sender || "<>"],
    ...(item.subject ? [["Subject", item.subject] as [string, string]] : []),
    ["Size", formatSize(item.size)],
    ["Received", item.receivedAt],
    ["Next try", item.nextAttemptAt ?? "-"],
    ["Gives up", item.expiresAt],
    ["Page", `${api.url}/messages/${encodeURIComponent(item.id)}`],
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
  const dialogue = await lastDialogue(api, item.id);
  if (dialogue.length === 0) return;
  print(`\n${bold("What was said last")}`);
  for (const line of dialogue) print(`  ${safe(line)}`);
}

function hostText({ host, address }: QueueAttempt): string {
  return host === null ? "-" : `${host}${address ? ` [${address}]` : ""}`;
}

/** The lines of the last attempt of which they are kept. */
async function lastDialogue(api: ApiClient, id: string): Promise<string[]> {
  try {
    const { events } = await api.call<{ events: { dialogue?: string[] }[] }>(
      `/messages/${encodeURIComponent(id)}`,
    );
    return events.findLast(({ dialogue }) => dialogue && dialogue.length > 0)?.dialogue ?? [];
  } catch (error) {
    // its history may not be kept, or it has left meanwhile
    if (error instanceof CliError && error.code === ExitCode.badData) return [];
    throw error;
  }
}

/** Counts. */
export async function summarize(options: QueueOptions): Promise<void> {
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
