/** The calls about jobs: what is done to many messages, its progress and what came of it. */

import { createRoute, z } from "@hono/zod-openapi";
import type { Job } from "../queue/jobs.ts";
import { QUEUE_ACTIONS } from "../queue/operator.ts";
import { json, newApi, problems } from "./api_app.ts";
import type { AdminOptions } from "./options.ts";
import { Problem, quoted } from "../http/problem.ts";

const count = z.int().optional();

const jobSchema = z.object({
  id: z.string(),
  action: z.enum(QUEUE_ACTIONS),
  state: z.enum(["running", "done", "failed"]),
  total: z.int().openapi({ description: "For so many messages" }),
  done: z.int().openapi({ description: "With so many of them it is done" }),
  result: z.object({
    delivered: count.openapi({ description: "Of a retry: nobody is left to be served" }),
    deferred: count.openapi({ description: "Of a retry: somebody waits for the next attempt" }),
    failed: count.openapi({ description: "Of a retry: it was given up for somebody, and nobody waits" }),
    changed: count.openapi({ description: "Of the other actions" }),
    refused: z.array(z.object({ id: z.string(), text: z.string() })).openapi({
      description: "To which it could not be done, and why; at most ten thousand are named",
    }),
  }),
  error: z.string().optional().openapi({ description: "Why it failed; what was done before stays done" }),
}).openapi("Job");

const show = createRoute({
  method: "get",
  path: "/{id}",
  tags: ["Queue"],
  operationId: "getJob",
  summary: "What is done to many messages: how far it is, and what came of it",
  description: "Jobs end with the server; of those that have ended the last hundred are known.",
  request: { params: z.object({ id: z.string().min(1) }) },
  responses: { 200: json(jobSchema, "The job"), ...problems(404) },
});

/** The calls. */
export function jobRoutes({ queue }: AdminOptions) {
  return newApi().openapi(show, (c) => {
    const { id } = c.req.valid("param");
    const job = queue.jobs.get(id);
    if (!job) throw new Problem(404, `This server knows no job ${quoted(id)}`);
    return c.json(jobView(job), 200);
  });
}

function jobView(job: Job): z.infer<typeof jobSchema> {
  const { id, action, state, total, done, delivered, deferred, failed, changed, refused, error } = job;
  const counts = action === "retry" ? { delivered, deferred, failed } : { changed };
  return {
    id,
    action,
    state,
    total,
    done,
    result: { ...counts, refused: [...refused] },
    ...(error === undefined ? {} : { error }),
  };
}
