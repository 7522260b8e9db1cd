/** The call `/api/v1/wait`: the server waits for a message, so that a test doesn't poll. */

import { createRoute, z } from "@hono/zod-openapi";
import type { Context } from "hono";
import { formatDuration } from "../base/units.ts";
import type { AdminEnv } from "../http/options.ts";
import { Problem, quoted } from "../http/problem.ts";
import { askedUrl } from "../http/proxy.ts";
import { codesOf } from "../mail/codes.ts";
import { linksOf } from "../mail/links.ts";
import { json, newApi, problems } from "./api_app.ts";
import type { Arrival } from "./arrivals.ts";
import { mailSchema, mailView } from "./mail_view.ts";
import type { AdminOptions } from "./options.ts";
import { iso } from "./queue_view.ts";
import { problemSchema, timeSchema } from "./schemas.ts";
import type { Wanted } from "./wait_match.ts";
import { USUAL_MS, type WaitQuery, waitQuery, wantedOf } from "./wait_query.ts";
import { type AwaitedMail, Waiting } from "./waiting.ts";

/** Who waits at once. */
const MAX_WAITING = 2000;

const awaitedSchema = mailSchema.extend({
  id: z.string(),
  mailbox: z.string(),
  links: z.array(z.string()),
  codes: z.array(z.string()),
}).openapi("AwaitedMail");

const arrivedSchema = z.object({
  uid: z.string(),
  mailbox: z.string(),
  from: z.string(),
  to: z.string(),
  subject: z.string(),
  date: timeSchema,
  url: z.string().openapi({ format: "uri", description: "Of the message on the page" }),
}).openapi("ArrivedMail");

const wait = createRoute({
  method: "get",
  path: "/",
  tags: ["Mailboxes"],
  summary: "Wait for a message",
  description:
    "Answers the newest message that fits all that is given, as soon as it is in a mailbox. One that " +
    "is there already counts, unless it came before `since`. A wait that fails tells what came instead.",
  request: { query: waitQuery },
  responses: {
    200: json(
      z.union([awaitedSchema, z.object({ items: z.array(awaitedSchema) })]).openapi("WaitAnswer"),
      "The message; with `count` several as `items`",
    ),
    204: { description: "With count=0: none came, and none is under way" },
    ...problems(422, 503),
    408: problem("None came in time", {
      arrived: z.array(arrivedSchema).openapi({ description: "The newest, of the mailbox or of all" }),
      nearest: arrivedSchema.nullable().openapi({ description: "The one that misses least" }),
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
  return newApi().openapi(wait, async (c) => {
    const query = c.req.valid("query");
    const wanted = wantedOf(query, waiting.arrivals);
    if (count >= MAX_WAITING) throw new Problem(503, "Too many wait already");
    count++;
    try {
      if (query.count === 0) {
        await expectNone(c, { query, wanted, waiting, options });
        return c.body(null, 204);
      }
      const mails = await expectSome(c, { query, wanted, waiting, options });
      return c.json(query.count === undefined ? view(mails[0]!) : { items: mails.map(view) }, 200);
    } finally {
      count--;
    }
  });
}

interface Asked {
  readonly query: WaitQuery;
  readonly wanted: Wanted;
  readonly waiting: Waiting;
  readonly options: AdminOptions;
}

/** One at least. Throws a {@linkcode Problem} when there are not enough in time. */
async function expectSome(
  c: Context<AdminEnv>,
  { query, wanted, waiting, options }: Asked,
): Promise<readonly AwaitedMail[]> {
  const { timeout: ms = USUAL_MS, count = 1 } = query;
  const { mails } = await waiting.wait(wanted, { count, ms, signal: c.req.raw.signal });
  if (mails.length > 0) return mails;
  if (options.closing.aborted) throw new Problem(503, "The server stops");
  const what = count === 1 ? "No message that fits" : `Not as many as ${count} messages that fit`;
  throw await missed(c, { wanted, waiting }, `${what} came within ${formatDuration(ms)}`);
}

/** Throws a {@linkcode Problem} when one comes, or when nobody knows that none does. */
async function expectNone(c: Context<AdminEnv>, { query, wanted, waiting, options }: Asked): Promise<void> {
  const { timeout = USUAL_MS, for: ms = 0 } = query;
  const quietMs = Math.max(0, timeout - ms);
  const { signal } = c.req.raw;
  const { mails: [mail], underWay } = await waiting.wait(wanted, { count: 1, ms, quietMs, signal });
  if (mail) {
    const { subject, from } = mail;
    const text = `A message came that none was to: "${quoted(subject)}" from ${quoted(from)}`;
    throw new Problem(409, text, { members: { message: view(mail) } });
  }
  if (options.closing.aborted) throw new Problem(503, "The server stops");
  if (underWay) {
    const text = `After ${
      formatDuration(ms + quietMs)
    } a message is still under way, which may be one that fits`;
    throw await missed(c, { wanted, waiting }, text);
  }
}

/** The problem that tells what came instead. */
async function missed(
  c: Context<AdminEnv>,
  { wanted, waiting }: Pick<Asked, "wanted" | "waiting">,
  text: string,
): Promise<Problem> {
  const { arrived, nearest } = await waiting.missed(wanted);
  const { origin } = askedUrl(c);
  const told = nearest === undefined
    ? "nothing else is there either"
    : `the nearest is "${quoted(nearest.subject)}" to ${quoted(nearest.mailbox)}`;
  return new Problem(408, `${text}; ${told}`, {
    members: {
      arrived: arrived.map((mail) => arrivedView(mail, origin)),
      nearest: nearest === undefined ? null : arrivedView(nearest, origin),
    },
  });
}

function view(awaited: AwaitedMail): z.infer<typeof awaitedSchema> {
  const { mailbox, entry, mail } = awaited;
  return {
    id: entry.uid,
    mailbox,
    ...mailView(entry, mail),
    links: linksOf(mail.text, mail.html),
    codes: codesOf(mail.subject, mail.text, mail.html),
  };
}

function arrivedView(
  { mailbox, entry, from, to, subject, date }: Arrival,
  origin: string,
): z.infer<typeof arrivedSchema> {
  const url = `${origin}/mailboxes/${encodeURIComponent(mailbox.toWellFormed())}/${entry.uid}`;
  return { uid: entry.uid, mailbox, from, to, subject, date: iso(date), url };
}
