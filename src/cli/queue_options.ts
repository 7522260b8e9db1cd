/** The options of the queue's commands: which messages are meant. */

import { parseDuration } from "../base/units.ts";
import type { ApiClient, ApiOptions } from "./api_client.ts";
import { CliError, ExitCode } from "./cli_error.ts";
import { safe } from "./output.ts";

/** What every command takes. */
export interface QueueOptions extends ApiOptions {
  json?: boolean;
}

/** Which messages are meant. */
export interface FilterOptions extends QueueOptions {
  state?: string;
  domain?: string;
  sender?: string;
  recipient?: string;
  error?: string;
  subject?: string;
  olderThan?: string;
}

/** The filter that the API takes; throws {@linkcode CliError} for what can't be one. */
export function filterOf(options: FilterOptions): Record<string, string> {
  const { state, domain, sender, recipient, error, subject, olderThan } = options;
  const given = { state, domain, sender, recipient, error, subject, olderThan };
  if (olderThan !== undefined && parseDuration(olderThan) === undefined) {
    const received = safe(olderThan);
    throw new CliError(
      ExitCode.usage,
      `--older-than: received "${received}", expected a length of time such as 30m, 2h or 1d12h`,
    );
  }
  const filter: Record<string, string> = {};
  for (const [name, value] of Object.entries(given)) {
    if (value === undefined) continue;
    if (value.trim() === "") {
      const option = name === "olderThan" ? "older-than" : name;
      throw new CliError(ExitCode.usage, `--${option}: received an empty text; it would mean nothing`);
    }
    filter[name] = value;
  }
  return filter;
}

/** Ids as they are kept; shorter ones are looked up. */
const WHOLE_ID = /^[0-9A-HJKMNP-TV-Z]{16}$/;
const PART_OF_ID = /^[0-9A-HJKMNP-TV-Z]{4,15}$/i;

/** The ids that are meant; a short one is the beginning or the end of exactly one. */
export async function wholeIds(api: ApiClient, ids: readonly string[]): Promise<string[]> {
  const whole: string[] = [];
  for (const id of ids) whole.push(await wholeId(api, id));
  return whole;
}

/** The same for one; an unknown one stays as it is. */
export async function wholeId(api: ApiClient, id: string): Promise<string> {
  if (WHOLE_ID.test(id) || !PART_OF_ID.test(id)) return id;
  const { items } = await api.call<{ items: { id: string }[] }>("/queue", { query: { id, limit: "2" } });
  if (items.length > 1) {
    const found = items.map((item) => safe(item.id)).join(", ");
    throw new CliError(
      ExitCode.badData,
      `${safe(id)} is a part of several ids (${found}, …); give more of it`,
    );
  }
  return items[0]?.id ?? id;
}

/** The ids on the command line; `-` stands for those on stdin. */
export async function readIds(ids: readonly string[]): Promise<string[]> {
  const all: string[] = [];
  for (const id of ids) {
    if (id !== "-") all.push(id);
    else {all.push(
        ...(await new Response(Deno.stdin.readable).text()).split(/\s+/).filter((word) => word !== ""),
      );}
  }
  return [...new Set(all)];
}
