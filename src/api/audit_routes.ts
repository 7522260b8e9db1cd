/** The call `/api/v1/audit`: who changed what. */

import { createRoute, z } from "@hono/zod-openapi";
import { AUDIT_CURSOR, type AuditLog } from "../http/audit.ts";
import { json, newApi, problems } from "./api_app.ts";
import { iso } from "./queue_view.ts";
import { cursorParam, knownOnly, limitParam, pageOf, timeSchema } from "./schemas.ts";

const entrySchema = z.object({
  at: timeSchema,
  user: z.string().openapi({
    description: "A name of admin.users, or an account on its own page; `admin` has admin.token",
    example: "anna",
  }),
  action: z.string().openapi({ description: "What was done", example: "queue.retry" }),
  target: z.string().openapi({ description: "With what: an address, an id, a filter", example: "" }),
}).openapi("AuditEntry");

const CURSOR = cursorParam(AUDIT_CURSOR, "1767603600000.000000-0a1b2c3d");

const list = createRoute({
  method: "get",
  path: "/",
  tags: ["Audit"],
  operationId: "listAudit",
  summary: "Changes by API, page and command line, newest first; they are kept for 90 days",
  request: { query: knownOnly({ limit: limitParam(1000, 100), cursor: CURSOR }) },
  responses: { 200: json(pageOf(entrySchema), "A page"), ...problems() },
});

/** The call. */
export function auditRoutes(audit: AuditLog) {
  return newApi().openapi(list, async (c) => {
    const { limit, cursor } = c.req.valid("query");
    const { items, cursor: next } = await audit.list({ limit, before: cursor });
    return c.json({ items: items.map((entry) => ({ ...entry, at: iso(entry.at) })), cursor: next }, 200);
  });
}
