/** The pages of a mailbox: newest first, with a search that tells how far it has looked. */

import type { Clock } from "../base/clock.ts";
import { Problem } from "../http/problem.ts";
import type { Mailbox } from "../mail/envelope.ts";
import { type MailQuery, parseQuery } from "../mail/query.ts";
import { fits, fitsHeader } from "../mail/query_match.ts";
import type { MailEntry, MailStore } from "../mailbox/mail_store.ts";
import { KeptHeaders } from "./kept_headers.ts";
import { type HeaderView, readMail, searchedMail, unlessRemoved } from "./mail_reader.ts";

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
  /** Empty: all messages. */
  readonly query: MailQuery;
}

/** After so long a search comes back with what it has and a cursor. */
export const MAX_MS = 500;
/** The same after so many messages, whatever time it is. */
const MAX_LOOKED_AT = 50_000;
/** Listed at once, and read at once. */
const LISTED = 500;
export const BATCH = 25;
/** A larger message is not searched for words, and its header says whether it has attachments. */
const MAX_SEARCHED = 8 * 1024 * 1024;

/** Reads a query of a request. Throws a {@linkcode Problem} that says what does not parse. */
export function mailQuery(text: string): MailQuery {
  const read = parseQuery(text);
  if ("terms" in read) return read.terms;
  throw new Problem(422, `q: ${read.fault}`, { errors: [{ in: "query", name: "q", detail: read.fault }] });
}

/** A page of a mailbox. A search takes bounded work: its page may hold less than `limit` and still have a next one. */
export async function mailPage(
  { mailStore, clock }: { readonly mailStore: MailStore; readonly clock: Clock },
  options: MailPageOptions,
): Promise<MailPage> {
  const { address, limit, query } = options;
  const until = clock.monotonic() + MAX_MS;
  const page: FoundMail[] = [];
  let after = options.after;
  let looked = 0;
  for (;;) {
    const size = query.length === 0 ? Math.min(limit - page.length, LISTED) : LISTED;
    const entries = await mailStore.list(address, {
      reverse: true,
      limit: size + 1,
      ...(after === undefined ? {} : { after }),
    });
    for (let at = 0; at < Math.min(size, entries.length); at += BATCH) {
      const batch = entries.slice(at, Math.min(at + BATCH, size));
      const found = await Promise.all(batch.map((entry) => look(mailStore, { address, entry }, query)));
      for (const [i, mail] of found.entries()) {
        if (mail) page.push(mail);
        after = batch[i]!.uid;
        looked++;
        if (at + i === entries.length - 1) return { page, next: undefined, looked };
        if (page.length === limit) return { page, next: after, looked };
      }
      const isOver = query.length > 0 && (looked >= MAX_LOOKED_AT || clock.monotonic() >= until);
      if (isOver) return { page, next: after, looked };
    }
    if (entries.length === 0) return { page, next: undefined, looked };
  }
}

/** The message, when it fits. */
export async function look(
  mailStore: MailStore,
  of: { address: Mailbox; entry: MailEntry },
  query: MailQuery,
): Promise<FoundMail | undefined> {
  const { address, entry } = of;
  const headers = KeptHeaders.of(mailStore);
  const header = headers.kept(address, entry) ?? await headers.read(address, entry);
  if (!header) return undefined;
  const searched = searchedMail(entry, header);
  const verdict = fitsHeader(query, searched);
  if (verdict === true) return { entry, header };
  if (verdict === false) return undefined;
  const content = entry.size > MAX_SEARCHED
    ? { text: null, html: null, attachments: guessed(header) }
    : await unlessRemoved(mailStore, of, readMail);
  return content && fits(query, searched, content) ? { entry, header } : undefined;
}

/** Nobody writes so much text: what is not text alone has an attachment. */
function guessed({ headers }: HeaderView): { filename: null; inline: boolean }[] {
  const type = headers.find(({ name }) => name.toLowerCase() === "content-type")?.value ?? "text/plain";
  return /^\s*text\//i.test(type) ? [] : [{ filename: null, inline: false }];
}
