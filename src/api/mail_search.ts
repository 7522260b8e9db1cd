/** The pages of a mailbox: newest first, with a search that knows its limits. */

import type { Mailbox } from "../mail/envelope.ts";
import type { MailEntry, MailStore } from "../mailbox/mail_store.ts";
import { type HeaderView, readHeader, readMail, unlessRemoved } from "./mail_reader.ts";

/** A message and what its header section says. */
export interface FoundMail {
  readonly entry: MailEntry;
  readonly header: HeaderView;
}

/** One search looks at most at so many messages, then it comes back with what it has and a cursor. */
const MAX_LOOKED_AT = 500;
/** Read at once. */
const BATCH = 25;
/** Of larger messages only the header section is searched. */
const MAX_SEARCHED = 256 * 1024;

/** A page of a mailbox, newest first; `next` is where the next page begins, undefined at the end. */
export async function mailPage(
  mailStore: MailStore,
  options: { address: Mailbox; limit: number; after: string | undefined; query: string },
): Promise<{ page: FoundMail[]; next: string | undefined }> {
  const { address, limit, query } = options;
  const wanted = query.trim().toLowerCase();
  const page: FoundMail[] = [];
  let after = options.after;
  for (let looked = 0; looked < MAX_LOOKED_AT;) {
    const size = wanted === "" ? Math.min(limit - page.length, 200) : BATCH;
    const entries = await mailStore.list(address, {
      reverse: true,
      limit: size + 1,
      ...(after === undefined ? {} : { after }),
    });
    const batch = entries.slice(0, size);
    const headers = await Promise.all(
      batch.map((entry) => unlessRemoved(mailStore, { address, entry }, readHeader)),
    );
    for (const [i, entry] of batch.entries()) {
      const header = headers[i];
      if (header && (wanted === "" || await holds(mailStore, { address, entry, header }, wanted))) {
        page.push({ entry, header });
      }
      after = entry.uid;
      looked++;
      const isLast = i === batch.length - 1 && entries.length <= size;
      if (isLast) return { page, next: undefined };
      if (page.length === limit) return { page, next: after };
    }
    if (batch.length === 0) return { page, next: undefined };
  }
  return { page, next: after };
}

async function holds(
  mailStore: MailStore,
  { address, entry, header }: FoundMail & { address: Mailbox },
  wanted: string,
): Promise<boolean> {
  const quick = [header.from, header.to, header.subject, entry.sender, entry.recipient];
  if (quick.some((text) => text.toLowerCase().includes(wanted))) return true;
  if (entry.size > MAX_SEARCHED) return false;
  const mail = await unlessRemoved(mailStore, { address, entry }, readMail);
  return mail !== undefined &&
    [mail.text ?? mail.html ?? "", ...mail.attachments.map((a) => a.filename ?? "")].some((text) =>
      text.toLowerCase().includes(wanted)
    );
}
