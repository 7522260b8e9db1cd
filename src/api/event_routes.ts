/** The call `/api/v1/events`: what happens, as it happens. */

import { createRoute, z } from "@hono/zod-openapi";
import { newApi, problems } from "./api_app.ts";
import { EVENT_TYPES, EventFeed, type EventType } from "./event_feed.ts";
import type { AdminOptions } from "./options.ts";
import { Problem } from "../http/problem.ts";
import { knownOnly } from "./schemas.ts";

/** What a listener gets who names no types. */
const USUAL: readonly EventType[] = EVENT_TYPES.filter((type) => type !== "note" && type !== "report");
const ONE = `(?:${EVENT_TYPES.join("|")})`;

const events = createRoute({
  method: "get",
  path: "/",
  tags: ["Events"],
  operationId: "listenToEvents",
  summary: "Listen to what happens (server-sent events)",
  description:
    "Each event's data is JSON with the time and the message's id. A listener who is too slow loses " +
    "events, and hears how many by an event `lost`.",
  request: {
    query: knownOnly({
      types: z.string().regex(new RegExp(`^${ONE}(?:,${ONE})*$`), `must be of ${EVENT_TYPES.join(", ")}`)
        .optional()
        .openapi({ description: `With commas between; default: ${USUAL.join(",")}` }),
    }),
  },
  responses: {
    200: { description: "A stream that goes on", content: { "text/event-stream": { schema: z.string() } } },
    ...problems(503),
  },
});

/** The call. */
export function eventRoutes(options: AdminOptions) {
  const feed = new EventFeed(options);
  return newApi().openapi(events, (c) => {
    const { types } = c.req.valid("query");
    const headers = { "content-type": "text/event-stream", "x-accel-buffering": "no" };
    // the answer to HEAD has no body, so nobody would ever end the stream
    if (c.req.method === "HEAD") return new Response(null, { headers });
    const stream = feed.listen(types === undefined ? USUAL : types.split(",") as EventType[]);
    if (!stream) throw new Problem(503, "Too many listen already, or the server stops");
    return new Response(stream, { headers });
  });
}
