/** The query of a wait: its form, and what it means. */

import { z } from "@hono/zod-openapi";
import { isId } from "../base/ids.ts";
import { parseDuration } from "../base/units.ts";
import { localKey } from "../mail/address.ts";
import type { Arrivals } from "./arrivals.ts";
import { normalName } from "../mailbox/folder_names.ts";
import { knownOnly, mailboxOf, plusMeant } from "./schemas.ts";
import type { Since, Wanted } from "./wait_match.ts";

const MOST_MS = 300_000;
/** So many messages may be waited for at once; all are parsed. */
const MAX_COUNT = 1000;

const pattern = z.string().min(1).max(320).optional();
const duration = z.string().max(20).transform((text, context) => {
  const ms = parseDuration(/^\d+$/.test(text) ? Number(text) : text);
  if (ms !== undefined && ms <= MOST_MS) return ms;
  const message = ms === undefined ? 'must be a duration such as "30s"' : 'must be "5m" at most';
  context.addIssue({ code: "custom", message });
  return z.NEVER;
}).optional();
const DURATION_FORM = { type: "string" as const, example: "30s" };

/** The form of the query. */
export const waitQuery = knownOnly({
  mailbox: pattern.openapi({ description: "Only in this mailbox; default: in any" }),
  to: pattern.openapi({ description: "A recipient, of the envelope or the header, or a part of it" }),
  from: pattern.openapi({ description: "The sender, of the envelope or the header, or a part of it" }),
  subject: z.string().min(1).max(1000).optional().openapi({
    description: "In the subject; capitals don't matter",
  }),
  since: z.string().max(50).transform((text, context) => {
    const since = sinceOf(text);
    if (since !== undefined) return since;
    const message = "must be an ISO 8601 time, milliseconds since 1970, or the ID of a message: " +
      "2026-01-05T09:00:00Z, 1767603600000 or 01KB8Y4ZQ2M3N4P5";
    context.addIssue({ code: "custom", message });
    return z.NEVER;
  }).optional().openapi({
    type: "string",
    description:
      "Only what came after that: ISO 8601 (UTC unless it says otherwise), milliseconds since 1970, " +
      "or the ID of `queued as ID`",
  }),
  folder: z.string().min(1).max(512).optional().openapi({
    description: "Only in the folder of that name, be it moved there; absent: in all",
    example: "INBOX",
  }),
  timeout: duration.openapi({
    ...DURATION_FORM,
    description: '"30s" unless said, "5m" at most; milliseconds without a unit. 408 comes then',
  }),
  count: z.string().regex(/^\d{1,4}$/, "must be a whole number").transform(Number).refine(
    (count) => count <= MAX_COUNT,
    `must be ${MAX_COUNT} at most`,
  ).optional().openapi({
    type: "integer",
    minimum: 0,
    maximum: MAX_COUNT,
    description:
      "Answers `items` as soon as so many fit: the newest, in the order in which they came. 0: none " +
      "may come (204), and one that does is told at once (409)",
  }),
  for: duration.openapi({
    ...DURATION_FORM,
    example: "300ms",
    description:
      "With count=0: how long none may come. What is under way then is waited for, up to `timeout`",
  }),
}).superRefine(({ count, for: quiet }, context) => {
  if (count === 0 && quiet === undefined) {
    const message = "is missing: with count=0 it says how long none may come, such as for=300ms";
    context.addIssue({ code: "custom", path: ["for"], message });
  } else if (count !== 0 && quiet !== undefined) {
    context.addIssue({ code: "custom", path: ["for"], message: "goes with count=0 only; use timeout" });
  }
});

/** The query, read. */
export type WaitQuery = z.output<typeof waitQuery>;

/** What a query looks for. Throws a `Problem` when its mailbox is no address. */
export function wantedOf(query: WaitQuery, arrivals: Arrivals): Wanted {
  const { mailbox, to, from, subject, folder, since } = query;
  return {
    mailbox: mailbox === undefined ? undefined : localKey(mailboxOf(plusMeant(mailbox), "mailbox")),
    to,
    from,
    subject,
    folder: folder === undefined ? undefined : normalName(folder),
    since: since === undefined || "at" in since ? since : { ...since, number: arrivals.numberOf(since.id) },
  };
}

function sinceOf(text: string): Since | undefined {
  // the + of an offset comes as a blank
  const trimmed = text.trim().replace(" ", "+");
  if (isId(trimmed)) return { id: trimmed, number: undefined };
  if (/^\d{1,15}$/.test(trimmed)) return { at: Number(trimmed) };
  const time = /^\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d+)?)?(Z|[+-]\d\d:?\d\d)?$/i.exec(trimmed);
  if (!time) return undefined;
  const at = Date.parse(time[1] === undefined ? `${trimmed}Z` : trimmed);
  return Number.isNaN(at) ? undefined : { at };
}
