/** The calls for mailboxes as files: one exported as mbox, an mbox imported into one, both as streams. */

import { createRoute, z } from "@hono/zod-openapi";
import type { Mailbox } from "../mail/envelope.ts";
import { exportMbox, importMbox, ImportStopped } from "../mailbox/mailbox_file.ts";
import { json, newApi, problems } from "./api_app.ts";
import { folderOf, orProblem } from "./mail_folders.ts";
import type { AdminOptions } from "./options.ts";
import { Problem, quoted } from "../http/problem.ts";
import { addressParam, folderParam, knownOnly, namedMailbox } from "./schemas.ts";

const tags = ["Mailboxes"];
const params = z.object({ address: addressParam });
const formatParam = z.literal("mbox").default("mbox").openapi({ description: "The kind of file" });
const query = knownOnly({ format: formatParam, folder: folderParam });
const mbox = z.string().openapi({
  format: "binary",
  description: "mbox (RFC 4155), From lines quoted as mboxrd",
});

const exported = createRoute({
  method: "get",
  path: "/{address}/export",
  tags,
  operationId: "exportMailbox",
  summary: "All of a mailbox, or of one folder, as one mbox file",
  request: { params, query },
  responses: {
    200: { description: "The file", content: { "application/mbox": { schema: mbox } } },
    ...problems(404),
  },
});

const importedSchema = z.object({
  messages: z.int(),
  bytes: z.int(),
  warnings: z.array(z.string()).readonly().openapi({
    description:
      "What is doubtful in the file, such as a line that may begin a message and was taken for text",
  }),
}).openapi("Imported");

const imported = createRoute({
  method: "post",
  path: "/{address}/import",
  tags,
  operationId: "importMailbox",
  summary: "Put all messages of a mbox file into an account's mailbox",
  description:
    "The messages get new uids, and go into `folder`, which is made when it is missing (INBOX unless given). When it stops before the end, what came before stays in the mailbox.",
  request: { params, query, body: { required: true, content: { "application/mbox": { schema: mbox } } } },
  responses: {
    200: json(importedSchema, "What was put into it"),
    ...problems(404, 409, 415, 422, 503),
  },
});

/** The calls. */
export function mailboxFileRoutes(options: AdminOptions) {
  const { store, accounts, mailStore, clock, ids } = options;

  return newApi()
    .openapi(exported, async (c) => {
      const text = c.req.valid("param").address;
      const address = namedMailbox(text);
      const known = address !== undefined &&
        (await accounts.has(address) || (await mailStore.usage(address)).messages > 0);
      if (!known) throw noMailbox(text);
      const { folder } = c.req.valid("query");
      const name = folder === undefined ? undefined : (await folderOf(folder, address, options)).name;
      return new Response(ReadableStream.from(exportMbox(mailStore, address, name)), {
        headers: {
          "content-type": "application/mbox",
          "content-disposition": `attachment; filename="${fileName(address)}.mbox"`,
        },
      });
    })
    .openapi(imported, async (c) => {
      const text = c.req.valid("param").address;
      const address = namedMailbox(text);
      const account = address === undefined ? undefined : await accounts.get(address);
      if (!account) throw noMailbox(text);
      if (!/^application\/(?:mbox|octet-stream) *(?:;|$)/i.test(c.req.header("content-type") ?? "")) {
        throw new Problem(415, "Send the file as Content-Type: application/mbox");
      }
      const source = c.req.raw.body ?? ReadableStream.from<Uint8Array<ArrayBuffer>>([]);
      const { quota } = account;
      const { address: to } = account;
      const { folder } = c.req.valid("query");
      const isThere = () => accounts.get(to)?.createdAt === account.createdAt;
      return c.json(
        await taken(importMbox(to, source, { store, mailStore, clock, ids, quota, isThere, folder })),
        200,
      );
    });
}

async function taken<T>(work: Promise<T>): Promise<T> {
  try {
    return await orProblem(() => work);
  } catch (error) {
    if (!(error instanceof ImportStopped)) throw error;
    throw new Problem(
      ({ full: 409, gone: 409, source: 422, storage: 503 } as const)[error.why],
      error.message,
      { isChanged: error.imported.messages > 0 },
    );
  }
}

function noMailbox(text: string): Problem {
  return new Problem(404, `There is no mailbox ${quoted(text)}`);
}

/** What is safe in a header and as the name of a file. */
function fileName(address: Mailbox): string {
  return address.replaceAll(/[^\w.@+-]/g, "_").slice(0, 200);
}
