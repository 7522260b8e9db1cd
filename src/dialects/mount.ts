/** The dialects together: what their clients ask for that the API itself has not. */

import type { OpenAPIHono } from "@hono/zod-openapi";
import { newApi } from "../api/api_app.ts";
import type { AdminOptions } from "../api/options.ts";
import type { AdminEnv } from "../http/options.ts";
import type { DialectParts } from "./dialect.ts";
import { mailhogDownloads } from "./mailhog_downloads.ts";
import { mailhogEvents } from "./mailhog_events.ts";
import { mailhogJim } from "./mailhog_jim.ts";
import { mailhogMessages } from "./mailhog_messages.ts";
import { mailpitEvents } from "./mailpit_events.ts";
import { mailpitLists } from "./mailpit_lists.ts";
import { mailpitMessages } from "./mailpit_messages.ts";
import { mailpitServer } from "./mailpit_server.ts";
import { mailpitViews } from "./mailpit_views.ts";
import { CapturedReader } from "./reader.ts";

const DIALECTS = [
  mailpitLists,
  mailpitMessages,
  mailpitServer,
  mailpitViews,
  mailpitEvents,
  mailhogMessages,
  mailhogDownloads,
  mailhogEvents,
  mailhogJim,
];

/** Makes the app of a server that captures. */
export function dialectApp(options: AdminOptions): Promise<OpenAPIHono<AdminEnv>> {
  const { captured: mail } = options;
  if (!mail) throw new Error("The dialects are for a server that captures");
  const parts: DialectParts = { options, mail, reader: new CapturedReader(mail, options.clock) };
  const app = newApi();
  app.get("/livez", (c) => c.body(null, 200));
  for (const dialect of DIALECTS) app.route("/", dialect(parts));
  return Promise.resolve(app);
}
