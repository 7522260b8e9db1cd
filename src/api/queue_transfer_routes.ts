/** The calls that move a queue to another server: what waits as a stream, and such a stream taken over. */

import { createRoute, z } from "@hono/zod-openapi";
import { TransferBroken } from "../queue/transfer.ts";
import { json, jsonBody, jsonOnly, newApi, problems } from "./api_app.ts";
import type { AdminOptions } from "./options.ts";
import { Problem } from "../http/problem.ts";
import { filterOf, filterSchema } from "./queue_filter.ts";
import { knownOnly } from "./schemas.ts";

const tags = ["Queue"];
const TYPE = "application/vnd.dinopost.queue";
const file = z.string().openapi({ format: "binary", description: "See docs: lines of JSON, and contents" });

const exported = createRoute({
  method: "post",
  path: "/export",
  tags,
  operationId: "exportQueue",
  summary: "All that waits, or what fits a filter, for another server to take over; it is held here",
  middleware: [jsonOnly({ required: false })] as const,
  request: {
    body: jsonBody(
      knownOnly({
        ids: z.array(z.string().min(1).max(100)).min(1).optional(),
        filter: filterSchema.optional(),
      }).refine(({ ids, filter }) => !(ids && filter), "expected ids or a filter, not both"),
      false,
    ),
  },
  responses: {
    200: { description: "The file", content: { [TYPE]: { schema: file } } },
    ...problems(413, 415),
  },
});

const imported = createRoute({
  method: "post",
  path: "/import",
  tags,
  operationId: "importQueue",
  summary: "Take over what another server exported: as it was, and each message once",
  description: "When it stops before the end, what came before stays, and is not taken again.",
  request: { body: { required: true, content: { [TYPE]: { schema: file } } } },
  responses: {
    200: json(
      z.object({
        imported: z.int(),
        known: z.int().openapi({ description: "So many were here before, or had been" }),
      }).openapi("ImportedQueue"),
      "What was taken over",
    ),
    ...problems(415, 422),
  },
});

/** The calls. */
export function queueTransferRoutes({ queue, clock }: AdminOptions) {
  return newApi()
    .openapi(exported, async (c) => {
      const { ids, filter } = c.req.valid("json");
      const chosen = ids ?? await queue.select(filter ? filterOf(filter, clock.now()) : {});
      return new Response(ReadableStream.from(queue.exported([...new Set(chosen)])), {
        headers: {
          "content-type": TYPE,
          "content-disposition": 'attachment; filename="queue.dinopost"',
        },
      });
    })
    .openapi(imported, async (c) => {
      if (
        !new RegExp(`^(?:${TYPE}|application/octet-stream) *(?:;|$)`, "i").test(
          c.req.header("content-type") ?? "",
        )
      ) {
        throw new Problem(415, `Send the file as Content-Type: ${TYPE}`);
      }
      const source = c.req.raw.body ?? ReadableStream.from<Uint8Array<ArrayBuffer>>([]);
      try {
        return c.json(await queue.import(source), 200);
      } catch (error) {
        if (error instanceof TransferBroken) {
          throw new Problem(422, error.message, { isChanged: error.imported > 0 });
        }
        throw error;
      }
    });
}
