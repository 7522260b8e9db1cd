/** The calls of `/api/v1/mailboxes/{address}/folders`: what folders a mailbox has, and what becomes of them. */

import { createRoute, z } from "@hono/zod-openapi";
import type { FolderInfo } from "../mailbox/folders.ts";
import { json, jsonBody, jsonOnly, newApi, problems } from "./api_app.ts";
import { folderOf, foldersOf, type FolderView, noFolder, withFolders } from "./mail_folders.ts";
import { mailboxNamed } from "./mail_lookup.ts";
import type { AdminOptions } from "./options.ts";
import { addressParam, knownOnly, pageOf } from "./schemas.ts";

const tags = ["Mailboxes"];

const nameSchema = z.string().min(1).max(512).openapi({
  description: "`/` parts levels; INBOX in any case",
  example: "Clients/Acme",
});
const folderParams = z.object({
  address: addressParam,
  folder: z.string().min(1).openapi({
    param: { name: "folder", in: "path" },
    description: "The folder's name, `/` in it as `%2F`",
    example: "Archive",
  }),
});

const folderSchema = z.object({
  name: nameSchema,
  specialUse: z.string().nullable().openapi({
    description: "Archive, Drafts, Junk, Sent or Trash, as mail programs use it (RFC 6154); null: none",
  }),
  subscribed: z.boolean().openapi({ description: "Mail programs show it" }),
  messages: z.int(),
  unseen: z.int().openapi({ description: "Messages that nobody has read" }),
  bytes: z.int(),
}).openapi("Folder");

const list = createRoute({
  method: "get",
  path: "/{address}/folders",
  tags,
  operationId: "listFolders",
  summary: "The folders of a mailbox, INBOX first",
  request: { params: z.object({ address: addressParam }) },
  responses: { 200: json(pageOf(folderSchema), "All of them"), ...problems(404) },
});

const add = createRoute({
  method: "post",
  path: "/{address}/folders",
  tags,
  operationId: "addFolder",
  summary: "Make a folder, and those that it is in",
  middleware: [jsonOnly()] as const,
  request: { params: z.object({ address: addressParam }), body: jsonBody(knownOnly({ name: nameSchema })) },
  responses: { 201: json(folderSchema, "The folder"), ...problems(404, 409, 413, 415, 422) },
});

const show = createRoute({
  method: "get",
  path: "/{address}/folders/{folder}",
  tags,
  operationId: "getFolder",
  summary: "One folder",
  request: { params: folderParams },
  responses: { 200: json(folderSchema, "The folder"), ...problems(404) },
});

const change = createRoute({
  method: "patch",
  path: "/{address}/folders/{folder}",
  tags,
  operationId: "changeFolder",
  summary: "Rename a folder with those in it, or have mail programs show it or not",
  description: "INBOX stays when it is renamed: its messages move into a new folder of that name.",
  middleware: [jsonOnly()] as const,
  request: {
    params: folderParams,
    body: jsonBody(knownOnly({ name: nameSchema.optional(), subscribed: z.boolean().optional() })),
  },
  responses: {
    200: json(folderSchema, "The folder as it is then"),
    ...problems(404, 409, 413, 415, 422),
  },
});

const remove = createRoute({
  method: "delete",
  path: "/{address}/folders/{folder}",
  tags,
  operationId: "deleteFolder",
  summary: "Delete a folder with its messages; those that are in it stay",
  request: { params: folderParams },
  responses: { 204: { description: "It is gone" }, ...problems(404, 422) },
});

/** The calls. */
export function folderRoutes(options: AdminOptions) {
  return newApi()
    .openapi(list, async (c) => {
      const address = await mailboxNamed(c.req.valid("param").address, options);
      const folders = await foldersOf(address, options);
      return c.json({ items: folders.map(folderView), cursor: null }, 200);
    })
    .openapi(add, async (c) => {
      const address = await mailboxNamed(c.req.valid("param").address, options);
      const { name } = c.req.valid("json");
      const made = await withFolders(address, options, async (folders) => {
        const { name: full } = await folders.create(name);
        await folders.subscribe(full, true);
        return folders.byName(full) ?? vanished(full, address);
      });
      return c.json(folderView(made), 201);
    })
    .openapi(show, async (c) => {
      const { address: text, folder } = c.req.valid("param");
      return c.json(folderView(await folderOf(folder, await mailboxNamed(text, options), options)), 200);
    })
    .openapi(change, async (c) => {
      const { address: text, folder } = c.req.valid("param");
      const { name, subscribed } = c.req.valid("json");
      const address = await mailboxNamed(text, options);
      const { name: before } = await folderOf(folder, address, options);
      const changed = await withFolders(address, options, async (folders) => {
        if (name !== undefined && folders.byName(name)?.name !== before) await folders.rename(before, name);
        const now = name ?? before;
        if (subscribed !== undefined) await folders.subscribe(now, subscribed);
        return folders.byName(now) ?? vanished(now, address);
      });
      return c.json(folderView(changed), 200);
    })
    .openapi(remove, async (c) => {
      const { address: text, folder } = c.req.valid("param");
      const address = await mailboxNamed(text, options);
      const { name } = await folderOf(folder, address, options);
      await withFolders(address, options, (folders) => folders.delete(name));
      return c.body(null, 204);
    });
}

/** Somebody took it away again. */
function vanished(name: string, address: string): FolderInfo {
  throw noFolder(name, address);
}

function folderView(folder: FolderView): z.infer<typeof folderSchema> {
  const { name, specialUse = null, subscribed, messages, unseen, bytes } = folder;
  return { name, specialUse, subscribed, messages, unseen, bytes };
}
