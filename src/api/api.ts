/** The API as a whole: all calls together, and their document. Loaded when it is first asked for. */

import type { OpenAPIHono } from "@hono/zod-openapi";
import type { Access } from "../http/access.ts";
import { accountRoutes } from "./account_routes.ts";
import { aliasRoutes } from "./alias_routes.ts";
import { clockRoutes } from "./clock_routes.ts";
import { inboxRoutes, releaseRoutes, resetRoutes } from "./capture_routes.ts";
import { newApi, nothingThere } from "./api_app.ts";
import { appPasswordRoutes } from "./app_password_routes.ts";
import { auditRoutes } from "./audit_routes.ts";
import { auditing } from "./auditing.ts";
import { backupRoutes } from "./backup_routes.ts";
import { docsPage, docsPolicy } from "./docs_page.ts";
import { recordRoutes } from "./record_routes.ts";
import { domainRoutes, suspensionRoutes } from "./domain_routes.ts";
import { eventRoutes } from "./event_routes.ts";
import { withExamples } from "./examples.ts";
import { faultRoutes } from "./fault_routes.ts";
import { jobRoutes } from "./job_routes.ts";
import { mailboxFileRoutes } from "./mailbox_file_routes.ts";
import { draftRoutes } from "./draft_routes.ts";
import { folderRoutes } from "./folder_routes.ts";
import { mailboxRoutes } from "./mailbox_routes.ts";
import { messageRoutes } from "./message_routes.ts";
import type { AdminEnv } from "../http/options.ts";
import type { AdminOptions } from "./options.ts";
import { problemOf, problemResponse } from "../http/problem.ts";
import { queueActions } from "./queue_actions.ts";
import { queueBulk } from "./queue_bulk.ts";
import { queueRoutes } from "./queue_routes.ts";
import { queueTransferRoutes } from "./queue_transfer_routes.ts";
import { sessionRoutes } from "./session_routes.ts";
import { suppressionRoutes } from "./suppression_routes.ts";
import { webhookRoutes } from "./webhook_routes.ts";
import { waitRoutes } from "./wait_routes.ts";

function allRoutes(options: AdminOptions, access: Access): OpenAPIHono<AdminEnv> {
  const { appPasswords, suppressions, suspensions, webhooks } = options;
  const api = newApi();
  // the dialects' calls too, which are mounted behind these
  api.use("/api/*", auditing(access));
  api
    .route("/api/v1/queue", queueRoutes(options))
    .route("/api/v1/queue", queueActions(options))
    .route("/api/v1/queue", queueBulk(options))
    .route("/api/v1/queue", queueTransferRoutes(options))
    .route("/api/v1/jobs", jobRoutes(options))
    .route("/api/v1/messages", messageRoutes(options))
    .route("/api/v1/accounts", accountRoutes(options))
    .route("/api/v1/audit", auditRoutes(access.audit))
    .route("/api/v1/aliases", aliasRoutes(options))
    .route("/api/v1/mailboxes", mailboxRoutes(options))
    .route("/api/v1/mailboxes", draftRoutes(options))
    .route("/api/v1/mailboxes", folderRoutes(options))
    .route("/api/v1/mailboxes", mailboxFileRoutes(options))
    .route("/api/v1/wait", waitRoutes(options))
    .route("/api/v1/events", eventRoutes(options))
    .route("/api/v1/domains", domainRoutes(options))
    .route("/api/v1/faults", faultRoutes(options.faults))
    .route("/api/v1/clock", clockRoutes(options))
    .route("/api/v1/inboxes", inboxRoutes(options))
    .route("/api/v1/reset", resetRoutes(options))
    .route("/api/v1/backup", backupRoutes(options))
    .route("/api/v1/mailboxes", releaseRoutes(options))
    .route("/api/v1/session", sessionRoutes(access));
  if (appPasswords) api.route("/api/v1/accounts", appPasswordRoutes(options.accounts, appPasswords));
  if (options.deliverability) {
    api.route("/api/v1/domains", recordRoutes(options.deliverability, options));
  }
  if (suspensions) api.route("/api/v1/suspensions", suspensionRoutes(suspensions, options));
  if (suppressions) api.route("/api/v1/suppressions", suppressionRoutes(suppressions, options));
  if (webhooks) api.route("/api/v1/webhooks", webhookRoutes(webhooks));
  return api;
}

const DESCRIPTION =
  "Send Authorization: Bearer TOKEN. Errors are RFC 9457 problems whose detail says what was " +
  "received and what would be right: 400 where a request has not the form that this document gives (something is " +
  "missing, unknown, of another type or pattern), 422 where it has, and a text in it can't be read as what is wanted " +
  "there (an address, a domain, a search), or it can't be done. Times are ISO 8601 UTC. A cursor of one list leads to its next page.";

/** Makes the API with `/openapi.json` and `/docs`, and the dialects behind its own calls. */
export function buildApi(
  options: AdminOptions,
  access: Access,
  dialects?: OpenAPIHono<AdminEnv>,
): OpenAPIHono<AdminEnv> {
  const app = allRoutes(options, access);
  if (dialects) app.route("/", dialects);
  const registry = app.openAPIRegistry;
  registry.registerComponent("securitySchemes", "token", { type: "http", scheme: "bearer" });
  const nothing = nothingThere(app);
  let document: ReturnType<typeof app.getOpenAPI31Document> | undefined;
  const documentOf = () =>
    document ??= withExamples(app.getOpenAPI31Document({
      openapi: "3.1.0",
      info: { title: "dinopost", version: options.version, description: DESCRIPTION },
      security: [{ token: [] }],
    }));
  app.get("/openapi.json", (c) => c.json(documentOf()));
  app.get("/docs", async (c) => {
    return c.html(docsPage(documentOf()), 200, { "content-security-policy": await docsPolicy() });
  });
  app.notFound((c) => nothing(c));
  app.onError((error, c) =>
    problemResponse(problemOf(error, { journal: options.journal, path: c.req.path }), c.req.path)
  );
  return app;
}
