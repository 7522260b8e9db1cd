/** The calls of `/api/v1/queue` that read: what waits, and why. */

import { createRoute, z } from "@hono/zod-openapi";
import { isId } from "../base/ids.ts";
import { idCursor, idParam, knownOnly, limitParam, pageOf, timeSchema } from "./schemas.ts";
import type { DeliveryQueue } from "../queue/queue.ts";
import type { QueueRecord } from "../queue/record.ts";
import { searchQueue } from "../queue/search.ts";
import { QUEUE_STATES } from "../queue/stats.ts";
import { json, newApi, problems } from "./api_app.ts";
import type { AdminOptions } from "./options.ts";
import { Problem, quoted } from "../http/problem.ts";
import { filterFields, filterOf } from "./queue_filter.ts";
import {
  attemptSchema,
  attemptView,
  iso,
  type QueueItem,
  queueItem,
  queueItemSchema,
  STATES,
} from "./queue_view.ts";
import { rawMessage, whileThere } from "./raw_message.ts";

const tags = ["Queue"];
const params = z.object({ id: idParam });

const list = createRoute({
  method: "get",
  path: "/",
  tags,
  operationId: "listQueue",
  summary: "List messages, oldest first",
  description:
    "A cursor stays valid while the queue moves: it names the message behind which the page begins.",
  request: {
    query: knownOnly({
      ...filterFields,
      limit: limitParam(1000, 100),
      cursor: idCursor,
    }),
  },
  responses: { 200: json(pageOf(queueItemSchema), "A page"), ...problems() },
});

const summary = createRoute({
  method: "get",
  path: "/summary",
  tags,
  operationId: "getQueueSummary",
  summary: "The queue in numbers",
  responses: {
    200: json(
      z.object({
        total: z.int(),
        byState: z.record(z.enum(STATES), z.int()).openapi({ required: [...STATES] }),
        byDomain: z.array(z.object({ domain: z.string(), count: z.int(), oldest: timeSchema })),
        ageBuckets: z.array(z.object({
          upToSeconds: z.int().nullable().openapi({ description: "null: all that are older" }),
          count: z.int(),
        })),
      }).openapi("QueueSummary"),
      "Counts of messages by state, destination and age",
    ),
    ...problems(),
  },
});

const show = createRoute({
  method: "get",
  path: "/{id}",
  tags,
  operationId: "getQueuedMessage",
  summary: "One message with all attempts",
  request: { params },
  responses: {
    200: json(
      queueItemSchema.extend({ attempts: z.array(attemptSchema) }).openapi("QueueItemWithAttempts"),
      "It",
    ),
    ...problems(404),
  },
});

const message = createRoute({
  method: "get",
  path: "/{id}/message",
  tags,
  operationId: "getQueuedContent",
  summary: "The message content as queued",
  request: { params },
  responses: {
    200: {
      description: "The bytes",
      content: { "message/rfc822": { schema: z.string().openapi({ format: "binary" }) } },
    },
    ...problems(404),
  },
});

/** The calls. */
export function queueRoutes(options: AdminOptions) {
  const { queue, clock, giveUpAfter } = options;
  const view = (records: readonly QueueRecord[]): QueueItem =>
    queueItem(records, { now: clock.now(), giveUpAfter });

  return newApi()
    .openapi(list, async (c) => {
      const { limit, cursor, ...given } = c.req.valid("query");
      const now = clock.now();
      const page = await searchQueue(queue.messages(cursor), { filter: filterOf(given, now), limit, now });
      return c.json({ items: page.messages.map(view), cursor: page.next ?? null }, 200);
    })
    .openapi(summary, async (c) => {
      const { total, byState, destinations, ages } = await queue.stats();
      return c.json({
        total,
        byState: { ...byState, delivered: 0, failed: 0 },
        byDomain: destinations.map(({ domain, messages, oldest }) => ({
          domain,
          count: messages,
          oldest: iso(oldest),
        })),
        ageBuckets: ages.map(({ upTo, byState }) => ({
          upToSeconds: upTo === Infinity ? null : upTo / 1000,
          count: QUEUE_STATES.reduce((sum, state) => sum + byState[state], 0),
        })),
      }, 200);
    })
    .openapi(show, async (c) => {
      const records = await found(queue, c.req.valid("param").id);
      const attempts = (await queue.attempts(records[0]!.id)).map(attemptView);
      return c.json({ ...view(records), attempts }, 200);
    })
    .openapi(message, async (c) => {
      const [record] = await found(queue, c.req.valid("param").id);
      const isGone = async () => (await queue.message(record!.id)).length === 0;
      return rawMessage(whileThere(queue.text(record!), isGone), {
        size: record!.body.size,
        name: record!.id,
      });
    });
}

/** A queued message's records; throws a {@linkcode Problem} when it is not in the queue. */
export async function found(queue: DeliveryQueue, id: string): Promise<QueueRecord[]> {
  const records = isId(id) ? await queue.message(id) : [];
  if (records.length === 0) throw new Problem(404, `No message ${quoted(id)} is in the queue`);
  return records;
}
