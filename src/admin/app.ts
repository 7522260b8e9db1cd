/** In charge of the HTTP surface: puts its routes together behind their guards. */

import { Hono } from "hono";
import { HTTPException } from "hono/http-exception";
import type { Journal } from "../observe/journal.ts";
import { bearerToken, knownHosts, securityHeaders } from "./guard.ts";
import { problemResponse } from "./problem.ts";
import { queueRoutes, type QueueRoutesOptions } from "./queue_routes.ts";

/** What the HTTP surface works with. */
export interface AdminOptions extends QueueRoutesOptions {
  readonly journal: Journal;
  /** The bearer token. */
  readonly token: string;
  /** The host names it answers for. */
  readonly hosts: readonly string[];
  /** Is the server ready to serve? */
  ready(): boolean;
}

/** Makes the HTTP surface, to be served by `Deno.serve` or mounted in another app. */
export function createAdminApp(options: AdminOptions): Hono {
  const app = new Hono();
  app.use(securityHeaders());
  app.use(knownHosts(options.hosts));
  app.get("/healthz", (c) => c.json({ status: "ok" }));
  app.get(
    "/readyz",
    (c) => options.ready() ? c.json({ status: "ready" }) : c.json({ status: "starting" }, 503),
  );
  app.use("/api/v1/*", bearerToken(options.token));
  app.route("/api/v1/queue", queueRoutes(options));
  app.notFound((c) => problemResponse(404, `There is nothing at ${c.req.path}`, c.req.path));
  app.onError((error, c) => {
    const response = error instanceof HTTPException
      ? problemResponse(error.status, error.message, c.req.path)
      : problemResponse(500, "The server failed; its log says how", c.req.path);
    if (!(error instanceof HTTPException)) {
      options.journal.note("ERROR", "http request failed", { path: c.req.path, error: String(error) });
    }
    return response;
  });
  return app;
}
