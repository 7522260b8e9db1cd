/** The calls of `/api/v1/messages`: submission over HTTP, and the delivery history of a message. */

import { createRoute, z } from "@hono/zod-openapi";
import type { Context } from "hono";
import { isId } from "../base/ids.ts";
import { compose, type Composition } from "../intake/composition.ts";
import type { SubmissionRefusal } from "../intake/http_message.ts";
import { parseLocal } from "../mail/address.ts";
import { isJson, json, limited, newApi, problems } from "./api_app.ts";
import { composeSchema } from "./compose.ts";
import { dialogueOf } from "./dialogue.ts";
import { messageHistory } from "./message_history.ts";
import type { AdminEnv } from "../http/options.ts";
import type { AdminOptions } from "./options.ts";
import { Problem, quoted } from "../http/problem.ts";
import { idParam, knownOnly, mailboxOf, plusMeant, timeSchema } from "./schemas.ts";

const tags = ["Messages"];

const BARE = "A name without a domain, such as root, is one at the first of this server's domains";

const query = knownOnly({
  from: z.string().max(320).optional().openapi({
    description: "The envelope's sender, for message/rfc822; may be empty, for none. " + BARE,
  }),
  to: z.preprocess((v) => typeof v === "string" ? [v] : v, z.array(z.string().min(1).max(320)).optional())
    .openapi({
      type: "array",
      items: { type: "string", minLength: 1, maxLength: 320 },
      description: "The envelope's recipients, for message/rfc822. " + BARE,
    }),
});

const submittedSchema = z.object({
  id: z.string(),
  refused: z.array(z.object({ address: z.string(), text: z.string() })).optional().openapi({
    description: "Recipients that are unknown here: they were left out, the others get it",
  }),
}).openapi("Submitted");

/** Made anew for each app, since what it says of its body is changed below. */
function submitRoute() {
  return createRoute({
    method: "post",
    path: "/",
    tags,
    operationId: "sendMessage",
    summary: "Send a message",
    description:
      "As `message/rfc822` with the envelope in the query (any line ends; Date, Message-ID, MIME-Version and " +
      "From are added where they lack, a name without a domain in From, To and the like gets the first of " +
      "`domains`), or as JSON. It is durable when the answer comes. Recipients that are unknown here are " +
      "named in it and left out.",
    request: {
      query,
      body: {
        // the JSON is looked at when it is JSON; that there must be a body is said below
        required: false,
        content: {
          "application/json": { schema: composeSchema },
          "message/rfc822": { schema: z.string().openapi({ format: "binary" }) },
        },
      },
    },
    responses: {
      202: json(submittedSchema, "It is accepted"),
      ...problems(409, 413, 415, 422, 503),
    },
  });
}

const historySchema = z.object({
  id: z.string(),
  sender: z.string().nullable(),
  recipients: z.array(z.string()),
  events: z.array(
    z.looseObject({
      at: timeSchema,
      type: z.string().openapi({ description: "accepted, mailbox, delivered, deferred or bounced" }),
    }),
  ),
}).openapi("MessageLife");

const history = createRoute({
  method: "get",
  path: "/{id}",
  tags,
  operationId: "getMessageHistory",
  summary: "The delivery history of a message, also after it left the queue",
  request: { params: z.object({ id: idParam }) },
  responses: { 200: json(historySchema, "What is known of it"), ...problems(404) },
});

const dialogueRoute = createRoute({
  method: "get",
  path: "/{id}/dialogue",
  tags,
  operationId: "getMessageDialogue",
  summary: "The session that brought a captured message, to be replayed",
  description:
    "In the format of `fixtures/smtp/`, which `dinopost replay` says to any server; passwords are hidden.",
  request: { params: z.object({ id: idParam }) },
  responses: {
    200: { description: "The dialogue", content: { "text/plain": { schema: z.string() } } },
    ...problems(404),
  },
});

/** The type of a message as it is. */
export const RFC822 = /^message\/rfc822 *(?:;|$)/i;

/** JSON carries attachments in base64, a third more than they are. */
export function jsonLimit(messageSize: number): number {
  return Math.ceil(messageSize * 1.4) + 64 * 1024;
}

/** The calls. */
export function messageRoutes(options: AdminOptions) {
  const { messageSize, submission, clock, domains } = options;
  const app = newApi();
  const limitJson = limited(jsonLimit(messageSize));
  app.use("/", async (c, next) => {
    if (c.req.method !== "POST") return await next();
    const type = c.req.header("content-type");
    if (isJson(type)) return await limitJson(c, next);
    if (!RFC822.test(type ?? "")) {
      throw new Problem(415, "Send the message as message/rfc822 or as application/json");
    }
    await next();
  });
  const routes = app
    .openapi(submitRoute(), async (c) => {
      // by the type of the body it is the JSON, or nothing that is looked at
      const json = c.req.valid("json") as Composition;
      const given = { ...c.req.valid("query"), json };
      const message = await incoming(c, { ...given, messageSize, now: clock.now(), domain: domains[0]! });
      const remote = c.env?.remote;
      const result = await submission.submit({ ...message, ...(remote === undefined ? {} : { remote }) });
      if (!result.ok) throw problemOf(result.refusal);
      const { id, refused } = result;
      return c.json({ id, ...(refused.length > 0 && { refused: [...refused] }) }, 202);
    })
    .openapi(history, async (c) => {
      const { id } = c.req.valid("param");
      const found = isId(id) ? await messageHistory(id, options) : undefined;
      if (!found) throw new Problem(404, `Nothing is known of a message ${quoted(id)}`);
      return c.json(found, 200);
    })
    .openapi(dialogueRoute, async (c) => {
      const text = await dialogueOf(c.req.valid("param").id, options);
      return c.text(text, 200, { "content-type": "text/plain; charset=utf-8" });
    });
  for (const definition of app.openAPIRegistry.definitions) {
    const body = definition.type === "route" ? definition.route.request?.body : undefined;
    if (body) body.required = true;
  }
  return routes;
}

interface Incoming {
  from: string;
  to: string[];
  text: Uint8Array | AsyncIterable<Uint8Array>;
  composed?: boolean;
}

async function incoming(
  c: Context<AdminEnv>,
  options: {
    from?: string | undefined;
    to?: string[] | undefined;
    json: Composition;
    now: number;
    messageSize: number;
    /** For names without one. */
    domain: string;
  },
): Promise<Incoming> {
  const type = c.req.header("content-type") ?? "";
  if (isJson(type)) {
    if (options.from !== undefined || options.to !== undefined) {
      throw new Problem(422, "With JSON, from and to stand in the body, not in the query");
    }
    const { from, to, content } = await compose(options.json, options.now);
    return { from, to, text: content, composed: true };
  }
  const { from, to = [], messageSize, domain } = options;
  if (from === undefined) {
    throw new Problem(422, "from: say the envelope's sender in the query; empty for none");
  }
  if (to.length === 0) throw new Problem(422, "to: say the envelope's recipients in the query");
  const length = Number(c.req.header("content-length") ?? "0");
  if (length > messageSize) throw new Problem(413, `The message is larger than ${messageSize} bytes`);
  return {
    from: /^(?:<>)?$/.test(from.trim()) ? "" : qualified(from, "from", domain),
    to: [...new Set(to.map((text) => qualified(text, "to", domain)))],
    text: c.req.raw.body ?? new Uint8Array(0),
  };
}

/** An address, or a name that gets its domain here, as callers of sendmail expect it: they know no domain. */
function qualified(text: string, name: string, domain: string): string {
  const meant = plusMeant(text);
  const local = parseLocal(meant);
  return mailboxOf(local === undefined ? meant : `${local}@${domain}`, name);
}

function problemOf(refusal: SubmissionRefusal): Problem {
  const { kind, text, recipients } = refusal;
  if (kind === "size") return new Problem(413, text);
  if (kind === "full") return new Problem(409, text);
  if (kind === "storage") return new Problem(503, text, { headers: { "retry-after": "30" } });
  const errors = recipients?.map((r) => ({ in: "recipients", name: r.address, detail: r.text }));
  return new Problem(422, text, errors === undefined ? {} : { errors });
}
