/** The call `/api/v1/wait`: the server waits for a message, so that a test doesn't poll. */

import { createRoute, z } from "@hono/zod-openapi";
import { answerLate } from "../http/late_answer.ts";
import { Problem } from "../http/problem.ts";
import { FIRST_FOLDERS } from "../mailbox/folder_names.ts";
import { placeOf } from "../mailbox/mail_place.ts";
import { askedUrl } from "../http/proxy.ts";
import { json, newApi, problems } from "./api_app.ts";
import type { Arrival } from "./arrivals.ts";
import { folderOf, noFolder } from "./mail_folders.ts";
import { receivedMail } from "./mail_json.ts";
import { mailSchema } from "./mail_view.ts";
import type { AdminOptions } from "./options.ts";
import { iso } from "./queue_view.ts";
import { problemSchema, timeSchema } from "./schemas.ts";
import { type FailedWait, waitEnd, type WaitTerms } from "./wait_end.ts";
import type { Wanted } from "./wait_match.ts";
import { waitQuery, wantedOf } from "./wait_query.ts";
import { Waiting } from "./waiting.ts";

/** Who waits at once. */
const MAX_WAITING = 2000;

const awaitedSchema = mailSchema.extend({
  id: z.string(),
  mailbox: z.string(),
  links: z.array(z.string()),
  codes: z.array(z.string()),
}).openapi("AwaitedMail");

const answerSchema = z.union([awaitedSchema, z.object({ items: z.array(awaitedSchema) })])
  .openapi("WaitAnswer");

const arrivedSchema = z.object({
  uid: z.string(),
  mailbox: z.string(),
  from: z.string(),
  to: z.string(),
  subject: z.string(),
  folder: z.string(),
  date: timeSchema,
  url: z.string().openapi({ format: "uri", description: "Of the message on the page" }),
}).openapi("ArrivedMail");

const wait = createRoute({
  method: "get",
  path: "/",
  tags: ["Mailboxes"],
  operationId: "waitForMail",
  summary: "Wait for a message",
  description:
    "Answers the newest message that fits all that is given, as soon as it is in a mailbox. One that " +
    "is there already counts, unless it came before `since`. A wait that fails tells what came instead.",
  request: { query: waitQuery },
  responses: {
    200: json(
      answerSchema,
      "The message; with `count` several as `items`",
    ),
    204: { description: "With count=0: none came, and none is under way" },
    ...problems(404, 422, 503),
    408: problem("None came in time", {
      arrived: z.array(arrivedSchema).openapi({ description: "The newest, of the mailbox or of all" }),
      nearest: z.union([arrivedSchema, z.null()]).openapi({ description: "The one that misses least" }),
    }),
    409: problem("With count=0: one came", { message: awaitedSchema }),
  },
});

function problem(description: string, members: z.ZodRawShape) {
  return { description, content: { "application/problem+json": { schema: problemSchema.extend(members) } } };
}

/** The call. */
export function waitRoutes(options: AdminOptions) {
  const waiting = new Waiting(options);
  let count = 0;
  const answer = async (wanted: Wanted, terms: WaitTerms, origin: string): Promise<Response> => {
    count++;
    try {
      await checkFolder(wanted, options);
      const end = await waitEnd(waiting, wanted, terms);
      if (end.kind === "none") return new Response(null, { status: 204 });
      if (end.kind !== "mails") throw problemOf(end, origin);
      const mails = end.mails.map(receivedMail);
      return Response.json(
        (terms.count === undefined ? mails[0]! : { items: mails }) satisfies z.infer<typeof answerSchema>,
      );
    } finally {
      count--;
    }
  };
  return newApi().openapi(wait, (c) => {
    const query = c.req.valid("query");
    const wanted = wantedOf(query, waiting.arrivals);
    if (count >= MAX_WAITING) throw new Problem(503, "Too many wait already");
    const { count: asked, timeout, for: quiet } = query;
    const terms = { count: asked, timeout, for: quiet, signal: c.req.raw.signal, closing: options.closing };
    // thousands may wait: none of them holds the chain of handlers
    return answerLate(c, answer(wanted, terms, askedUrl(c).origin), options.journal);
  });
}

/** A mailbox that is there has the folder; one that is not yet will have those that all have. */
async function checkFolder({ mailbox, folder }: Wanted, options: AdminOptions): Promise<void> {
  if (mailbox === undefined || folder === undefined) return;
  const { accounts, mailStore, captures } = options;
  const isThere = captures || await accounts.has(mailbox) || (await mailStore.usage(mailbox)).messages > 0;
  if (isThere) await folderOf(folder, mailbox, options);
  else if (!FIRST_FOLDERS.some(({ name }) => name === folder)) throw noFolder(folder, mailbox);
}

/** Why a wait failed, and what came instead. */
function problemOf(end: FailedWait, origin: string): Problem {
  if (end.kind === "stopped") return new Problem(503, "The server stops");
  if (end.kind === "unwanted") {
    return new Problem(409, end.text, { members: { message: receivedMail(end.mail) } });
  }
  return new Problem(408, end.text, {
    members: {
      arrived: end.arrived.map((mail) => arrivedView(mail, origin)),
      nearest: end.nearest === undefined ? null : arrivedView(end.nearest, origin),
    },
  });
}

function arrivedView(
  { mailbox, entry, from, to, subject, date }: Arrival,
  origin: string,
): z.infer<typeof arrivedSchema> {
  const url = `${origin}/mailboxes/${encodeURIComponent(mailbox.toWellFormed())}/${entry.uid}`;
  const { folder } = placeOf(entry);
  return { uid: entry.uid, mailbox, from, to, subject, folder, date: iso(date), url };
}
