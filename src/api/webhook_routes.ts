/** The calls of `/api/v1/webhooks`: the state of each, a test, and the posts that failed for good. */

import { createRoute, z } from "@hono/zod-openapi";
import type { Webhooks } from "../webhooks/webhooks.ts";
import { json, jsonBody, jsonOnly, newApi, problems } from "./api_app.ts";
import { Problem, quoted } from "../http/problem.ts";
import { iso } from "./queue_view.ts";
import { knownOnly, timeSchema } from "./schemas.ts";

const resultSchema = z.object({
  ok: z.boolean(),
  status: z.int().nullable(),
  text: z.string().openapi({ description: "The status line of the answer, or why there was none" }),
});

const stateSchema = z.object({
  url: z.string(),
  events: z.array(z.string()),
  signed: z.boolean(),
  waiting: z.int().openapi({ description: "Posts that wait; more than 1,000 are not counted" }),
  last: resultSchema.extend({ at: timeSchema }).nullable(),
}).openapi("Webhook");

const deadSchema = z.object({
  id: z.string(),
  url: z.string(),
  type: z.string(),
  createdAt: timeSchema,
  diedAt: timeSchema,
  attempts: z.int(),
  lastError: z.string(),
  body: z.string(),
}).openapi("DeadPost");

const list = createRoute({
  method: "get",
  path: "/",
  tags: ["Webhooks"],
  operationId: "listWebhooks",
  summary: "The configured webhooks, and how each does",
  responses: {
    200: json(z.object({ items: z.array(stateSchema), cursor: z.null() }), "All of them"),
    ...problems(),
  },
});

const test = createRoute({
  method: "post",
  path: "/test",
  tags: ["Webhooks"],
  operationId: "testWebhook",
  summary: "Post an event of the type `test` to a configured webhook now",
  middleware: [jsonOnly()] as const,
  request: { body: jsonBody(knownOnly({ url: z.string().max(2000) })) },
  responses: { 200: json(resultSchema, "What it came to"), ...problems(404, 413, 415, 422) },
});

const dead = createRoute({
  method: "get",
  path: "/dead",
  tags: ["Webhooks"],
  operationId: "listDeadPosts",
  summary: "Posts that were given up, oldest first",
  responses: {
    200: json(z.object({ items: z.array(deadSchema), cursor: z.null() }), "At most 1,000"),
    ...problems(),
  },
});

const params = z.object({ id: z.string().max(40) });

const retry = createRoute({
  method: "post",
  path: "/dead/{id}/retry",
  tags: ["Webhooks"],
  operationId: "retryDeadPost",
  summary: "Post once more what was given up",
  request: { params },
  responses: { 202: { description: "It is in the queue again" }, ...problems(404) },
});

const remove = createRoute({
  method: "delete",
  path: "/dead/{id}",
  tags: ["Webhooks"],
  operationId: "forgetDeadPost",
  summary: "Forget what was given up",
  request: { params },
  responses: { 204: { description: "It is gone" }, ...problems(404) },
});

/** The calls. */
export function webhookRoutes(webhooks: Webhooks) {
  const nothing = (id: string) =>
    new Problem(404, `No post ${quoted(id)} was given up, or its webhook is no more`);
  return newApi()
    .openapi(list, async (c) => {
      const items = (await webhooks.states()).map(({ url, events, signed, waiting, last }) => ({
        url,
        events: [...events],
        signed,
        waiting,
        last: last ? { ok: last.ok, status: last.status ?? null, text: last.text, at: iso(last.at) } : null,
      }));
      return c.json({ items, cursor: null }, 200);
    })
    .openapi(test, async (c) => {
      const { url } = c.req.valid("json");
      const result = await webhooks.test(url);
      if (!result) throw new Problem(404, `No webhook ${quoted(url)} is configured`);
      return c.json({ ok: result.ok, status: result.status ?? null, text: result.text }, 200);
    })
    .openapi(dead, async (c) => {
      const items = (await webhooks.dead()).map((
        { id, url, type, createdAt, diedAt, attempts, lastError, body },
      ) => ({
        id,
        url,
        type,
        createdAt: iso(createdAt),
        diedAt: iso(diedAt),
        attempts,
        lastError: lastError ?? "",
        body,
      }));
      return c.json({ items, cursor: null }, 200);
    })
    .openapi(retry, async (c) => {
      const { id } = c.req.valid("param");
      if (!await webhooks.revive(id)) throw nothing(id);
      return c.body(null, 202);
    })
    .openapi(remove, async (c) => {
      const { id } = c.req.valid("param");
      if (!await webhooks.bury(id)) throw nothing(id);
      return c.body(null, 204);
    });
}
