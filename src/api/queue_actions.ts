/** The calls of `/api/v1/queue` that change something: the operator's verbs. */

import { createRoute, z } from "@hono/zod-openapi";
import { type Refusal, REFUSALS } from "../queue/operator.ts";
import type { QueueRecord } from "../queue/record.ts";
import { json, jsonBody, jsonOnly, newApi, problems } from "./api_app.ts";
import { domainToSearch, idParam, knownOnly } from "./schemas.ts";
import { describeSuspension } from "../queue/suspensions.ts";
import type { AdminOptions } from "./options.ts";
import { Problem } from "../http/problem.ts";
import { jobId, mustHaveRoom } from "./queue_bulk.ts";
import { found } from "./queue_routes.ts";
import { failedItem, type QueueItem, queueItem, queueItemSchema } from "./queue_view.ts";

const tags = ["Queue"];
const params = z.object({ id: idParam });

function action(name: "retry" | "hold" | "release" | "bounce", what: string) {
  return createRoute({
    method: "post",
    path: `/{id}/${name}`,
    tags,
    operationId: `${name}QueuedMessage`,
    summary: what,
    request: { params },
    responses: { 200: json(queueItemSchema, "The message as it is then"), ...problems(404, 409) },
  });
}

const remove = createRoute({
  method: "delete",
  path: "/{id}",
  tags,
  operationId: "deleteQueuedMessage",
  summary: "Drop a message; nothing is sent to anybody",
  request: { params },
  responses: { 204: { description: "It is gone" }, ...problems(404, 409) },
});

const flush = createRoute({
  method: "post",
  path: "/flush",
  tags,
  operationId: "flushQueue",
  summary: "Try all waiting messages (of a domain) now",
  middleware: [jsonOnly({ required: false })] as const,
  request: { body: jsonBody(knownOnly({ domain: z.string().min(1).max(255).optional() }), false) },
  responses: {
    200: json(
      z.object({ count: z.int(), job: jobId }).openapi("Flushed"),
      "How many are tried now, and the job that tells what came of it",
    ),
    ...problems(413, 415),
  },
});

/** The calls. */
export function queueActions(options: AdminOptions) {
  const { queue, clock, giveUpAfter } = options;
  const view = (records: readonly QueueRecord[]): QueueItem =>
    queueItem(records, { now: clock.now(), giveUpAfter });

  /** Does something to a message and answers how it is then; as it was, when it is gone at once. */
  async function act(id: string, change: (id: string) => Promise<Refusal | undefined>): Promise<QueueItem> {
    const before = view(await found(queue, id));
    refuse(await change(id));
    const after = await queue.message(id);
    return after.length === 0 ? { ...before, state: "queued" } : view(after);
  }

  async function retry(id: string): Promise<Refusal | undefined> {
    const refusal = await queue.retry(id);
    if (refusal !== "suspended") return refusal;
    const domains = new Set((await queue.message(id)).filter((r) => !r.held).map((r) => r.domain));
    const all = await options.suspensions?.list() ?? [];
    const why = all.filter((s) => domains.has(s.domain)).map(describeSuspension);
    throw new Problem(409, why.length > 0 ? why.join("; ") : "Its destinations were suspended; try again");
  }

  return newApi()
    .openapi(action("retry", "Try a message now"), async (c) => {
      return c.json(await act(c.req.valid("param").id, retry), 200);
    })
    .openapi(
      action("hold", "Keep a message until it is released"),
      async (c) => c.json(await act(c.req.valid("param").id, (id) => queue.hold(id)), 200),
    )
    .openapi(
      action("release", "Let a held message go on: due now"),
      async (c) => c.json(await act(c.req.valid("param").id, (id) => queue.release(id)), 200),
    )
    .openapi(action("bounce", "Return a message to its sender now"), async (c) => {
      const { id } = c.req.valid("param");
      const before = failedItem(view(await found(queue, id)));
      refuse(await queue.bounce(id));
      return c.json(before, 200);
    })
    .openapi(remove, async (c) => {
      const { id } = c.req.valid("param");
      await found(queue, id);
      refuse(await queue.delete(id));
      return c.body(null, 204);
    })
    .openapi(flush, async (c) => {
      const { domain } = c.req.valid("json");
      mustHaveRoom(queue);
      const job = await queue.flushJob(domain === undefined ? undefined : domainToSearch(domain));
      return c.json({ count: job.total, job: job.id }, 200);
    });
}

function refuse(refusal: Refusal | undefined): void {
  if (refusal === undefined) return;
  const more = refusal === "partlyBusy" ? { isChanged: true } : {};
  throw new Problem(refusal === "gone" ? 404 : 409, REFUSALS[refusal], more);
}
