/** The call of `/api/v1/clock`: time passes, in a server that captures mail or that a test made. */

import { createRoute, z } from "@hono/zod-openapi";
import { formatDuration, parseDuration } from "../base/units.ts";
import { json, jsonBody, jsonOnly, newApi, problems } from "./api_app.ts";
import type { AdminOptions } from "./options.ts";
import { Problem } from "../http/problem.ts";
import { iso } from "./queue_view.ts";
import { knownOnly, timeSchema } from "./schemas.ts";

const MOST_MS = 366 * 86_400_000;

const advanceSchema = z.union([z.string(), z.number()], {
  error: 'must be a duration such as "5d" or "90m", or milliseconds',
}).transform((value, context) => {
  const ms = parseDuration(value);
  if (ms !== undefined && ms <= MOST_MS) return ms;
  const message = ms === undefined
    ? 'must be a duration such as "5d" or "90m", or milliseconds'
    : `must be ${formatDuration(MOST_MS)} at most; time never goes back`;
  context.addIssue({ code: "custom", message });
  return z.NEVER;
}).openapi({
  anyOf: [
    {
      type: "string",
      minLength: 2,
      pattern: "^(\\d{1,2}d)?(\\d{1,2}h)?(\\d{1,2}m)?(\\d{1,2}s)?$",
      example: "5d",
    },
    { type: "integer", minimum: 0, maximum: MOST_MS },
  ],
});

const move = createRoute({
  method: "post",
  path: "/",
  tags: ["Clock"],
  operationId: "passTime",
  summary: "Let time pass",
  description:
    "Goes from one retry, warning and return to the next, and answers when all that was due by then is " +
    "done. Connections and whoever waits for a message don't notice.",
  middleware: [jsonOnly()] as const,
  request: { body: jsonBody(knownOnly({ advance: advanceSchema })) },
  responses: {
    200: json(z.object({ now: timeSchema }), "What time it is now"),
    ...problems(409, 413, 415),
  },
});

/** The call. */
export function clockRoutes({ advance, clock }: Pick<AdminOptions, "advance" | "clock">) {
  let last: Promise<void> = Promise.resolve();
  return newApi().openapi(move, async (c) => {
    if (!advance) {
      throw new Problem(
        409,
        "This server serves real mail, and its clock is the real one: capture mode (serve --capture) and tests move theirs",
      );
    }
    const { advance: ms } = c.req.valid("json");
    // one behind the other: each gets all of its time
    const moving = last.catch(() => {}).then(() => advance(ms));
    last = moving;
    await moving;
    return c.json({ now: iso(clock.now()) }, 200);
  });
}
