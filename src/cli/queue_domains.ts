/** The destinations of the queue: `queue domains|route|suspend|resume`. */

import { systemClock } from "../base/clock.ts";
import { parseDuration } from "../base/units.ts";
import { ApiClient } from "./api_client.ts";
import { CliError, ExitCode } from "./cli_error.ts";
import { print, printJson, printTable, safe, span } from "./output.ts";
import { nextText } from "./queue_list.ts";
import type { QueueOptions } from "./queue_options.ts";

interface Destination {
  domain: string;
  waiting: number;
  oldest: string | null;
  nextAttemptAt: string | null;
  lastError: string | null;
  suspension: Suspension | null;
}

interface Suspension {
  domain: string;
  since: string;
  until: string | null;
  reason: string | null;
}

/** Lists what waits for each domain, and those that are suspended. */
export async function showDomains(options: QueueOptions): Promise<void> {
  const api = await ApiClient.find(options);
  const { items } = await api.call<{ items: Destination[] }>("/domains");
  if (options.json) return printJson({ items });
  if (items.length === 0) return print("Nothing waits for any domain.");
  const now = systemClock.now();
  printTable(
    ["DOMAIN", "WAITING", "OLDEST", "NEXT TRY", "STATE", "LAST ANSWER"],
    items.map(({ domain, waiting, oldest, nextAttemptAt, lastError, suspension }) => [
      domain,
      String(waiting),
      oldest === null ? "-" : span(Date.parse(oldest), now),
      nextAttemptAt === null ? "-" : nextText(Date.parse(nextAttemptAt), now),
      suspension ? "suspended" : nextAttemptAt === null ? "held" : "delivers",
      suspension?.reason ?? lastError ?? "",
    ]),
  );
}

/** Shows which way mail would take. */
export async function showRoute(domain: string, options: QueueOptions): Promise<void> {
  const api = await ApiClient.find(options);
  const route = await api.call<{
    domain: string;
    kind: string;
    hosts: { preference: number; host: string; addresses: string[] }[];
    steps: string[];
  }>(`/domains/${encodeURIComponent(domain)}/route`);
  if (options.json) return printJson(route);
  print(safe(`${route.domain}: ${route.kind}`));
  for (const step of route.steps) print(`  ${safe(step)}`);
  if (route.hosts.length === 0) return;
  print("");
  printTable(
    ["HOST", "PREFERENCE", "ADDRESSES"],
    route.hosts.map((h) => [h.host, String(h.preference), h.addresses.join(" ")]),
  );
}

/** Delivers nothing there for now. */
export async function suspendDomain(
  domain: string,
  options: QueueOptions & { until?: string; reason?: string },
): Promise<void> {
  const until = options.until === undefined ? undefined : timeOf(options.until);
  const api = await ApiClient.find(options);
  const json = { ...(until && { until }), ...(options.reason && { reason: options.reason }) };
  const made = await api.call<Suspension>(`/suspensions/${encodeURIComponent(domain)}`, {
    method: "PUT",
    json,
  });
  if (options.json) return printJson(made);
  const end = made.until === null ? "until it is resumed" : `until ${made.until}`;
  print(safe(`Nothing is delivered to ${made.domain} ${end}.`));
}

function timeOf(text: string): string {
  const ms = parseDuration(text);
  const at = ms === undefined ? Date.parse(text) : systemClock.now() + ms;
  if (!Number.isNaN(at)) return new Date(at).toISOString();
  throw new CliError(
    ExitCode.usage,
    `--until: received "${
      safe(text)
    }", expected a time such as 2026-01-31T08:00Z, or from now on, such as 2h`,
  );
}

/** Delivers there again. */
export async function resumeDomain(domain: string, options: QueueOptions): Promise<void> {
  const api = await ApiClient.find(options);
  await api.call(`/suspensions/${encodeURIComponent(domain)}`, { method: "DELETE" });
  if (options.json) printJson({ domain });
  else print(`Deliveries to ${safe(domain)} go on.`);
}
