/** The call that does something to many queued messages. */

import { createRoute, z } from "@hono/zod-openapi";
import { isId } from "../base/ids.ts";
import { MAX_RUNNING } from "../queue/jobs.ts";
import { QUEUE_ACTIONS } from "../queue/operator.ts";
import type { DeliveryQueue } from "../queue/queue.ts";
import { json, jsonBody, jsonOnly, newApi, problems } from "./api_app.ts";
import type { AdminOptions } from "./options.ts";
import { Problem } from "../http/problem.ts";
import { filterOf, filterSchema } from "./queue_filter.ts";
import { knownOnly } from "./schemas.ts";

const tags = ["Queue"];
/** The id of a job. */
export const jobId = z.string().openapi({ description: "See `/api/v1/jobs/{id}`" });

/** A list of ids is longer than other bodies. */
const MAX_BODY = 4 * 1024 * 1024;
const MAX_IDS = 200_000;
/** So many are looked up together. */
const AT_ONCE = 200;

const bulk = createRoute({
  method: "post",
  path: "/actions",
  tags,
  operationId: "actOnQueue",
  summary: "Do something to many messages: those of these ids, those that fit a filter, or all",
  middleware: [jsonOnly({ required: true, maxSize: MAX_BODY })] as const,
  request: {
    body: jsonBody(
      knownOnly({
        action: z.enum(QUEUE_ACTIONS),
        ids: z.array(z.string().min(1).max(100)).min(1).max(MAX_IDS).optional(),
        filter: filterSchema.optional(),
        all: z.literal(true).optional(),
        dryRun: z.boolean().optional().openapi({ description: "Only count; nothing changes" }),
      }).superRefine(({ ids, filter, all }, context) => {
        const given = Object.entries({ ids, filter, all }).filter(([, v]) => v !== undefined).map(([k]) => k);
        if (given.length === 1) return;
        const what = given.length === 0 ? "none of them" : given.join(" and ");
        context.addIssue({
          code: "custom",
          message: `expected one of ids, filter and all; received ${what}`,
        });
      }),
    ),
  },
  responses: {
    202: json(
      z.object({
        count: z.int().openapi({ description: "So many messages of the queue" }),
        job: jobId.nullable().openapi({ description: "null: it was a dry run" }),
        unknown: z.array(z.string()).optional().openapi({
          description: "Of a dry run: the ids that no message of the queue has",
        }),
      }).openapi("BulkAction"),
      "It goes on as a job, which tells what came of it",
    ),
    ...problems(413, 415),
  },
});

/** The call. */
export function queueBulk({ queue, clock }: AdminOptions) {
  return newApi().openapi(bulk, async (c) => {
    const { action, ids, filter, dryRun } = c.req.valid("json");
    const chosen = ids ? await sorted(queue, ids) : {
      known: await queue.select(filter ? filterOf(filter, clock.now()) : {}),
      unknown: [],
    };
    const { known: { length: count }, unknown } = chosen;
    if (dryRun) return c.json({ count, job: null, ...(unknown.length > 0 && { unknown }) }, 202);
    mustHaveRoom(queue);
    const { id: job } = queue.jobs.start(action, [...chosen.known, ...unknown]);
    return c.json({ count, job }, 202);
  });
}

/** Which of the ids are those of queued messages; each once. */
async function sorted(
  queue: DeliveryQueue,
  ids: readonly string[],
): Promise<{ known: string[]; unknown: string[] }> {
  const [known, unknown]: [string[], string[]] = [[], []];
  const all = [...new Set(ids)];
  for (let i = 0; i < all.length; i += AT_ONCE) {
    const some = all.slice(i, i + AT_ONCE);
    const found = await Promise.all(some.map((id) => isId(id) ? queue.message(id) : []));
    for (const [n, id] of some.entries()) (found[n]!.length > 0 ? known : unknown).push(id);
  }
  return { known, unknown };
}

/** Refuses to start a job when as many run as may. */
export function mustHaveRoom(queue: DeliveryQueue): void {
  if (queue.jobs.isFull) {
    throw new Problem(503, `${MAX_RUNNING} jobs are running; try again when some have ended`);
  }
}
