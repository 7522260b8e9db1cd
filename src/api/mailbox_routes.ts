/** The calls of `/api/v1/mailboxes`: their messages, for people who look and for tests that check. */

import { createRoute, z } from "@hono/zod-openapi";
import type { Context } from "hono";
import { accepts } from "hono/accepts";
import { json, jsonBody, jsonOnly, newApi, problems } from "./api_app.ts";
import { flagChanges } from "./flag_changes.ts";
import { folderOf, orProblem } from "./mail_folders.ts";
import { Problem } from "../http/problem.ts";
import { marksRead } from "../http/roles.ts";
import { KeptHeaders } from "./kept_headers.ts";
import { mailPage, mailQuery } from "./mail_search.ts";
import { attachmentOf, mailboxNamed, parsedMail, storedMail } from "./mail_lookup.ts";
import { mailItem, mailItemSchema, mailSchema, mailView } from "./mail_view.ts";
import type { AdminOptions } from "./options.ts";
import { rawMail } from "./raw_message.ts";
import { addressParam, folderParam, knownOnly, limitParam, mailCursor, pageOf } from "./schemas.ts";

const tags = ["Mailboxes"];
const RFC822 = "message/rfc822";
const uidParam = z.string().min(1).openapi({
  param: { name: "uid", in: "path" },
  example: "01KB8Y4ZQ2M3N4P5",
});
const params = z.object({ address: addressParam, uid: uidParam });
const binary = z.string().openapi({ format: "binary" });

const QUERY =
  `Words and "phrases" (in sender, recipients, subject, text, attachments' names), from: to: cc: bcc: ` +
  "reply-to: addressed: (any of these) subject: message-id: tag: has:attachment has:inline is:read " +
  "is:unread is:flagged is:tagged folder: before: after: (2026-01-31, the beginning of that day in UTC, by the message's date) " +
  "larger: smaller: (500KB). - or ! before a term: it must not fit. All must fit";

const list = createRoute({
  method: "get",
  path: "/{address}/messages",
  tags,
  operationId: "listMailbox",
  summary: "List a mailbox, newest first",
  description:
    "A search takes bounded time: a page may hold fewer than `limit`, or none, and still have a cursor; " +
    "`looked` tells how far it has come.",
  request: {
    params: z.object({ address: addressParam }),
    query: knownOnly({
      limit: limitParam(1000, 100),
      cursor: mailCursor,
      folder: folderParam,
      q: z.string().max(1000).optional().openapi({
        description: QUERY,
        example: "from:ann is:unread invoice",
      }),
    }),
  },
  responses: {
    200: json(
      pageOf(mailItemSchema).extend({
        looked: z.object({
          messages: z.int().openapi({ description: "So many were looked at for this page" }),
          of: z.int().openapi({ description: "So many are in the mailbox" }),
        }).optional().openapi({ description: "Where `q` was given" }),
      }),
      "A page",
    ),
    ...problems(404, 422),
  },
});

const show = createRoute({
  method: "get",
  path: "/{address}/messages/{uid}",
  tags,
  operationId: "getMail",
  summary: "One message: parsed, or with Accept: message/rfc822 its bytes",
  request: { params },
  responses: {
    200: {
      description: "The message",
      content: { "application/json": { schema: mailSchema }, "message/rfc822": { schema: binary } },
    },
    ...problems(404),
  },
});

const attachment = createRoute({
  method: "get",
  path: "/{address}/messages/{uid}/attachments/{n}",
  tags,
  operationId: "getAttachment",
  summary: "The bytes of an attachment, counted from 0",
  request: {
    params: params.extend({
      n: z.string().min(1).openapi({ param: { name: "n", in: "path" }, example: "0" }),
    }),
  },
  responses: {
    200: {
      description: "The bytes, to be saved; of a type that a browser might run, as application/octet-stream",
      content: { "application/octet-stream": { schema: binary }, "*/*": { schema: binary } },
    },
    ...problems(404),
  },
});

const flagNames = z.array(z.string().min(1).max(255)).max(64);

const change = createRoute({
  method: "patch",
  path: "/{address}/messages/{uid}",
  tags,
  operationId: "changeMail",
  summary: "Change a message's flags, and move it into another folder",
  description: "All of it happens at once. The message keeps its `uid`.",
  middleware: [jsonOnly()] as const,
  request: {
    params,
    body: jsonBody(knownOnly({
      flags: flagNames.optional().openapi({
        description:
          "All that it shall have: \\Seen, \\Answered, \\Flagged, \\Deleted, \\Draft, and keywords",
        example: ["\\Seen", "\\Flagged"],
      }),
      addFlags: flagNames.optional().openapi({ description: "It gets them, beside those it has" }),
      removeFlags: flagNames.optional().openapi({ description: "It loses them" }),
      folder: z.string().min(1).max(512).optional().openapi({
        description: "The name of the folder that it is moved into",
        example: "Archive",
      }),
    })),
  },
  responses: { 200: json(mailItemSchema, "The message as it is then"), ...problems(404, 409, 413, 415, 422) },
});

const remove = createRoute({
  method: "delete",
  path: "/{address}/messages/{uid}",
  tags,
  operationId: "deleteMail",
  summary: "Delete a message for good",
  request: { params },
  responses: { 204: { description: "It is gone" }, ...problems(404) },
});

/** The calls. */
export function mailboxRoutes(options: AdminOptions) {
  const { mailStore } = options;

  return newApi()
    .openapi(list, async (c) => {
      const { limit, cursor, q = "", folder: named } = c.req.valid("query");
      const query = mailQuery(q);
      const address = await mailboxNamed(c.req.valid("param").address, options);
      const folder = named === undefined ? undefined : await folderOf(named, address, options);
      const [{ page, next, looked }, { messages }] = await Promise.all([
        mailPage(options, { address, folder: folder?.name, limit, after: cursor, query }),
        folder ?? mailStore.usage(address),
      ]);
      return c.json({
        items: page.map(({ entry, header }) => mailItem(entry, header)),
        cursor: next ?? null,
        ...(q === "" ? {} : { looked: { messages: looked, of: messages } }),
      }, 200);
    })
    .openapi(show, async (c) => {
      const { address, entry } = await storedMail(c.req.valid("param"), options);
      if (wantedType(c) === RFC822) {
        const response = rawMail(mailStore, { address, entry });
        response.headers.set("vary", "accept");
        return response;
      }
      const mail = await parsedMail({ address, entry }, options);
      if (!entry.seen && marksRead(c.req.method, c.env?.user)) await mailStore.markSeen(address, entry.uid);
      c.header("vary", "accept");
      return c.json(mailView(entry, mail), 200);
    })
    .openapi(attachment, async (c) => {
      const { n, ...of } = c.req.valid("param");
      return await attachmentOf(await storedMail(of, options), n, options);
    })
    .openapi(change, async (c) => {
      const { address, entry: { uid } } = await storedMail(c.req.valid("param"), options);
      const { folder, ...names } = c.req.valid("json");
      if (names.flags && (names.addFlags || names.removeFlags)) {
        throw new Problem(
          422,
          "flags: are all that the message shall have; addFlags and removeFlags go without it",
        );
      }
      const flags = flagChanges(names);
      const to = folder === undefined ? undefined : (await folderOf(folder, address, options)).name;
      await orProblem(() => mailStore.change(address, [uid], { flags, to }));
      const { entry } = await storedMail({ address, uid }, options);
      const header = await KeptHeaders.of(mailStore).read(address, entry);
      if (!header) throw new Problem(404, `The message ${uid} was removed meanwhile`);
      return c.json(mailItem(entry, header), 200);
    })
    .openapi(remove, async (c) => {
      const { address, entry } = await storedMail(c.req.valid("param"), options);
      await mailStore.remove(address, [entry.uid]);
      return c.body(null, 204);
    });
}

/** What the client would have: the first of the types it wants most. JSON for who names none of the two. */
function wantedType(c: Context): string {
  return accepts(c, {
    header: "Accept",
    supports: ["application/json", RFC822],
    default: "application/json",
    match: (wanted, { supports, default: usual }) => {
      const types = wanted.filter(({ q }) => q > 0).sort((a, b) => b.q - a.q).map(({ type }) =>
        type.toLowerCase()
      );
      return types.find((type) => supports.includes(type)) ?? usual;
    },
  });
}
