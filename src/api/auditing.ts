/** The audit log's part in a call. */

import type { MiddlewareHandler } from "hono";
import type { Access } from "../http/access.ts";
import type { AdminEnv } from "../http/options.ts";
import { Problem } from "../http/problem.ts";
import { changes } from "../http/roles.ts";
import { isJson } from "./api_app.ts";

/** Writes what was changed into the audit log, with what was said beside the path. */
export function auditing(access: Access): MiddlewareHandler<AdminEnv> {
  return async (c, next) => {
    await next();
    const { user } = c.env ?? {};
    const { method, path } = c.req;
    const isChanged = c.res.status < 400 || (c.error instanceof Problem && c.error.extras.isChanged);
    if (!user || !changes(method) || !isChanged) return;
    // it was read by the call, and is kept as it was
    const body = isJson(c.req.header("content-type")) ? await c.req.json().catch(() => undefined) : undefined;
    if (body?.dryRun === true) return; // nothing was changed
    await access.audited(user, { method, path, body });
  };
}
