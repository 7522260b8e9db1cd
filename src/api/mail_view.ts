/** The schemas of mailboxes and their messages over HTTP; `mail_json.ts` fills them. */

import { z } from "@hono/zod-openapi";
import { timeSchema } from "./schemas.ts";

export { mailItem, mailView } from "./mail_json.ts";

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
  folder: z.string().openapi({ description: "The name of the folder that it is in", example: "INBOX" }),
  flags: z.array(z.string()).openapi({
    description: "\\Seen, \\Answered, \\Flagged, \\Deleted, \\Draft, and keywords",
    example: ["\\Seen"],
  }),
}).openapi("MailItem");

const authenticationSchema = z.object({
  method: z.string().openapi({ description: "spf, dkim, dmarc, arc or iprev" }),
  result: z.string().openapi({ description: "As in RFC 8601, such as pass" }),
  reason: z.string().nullable(),
  properties: z.record(z.string(), z.string()).openapi({ description: "Such as smtp.mailfrom" }),
}).openapi("AuthenticationResult");

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
  authentication: z.array(authenticationSchema).nullable().openapi({
    description: "What the checks of a stranger's message came to; null: it was not checked",
  }),
  fault: z.string().nullable().openapi({
    description:
      "What is wrong with the message, so that text or attachments are not there or not as they were meant",
  }),
}).openapi("Mail");
