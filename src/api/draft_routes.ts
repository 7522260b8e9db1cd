/** The call `POST /api/v1/mailboxes/{address}/messages`: a message put into a folder, and sent to nobody. */

import { createRoute, z } from "@hono/zod-openapi";
import { Problem } from "../http/problem.ts";
import { buildDraft, type Draft } from "../intake/composition.ts";
import { isJson, json, limited, newApi, problems } from "./api_app.ts";
import { draftSchema } from "./compose.ts";
import { flagSet } from "./flag_changes.ts";
import { KeptHeaders } from "./kept_headers.ts";
import { mailItem, mailItemSchema } from "./mail_view.ts";
import { mailboxNamed, storedMail } from "./mail_lookup.ts";
import { jsonLimit, RFC822 } from "./message_routes.ts";
import type { AdminOptions } from "./options.ts";
import { putMail } from "./put_mail.ts";
import { addressParam, knownOnly } from "./schemas.ts";

const flagsParam = z.preprocess(
  (value) => typeof value === "string" ? [value] : value,
  z.array(z.string().max(255)).max(64).optional(),
).openapi({
  type: "array",
  items: { type: "string", maxLength: 255 },
  description: "Its flags and keywords; absent: \\Seen, and \\Draft in the folder for drafts. Empty: none",
  example: ["\\Seen"],
});

/** Made anew for each app, since what it says of its body is changed below. */
function putRoute() {
  return createRoute({
    method: "post",
    path: "/{address}/messages",
    tags: ["Mailboxes"],
    operationId: "putMail",
    summary: "Put a message into a folder, such as a draft; nothing is sent",
    description:
      "As `message/rfc822` (any line ends), or as JSON, where a draft may lack recipients. It is durable when " +
      "the answer comes. What is to be sent goes to `POST /api/v1/messages`.",
    request: {
      params: z.object({ address: addressParam }),
      query: knownOnly({
        folder: z.string().min(1).max(512).optional().openapi({
          description: "The folder's name; absent: the one for drafts",
          example: "Drafts",
        }),
        flags: flagsParam,
      }),
      body: {
        required: false,
        content: {
          "application/json": { schema: draftSchema },
          "message/rfc822": { schema: z.string().openapi({ format: "binary" }) },
        },
      },
    },
    responses: { 201: json(mailItemSchema, "It is there"), ...problems(404, 409, 413, 415, 422) },
  });
}

/** The call. */
export function draftRoutes(options: AdminOptions) {
  const { mailStore, messageSize, clock } = options;
  const app = newApi();
  const limitJson = limited(jsonLimit(messageSize));
  app.use("/:address/messages", async (c, next) => {
    if (c.req.method !== "POST") return await next();
    const type = c.req.header("content-type");
    if (isJson(type)) return await limitJson(c, next);
    if (!RFC822.test(type ?? "")) {
      throw new Problem(415, "Send the message as message/rfc822 or as application/json");
    }
    await next();
  });
  const routes = app.openapi(putRoute(), async (c) => {
    const { folder, flags } = c.req.valid("query");
    const address = await mailboxNamed(c.req.valid("param").address, options);
    const named = flags && flagSet(flags.filter((name) => name !== ""), "flags");
    const text = isJson(c.req.header("content-type"))
      // by the type of the body it is that
      ? await buildDraft({ from: address, ...c.req.valid("json") as Partial<Draft> }, clock.now())
      : c.req.raw.body ?? new Uint8Array(0);
    const uid = await putMail(address, { text, folder, flags: named }, options);
    const { entry } = await storedMail({ address, uid }, options);
    const header = await KeptHeaders.of(mailStore).read(address, entry);
    if (!header) throw new Problem(404, `The message ${uid} was removed meanwhile`);
    return c.json(mailItem(entry, header), 201);
  });
  for (const definition of app.openAPIRegistry.definitions) {
    const body = definition.type === "route" ? definition.route.request?.body : undefined;
    if (body) body.required = true;
  }
  return routes;
}
