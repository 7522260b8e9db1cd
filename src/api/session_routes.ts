/** The calls of `/api/v1/session`: the web page's login and logout. */

import { createRoute, z } from "@hono/zod-openapi";
import type { Access } from "../http/access.ts";
import { jsonBody, jsonOnly, newApi, problems } from "./api_app.ts";
import { knownOnly } from "./schemas.ts";

const begin = createRoute({
  method: "post",
  path: "/",
  tags: ["Session"],
  operationId: "logIn",
  summary: "Log in: the token becomes a cookie",
  security: [],
  middleware: [jsonOnly({ required: true, maxSize: 16 * 1024 })] as const,
  request: { body: jsonBody(knownOnly({ token: z.string().min(1).max(4096) })) },
  responses: { 204: { description: "The cookie is set" }, ...problems(413, 415) },
});

const end = createRoute({
  method: "delete",
  path: "/",
  tags: ["Session"],
  operationId: "logOut",
  summary: "Log out",
  responses: { 204: { description: "The cookie is worth nothing any more" }, ...problems() },
});

/** The calls. */
export function sessionRoutes(access: Access) {
  return newApi()
    .openapi(begin, async (c) => {
      await access.login(c, c.req.valid("json").token);
      return c.body(null, 204);
    })
    .openapi(end, async (c) => {
      await access.logout(c);
      return c.body(null, 204);
    });
}
