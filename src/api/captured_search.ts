/** The pages of all captured messages, whatever mailboxes show them: newest first, searched as mailboxes are. */

import type { Captured } from "../capture/captured.ts";
import type { CapturedMail } from "../capture/captured_mail.ts";
import { CapturedSearch } from "../capture/captured_search.ts";
import { Problem, quoted } from "../http/problem.ts";
import type { MailQuery } from "../mail/query.ts";
import type { StoredMail } from "./mail_lookup.ts";
import type { HeaderView } from "./mail_reader.ts";
import { KeptHeaders } from "./kept_headers.ts";
import { MAX_MS } from "./mail_search.ts";
import type { AdminOptions } from "./options.ts";

/** A captured message and what its header section says. */
export interface FoundCaptured {
  readonly message: Captured;
  readonly header: HeaderView;
}

/** A page of captured messages. */
export interface CapturedPage {
  /** Newest first. */
  readonly page: readonly FoundCaptured[];
  /** The id behind which the next page begins; undefined at the end. */
  readonly next: string | undefined;
  /** Messages that were looked at for it. */
  readonly looked: number;
}

type Options = Pick<AdminOptions, "mailStore" | "clock">;

/** A page behind the message `after`, or of the newest. A search takes bounded time, as {@linkcode mailPage} does. */
export async function capturedPage(
  captured: CapturedMail,
  options: Options,
  of: { limit: number; after: string | undefined; query: MailQuery },
): Promise<CapturedPage> {
  const { clock } = options;
  const { limit, after, query } = of;
  const until = clock.monotonic() + MAX_MS;
  const { found, next, looked } = await CapturedSearch.of(captured, clock)
    .search({ query, by: "date", before: after, limit, until });
  const headers = await Promise.all(found.map((message) => headerOf(message, options)));
  const page = found.flatMap((message, i) => headers[i] ? [{ message, header: headers[i] }] : []);
  return { page, next, looked };
}

async function headerOf(message: Captured, { mailStore }: Options): Promise<HeaderView | undefined> {
  const stored = await holder(message, { mailStore });
  return stored && await KeptHeaders.of(mailStore).read(stored.address, stored.entry);
}

/** The message by its id, as one of its mailboxes shows it. Throws a {@linkcode Problem} when there is none. */
export async function capturedMail(
  captured: CapturedMail,
  id: string,
  options: Pick<Options, "mailStore">,
): Promise<StoredMail> {
  const message = captured.get(id);
  const stored = message && await holder(message, options);
  if (!stored) throw new Problem(404, `There is no captured message ${quoted(id)}`);
  return stored;
}

/** The first of its mailboxes that still shows it. */
async function holder(
  { id, recipients }: Captured,
  { mailStore }: Pick<Options, "mailStore">,
): Promise<StoredMail | undefined> {
  for (const address of recipients) {
    const entry = await mailStore.get(address, id);
    if (entry) return { address, entry };
  }
  return undefined;
}

/** The ids of the messages that came right after that one, and right before it. */
export function capturedNeighbours(
  captured: CapturedMail,
  id: string,
): { newer: string | undefined; older: string | undefined } {
  const all = captured.list();
  const at = all.findIndex((message) => message.id === id);
  return { newer: at > 0 ? all[at - 1]!.id : undefined, older: at < 0 ? undefined : all[at + 1]?.id };
}
