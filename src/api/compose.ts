/** The schema of messages that come as JSON; `intake/composition.ts` makes mail of them. */

import { z } from "@hono/zod-openapi";
import { knownOnly, NOT_ONE_LINE, ONE_LINE } from "./schemas.ts";

const person = z.string().min(1).max(1000).regex(ONE_LINE, NOT_ONE_LINE).openapi({
  example: '"Brain" <brain@example.org>',
});
const people = z.array(person).max(1000);
/** What stands before the colon (RFC 5322 2.2). */
const FIELD_NAME = /^[!-9;-~]{1,100}$/;
/** For the document: its library writes nothing of the keys itself. */
const NAMED: object = { propertyNames: { pattern: FIELD_NAME.source } };
const value = z.string().max(10_000).regex(ONE_LINE, NOT_ONE_LINE);

const parts = {
  cc: people.optional().openapi({ description: "Beyond the recipients in `to`" }),
  bcc: people.optional().openapi({ description: "Get it too, and stand in no header" }),
  subject: z.string().max(10_000).regex(ONE_LINE, NOT_ONE_LINE).optional(),
  text: z.string().optional(),
  html: z.string().optional(),
  headers: z.record(
    z.string().regex(FIELD_NAME, "is no name of a header field"),
    z.union([value, z.array(value).max(100)]),
  ).optional().openapi({ ...NAMED }),
  attachments: z.array(knownOnly({
    filename: z.string().min(1).max(255).regex(ONE_LINE, NOT_ONE_LINE),
    content: z.base64().openapi({ description: "The bytes in base64", format: "byte" }),
    contentType: z.string().max(200).regex(
      /^[\w.+-]+\/[\w.+-]+(?: *; *[\w-]+="?[\w. +-]*"?)*$/,
      "is no type such as image/png",
    )
      .optional(),
    contentId: z.string().max(200).regex(/^[!-;=?-~]+$/, "is no content id").optional(),
  })).max(100).optional(),
};

/** What a message is made of. */
export const composeSchema = knownOnly({ from: person, to: people.min(1), ...parts }).openapi("NewMessage");

/** What a message is made of that is not finished. */
export const draftSchema = knownOnly({
  from: person.optional().openapi({ description: "Absent: the mailbox" }),
  to: people.optional(),
  ...parts,
}).openapi("NewDraft");
