/** The view of mailboxes and their messages over HTTP. */

import { z } from "@hono/zod-openapi";
import type { MailEntry } from "../mailbox/mail_store.ts";
import type { HeaderView, MailView } from "./mail_reader.ts";
import { iso } from "./queue_view.ts";
import { timeSchema } from "./schemas.ts";

/** A message in a list. */
export const mailItemSchema = z.object({
  uid: z.string(),
  from: z.string().openapi({ description: "Of the header; where it has none, of the envelope" }),
  to: z.string(),
  subject: z.string(),
  date: timeSchema,
  receivedAt: timeSchema,
  size: z.int(),
  seen: z.boolean(),
}).openapi("MailItem");

/** A message as it is parsed. */
export const mailSchema = mailItemSchema.extend({
  sender: z.string().openapi({ description: "The envelope's sender" }),
  recipient: z.string().openapi({ description: "The envelope's recipient" }),
  headers: z.array(z.object({ name: z.string(), value: z.string() })),
  text: z.string().nullable(),
  html: z.string().nullable().openapi({
    description: "As it came: never put it into a page without a sandbox",
  }),
  attachments: z.array(z.object({
    filename: z.string().nullable(),
    contentType: z.string(),
    size: z.int(),
    contentId: z.string().nullable(),
  })),
  trouble: z.string().nullable().openapi({
    description:
      "What is wrong with the message, so that text or attachments are not there or not as they were meant",
  }),
}).openapi("Mail");

/** An entry of a list. */
export function mailItem(entry: MailEntry, header: HeaderView): z.infer<typeof mailItemSchema> {
  return {
    uid: entry.uid,
    from: header.from,
    to: header.to,
    subject: header.subject,
    date: iso(header.date),
    receivedAt: iso(entry.receivedAt),
    size: entry.size,
    seen: entry.seen ?? false,
  };
}

/** A whole message. */
export function mailView(entry: MailEntry, mail: MailView): z.infer<typeof mailSchema> {
  return {
    ...mailItem(entry, mail),
    sender: entry.sender,
    recipient: entry.recipient,
    headers: [...mail.headers],
    text: mail.text,
    html: mail.html,
    attachments: mail.attachments.map(({ filename, contentType, contentId, bytes }) => ({
      filename,
      contentType,
      contentId,
      size: bytes.length,
    })),
    trouble: mail.fault,
  };
}
