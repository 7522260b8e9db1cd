/** The filter of queued messages: the same words in a query and in a body. */

import { z } from "@hono/zod-openapi";
import { parseDuration } from "../base/units.ts";
import type { QueueFilter } from "../queue/search.ts";
import { STATES } from "./queue_view.ts";
import { domainToSearch, knownOnly, plusMeant } from "./schemas.ts";

const AGE = 'is no length of time; expected one such as "30m", "2h", "1d12h" or milliseconds';

const age = z.union([z.string().max(40), z.number()]).transform((value, context) => {
  const text = typeof value === "string" && /^\d{1,15}$/.test(value) ? Number(value) : value;
  const ms = parseDuration(text);
  if (ms !== undefined && ms >= 0) return ms;
  context.addIssue({ code: "custom", message: AGE });
  return z.NEVER;
}).openapi({
  type: "string",
  minLength: 1,
  pattern: "^(?:\\d{1,15}|(?:\\d{1,4}d)?(?:\\d{1,2}h)?(?:\\d{1,2}m)?(?:\\d{1,2}s)?)$",
  example: "2h",
  description: "It came so long ago, or longer",
});

/** What a query may name. */
export const filterFields = {
  state: z.enum(STATES).optional().openapi({ description: "The state of one of its recipients" }),
  domain: z.string().max(255).optional().openapi({ description: "One of its recipients' domains" }),
  sender: z.string().max(320).optional().openapi({ description: "The whole address; `<>`: reports" }),
  recipient: z.string().max(320).optional().openapi({ description: "One of its recipients, as a whole" }),
  error: z.string().max(500).optional().openapi({
    description: "A piece of the last answer, or of why it waits; capitals don't matter",
  }),
  subject: z.string().max(500).optional().openapi({
    description: "A piece of its subject; capitals don't matter",
  }),
  olderThan: age.optional(),
  id: z.string().regex(/^[0-9A-Za-z]{4,16}$/, "is no part of an id").optional().openapi({
    description: "How its id begins or ends",
  }),
};

type Given = z.infer<z.ZodObject<typeof filterFields>>;

const FILTERS = Object.keys(filterFields).join(", ");

/** A filter in a body: something is asked for, and nothing by an empty text. */
export const filterSchema = knownOnly(filterFields).superRefine((given, context) => {
  const named = Object.entries(given).filter(([, value]) => value !== undefined);
  if (named.length === 0) {
    context.addIssue({
      code: "custom",
      message: `is empty; expected one of ${FILTERS}, or "all": true for all messages`,
    });
  }
  for (const [name, value] of named) {
    if (typeof value !== "string" || value.trim() !== "") continue;
    context.addIssue({ code: "custom", path: [name], message: "is empty" });
  }
}).openapi("QueueFilter");

/** What is looked for in the queue at `now`. */
export function filterOf(given: Given, now: number): QueueFilter {
  const { state, domain, sender, recipient, error, subject, olderThan, id } = given;
  return {
    recipientState: state,
    sender: sender && plusMeant(sender),
    recipient: recipient && plusMeant(recipient),
    domain: domain === undefined ? undefined : domainToSearch(domain),
    error,
    subject,
    idPart: id?.toUpperCase(),
    receivedUntil: olderThan === undefined ? undefined : now - olderThan,
  };
}
