/** The delivery history of a message: put together from the queue, the kept attempts, and mailboxes. */

import type { Mailbox } from "../mail/envelope.ts";
import type { FormerMail, MailEntry } from "../mailbox/mail_entry.ts";
import { historyOf as keptHistory } from "../queue/history.ts";
import * as keys from "../storage/keys.ts";
import { authenticationOf } from "./mail_json.ts";
import { readHeader, unlessRemoved } from "./mail_reader.ts";
import type { AdminOptions } from "./options.ts";
import type { Kv } from "../storage/port.ts";
import { attemptView, iso } from "./queue_view.ts";

/** One thing that happened to a message. */
export type HistoryItem = { readonly at: string; readonly type: string } & Readonly<Record<string, unknown>>;

/** The delivery history of a message. */
export interface MessageHistory {
  readonly id: string;
  readonly sender: string | null;
  readonly recipients: string[];
  readonly events: HistoryItem[];
}

/** The history of a message that is in the queue, was there, or is in a mailbox; undefined when nothing is known of it. */
export async function messageHistory(id: string, options: AdminOptions): Promise<MessageHistory | undefined> {
  const { queue, mailStore, clock } = options;
  const now = clock.now();
  const [records, kept, present, former] = await Promise.all([
    queue.message(id),
    keptHistory(options.store.kv, id, now),
    mailStore.holders(id),
    formerMailsOf(id, { kv: options.store.kv, now }),
  ]);
  const mails: { address: Mailbox; entry: MailEntry | FormerMail }[] = [...present, ...former];
  if (records.length === 0 && kept.length === 0 && mails.length === 0) return undefined;
  const checked = present[0] &&
    await unlessRemoved(mailStore, { ...present[0] }, readHeader).then((header) =>
      header && authenticationOf(header)
    );
  const message = kept.findLast((entry) => entry.message)?.message;
  const record = records[0];
  const mail = mails[0]?.entry;
  const receivedAt = record?.receivedAt ?? message?.receivedAt ?? mail?.receivedAt;
  const sender = message?.sender ?? record?.sender ?? mail?.sender ?? null;
  const attempts = kept.flatMap(({ at, attempts, dialogue }) =>
    attempts.map((a, i) => ({ at, ...a, ...(i === 0 && dialogue && { dialogue }) }))
  );
  const recipients = new Set([
    ...mails.map((m) => m.entry.recipient),
    ...attempts.map((a) => a.recipient),
    ...kept.flatMap((entry) => entry.deleted ?? []),
    ...records.flatMap((r) => r.recipients.map((x) => x.address)),
  ]);
  const events: HistoryItem[] = [
    ...(receivedAt === undefined ? [] : [{
      ...accepted(receivedAt, record ?? message, mail),
      ...(checked && { authentication: checked }),
    }]),
    ...mails.map(({ address, entry }) => ({ at: iso(entry.receivedAt), type: "mailbox", mailbox: address })),
    ...former.map(({ address, entry }) => ({ at: iso(entry.removedAt), type: "removed", mailbox: address })),
    ...kept.flatMap(({ at, deleted }) =>
      deleted ? [{ at: iso(at), type: "deleted", recipients: deleted }] : []
    ),
    ...attempts.map(({ dialogue, ...attempt }) => ({
      type: typeOf(attempt.outcome.kind),
      ...attemptView(attempt),
      ...(dialogue && { dialogue }),
    })),
  ];
  events.sort((a, b) => a.at < b.at ? -1 : a.at > b.at ? 1 : 0);
  return { id, sender, recipients: [...recipients], events };
}

function accepted(
  at: number,
  of: { source: string; authenticatedAs?: string; size?: number; body?: { size: number } } | undefined,
  mail: MailEntry | FormerMail | undefined,
): HistoryItem {
  const size = of?.size ?? of?.body?.size ?? (mail && "body" in mail ? mail.body.size : mail?.size);
  return {
    at: iso(at),
    type: "accepted",
    ...(size === undefined ? {} : { size }),
    ...(of === undefined ? {} : { source: of.source, account: of.authenticatedAs ?? null }),
  };
}

/** The words of the journal. */
function typeOf(kind: string): string {
  return kind === "failed" ? "bounced" : kind;
}

/** The mailboxes that the message was taken out of. */
async function formerMailsOf(
  id: string,
  of: { kv: Kv; now: number },
): Promise<{ address: Mailbox; entry: FormerMail }[]> {
  const found: { address: Mailbox; entry: FormerMail }[] = [];
  for await (const { key, value } of of.kv.list<FormerMail>(keys.formerMails(id))) {
    if (value.until > of.now) found.push({ address: key.at(-1) as string, entry: value });
  }
  return found;
}
