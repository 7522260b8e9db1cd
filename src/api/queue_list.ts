/** In charge of walking the queue: pages by filter, and its summary. */

import { splitMailbox } from "../mail/address.ts";
import { type QueueRecord, UNSPLIT } from "../queue/record.ts";
import { plusMeant } from "./schemas.ts";
import { type QueueState, stateOf, STATES } from "./queue_view.ts";

/** What is looked for; all that is given must fit. */
export interface QueueFilter {
  readonly state?: QueueState | undefined;
  readonly domain?: string | undefined;
  readonly sender?: string | undefined;
  readonly recipient?: string | undefined;
}

/** One page looks at most at so many messages; when hardly any fit, it comes back with what it has and a cursor. */
const MAX_LOOKED_AT = 20_000;

/** A page of messages, each as its records, and where the next page begins; undefined at the end. */
export async function queuePage(
  messages: AsyncIterable<QueueRecord[]>,
  options: { filter: QueueFilter; limit: number; now: number },
): Promise<{ page: QueueRecord[][]; next: string | undefined }> {
  const fits = matcher(options.filter, options.now);
  const page: QueueRecord[][] = [];
  let looked = 0;
  let last: string | undefined;
  for await (const records of messages) {
    if (page.length === options.limit || looked === MAX_LOOKED_AT) return { page, next: last };
    looked++;
    last = records[0]!.id;
    if (fits(records)) page.push(records);
  }
  return { page, next: undefined };
}

function matcher(filter: QueueFilter, now: number): (records: readonly QueueRecord[]) => boolean {
  const { state } = filter;
  const domain = filter.domain?.trim().toLowerCase();
  const [sender, recipient] = [filter.sender, filter.recipient].map((text) =>
    text === undefined ? undefined : plusMeant(text).trim().toLowerCase()
  );
  return (records) =>
    (state === undefined || records.some((r) => stateOf(r, now) === state)) &&
    (domain === undefined || domainsOf(records).has(domain)) &&
    (sender === undefined || records[0]!.sender.toLowerCase() === sender) &&
    (recipient === undefined ||
      records.some((r) => r.recipients.some((x) => x.address.toLowerCase() === recipient)));
}

function domainsOf(records: readonly QueueRecord[]): Set<string> {
  return new Set(
    records.flatMap((record) =>
      record.domain === UNSPLIT
        ? record.recipients.map((r) => splitMailbox(r.address).domain)
        : [record.domain]
    ),
  );
}

/** The queue in numbers; times in milliseconds since 1970. */
export interface QueueSummary {
  readonly total: number;
  readonly byState: Record<QueueState, number>;
  readonly byDomain: { domain: string; count: number; oldest: number }[];
  readonly ageBuckets: { upToMs: number | null; count: number }[];
}

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
/** Up to these ages; the last bucket has no end. */
const AGES = [5 * MINUTE, 15 * MINUTE, HOUR, 4 * HOUR, 24 * HOUR, 72 * HOUR];

/** Counts all messages. A message with several next hops counts once for each of their domains. */
export async function queueSummary(
  messages: AsyncIterable<QueueRecord[]>,
  now: number,
): Promise<QueueSummary> {
  const byState = Object.fromEntries(STATES.map((s) => [s, 0])) as Record<QueueState, number>;
  const domains = new Map<string, { count: number; oldest: number }>();
  const ages = [...AGES.map((upToMs) => ({ upToMs, count: 0 })), { upToMs: null, count: 0 }];
  let total = 0;
  for await (const records of messages) {
    total++;
    const states = new Set(records.map((r) => stateOf(r, now)));
    byState[STATES.find((s) => states.has(s))!]++;
    const { receivedAt } = records[0]!;
    for (const domain of domainsOf(records)) {
      const known = domains.get(domain);
      if (!known) domains.set(domain, { count: 1, oldest: receivedAt });
      else {
        known.count++;
        known.oldest = Math.min(known.oldest, receivedAt);
      }
    }
    ages.find(({ upToMs }) => upToMs === null || now - receivedAt <= upToMs)!.count++;
  }
  const byDomain = [...domains].map(([domain, of]) => ({ domain, ...of })).sort((a, b) => b.count - a.count);
  return { total, byState, byDomain, ageBuckets: ages };
}
