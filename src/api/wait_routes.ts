/** The call `/api/v1/wait`: the server waits for a message, so that a test doesn't poll. */

import { createRoute, z } from "@hono/zod-openapi";
import { sleep } from "../base/clock.ts";
import { formatDuration, parseDuration } from "../base/units.ts";
import type { Mailbox } from "../mail/envelope.ts";
import type { MailEntry } from "../mailbox/mail_store.ts";
import { json, newApi, problems } from "./api_app.ts";
import { codesOf } from "../mail/codes.ts";
import { linksOf } from "../mail/links.ts";
import { namesAddress } from "../mail/message.ts";
import { readHeader, readMail, unlessRemoved } from "./mail_reader.ts";
import { mailSchema, mailView } from "./mail_view.ts";
import type { AdminOptions } from "./options.ts";
import { Problem } from "../http/problem.ts";
import { mailboxOf, plusMeant } from "./schemas.ts";

const USUAL_MS = 30_000;
const MOST_MS = 300_000;
/** Who waits at once. */
const MAX_WAITING = 1000;
/** What came before is looked through so far back, in each mailbox. */
const LOOK_BACK = 200;
/** On a shared store a delivery by another server is not heard of here. */
const LOOK_AGAIN_MS = 1000;

const pattern = z.string().min(1).max(320).optional();

const wait = createRoute({
  method: "get",
  path: "/",
  tags: ["Mailboxes"],
  summary: "Wait for a message",
  description:
    "Answers the newest message that fits all that is given, as soon as it is in a mailbox. One that " +
    "is there already counts, unless it came before `since`.",
  request: {
    query: z.strictObject({
      mailbox: pattern.openapi({ description: "Only in this mailbox; default: in any" }),
      to: pattern.openapi({ description: "A recipient, of the envelope or the header, or a part of it" }),
      from: pattern.openapi({ description: "The sender, or a part of it" }),
      subject: z.string().min(1).max(1000).optional().openapi({
        description: "In the subject; capitals don't matter",
      }),
      since: z.preprocess(
        // the + of an offset comes as a blank
        (text) => typeof text === "string" ? text.trim().replace(" ", "+") : text,
        z.union([z.iso.datetime({ offset: true }), z.string().regex(/^\d{1,15}$/)]).optional(),
      ).openapi({
        type: "string",
        anyOf: [{ type: "string", format: "date-time" }, { type: "string", pattern: "^\\d{1,15}$" }],
        description: "ISO 8601, or milliseconds since 1970",
      }),
      timeout: z.string().max(20).regex(
        /^(?:\d+|\d+(?:\.\d+)?(?:ms|s|m|h|d))$/,
        'must be a duration such as "30s"',
      ).optional().openapi({
        description:
          '"30s" unless said; milliseconds without a unit. Nobody waits longer than "5m": 408 comes then',
      }),
    }),
  },
  responses: {
    200: json(
      mailSchema.extend({ mailbox: z.string(), links: z.array(z.string()), codes: z.array(z.string()) })
        .openapi("AwaitedMail"),
      "The message",
    ),
    ...problems(408, 422, 503),
  },
});

interface Wanted {
  readonly mailbox: Mailbox | undefined;
  readonly to: string | undefined;
  readonly from: string | undefined;
  readonly subject: string | undefined;
  readonly since: number;
}

interface Found {
  readonly address: Mailbox;
  readonly entry: MailEntry;
}

/** The call. */
export function waitRoutes(options: AdminOptions) {
  let waiting = 0;
  return newApi().openapi(wait, async (c) => {
    const { mailbox, to, from, subject, since, timeout } = c.req.valid("query");
    const wanted: Wanted = {
      mailbox: mailbox === undefined ? undefined : mailboxOf(plusMeant(mailbox), "mailbox"),
      to,
      from,
      subject,
      since: timeOf(since),
    };
    const ms = timeoutOf(timeout);
    if (waiting >= MAX_WAITING) throw new Problem(503, "Too many wait already");
    waiting++;
    try {
      const found = await waitFor(wanted, { options, ms });
      if (!found && options.closing.aborted) throw new Problem(503, "The server stops");
      if (!found) throw new Problem(408, `No message that fits came within ${formatDuration(ms)}`);
      const mail = await readMail(options.mailStore, found.entry);
      return c.json({
        mailbox: found.address,
        ...mailView(found.entry, mail),
        links: linksOf(mail.text, mail.html),
        codes: codesOf(mail.subject, mail.text, mail.html),
      }, 200);
    } finally {
      waiting--;
    }
  });
}

function timeoutOf(text: string | undefined): number {
  if (text === undefined) return USUAL_MS;
  return Math.min(parseDuration(/^\d+$/.test(text) ? Number(text) : text) ?? MOST_MS, MOST_MS);
}

function timeOf(since: string | undefined): number {
  if (since === undefined) return -Infinity;
  return /^\d+$/.test(since) ? Number(since) : Date.parse(since);
}

async function waitFor(
  wanted: Wanted,
  by: { options: AdminOptions; ms: number },
): Promise<Found | undefined> {
  const { clock, journal, closing, store } = by.options;
  const end = clock.monotonic() + by.ms;
  const stop = new AbortController();
  const over = AbortSignal.any([closing, stop.signal]);
  let arrived: Mailbox[] = [];
  let wake = () => {};
  const off = journal.on((event) => {
    if (event.type !== "mailbox") return;
    arrived.push(event.mailbox);
    wake();
  });
  const timer = clock.schedule(by.ms, () => stop.abort());
  try {
    // listening began before this look, so nothing gets lost between
    let found = await search(wanted, by.options, undefined);
    while (!found && !over.aborted && clock.monotonic() < end) {
      const news = new AbortController();
      wake = () => news.abort();
      const again = store.embedded ? by.ms : LOOK_AGAIN_MS;
      if (arrived.length === 0) await sleep(clock, again, AbortSignal.any([over, news.signal]));
      const boxes = arrived;
      arrived = [];
      found = await search(wanted, by.options, store.embedded ? boxes : undefined);
    }
    return found;
  } finally {
    off();
    timer.cancel();
  }
}

/** The newest that fits, in those mailboxes; undefined: in all that come into question. */
async function search(
  wanted: Wanted,
  options: AdminOptions,
  boxes: readonly Mailbox[] | undefined,
): Promise<Found | undefined> {
  const { mailStore } = options;
  let best: Found | undefined;
  for await (const address of mailboxes(wanted, options, boxes)) {
    for (const entry of await mailStore.list(address, { reverse: true, limit: LOOK_BACK })) {
      if (entry.receivedAt < wanted.since || (best && entry.uid <= best.entry.uid)) break;
      if (await fits({ address, entry }, wanted, options)) {
        best = { address, entry };
        break;
      }
    }
  }
  return best;
}

async function* mailboxes(
  { mailbox }: Wanted,
  { mailStore }: AdminOptions,
  boxes: readonly Mailbox[] | undefined,
): AsyncGenerator<Mailbox> {
  if (mailbox !== undefined) yield mailbox;
  else if (boxes) yield* new Set(boxes);
  else for await (const { address, messages } of mailStore.mailboxes()) if (messages > 0) yield address;
}

async function fits(
  { address, entry }: Found,
  wanted: Wanted,
  { mailStore }: AdminOptions,
): Promise<boolean> {
  const { to, from, subject } = wanted;
  if (to === undefined && from === undefined && subject === undefined) return true;
  const header = await unlessRemoved(mailStore, { address, entry }, readHeader);
  if (!header) return false;
  const names = (text: string | undefined, own: string, envelope: string) =>
    text === undefined || namesAddress(own, text) || namesAddress(envelope, text);
  return names(to, header.to, entry.recipient) && names(from, header.from, entry.sender) &&
    (subject === undefined || header.subject.toLowerCase().includes(subject.toLowerCase()));
}
