/** The pages of a mailbox: newest first, with a search that tells how far it has looked. */

import type { Clock } from "../base/clock.ts";
import { Problem } from "../http/problem.ts";
import type { Mailbox } from "../mail/envelope.ts";
import { type MailQuery, parseQuery } from "../mail/query.ts";
import type { MailEntry, MailStore } from "../mailbox/mail_store.ts";
import { KeptHeaders } from "./kept_headers.ts";
import type { HeaderView } from "./mail_reader.ts";
import { MailSearches } from "./mail_searches.ts";

/** A message and what its header section says. */
export interface FoundMail {
  readonly entry: MailEntry;
  readonly header: HeaderView;
}

/** A page of a mailbox. */
export interface MailPage {
  /** Newest first. */
  readonly page: readonly FoundMail[];
  /** Where the next page begins; undefined at the end. */
  readonly next: string | undefined;
  /** Messages that were looked at for it. */
  readonly looked: number;
}

/** What is looked for, and where. */
export interface MailPageOptions {
  readonly address: Mailbox;
  readonly limit: number;
  /** The `next` of the page before. */
  readonly after: string | undefined;
  /** Only in the folder of that name; absent: in all. */
  readonly folder?: string | undefined;
  /** Empty: all messages. */
  readonly query: MailQuery;
}

/** After so long a search comes back with what it has and a cursor. */
export const MAX_MS = 500;

/** Reads a query of a request. Throws a {@linkcode Problem} that says what does not parse. */
export function mailQuery(text: string): MailQuery {
  const read = parseQuery(text);
  if ("terms" in read) return read.terms;
  throw new Problem(422, `q: ${read.fault}`, { errors: [{ in: "query", name: "q", detail: read.fault }] });
}

/** A page of a mailbox. A search takes bounded work: its page may hold less than `limit` and still have a next one. */
export async function mailPage(
  options: { readonly mailStore: MailStore; readonly clock: Clock },
  of: MailPageOptions,
): Promise<MailPage> {
  const { address, limit, after, query, folder } = of;
  const { mailStore, clock } = options;
  if (query.length === 0) {
    const more = { ...(after !== undefined && { after }), ...(folder !== undefined && { folder }) };
    const listed = await mailStore.list(address, { reverse: true, limit: limit + 1, ...more });
    const entries = listed.slice(0, limit);
    const next = listed.length > limit ? entries.at(-1)?.uid : undefined;
    return { page: await withHeaders(mailStore, address, entries), next, looked: entries.length };
  }
  const until = clock.monotonic() + MAX_MS;
  const { found, last, looked } = await MailSearches.of(mailStore, clock)
    .search(address, { query: within(query, folder), limit, before: after, until });
  const entries = await Promise.all(found.map(({ uid }) => mailStore.get(address, uid)));
  const there = entries.filter((entry) => entry !== undefined);
  return { page: await withHeaders(mailStore, address, there), next: last?.uid, looked };
}

function within(query: MailQuery, folder: string | undefined): MailQuery {
  if (folder === undefined) return query;
  return [{ not: false, asked: { on: "folder", text: folder, exact: true } }, ...query];
}

/** The messages with their headers, but for those that are gone meanwhile. */
async function withHeaders(
  mailStore: MailStore,
  address: Mailbox,
  entries: readonly MailEntry[],
): Promise<FoundMail[]> {
  const kept = KeptHeaders.of(mailStore);
  const headers = await Promise.all(entries.map((entry) => kept.read(address, entry)));
  return entries.flatMap((entry, i) => headers[i] ? [{ entry, header: headers[i] }] : []);
}
