/** The lookup of mailboxes, their messages and attachments by what a URL names, for API and page. */

import { Problem, quoted } from "../http/problem.ts";
import type { Mailbox } from "../mail/envelope.ts";
import { isMailName, type MailEntry } from "../mailbox/mail_entry.ts";
import { type MailView, readMail, unlessRemoved } from "./mail_reader.ts";
import type { AdminOptions } from "./options.ts";
import { attachmentResponse } from "./raw_message.ts";
import { namedMailbox } from "./schemas.ts";

type Options = Pick<AdminOptions, "accounts" | "mailStore" | "captures">;

/** A message of a mailbox. */
export interface StoredMail {
  readonly address: Mailbox;
  readonly entry: MailEntry;
}

/** The mailbox of that name: an account's, one that holds mail, or where mail is captured any. Throws a {@linkcode Problem} for none. */
export async function mailboxNamed(
  text: string,
  { accounts, mailStore, captures }: Options,
): Promise<Mailbox> {
  const address = namedMailbox(text);
  if (address !== undefined) {
    if (captures || await accounts.has(address) || (await mailStore.usage(address)).messages > 0) {
      return address;
    }
  }
  throw new Problem(404, `There is no mailbox ${quoted(text)}`);
}

/** A message by mailbox and uid. Throws a {@linkcode Problem} when there is none. */
export async function storedMail(
  named: { address: string; uid: string },
  options: Options,
): Promise<StoredMail> {
  const address = await mailboxNamed(named.address, options);
  const entry = isMailName(named.uid) ? await options.mailStore.get(address, named.uid) : undefined;
  if (!entry) throw noMessage(address, named.uid);
  return { address, entry };
}

/** The message, parsed. Throws a {@linkcode Problem} when it was removed meanwhile. */
export async function parsedMail(mail: StoredMail, { mailStore }: Options): Promise<MailView> {
  const parsed = await unlessRemoved(mailStore, mail, readMail);
  if (!parsed) throw noMessage(mail.address, mail.entry.uid);
  return parsed;
}

/** The attachment number `n`, counted from 0, to be saved. Throws a {@linkcode Problem} when there is none. */
export async function attachmentOf(mail: StoredMail, n: string, options: Options): Promise<Response> {
  const attachments = /^\d{1,4}$/.test(n) ? (await parsedMail(mail, options)).attachments : [];
  const wanted = attachments[Number(n)];
  if (!wanted) throw new Problem(404, `The message has no attachment ${quoted(n)}`);
  return attachmentResponse(wanted.bytes, {
    type: wanted.contentType,
    name: wanted.filename ?? `attachment-${n}`,
  });
}

function noMessage(address: Mailbox, uid: string): Problem {
  return new Problem(404, `There is no message ${quoted(uid)} in the mailbox ${address}`);
}
